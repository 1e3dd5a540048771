//! GPT-like decoder: causal attention over the whole sequence at once, as in reading a prompt.

use tachograph_import::nas::layers::Net;
use tachograph_ir::{DType, Result, Tensor, TensorId};

use super::{
    Architecture,
    draw::Draw,
    transformer::{Gelu, Projection, Transformer, embed},
};

pub(super) struct Gpt {
    sequence: u64,
    vocabulary: u64,
    transformer: Transformer,
    /// Scores of every next token; otherwise the last hidden states.
    head: bool,
}

/// Name of the parameter (1, 1, S, S) that hides later tokens: training does not change it.
pub(super) const MASK: &str = "causal_mask";

impl Gpt {
    /// GPT-2 without its head, which shares the weights of the embedding. It reads at most 1024 tokens.
    pub fn gpt2(sequence: u64) -> Self {
        let transformer = Transformer {
            layers: 12,
            hidden: 768,
            heads: 12,
            mlp: 3072,
            pre_norm: true,
            projection: Projection::Split,
            gelu: Gelu::Tanh,
            gemm: true,
        };
        Self { sequence, vocabulary: 50_257, transformer, head: false }
    }
}

impl Architecture for Gpt {
    fn sample(draw: &mut Draw) -> Self {
        let transformer = Transformer::sample(draw);
        Self {
            sequence: draw.width(12, 384),
            vocabulary: draw.width(1000, 30_000),
            transformer: Transformer {
                projection: draw.pick(&[Projection::Split, Projection::Split, Projection::Separate]),
                gelu: draw.pick(&[Gelu::Node, Gelu::TanhNode, Gelu::Erf, Gelu::Tanh]),
                gemm: draw.chance(0.4),
                ..transformer
            },
            head: draw.chance(0.5),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let hidden = self.transformer.hidden;
        let ids = net.tokens("input_ids", self.sequence);
        let tokens = embed(net, ids, self.vocabulary, hidden)?;
        let positions = net.b.parameter(&[1, self.sequence, hidden]);
        let mut x = net.b.op("Add", &[tokens, positions])?;
        let square = [1, 1, self.sequence, self.sequence].map(Into::into);
        let mask = net.b.tensor(Tensor::parameter(MASK, DType::F32, square.into()));
        x = self.transformer.build(net, x, Some(mask))?;
        x = net.b.layer_norm(x)?;
        if self.head {
            let weight = net.b.parameter(&[hidden, self.vocabulary]);
            x = net.b.op("MatMul", &[x, weight])?;
        }
        Ok(x)
    }
}
