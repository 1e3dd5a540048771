//! Embeddings of words, positions and segments, added and normalised: (batch, length) → (batch, length, width).

use super::axes::product;
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct EmbedNorm;

fn quantised(node: &Node) -> bool {
    node.op.name() == "QEmbedLayerNormalization"
}

impl Operator for EmbedNorm {
    fn names(&self) -> &'static [&'static str] {
        &["EmbedLayerNormalization", "QEmbedLayerNormalization"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    /// Result, the mask as lengths, the sum before the normalisation.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (ids, table) = (call.shape(0)?, call.shape(2)?);
        let (&[batch, length], &[_, width]) = (ids, table) else {
            return Err(format!("words {ids:?} do not fit the table {table:?}").into());
        };
        let result = Fact::new(call.dtype(if quantised(call.node) { 8 } else { 2 })?, [batch, length, width]);
        // With type 2, also where each sequence starts and ends.
        let lengths = if call.int("mask_index_type", 1) == 2 {
            batch.checked_mul(3).and_then(|n| n.checked_add(2))
        } else {
            Some(batch)
        };
        Ok(vec![result.clone(), Fact::new(DType::I32, [lengths.ok_or(OpError::Unknown)?]), result])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Normalization
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Index, Mask, Scale, Setting, Weight};
        let last = if quantised(node) { 18 } else { 9 };
        let roles = [Data, Data, Weight, Weight, Weight, Scale, Bias, Mask];
        let rest = if quantised(node) { Setting } else { Index };
        (i < last).then(|| roles.get(i).copied().unwrap_or(rest))
    }

    /// 8 per element as for a layer normalisation, and the sums.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let sums = 1 + u64::from(call.optional(4).is_some());
        product([8 + sums, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{DType, Fact, attrs};

    #[test]
    fn the_start_of_bert() {
        let ids = Fact::new(DType::I32, [2, 10]);
        let inputs = [ids.clone(), ids, f32(&[99, 32]), f32(&[64, 32]), f32(&[2, 32]), f32(&[32]), f32(&[32])];
        let (facts, work) = run("EmbedLayerNormalization", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 10, 32]), 10 * 640));
        assert_eq!(facts[1], Fact::new(DType::I32, [2]));
    }
}
