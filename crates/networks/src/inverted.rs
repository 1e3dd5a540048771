//! The inverted residual block of MobileNetV2, MobileNetV3, MnasNet and EfficientNet, and stages of it.

use tachograph_import::nas::layers::{Act, Gate, Net, divisible};
use tachograph_ir::{Result, TensorId};

use super::draw::Draw;

/// 1×1 expansion, depthwise convolution, optional squeeze-and-excite, 1×1 projection; residual where it fits.
#[derive(Clone, Copy)]
pub(super) struct Inverted {
    pub expanded: u64,
    pub out: u64,
    pub kernel: u64,
    pub stride: u64,
    /// Channels inside squeeze-and-excite.
    pub squeezed: Option<u64>,
    pub style: Style,
}

/// Activations of a block.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub act: Act,
    /// Inside squeeze-and-excite.
    pub squeeze_act: Act,
    pub gate: Gate,
}

impl Inverted {
    pub fn build(&self, net: &mut Net, x: TensorId) -> Result<TensorId> {
        let Style { act, squeeze_act, gate } = self.style;
        let mut y = x;
        if self.expanded != net.channels(x) {
            y = net.conv_norm(y, self.expanded, 1, 1, 1, act)?;
        }
        y = net.conv_norm(y, self.expanded, self.kernel, self.stride, self.expanded, act)?;
        if let Some(squeezed) = self.squeezed {
            y = net.squeeze_excite(y, squeezed, squeeze_act, gate)?;
        }
        y = net.conv_norm(y, self.out, 1, 1, 1, Act::None)?;
        if self.stride == 1 && net.channels(x) == self.out { net.b.op("Add", &[y, x]) } else { Ok(y) }
    }
}

/// Blocks of one width; the first one has the stride.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    /// Expanded over input channels.
    pub expand: u64,
    pub out: u64,
    pub depth: u64,
    pub stride: u64,
    pub kernel: u64,
    /// With squeeze-and-excite, to a quarter of the block's input channels.
    pub squeeze: bool,
}

impl Stage {
    /// Without squeeze-and-excite.
    pub const fn new(expand: u64, out: u64, depth: u64, stride: u64, kernel: u64) -> Self {
        Self { expand, out, depth, stride, kernel, squeeze: false }
    }

    /// Wider or narrower by `factor`.
    pub fn scaled(self, factor: f64) -> Self {
        Self { out: divisible(self.out as f64 * factor), ..self }
    }

    /// A random stage around this one.
    pub fn vary(self, draw: &mut Draw, scale: f64) -> Self {
        let expand = if self.expand == 1 { 1 } else { draw.pick(&[2, 3, 4, 6, 6]) };
        Self {
            expand,
            out: draw.near((self.out as f64 * scale) as u64),
            depth: draw.between(1..=self.depth + 1),
            kernel: draw.pick(&[3, 3, 5, 5, 7]),
            ..self
        }
    }

    pub fn build(&self, net: &mut Net, mut x: TensorId, style: Style) -> Result<TensorId> {
        for i in 0..self.depth {
            let input = net.channels(x);
            let block = Inverted {
                expanded: input * self.expand,
                out: self.out,
                kernel: self.kernel,
                stride: if i == 0 { self.stride } else { 1 },
                squeezed: self.squeeze.then_some((input / 4).max(1)),
                style,
            };
            x = block.build(net, x)?;
        }
        Ok(x)
    }
}
