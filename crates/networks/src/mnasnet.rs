//! MnasNet: inverted residual blocks with ReLU, found by search; squeeze-and-excite in some stages of some.

use tachograph_import::nas::layers::{Act, Gate, Net, divisible};
use tachograph_ir::{Attr, Result, TensorId, attrs};

use super::{
    Architecture,
    draw::Draw,
    inverted::{Stage, Style},
    staged::Staged,
};

pub(super) struct MnasNet(Staged);

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
        Self(Staged {
            resolution: 224,
            stem: divisible(32.0 * width),
            stages: PUBLISHED.map(|stage| stage.scaled(width)).into(),
            head: 1280,
            classes: 1000,
            style: STYLE,
        })
    }
}

impl Architecture for MnasNet {
    fn sample(draw: &mut Draw) -> Self {
        let scale = draw.log(0.4, 1.6);
        let squeeze = if draw.chance(0.5) { 0.5 } else { 0.0 };
        let stage = |draw: &mut Draw, stage: Stage| Stage { squeeze: draw.chance(squeeze), ..stage.vary(draw, scale) };
        Self(Staged::sample(draw, scale, STYLE, |draw| PUBLISHED.map(|published| stage(draw, published)).into()))
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = self.0.features(net)?;
        let axes = net.b.ints(&[2, 3]);
        let x = net.b.op_with("ReduceMean", &[x, axes], attrs([("keepdims", Attr::Int(0))]))?;
        net.b.gemm(x, self.0.classes)
    }
}
