//! BERT-like encoder: embeddings, layers normalised after their residuals, a pooled first token.

use tachograph_import::nas::layers::Net;
use tachograph_ir::{Attr, Result, TensorId, attrs};

use super::{
    Architecture,
    draw::Draw,
    transformer::{Gelu, Projection, Transformer, embed, first_token},
};

pub(super) struct Bert {
    sequence: u64,
    vocabulary: u64,
    /// A second input says which of two segments a token belongs to.
    segments: bool,
    /// A further input hides padding.
    mask: bool,
    transformer: Transformer,
    /// Classes of the layer after pooling, if there is one.
    classes: Option<u64>,
}

impl Bert {
    /// The uncased models: 12 layers of 768 are base, 2 of 128 are tiny. They read at most 512 tokens.
    pub fn published(layers: u64, hidden: u64, sequence: u64) -> Self {
        let transformer = Transformer {
            layers,
            hidden,
            heads: hidden / 64,
            mlp: 4 * hidden,
            pre_norm: false,
            projection: Projection::Separate,
            gelu: Gelu::Erf,
            gemm: false,
        };
        Self { sequence, vocabulary: 30_522, segments: true, mask: true, transformer, classes: None }
    }
}

impl Architecture for Bert {
    fn sample(draw: &mut Draw) -> Self {
        let transformer = Transformer::sample(draw);
        let projection =
            draw.pick(&[Projection::Separate, Projection::Separate, Projection::Separate, Projection::Split]);
        Self {
            sequence: draw.width(12, 384),
            vocabulary: draw.width(1000, 30_522),
            segments: draw.chance(0.6),
            mask: draw.chance(0.7),
            transformer: Transformer { projection, pre_norm: draw.chance(0.1), ..transformer },
            classes: draw.chance(0.7).then(|| draw.between(2..=20)),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let hidden = self.transformer.hidden;
        let ids = net.tokens("input_ids", self.sequence);
        let mask = if self.mask { Some(padding_mask(net, self.sequence)?) } else { None };
        let mut x = embed(net, ids, self.vocabulary, hidden)?;
        if self.segments {
            let segments = net.tokens("token_type_ids", self.sequence);
            let segments = embed(net, segments, 2, hidden)?;
            x = net.b.op("Add", &[x, segments])?;
        }
        let positions = net.b.parameter(&[1, self.sequence, hidden]);
        x = net.b.op("Add", &[x, positions])?;
        x = net.b.layer_norm(x)?;
        x = self.transformer.build(net, x, mask)?;
        x = first_token(net, x)?;
        x = net.b.gemm(x, hidden)?;
        x = net.b.op("Tanh", &[x])?;
        self.classes.map_or(Ok(x), |classes| net.b.gemm(x, classes))
    }
}

/// 0 where the input is 1, very negative where it is 0: (N, S) → (N, 1, 1, S).
fn padding_mask(net: &mut Net, sequence: u64) -> Result<TensorId> {
    const FLOAT: i64 = 1;
    let mask = net.tokens("attention_mask", sequence);
    let axes = net.b.ints(&[1, 2]);
    let mask = net.b.op("Unsqueeze", &[mask, axes])?;
    let mask = net.b.op_with("Cast", &[mask], attrs([("to", Attr::Int(FLOAT))]))?;
    let one = net.b.scalar(1.0);
    let hidden = net.b.op("Sub", &[one, mask])?;
    let lowest = net.b.scalar(f64::from(f32::MIN));
    net.b.op("Mul", &[hidden, lowest])
}
