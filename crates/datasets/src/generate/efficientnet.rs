//! EfficientNet: inverted residual blocks with SiLU and squeeze-and-excite, scaled in depth, width and resolution.

use tachograph_ir::{Result, TensorId};

use super::{
    Architecture,
    draw::{Draw, divisible},
    inverted::{Stage, Style},
    net::{Act, Gate, Net},
};

pub(super) struct EfficientNet {
    resolution: u64,
    stem: u64,
    stages: Vec<Stage>,
    head: u64,
    classes: u64,
}

const STYLE: Style = Style { act: Act::Silu, squeeze_act: Act::Silu, gate: Gate::Sigmoid };

const PUBLISHED: [Stage; 7] = [
    Stage { squeeze: true, ..Stage::new(1, 16, 1, 1, 3) },
    Stage { squeeze: true, ..Stage::new(6, 24, 2, 2, 3) },
    Stage { squeeze: true, ..Stage::new(6, 40, 2, 2, 5) },
    Stage { squeeze: true, ..Stage::new(6, 80, 3, 2, 3) },
    Stage { squeeze: true, ..Stage::new(6, 112, 3, 1, 5) },
    Stage { squeeze: true, ..Stage::new(6, 192, 4, 2, 5) },
    Stage { squeeze: true, ..Stage::new(6, 320, 1, 1, 3) },
];

impl EfficientNet {
    /// B0 scaled: B1 has width 1.0 and depth 1.1, B2 1.1 and 1.2.
    pub fn published(width: f64, depth: f64, resolution: u64) -> Self {
        let deeper = |stage: Stage| Stage { depth: (stage.depth as f64 * depth).ceil() as u64, ..stage };
        let stages: Vec<_> = PUBLISHED.into_iter().map(|stage| deeper(stage.scaled(width))).collect();
        let head = 4 * divisible(320.0 * width);
        Self { resolution, stem: divisible(32.0 * width), stages, head, classes: 1000 }
    }
}

impl Architecture for EfficientNet {
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
        let mut x = net.conv_norm(x, self.stem, 3, 2, 1, Act::Silu)?;
        for stage in &self.stages {
            x = stage.build(net, x, STYLE)?;
        }
        x = net.conv_norm(x, self.head, 1, 1, 1, Act::Silu)?;
        net.classify(x, self.classes)
    }
}
