//! SqueezeNet: fire modules, and a convolution as classifier.

use tachograph_import::nas::layers::{Act, Net};
use tachograph_ir::{Result, TensorId};

use super::{Architecture, draw::Draw};

pub(super) struct SqueezeNet {
    resolution: u64,
    stem: u64,
    kernel: u64,
    /// Modules between poolings.
    groups: Vec<Vec<Fire>>,
    /// Adds a module's input to its output where their shapes agree.
    bypass: bool,
    classes: u64,
}

/// Widths of the squeezing 1×1 convolution and of the expanding 1×1 and 3×3 convolutions.
#[derive(Clone, Copy)]
struct Fire {
    squeeze: u64,
    expand: [u64; 2],
}

impl Fire {
    fn published(squeeze: u64) -> Self {
        Self { squeeze, expand: [4 * squeeze; 2] }
    }
}

impl SqueezeNet {
    /// Version 1.0, of the paper.
    pub fn version_1_0() -> Self {
        Self::published(96, 7, &[&[16, 16, 32], &[32, 48, 48, 64], &[64]])
    }

    /// Version 1.1, of the authors' repository.
    pub fn version_1_1() -> Self {
        Self::published(64, 3, &[&[16, 16], &[32, 32], &[48, 48, 64, 64]])
    }

    fn published(stem: u64, kernel: u64, squeezes: &[&[u64]]) -> Self {
        let groups = squeezes.iter().map(|group| group.iter().map(|&s| Fire::published(s)).collect()).collect();
        Self { resolution: 224, stem, kernel, groups, bypass: false, classes: 1000 }
    }

    fn fire(&self, net: &mut Net, x: TensorId, fire: Fire) -> Result<TensorId> {
        let squeezed = net.conv(x, fire.squeeze, 1, 1, Act::Relu)?;
        let one = net.conv(squeezed, fire.expand[0], 1, 1, Act::Relu)?;
        let three = net.conv(squeezed, fire.expand[1], 3, 1, Act::Relu)?;
        let y = net.concat(&[one, three])?;
        if self.bypass && net.channels(x) == net.channels(y) { net.b.op("Add", &[x, y]) } else { Ok(y) }
    }
}

impl Architecture for SqueezeNet {
    fn sample(draw: &mut Draw) -> Self {
        let scale = draw.log(0.5, 2.0);
        let group = |draw: &mut Draw, base: u64| -> Vec<Fire> {
            let mut fire = Fire { squeeze: 0, expand: [0; 2] };
            (0..draw.between(1..=4))
                .map(|i| {
                    // Neighbours mostly agree, so that bypasses fit.
                    if i == 0 || draw.chance(0.4) {
                        let squeeze = draw.near((base as f64 * scale) as u64);
                        let expand = draw.near(4 * squeeze);
                        fire = Fire {
                            squeeze,
                            expand: [expand, if draw.chance(0.7) { expand } else { draw.near(expand) }],
                        };
                    }
                    fire
                })
                .collect()
        };
        Self {
            resolution: draw.resolution(48, 256),
            stem: draw.width(32, 128),
            kernel: draw.pick(&[3, 5, 7]),
            groups: [16, 32, 56].map(|base| group(draw, base)).into(),
            bypass: draw.chance(0.4),
            classes: draw.classes(),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = net.image(self.resolution);
        let x = net.b.conv(x, self.stem, [self.kernel; 2], 2, 0, 1, true)?;
        let mut x = net.act(x, Act::Relu)?;
        for group in &self.groups {
            x = net.max_pool_ceil(x, 3, 2, 0)?;
            for &fire in group {
                x = self.fire(net, x, fire)?;
            }
        }
        x = net.conv(x, self.classes, 1, 1, Act::Relu)?;
        x = net.b.op("GlobalAveragePool", &[x])?;
        net.flatten(x)
    }
}
