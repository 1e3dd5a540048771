//! ResNet and ResNeXt: stages of residual blocks.

use tachograph_import::nas::layers::{Act, Net};
use tachograph_ir::{Result, TensorId};

use super::{Architecture, draw::Draw};

pub(super) struct ResNet {
    resolution: u64,
    stem: Stem,
    block: Block,
    stages: Vec<Stage>,
    kernel: u64,
    classes: u64,
}

struct Stem {
    width: u64,
    /// 7×7 with stride 2 and pooling, as for ImageNet; otherwise 3×3 with stride 1, as for CIFAR.
    large: bool,
}

struct Stage {
    width: u64,
    depth: u64,
}

#[derive(Clone, Copy)]
enum Block {
    /// Two convolutions of the stage's width.
    Basic,
    /// 1×1, grouped, 1×1 to four times the stage's width; the middle has `groups` groups of
    /// `base` channels for every 64 of the stage's width.
    Bottleneck { groups: u64, base: u64 },
}

impl ResNet {
    /// Two-convolution blocks: 18 and 34 layers.
    pub fn basic(depths: [u64; 4]) -> Self {
        let stages = depths.into_iter().zip([64, 128, 256, 512]);
        let stages = stages.map(|(depth, width)| Stage { width, depth }).collect();
        let stem = Stem { width: 64, large: true };
        Self { resolution: 224, stem, block: Block::Basic, stages, kernel: 3, classes: 1000 }
    }

    /// Three-convolution blocks: 50 layers and more; ResNeXt-50 32×4d has `groups` 32 and `base` 4.
    pub fn bottleneck(depths: [u64; 4], groups: u64, base: u64) -> Self {
        Self { block: Block::Bottleneck { groups, base }, ..Self::basic(depths) }
    }

    fn block(&self, net: &mut Net, x: TensorId, width: u64, stride: u64) -> Result<TensorId> {
        let (y, out) = match self.block {
            Block::Basic => {
                let y = net.conv_norm(x, width, self.kernel, stride, 1, Act::Relu)?;
                (net.conv_norm(y, width, self.kernel, 1, 1, Act::None)?, width)
            }
            Block::Bottleneck { groups, base } => {
                let inner = (width * base / 64).max(1) * groups;
                let y = net.conv_norm(x, inner, 1, 1, 1, Act::Relu)?;
                let y = net.conv_norm(y, inner, self.kernel, stride, groups, Act::Relu)?;
                (net.conv_norm(y, 4 * width, 1, 1, 1, Act::None)?, 4 * width)
            }
        };
        let same = stride == 1 && net.channels(x) == out;
        let shortcut = if same { x } else { net.conv_norm(x, out, 1, stride, 1, Act::None)? };
        let y = net.b.op("Add", &[y, shortcut])?;
        net.act(y, Act::Relu)
    }
}

impl Architecture for ResNet {
    fn sample(draw: &mut Draw) -> Self {
        let large = draw.chance(0.7);
        let block = match draw.between(0..=9) {
            0..=4 => Block::Basic,
            5..=8 => Block::Bottleneck { groups: 1, base: 64 },
            _ => Block::Bottleneck { groups: draw.pick(&[4, 8, 32]), base: draw.pick(&[4, 8]) },
        };
        let base = draw.width(16, 80);
        let count = draw.between(3..=4) as u32;
        let stage = |draw: &mut Draw, i: u32| Stage { width: draw.near(base << i), depth: draw.between(1..=5) };
        Self {
            resolution: if large { draw.resolution(64, 256) } else { draw.resolution(32, 64) },
            stem: Stem { width: draw.near(base), large },
            block,
            stages: (0..count).map(|i| stage(draw, i)).collect(),
            kernel: draw.pick(&[3, 3, 3, 3, 3, 3, 3, 5]),
            classes: draw.classes(),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = net.image(self.resolution);
        let mut x = match self.stem.large {
            true => {
                let x = net.conv_norm(x, self.stem.width, 7, 2, 1, Act::Relu)?;
                net.b.pool("MaxPool", x, 3, 2, 1)?
            }
            false => net.conv_norm(x, self.stem.width, 3, 1, 1, Act::Relu)?,
        };
        for (i, stage) in self.stages.iter().enumerate() {
            for j in 0..stage.depth {
                x = self.block(net, x, stage.width, if i > 0 && j == 0 { 2 } else { 1 })?;
            }
        }
        net.classify(x, self.classes)
    }
}
