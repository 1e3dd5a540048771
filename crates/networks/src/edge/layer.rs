//! Layers as TensorFlow pads them.

use tachograph_import::nas::layers::{Act, Net};
use tachograph_ir::{Attr, DType, Result, Tensor, TensorId, Value, attrs};

/// A convolution and its activation.
#[derive(Clone, Copy)]
pub(super) struct Conv {
    pub out: u64,
    pub kernel: [u64; 2],
    pub stride: [u64; 2],
    pub dilation: u64,
    pub act: Act,
}

impl Conv {
    pub fn new(out: u64, kernel: u64, act: Act) -> Self {
        Self { out, kernel: [kernel; 2], stride: [1; 2], dilation: 1, act }
    }

    pub fn stride(self, stride: u64) -> Self {
        Self { stride: [stride; 2], ..self }
    }

    pub fn add(self, net: &mut Net, x: TensorId) -> Result<TensorId> {
        self.grouped(net, x, 1)
    }

    /// One filter a channel, whatever `out` is.
    pub fn depthwise(self, net: &mut Net, x: TensorId) -> Result<TensorId> {
        let channels = net.channels(x);
        Self { out: channels, ..self }.grouped(net, x, channels)
    }

    fn grouped(self, net: &mut Net, x: TensorId, groups: u64) -> Result<TensorId> {
        let channels = net.channels(x);
        let weight = net.b.parameter(&[self.out, channels / groups.max(1), self.kernel[0], self.kernel[1]]);
        let bias = net.b.parameter(&[self.out]);
        let pair = |n: [u64; 2]| Attr::Ints(n.map(|n| n as i64).to_vec());
        let attrs = attrs([
            ("auto_pad", "SAME_UPPER".into()),
            ("dilations", pair([self.dilation; 2])),
            ("group", Attr::Int(groups as i64)),
            ("kernel_shape", pair(self.kernel)),
            ("strides", pair(self.stride)),
        ]);
        let y = net.b.op_with("Conv", &[x, weight, bias], attrs)?;
        net.act(y, self.act)
    }
}

/// A depthwise convolution, then one of 1×1.
pub(super) fn separable(net: &mut Net, x: TensorId, conv: Conv, inner: Act) -> Result<TensorId> {
    let x = Conv { act: inner, ..conv }.depthwise(net, x)?;
    Conv::new(conv.out, 1, conv.act).add(net, x)
}

/// `MaxPool` or `AveragePool`, padded as `SAME`.
pub(super) fn pool(net: &mut Net, op: &str, x: TensorId, kernel: u64, stride: u64) -> Result<TensorId> {
    let pair = |n: u64| Attr::Ints(vec![n as i64; 2]);
    let attrs = attrs([("auto_pad", "SAME_UPPER".into()), ("kernel_shape", pair(kernel)), ("strides", pair(stride))]);
    net.b.op_with(op, &[x], attrs)
}

/// How an image becomes larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Up {
    #[default]
    Nearest,
    Bilinear,
    Transposed,
}

impl Up {
    pub const ALL: [Self; 3] = [Self::Nearest, Self::Bilinear, Self::Transposed];

    /// `factor` times as high and wide; `out` channels after a transposed convolution, else as many as before.
    pub fn add(self, net: &mut Net, x: TensorId, factor: u64, out: u64) -> Result<TensorId> {
        match self {
            Self::Nearest => resize(net, x, factor, "nearest"),
            Self::Bilinear => resize(net, x, factor, "linear"),
            Self::Transposed => transposed(net, x, factor, out),
        }
    }
}

fn resize(net: &mut Net, x: TensorId, factor: u64, mode: &str) -> Result<TensorId> {
    let factor = factor as f64;
    let scales = Value::Floats(vec![1.0, 1.0, factor, factor]);
    let name = format!("scales{x:?}");
    let scales = net.b.tensor(Tensor::constant(name, DType::F32, &[4], scales));
    let transform = if mode == "nearest" { "asymmetric" } else { "half_pixel" };
    let attrs = attrs([
        ("coordinate_transformation_mode", transform.into()),
        ("mode", mode.into()),
        ("nearest_mode", "floor".into()),
    ]);
    let results = net.b.node("Resize", &[Some(x), None, Some(scales)], attrs, 1)?;
    Ok(results.first().copied().unwrap_or(x))
}

fn transposed(net: &mut Net, x: TensorId, factor: u64, out: u64) -> Result<TensorId> {
    let channels = net.channels(x);
    let (weight, bias) = (net.b.parameter(&[channels, out, factor, factor]), net.b.parameter(&[out]));
    let pair = |n: u64| Attr::Ints(vec![n as i64; 2]);
    let attrs = attrs([("kernel_shape", pair(factor)), ("strides", pair(factor))]);
    net.b.op_with("ConvTranspose", &[x, weight, bias], attrs)
}

/// Channels become pixels: `block` times as high and wide.
pub(super) fn depth_to_space(net: &mut Net, x: TensorId, block: u64) -> Result<TensorId> {
    net.b.op_with("DepthToSpace", &[x], attrs([("blocksize", Attr::Int(block as i64)), ("mode", "DCR".into())]))
}
