//! VGG: stages of convolutions of one width, each followed by pooling, and three fully connected layers.

use tachograph_import::nas::layers::{Act, Net};
use tachograph_ir::{Result, TensorId};

use super::{Architecture, draw::Draw};

pub(super) struct Vgg {
    resolution: u64,
    stages: Vec<Stage>,
    batch_norm: bool,
    hidden: u64,
    classes: u64,
}

struct Stage {
    width: u64,
    depth: u64,
    kernel: u64,
}

impl Vgg {
    /// Configurations A (11 layers) to E (19 layers), by the number of convolutions in each stage.
    pub fn published(depths: [u64; 5], batch_norm: bool) -> Self {
        let stages = depths.into_iter().zip([64, 128, 256, 512, 512]);
        let stages = stages.map(|(depth, width)| Stage { width, depth, kernel: 3 }).collect();
        Self { resolution: 224, stages, batch_norm, hidden: 4096, classes: 1000 }
    }
}

impl Architecture for Vgg {
    fn sample(draw: &mut Draw) -> Self {
        let width = draw.width(12, 80);
        let stage = |draw: &mut Draw, i: u32| Stage {
            width: draw.near(width << i.min(3)),
            depth: draw.between(1..=4),
            kernel: draw.pick(&[3, 3, 3, 3, 3, 1, 5]),
        };
        Self {
            resolution: draw.resolution(32, 128),
            stages: (0..5).map(|i| stage(draw, i)).collect(),
            batch_norm: draw.chance(0.6),
            hidden: draw.width(128, 4096),
            classes: draw.classes(),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let mut x = net.image(self.resolution);
        for stage in &self.stages {
            for _ in 0..stage.depth {
                x = net.conv(x, stage.width, stage.kernel, 1, Act::None)?;
                // The published networks keep the bias before the normalisation.
                if self.batch_norm {
                    x = net.norm(x)?;
                }
                x = net.act(x, Act::Relu)?;
            }
            x = net.b.pool("MaxPool", x, 2, 2, 0)?;
        }
        x = net.flatten(x)?;
        for _ in 0..2 {
            x = net.b.gemm(x, self.hidden)?;
            x = net.act(x, Act::Relu)?;
        }
        net.b.gemm(x, self.classes)
    }
}
