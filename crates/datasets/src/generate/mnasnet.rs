//! MnasNet: inverted residual blocks with ReLU, found by search; squeeze-and-excite in some stages of some.

use tachograph_ir::{Attr, Result, TensorId, attrs};

use super::{
    Architecture,
    draw::{Draw, divisible},
    inverted::{Stage, Style},
    net::{Act, Gate, Net},
};

pub(super) struct MnasNet {
    resolution: u64,
    stem: u64,
    stages: Vec<Stage>,
    head: u64,
    classes: u64,
}

const STYLE: Style = Style { act: Act::Relu, squeeze_act: Act::Relu, gate: Gate::Sigmoid };

/// MnasNet-B1.
const PUBLISHED: [Stage; 7] = [
    Stage::new(1, 16, 1, 1, 3),
    Stage::new(3, 24, 3, 2, 3),
    Stage::new(3, 40, 3, 2, 5),
    Stage::new(6, 80, 3, 2, 5),
    Stage::new(6, 96, 2, 1, 3),
    Stage::new(6, 192, 4, 2, 5),
    Stage::new(6, 320, 1, 1, 3),
];

impl MnasNet {
    /// MnasNet-B1 with a depth multiplier, as torchvision calls the factor of widths.
    pub fn published(width: f64) -> Self {
        Self {
            resolution: 224,
            stem: divisible(32.0 * width),
            stages: PUBLISHED.map(|stage| stage.scaled(width)).into(),
            head: 1280,
            classes: 1000,
        }
    }
}

impl Architecture for MnasNet {
    fn sample(draw: &mut Draw) -> Self {
        let scale = draw.log(0.4, 1.6);
        let squeeze = if draw.chance(0.5) { 0.5 } else { 0.0 };
        let stage = |draw: &mut Draw, stage: Stage| Stage { squeeze: draw.chance(squeeze), ..stage.vary(draw, scale) };
        Self {
            resolution: draw.resolution(32, 256),
            stem: draw.near((32.0 * scale) as u64),
            stages: PUBLISHED.map(|published| stage(draw, published)).into(),
            head: draw.near(1280),
            classes: draw.classes(),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = net.image(self.resolution);
        let mut x = net.conv_norm(x, self.stem, 3, 2, 1, Act::Relu)?;
        for stage in &self.stages {
            x = stage.build(net, x, STYLE)?;
        }
        x = net.conv_norm(x, self.head, 1, 1, 1, Act::Relu)?;
        let axes = net.b.ints(&[2, 3]);
        x = net.b.op_with("ReduceMean", &[x, axes], attrs([("keepdims", Attr::Int(0))]))?;
        net.b.gemm(x, self.classes)
    }
}
