//! Layers as inference exporters write them, on top of [`Builder`]: what the search spaces here and the generator of
//! `tachograph-networks` are built of.

use std::collections::BTreeMap;

use tachograph_ir::{Attr, Attrs, Builder, DType, Domain, Graph, Result, Tensor, TensorId, Value, attrs};

/// How batch normalisation appears in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Folded into the bias and weight of the convolution before it.
    Folded,
    /// A node of its own, after a convolution without bias.
    Kept,
}

/// Activation after a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Act {
    /// The identity: no node.
    #[default]
    None,
    /// max(x, 0).
    Relu,
    /// x between 0 and 6, as Clip.
    Relu6,
    /// x · hard-sigmoid(x), one node.
    HardSwish,
    /// x · sigmoid(x), as Sigmoid and Mul.
    Silu,
}

/// Gate of a squeeze-and-excite layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// 1 / (1 + exp(−x)).
    Sigmoid,
    /// x / 6 + 1 / 2, between 0 and 1.
    HardSigmoid,
}

/// A network under construction. Images are (N, C, H, W).
///
/// # Errors
/// Methods that add nodes fail where a shape does not follow, as those of [`Builder`] do.
#[derive(Debug)]
pub struct Net {
    /// The graph so far, for what has no method here.
    pub b: Builder,
    norm: Norm,
    indices: BTreeMap<i64, TensorId>,
}

impl Net {
    /// An empty network whose hyperparameter `batch` is free up to `most` and `batch` by default.
    pub fn new(name: impl Into<String>, batch: u64, most: u64, norm: Norm) -> Self {
        let mut b = Builder::new(name);
        b.hyperparameter("batch", Domain::Range { min: 1, max: most, step: 1 }, batch);
        Self { b, norm, indices: BTreeMap::new() }
    }

    /// The finished graph with its one output.
    pub fn finish(self, output: TensorId) -> Result<Graph> {
        self.b.finish(&[output])
    }

    /// Input of images: (batch, 3, `resolution`, `resolution`).
    pub fn image(&mut self, resolution: u64) -> TensorId {
        self.b.input("input", DType::F32, vec!["batch".into(), 3.into(), resolution.into(), resolution.into()])
    }

    /// Input of token numbers: (batch, `sequence`).
    pub fn tokens(&mut self, name: &str, sequence: u64) -> TensorId {
        self.b.input(name, DType::I64, vec!["batch".into(), sequence.into()])
    }

    /// Extent of axis `axis`; 0 where there is none.
    pub fn extent(&self, x: TensorId, axis: usize) -> u64 {
        self.b.shape(x).get(axis).copied().unwrap_or(0)
    }

    /// Channels of an image tensor.
    pub fn channels(&self, x: TensorId) -> u64 {
        self.extent(x, 1)
    }

    /// Scalar index for Gather; the same tensor for the same index.
    pub fn index(&mut self, i: i64) -> TensorId {
        let constant = || Tensor::constant(format!("index{i}"), DType::I64, &[], Value::Ints(vec![i]));
        *self.indices.entry(i).or_insert_with(|| self.b.tensor(constant()))
    }

    /// Activation.
    pub fn act(&mut self, x: TensorId, act: Act) -> Result<TensorId> {
        match act {
            Act::None => Ok(x),
            Act::Relu => self.b.op("Relu", &[x]),
            Act::Relu6 => {
                let (low, high) = (self.b.scalar(0.0), self.b.scalar(6.0));
                self.b.op("Clip", &[x, low, high])
            }
            Act::HardSwish => self.b.op("HardSwish", &[x]),
            Act::Silu => {
                let gate = self.b.op("Sigmoid", &[x])?;
                self.b.op("Mul", &[x, gate])
            }
        }
    }

    /// Convolution with bias, padded so that stride 1 keeps an odd kernel's extent, and an activation.
    pub fn conv(&mut self, x: TensorId, out: u64, kernel: u64, stride: u64, act: Act) -> Result<TensorId> {
        let y = self.b.conv(x, out, [kernel; 2], stride, kernel.saturating_sub(1) / 2, 1, true)?;
        self.act(y, act)
    }

    /// Convolution, batch normalisation (folded or kept) and an activation; padded as [`Net::conv`].
    pub fn conv_norm(
        &mut self,
        x: TensorId,
        out: u64,
        kernel: u64,
        stride: u64,
        groups: u64,
        act: Act,
    ) -> Result<TensorId> {
        let folded = self.norm == Norm::Folded;
        let y = self.b.conv(x, out, [kernel; 2], stride, kernel.saturating_sub(1) / 2, groups, folded)?;
        let y = self.norm(y)?;
        self.act(y, act)
    }

