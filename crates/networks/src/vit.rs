//! Vision transformer: patches of an image as tokens.

use tachograph_import::nas::layers::{Net, axis};
use tachograph_ir::{Attr, Result, TensorId, attrs};

use super::{
    Architecture,
    draw::Draw,
    transformer::{Gelu, Projection, Transformer, first_token, reshape, transpose},
};

pub(super) struct Vit {
    patch: u64,
    /// Patches along each side.
    grid: u64,
    /// A learnt token collects the result; otherwise the mean of all tokens does.
    class_token: bool,
    transformer: Transformer,
    classes: u64,
}

impl Vit {
    /// Patches of 16, images of 224, four times `hidden` in the feed-forward layers.
    pub fn published(layers: u64, hidden: u64, heads: u64) -> Self {
        let transformer = Transformer {
            layers,
            hidden,
            heads,
            mlp: 4 * hidden,
            pre_norm: true,
            projection: Projection::Unbind,
            gelu: Gelu::Erf,
            gemm: false,
        };
        Self { patch: 16, grid: 14, class_token: true, transformer, classes: 1000 }
    }
}

impl Architecture for Vit {
    fn sample(draw: &mut Draw) -> Self {
        let transformer = Transformer::sample(draw);
        let projection = draw.pick(&[Projection::Unbind, Projection::Unbind, Projection::Separate, Projection::Split]);
        Self {
            patch: draw.pick(&[4, 8, 8, 14, 16, 16, 16, 32]),
            grid: draw.between(4..=16),
            class_token: draw.chance(0.6),
            transformer: Transformer { projection, ..transformer },
            classes: draw.classes(),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let hidden = self.transformer.hidden;
        let image = net.image(self.patch * self.grid);
        let x = net.b.conv(image, hidden, [self.patch; 2], self.patch, 0, 1, true)?;
        let x = reshape(net, x, &[0, hidden as i64, -1])?;
        let mut x = transpose(net, x, &[0, 2, 1])?;
        if self.class_token {
            let token = class_token(net, image, hidden)?;
            x = net.concat(&[token, x])?;
        }
        let positions = net.b.parameter(&[1, net.extent(x, 1), hidden]);
        x = net.b.op("Add", &[x, positions])?;
        x = self.transformer.build(net, x, None)?;
        x = net.b.layer_norm(x)?;
        x = match self.class_token {
            true => first_token(net, x)?,
            false => {
                let axes = net.b.ints(&[1]);
                net.b.op_with("ReduceMean", &[x, axes], attrs([("keepdims", Attr::Int(0))]))?
            }
        };
        net.b.gemm(x, self.classes)
    }
}

/// One learnt token, repeated for every image of the batch: (N, 1, `hidden`).
fn class_token(net: &mut Net, image: TensorId, hidden: u64) -> Result<TensorId> {
    let token = net.b.parameter(&[1, 1, hidden]);
    let shape = net.b.op("Shape", &[image])?;
    let first = net.b.ints(&[0]);
    let batch = net.b.op_with("Gather", &[shape, first], axis(0))?;
    let rest = net.b.ints(&[1, 1]);
    let target = net.b.op_with("Concat", &[batch, rest], axis(0))?;
    net.b.op("Expand", &[token, target])
}
