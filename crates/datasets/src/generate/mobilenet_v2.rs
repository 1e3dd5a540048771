//! MobileNetV2: inverted residual blocks with ReLU6.

use tachograph_ir::{Result, TensorId};

use super::{
    Architecture,
    draw::{Draw, divisible},
    inverted::{Stage, Style},
    net::{Act, Gate, Net},
};

pub(super) struct MobileNetV2 {
    resolution: u64,
    stem: u64,
    stages: Vec<Stage>,
    head: u64,
    classes: u64,
}

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
        Self {
            resolution: 224,
            stem: divisible(32.0 * width),
            stages: PUBLISHED.map(|stage| stage.scaled(width)).into(),
            head: divisible(1280.0 * width.max(1.0)),
            classes: 1000,
        }
    }
}

impl Architecture for MobileNetV2 {
    fn sample(draw: &mut Draw) -> Self {
        let scale = draw.log(0.4, 1.6);
        Self {
            resolution: draw.resolution(32, 256),
            stem: draw.near((32.0 * scale) as u64),
            stages: PUBLISHED.map(|stage| stage.vary(draw, scale)).into(),
            head: draw.near(1280),
            classes: draw.classes(),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = net.image(self.resolution);
        let mut x = net.conv_norm(x, self.stem, 3, 2, 1, Act::Relu6)?;
        for stage in &self.stages {
            x = stage.build(net, x, STYLE)?;
        }
        x = net.conv_norm(x, self.head, 1, 1, 1, Act::Relu6)?;
        net.classify(x, self.classes)
    }
}