    /// Batch normalisation of a convolution's result: nothing where it is folded.
    pub fn norm(&mut self, x: TensorId) -> Result<TensorId> {
        if self.norm == Norm::Folded { Ok(x) } else { self.b.batch_norm(x) }
    }

    /// Scales channels by a gate computed from their means; `squeezed` channels in between.
    pub fn squeeze_excite(&mut self, x: TensorId, squeezed: u64, act: Act, gate: Gate) -> Result<TensorId> {
        let channels = self.channels(x);
        let y = self.b.op("GlobalAveragePool", &[x])?;
        let y = self.conv(y, squeezed, 1, 1, act)?;
        let y = self.conv(y, channels, 1, 1, Act::None)?;
        let y = match gate {
            Gate::Sigmoid => self.b.op("Sigmoid", &[y])?,
            Gate::HardSigmoid => {
                let slope = attrs([("alpha", Attr::Float(1.0 / 6.0)), ("beta", Attr::Float(0.5))]);
                self.b.op_with("HardSigmoid", &[y], slope)?
            }
        };
        self.b.op("Mul", &[x, y])
    }

    /// Max pooling whose last window may be partial.
    pub fn max_pool_ceil(&mut self, x: TensorId, kernel: u64, stride: u64, pad: u64) -> Result<TensorId> {
        let pair = |n: u64, times: usize| Attr::Ints(vec![n as i64; times]);
        let attrs = attrs([
            ("ceil_mode", Attr::Int(1)),
            ("kernel_shape", pair(kernel, 2)),
            ("pads", pair(pad, 4)),
            ("strides", pair(stride, 2)),
        ]);
        self.b.op_with("MaxPool", &[x], attrs)
    }

    /// Local response normalisation across 5 channels, with AlexNet's constants.
    pub fn local_response(&mut self, x: TensorId) -> Result<TensorId> {
        let attrs = attrs([
            ("alpha", Attr::Float(1e-4)),
            ("beta", Attr::Float(0.75)),
            ("bias", Attr::Float(1.0)),
            ("size", Attr::Int(5)),
        ]);
        self.b.op_with("LRN", &[x], attrs)
    }

    /// Swaps the two halves of the channel number: (N, g·c, H, W) → (N, c·g, H, W).
    pub fn shuffle(&mut self, x: TensorId, groups: u64) -> Result<TensorId> {
        let [_, channels, height, width] = *self.b.shape(x) else { return Ok(x) };
        let sizes = |sizes: &[u64]| sizes.iter().map(|&n| n as i64).collect::<Vec<_>>();
        let split = self.b.ints(&sizes(&[0, groups, channels / groups, height, width]));
        let x = self.b.op("Reshape", &[x, split])?;
        let x = self.b.op_with("Transpose", &[x], attrs([("perm", Attr::Ints(vec![0, 2, 1, 3, 4]))]))?;
        let joined = self.b.ints(&sizes(&[0, channels, height, width]));
        self.b.op("Reshape", &[x, joined])
    }

    /// (N, C, H, W) → (N, C·H·W).
    pub fn flatten(&mut self, x: TensorId) -> Result<TensorId> {
        self.b.op_with("Flatten", &[x], attrs([("axis", Attr::Int(1))]))
    }

    /// Mean over the image, then a fully connected layer: (N, C, H, W) → (N, `classes`).
    pub fn classify(&mut self, x: TensorId, classes: u64) -> Result<TensorId> {
        let x = self.b.op("GlobalAveragePool", &[x])?;
        self.dense(x, classes)
    }

    /// Flattens, then a fully connected layer: (N, C, H, W) → (N, `out`).
    pub fn dense(&mut self, x: TensorId, out: u64) -> Result<TensorId> {
        let x = self.flatten(x)?;
        self.b.gemm(x, out)
    }

    /// Joins along the channels.
    pub fn concat(&mut self, parts: &[TensorId]) -> Result<TensorId> {
        self.b.op_with("Concat", parts, axis(1))
    }
}

/// The nearest multiple of 8, at least 8 and at least nine tenths of `width`: the rule of MobileNet, MnasNet and
/// EfficientNet.
pub fn divisible(width: f64) -> u64 {
    let rounded = (((width + 4.0) / 8.0).floor() * 8.0).max(8.0);
    (if rounded < 0.9 * width { rounded + 8.0 } else { rounded }) as u64
}

/// The attribute `axis`.
pub fn axis(axis: i64) -> Attrs {
    attrs([("axis", Attr::Int(axis))])
}
