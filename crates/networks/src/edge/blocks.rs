//! Blocks of layers, drawn at random.

use tachograph_import::nas::layers::{Act, Gate, Net, divisible};
use tachograph_ir::{Result, TensorId};

use super::layer::{Conv, pool, separable};
use crate::draw::Draw;

/// What a stage repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Convolutions, a pooling where the stage has a stride.
    Plain,
    /// MobileNet's: depthwise, 1×1.
    #[default]
    Separable,
    /// MobileNetV2's, with or without squeeze-and-excite.
    Inverted,
    /// The inverted block with one whole convolution, as in EfficientNetV2.
    Fused,
    /// ResNet's of two convolutions.
    Basic,
    /// ResNet's of three.
    Bottleneck,
    /// ResNet's with batch normalisation before the convolutions, which the compiler cannot fold.
    Before,
    /// DenseNet's: what is made is joined to what there was.
    Dense,
    /// Inception's: branches, joined.
    Branched,
    /// NASNet's and Xception's: separable convolutions and poolings, added.
    Cell,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Plain,
        Self::Separable,
        Self::Inverted,
        Self::Fused,
        Self::Basic,
        Self::Bottleneck,
        Self::Before,
        Self::Dense,
        Self::Branched,
        Self::Cell,
    ];
}

/// Blocks of one width; the first has the stride.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    pub kind: Kind,
    pub width: u64,
    pub depth: u64,
    pub stride: u64,
    pub kernel: u64,
    pub expand: u64,
    pub squeeze: bool,
    pub act: Act,
}

/// One of the activations that networks at the edge have.
pub(super) fn act(draw: &mut Draw) -> Act {
    [Act::Relu, Act::Relu, Act::Relu6, Act::Relu6, Act::HardSwish, Act::Silu]
        .get(draw.between(0..=5) as usize)
        .copied()
        .unwrap_or(Act::Relu)
}

impl Stage {
    pub fn draw(draw: &mut Draw, kind: Kind, width: u64, stride: u64, act: Act) -> Self {
        Self {
            kind,
            width,
            depth: draw.between(1..=4),
            stride,
            kernel: draw.pick(&[3, 3, 3, 5, 5, 7]),
            expand: draw.pick(&[2, 3, 4, 6, 6]),
            squeeze: draw.chance(0.35),
            act,
        }
    }

    pub fn add(&self, net: &mut Net, draw: &mut Draw, mut x: TensorId) -> Result<TensorId> {
        for i in 0..self.depth {
            x = self.block(net, draw, x, if i == 0 { self.stride } else { 1 })?;
        }
        Ok(x)
    }

    fn block(&self, net: &mut Net, draw: &mut Draw, x: TensorId, stride: u64) -> Result<TensorId> {
        let &Self { width, kernel, act, .. } = self;
        match self.kind {
            Kind::Plain => {
                let x = Conv::new(width, 3, act).add(net, x)?;
                if stride > 1 { pool(net, "MaxPool", x, 2, stride) } else { Ok(x) }
            }
            Kind::Separable => separable(net, x, Conv::new(width, kernel, act).stride(stride), act),
            Kind::Inverted | Kind::Fused => self.inverted(net, x, stride),
            Kind::Basic | Kind::Bottleneck => self.residual(net, x, stride),
            Kind::Before => {
                let normal = net.b.batch_norm(x)?;
                let normal = net.act(normal, Act::Relu)?;
                let y = Conv::new(width, kernel.min(3), Act::Relu).stride(stride).add(net, normal)?;
                let y = Conv::new(width, 3, Act::None).add(net, y)?;
                self.shortcut(net, x, y, stride, Act::None)
            }
            Kind::Dense => self.dense(net, x, stride),
            Kind::Branched => self.branched(net, draw, x, stride),
            Kind::Cell => self.cell(net, draw, x, stride),
        }
    }

    fn inverted(&self, net: &mut Net, x: TensorId, stride: u64) -> Result<TensorId> {
        let channels = net.channels(x);
        let inner = channels * self.expand;
        let mut y = match self.kind {
            Kind::Fused => Conv::new(inner, self.kernel.min(3), self.act).stride(stride).add(net, x)?,
            _ => {
                let y = Conv::new(inner, 1, self.act).add(net, x)?;
                Conv::new(inner, self.kernel, self.act).stride(stride).depthwise(net, y)?
            }
        };
        if self.squeeze {
            let gate = if self.act == Act::HardSwish { Gate::HardSigmoid } else { Gate::Sigmoid };
            y = net.squeeze_excite(y, divisible(inner as f64 / 4.0), Act::Relu, gate)?;
        }
        let y = Conv::new(self.width, 1, Act::None).add(net, y)?;
        if stride == 1 && channels == self.width { net.b.op("Add", &[y, x]) } else { Ok(y) }
    }

