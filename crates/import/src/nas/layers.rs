//! Layers that the spaces share, on top of [`Builder`].

use tachograph_ir::{Attr, Builder, DType, Domain, Graph, Result, TensorId, attrs};

/// Activation after a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    None,
    Relu,
    HardSwish,
}

/// A network under construction.
pub(super) struct Net(pub Builder);

impl Net {
    /// A network on RGB images of `resolution`² pixels, and the tensor that holds them.
    pub fn new(name: String, resolution: u64) -> (Self, TensorId) {
        let mut builder = Builder::new(name);
        builder.hyperparameter("batch", Domain::Range { min: 1, max: 4096, step: 1 }, 1);
        let dims = vec!["batch".into(), 3.into(), resolution.into(), resolution.into()];
        let input = builder.input("input", DType::F32, dims);
        (Self(builder), input)
    }

    /// Channels of an image tensor.
    pub fn channels(&self, x: TensorId) -> u64 {
        self.0.shape(x).get(1).copied().unwrap_or(0)
    }

    pub fn act(&mut self, x: TensorId, act: Act) -> Result<TensorId> {
        match act {
            Act::None => Ok(x),
            Act::Relu => self.0.op("Relu", &[x]),
            Act::HardSwish => self.0.op("HardSwish", &[x]),
        }
    }

    /// Convolution without bias, padded by half its kernel; batch normalisation; activation.
    pub fn conv_norm(
        &mut self,
        x: TensorId,
        out: u64,
        kernel: u64,
        stride: u64,
        groups: u64,
        act: Act,
    ) -> Result<TensorId> {
        let y = self.0.conv(x, out, [kernel; 2], stride, kernel / 2, groups, false)?;
        let y = self.0.batch_norm(y)?;
        self.act(y, act)
    }

    /// Scales channels by a hard-sigmoid gate computed from their means; `squeezed` channels in between.
    pub fn squeeze_excite(&mut self, x: TensorId, squeezed: u64) -> Result<TensorId> {
        let channels = self.channels(x);
        let y = self.0.op("GlobalAveragePool", &[x])?;
        let y = self.0.conv(y, squeezed, [1; 2], 1, 0, 1, true)?;
        let y = self.0.op("Relu", &[y])?;
        let y = self.0.conv(y, channels, [1; 2], 1, 0, 1, true)?;
        let slope = attrs([("alpha", Attr::Float(1.0 / 6.0)), ("beta", Attr::Float(0.5))]);
        let gate = self.0.op_with("HardSigmoid", &[y], slope)?;
        self.0.op("Mul", &[x, gate])
    }

    /// Swaps the two halves of the channel number: (N, g·c, H, W) → (N, c·g, H, W).
    pub fn shuffle(&mut self, x: TensorId, groups: u64) -> Result<TensorId> {
        let [_, channels, height, width] = *self.0.shape(x) else { return Ok(x) };
        let sizes = |sizes: &[u64]| sizes.iter().map(|&n| n as i64).collect::<Vec<_>>();
        let split = self.0.ints(&sizes(&[0, groups, channels / groups, height, width]));
        let x = self.0.op("Reshape", &[x, split])?;
        let x = self.0.op_with("Transpose", &[x], attrs([("perm", Attr::Ints(vec![0, 2, 1, 3, 4]))]))?;
        let joined = self.0.ints(&sizes(&[0, channels, height, width]));
        self.0.op("Reshape", &[x, joined])
    }

    /// (N, C, H, W) → (N, C·H·W).
    pub fn flatten(&mut self, x: TensorId) -> Result<TensorId> {
        self.0.op_with("Flatten", &[x], attrs([("axis", Attr::Int(1))]))
    }

    /// A fully connected layer ends the network.
    pub fn classify(mut self, x: TensorId, classes: u64) -> Result<Graph> {
        let x = self.flatten(x)?;
        let x = self.0.gemm(x, classes)?;
        self.0.finish(&[x])
    }
}
