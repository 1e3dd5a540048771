//! Hashes and embeddings of words and tokens in ONNX Runtime's domain.

use super::{axes::product, matmul_nbits::positive};
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Words;

/// Hashes per token, and earlier tokens that a hash sees.
fn grams(call: &Call<'_>) -> Result<[u64; 2], OpError> {
    let longest = positive(call, "max_ngram_size")?;
    Ok([product([longest - 1, positive(call, "n_head_per_ngram")?])?, longest - 1])
}

impl Operator for Words {
    fn names(&self) -> &'static [&'static str] {
        &[
            "BifurcationDetector",
            "MurmurHash3",
            "NGramHashMapping",
            "NGramRepeatBlock",
            "Tokenizer",
            "VarlenNGramHashMapping",
            "WordConvEmbedding",
        ]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, dtype) = (call.shape(0)?, call.dtype(0)?);
        match call.node.op.name() {
            "MurmurHash3" => Ok(vec![Fact::new(if call.int("positive", 1) != 0 { DType::U32 } else { DType::I32 }, x)]),
            "NGramRepeatBlock" => Ok(vec![Fact::new(call.dtype(1)?, call.shape(1)?)]),
            // Where two texts part depends on them.
            "BifurcationDetector" => Ok(vec![Fact::unknown(dtype), Fact::new(dtype, [])]),
            // As many tokens as the longest string has.
            "Tokenizer" => Ok(vec![Fact::unknown(DType::String)]),
            "WordConvEmbedding" => {
                let filters = call.shape(1)?.first().copied();
                let width = positive(call, "embedding_size").ok().or(filters).ok_or(OpError::Unknown)?;
                let words = x.split_last().ok_or_else(|| format!("{x:?} holds no words"))?.1;
                Ok(vec![Fact::new(call.dtype(1)?, [words, &[width]].concat())])
            }
            op => {
                let [hashes, earlier] = grams(call)?;
                let batch = match op {
                    "NGramHashMapping" => x.first().copied().ok_or(OpError::Unknown)?,
                    _ => call.shape(3)?.first().copied().unwrap_or(0).saturating_sub(1),
                };
                let kept = u64::try_from(call.int("state_update_capacity", 0)).unwrap_or(0);
                let update = Fact::new(dtype, [batch, kept, earlier]);
                Ok(vec![Fact::new(dtype, [x, &[hashes]].concat()), Fact::new(dtype, [batch, earlier]), update])
            }
        }
    }

    fn class(&self, node: &Node) -> Class {
        match node.op.name() {
            "BifurcationDetector" | "NGramRepeatBlock" | "Tokenizer" => Class::Movement,
            "WordConvEmbedding" => Class::Matrix,
            _ => Class::Elementwise,
        }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Index, Setting, Shape, State, Weight};
        let roles: &[Role] = match node.op.name() {
            "BifurcationDetector" => &[Data, Data, Index, Data],
            "NGramHashMapping" => &[Data, Setting, Setting, State, Setting, Setting, Shape],
            "NGramRepeatBlock" => &[Data, Data],
            "VarlenNGramHashMapping" => &[Data, Setting, Setting, Shape, State, Setting, Setting, Shape],
            "WordConvEmbedding" => &[Data, Weight, Bias, Weight],
            _ => &[Data],
        };
        roles.get(i).copied()
    }

    /// Embeddings of words are convolutions over their characters; a hash mixes twice as many numbers as it sees.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        match call.node.op.name() {
            "BifurcationDetector" | "NGramRepeatBlock" | "Tokenizer" => Ok(Work::MOVE),
            "WordConvEmbedding" => {
                let x = call.shape(0)?;
                let window = call.shape(1)?.get(2).copied().unwrap_or(1);
                let places = x.last().copied().unwrap_or(0).saturating_sub(window).saturating_add(1);
                let words = x.split_last().map_or(&[][..], |(_, words)| words);
                let each = call.shape(1)?.iter().copied().chain([places]);
                Work::macs(Some(product(words.iter().copied().chain(each))?))
            }
            "MurmurHash3" => product([10, call.output_elements(0)?]).map(Work::flops),
            _ => product([2, positive(call, "max_ngram_size")?, call.output_elements(0)?]).map(Work::flops),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn hashes_and_embeddings() {
        let words = Fact::new(DType::I32, [3, 2, 8]);
        let inputs = [words.clone(), f32(&[16, 1, 4, 6]), f32(&[16]), f32(&[100, 6])];
        let (facts, work) = run("WordConvEmbedding", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[3, 2, 16]), 6 * 5 * 16 * 24));
        assert_eq!(run("MurmurHash3", attrs([]), &[words]).unwrap().0[0], Fact::new(DType::U32, [3, 2, 8]));
        let grams = attrs([("max_ngram_size", Attr::Int(3)), ("n_head_per_ngram", Attr::Int(4))]);
        assert_eq!(shape("NGramHashMapping", grams, &[Fact::new(DType::I64, [2, 10])]).unwrap(), [2, 10, 8]);
    }
}