    fn residual(&self, net: &mut Net, x: TensorId, stride: u64) -> Result<TensorId> {
        let &Self { width, kernel, act, .. } = self;
        let y = if self.kind == Kind::Basic {
            let y = Conv::new(width, kernel.min(3), act).stride(stride).add(net, x)?;
            Conv::new(width, kernel.min(3), Act::None).add(net, y)?
        } else {
            let y = Conv::new((width / 4).max(8), 1, act).add(net, x)?;
            let y = Conv::new((width / 4).max(8), 3, act).stride(stride).add(net, y)?;
            Conv::new(width, 1, Act::None).add(net, y)?
        };
        self.shortcut(net, x, y, stride, act)
    }

    fn shortcut(&self, net: &mut Net, x: TensorId, y: TensorId, stride: u64, act: Act) -> Result<TensorId> {
        let same = stride == 1 && net.channels(x) == self.width;
        let x = if same { x } else { Conv::new(self.width, 1, Act::None).stride(stride).add(net, x)? };
        let sum = net.b.op("Add", &[y, x])?;
        net.act(sum, act)
    }

    /// A quarter of the width is added to the channels there are; a stride pools them, halved.
    fn dense(&self, net: &mut Net, x: TensorId, stride: u64) -> Result<TensorId> {
        let mut x = x;
        if stride > 1 {
            x = Conv::new((net.channels(x) / 2).max(8), 1, self.act).add(net, x)?;
            x = pool(net, "AveragePool", x, 2, stride)?;
        }
        let mut y = x;
        if self.squeeze {
            y = net.b.batch_norm(y)?;
            y = net.act(y, Act::Relu)?;
        }
        let grown = (self.width / 4).max(8);
        y = Conv::new(2 * grown, 1, self.act).add(net, y)?;
        y = Conv::new(grown, 3, Act::None).add(net, y)?;
        net.concat(&[x, y])
    }

    fn branched(&self, net: &mut Net, draw: &mut Draw, x: TensorId, stride: u64) -> Result<TensorId> {
        let (act, part) = (self.act, divisible(self.width as f64 / 4.0));
        let mut parts = vec![Conv::new(part, 1, act).stride(stride).add(net, x)?];
        let y = Conv::new(divisible(part as f64 / 1.5), 1, act).add(net, x)?;
        parts.push(Conv::new(part, 3, act).stride(stride).add(net, y)?);
        let y = Conv::new(divisible(part as f64 / 2.0), 1, act).add(net, x)?;
        parts.push(if draw.chance(0.5) {
            let k = draw.pick(&[3, 5, 7]);
            let y = Conv { kernel: [1, k], ..Conv::new(part, k, act) }.add(net, y)?;
            Conv { kernel: [k, 1], ..Conv::new(part, k, act) }.stride(stride).add(net, y)?
        } else {
            Conv::new(part, 5, act).stride(stride).add(net, y)?
        });
        let op = if draw.chance(0.5) { "MaxPool" } else { "AveragePool" };
        let y = pool(net, op, x, 3, stride)?;
        parts.push(Conv::new(part, 1, act).add(net, y)?);
        net.concat(&parts)
    }

    fn cell(&self, net: &mut Net, draw: &mut Draw, x: TensorId, stride: u64) -> Result<TensorId> {
        let base = Conv::new(self.width, 1, self.act).add(net, x)?;
        let branch = |net: &mut Net, draw: &mut Draw| match draw.between(0..=4) {
            0 => pool(net, "AveragePool", base, 3, stride),
            1 => pool(net, "MaxPool", base, 3, stride),
            _ => {
                let conv = Conv::new(self.width, draw.pick(&[3, 3, 5, 7]), Act::None).stride(stride);
                let y = separable(net, base, conv, Act::None)?;
                let y = net.act(y, Act::Relu)?;
                separable(net, y, Conv { stride: [1; 2], ..conv }, Act::None)
            }
        };
        let (a, b) = (branch(net, draw)?, branch(net, draw)?);
        let (c, d) = (branch(net, draw)?, branch(net, draw)?);
        let (left, right) = (net.b.op("Add", &[a, b])?, net.b.op("Add", &[c, d])?);
        if draw.chance(0.5) { net.concat(&[left, right]) } else { net.b.op("Add", &[left, right]) }
    }
}
