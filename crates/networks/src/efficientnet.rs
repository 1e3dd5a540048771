//! EfficientNet: inverted residual blocks with SiLU and squeeze-and-excite, scaled in depth, width and resolution.

use tachograph_import::nas::layers::{Act, Gate, Net, divisible};
use tachograph_ir::{Result, TensorId};

use super::{
    Architecture,
    draw::Draw,
    inverted::{Stage, Style},
    staged::Staged,
};

pub(super) struct EfficientNet(Staged);

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
        Self(Staged { resolution, stem: divisible(32.0 * width), stages, head, classes: 1000, style: STYLE })
    }
}

impl Architecture for EfficientNet {
    fn sample(draw: &mut Draw) -> Self {
        let scale = draw.log(0.4, 1.6);
        Self(Staged::sample(draw, scale, STYLE, |draw| PUBLISHED.map(|stage| stage.vary(draw, scale)).into()))
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = self.0.features(net)?;
        net.classify(x, self.0.classes)
    }
}
