//! MobileNetV2: inverted residual blocks with ReLU6.

use tachograph_import::nas::layers::{Act, Gate, Net, divisible};
use tachograph_ir::{Result, TensorId};

use super::{
    Architecture,
    draw::Draw,
    inverted::{Stage, Style},
    staged::Staged,
};

pub(super) struct MobileNetV2(Staged);

const STYLE: Style = Style { act: Act::Relu6, squeeze_act: Act::Relu, gate: Gate::Sigmoid };

const PUBLISHED: [Stage; 7] = [
    Stage::new(1, 16, 1, 1, 3),
    Stage::new(6, 24, 2, 2, 3),
    Stage::new(6, 32, 3, 2, 3),
    Stage::new(6, 64, 4, 2, 3),
    Stage::new(6, 96, 3, 1, 3),
    Stage::new(6, 160, 3, 2, 3),
    Stage::new(6, 320, 1, 1, 3),
];

impl MobileNetV2 {
    /// The published shape with a width multiplier.
    pub fn published(width: f64) -> Self {
        Self(Staged {
            resolution: 224,
            stem: divisible(32.0 * width),
            stages: PUBLISHED.map(|stage| stage.scaled(width)).into(),
            head: divisible(1280.0 * width.max(1.0)),
            classes: 1000,
            style: STYLE,
        })
    }
}

impl Architecture for MobileNetV2 {
    fn sample(draw: &mut Draw) -> Self {
        let scale = draw.log(0.4, 1.6);
        Self(Staged::sample(draw, scale, STYLE, |draw| PUBLISHED.map(|stage| stage.vary(draw, scale)).into()))
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = self.0.features(net)?;
        net.classify(x, self.0.classes)
    }
}
