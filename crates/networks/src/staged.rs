//! Networks of a stem, stages of inverted residual blocks, and a head: MobileNetV2, MnasNet and EfficientNet.

use tachograph_import::nas::layers::Net;
use tachograph_ir::{Result, TensorId};

use super::{
    draw::Draw,
    inverted::{Stage, Style},
};

pub(super) struct Staged {
    pub resolution: u64,
    /// Channels of the first convolution.
    pub stem: u64,
    pub stages: Vec<Stage>,
    /// Channels of the last convolution.
    pub head: u64,
    pub classes: u64,
    pub style: Style,
}

impl Staged {
    /// Random sizes, about `scale` times the published widths, around `stages`.
    pub fn sample(draw: &mut Draw, scale: f64, style: Style, stages: impl FnOnce(&mut Draw) -> Vec<Stage>) -> Self {
        Self {
            resolution: draw.resolution(32, 256),
            stem: draw.near((32.0 * scale) as u64),
            stages: stages(draw),
            head: draw.near(1280),
            classes: draw.classes(),
            style,
        }
    }

    /// Everything before the classifier: (N, head, H, W).
    pub fn features(&self, net: &mut Net) -> Result<TensorId> {
        let act = self.style.act;
        let x = net.image(self.resolution);
        let mut x = net.conv_norm(x, self.stem, 3, 2, 1, act)?;
        for stage in &self.stages {
            x = stage.build(net, x, self.style)?;
        }
        net.conv_norm(x, self.head, 1, 1, 1, act)
    }
}
