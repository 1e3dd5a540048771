//! Arithmetic by element that ONNX Runtime's optimiser has fused: biases, gates, activations of halves.

use super::axes::product;
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct Gated;

/// The shape with half the last extent.
fn half(x: &[u64]) -> Result<Shape, OpError> {
    match x {
        [outer @ .., last] if last % 2 == 0 => Ok([outer, &[last / 2]].concat()),
        _ => Err(format!("{x:?} has no two halves").into()),
    }
}

impl Operator for Gated {
    fn names(&self) -> &'static [&'static str] {
        &[
            "BiasAdd",
            "BiasSplitGelu",
            "ComplexMul",
            "ComplexMulConj",
            "GatedAdd",
            "GemmaRotaryEmbedding",
            "IsAllFinite",
            "LinearAttentionGate",
            "ScaledSiLU",
            "com.microsoft::SwiGLU",
        ]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, dtype) = (call.shape(0)?, call.dtype(0)?);
        let shape = match call.node.op.name() {
            "BiasSplitGelu" => half(x)?,
            "SwiGLU" if call.optional(1).is_none() => half(x)?,
            "ComplexMul" | "ComplexMulConj" => super::values::broadcast([x, call.shape(1)?])?,
            "IsAllFinite" => return Ok(vec![Fact::new(DType::Bool, [])]),
            // Both results have the shape and type of a query.
            "GemmaRotaryEmbedding" => {
                let (query, key) = (call.input(1)?, call.input(3)?);
                return Ok([query, key].map(|f| Fact { value: None, constant: false, ..f.clone() }).to_vec());
            }
            _ => x.to_vec(),
        };
        let result = Fact::new(dtype, shape);
        let pair = call.node.op.name() == "LinearAttentionGate";
        Ok(if pair { vec![result.clone(), result] } else { vec![result] })
    }

    fn fuses(&self, node: &Node) -> Fusion {
        match node.op.name() {
            "BiasAdd" | "ScaledSiLU" | "SwiGLU" => Fusion::Follower,
            _ => Fusion::Alone,
        }
    }

    fn class(&self, node: &Node) -> Class {
        if node.op.name() == "IsAllFinite" { Class::Reduction } else { Class::Elementwise }
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Factor, Setting, Term, Weight};
        let roles: &[Role] = match node.op.name() {
            "BiasAdd" => &[Data, Bias, Data],
            "BiasSplitGelu" => &[Data, Bias],
            "GatedAdd" => &[Term, Term, Data, Weight],
            "GemmaRotaryEmbedding" => &[Data, Data, Data, Data, Data],
            "IsAllFinite" => return Some(Data),
            "LinearAttentionGate" => &[Data, Bias, Factor, Data],
            "ScaledSiLU" => &[Data, Setting],
            "SwiGLU" => &[Data, Data],
            _ => &[Factor, Factor],
        };
        roles.get(i).copied()
    }

    /// Operations per element of the result; a gate of its own is a product with one column.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let per_element = match call.node.op.name() {
            "BiasAdd" | "GatedAdd" | "ScaledSiLU" | "SwiGLU" => 2,
            "ComplexMul" | "ComplexMulConj" | "LinearAttentionGate" => 3,
            "BiasSplitGelu" => 4,
            "GemmaRotaryEmbedding" => 6,
            _ => {
                let mut all = (0..call.inputs.len()).map(|i| product(call.shape(i)?.iter().copied()));
                return Ok(Work::flops(all.try_fold(0u64, |sum, n| Ok::<_, OpError>(sum.saturating_add(n?)))?));
            }
        };
        let mut work = Work::flops(product([per_element, call.output_elements(0)?])?);
        if call.node.op.name() == "GatedAdd" && call.optional(3).is_some() {
            work.flops = work.flops.saturating_add(product(call.shape(2)?.iter().copied().chain([2]))?);
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn halves_gate_each_other() {
        let (facts, work) = run("BiasSplitGelu", attrs([]), &[f32(&[2, 9, 64]), f32(&[64])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 9, 32]), 4 * 576));
        assert_eq!(run("com.microsoft::SwiGLU", attrs([]), &[f32(&[3, 8])]).unwrap().0[0], f32(&[3, 4]));
        assert_eq!(run("com.microsoft::SwiGLU", attrs([]), &[f32(&[3, 8]), f32(&[3, 8])]).unwrap().0[0], f32(&[3, 8]));
        assert!(run("com.microsoft::SwiGLU", attrs([]), &[f32(&[3, 7])]).is_err());
    }

    #[test]
    fn biases_and_residuals() {
        let inputs = [f32(&[2, 9, 64]), f32(&[64]), f32(&[2, 9, 64])];
        assert_eq!(run("BiasAdd", attrs([]), &inputs).unwrap().1.flops, 2 * 1152);
        let inputs = [f32(&[5, 8]), f32(&[5, 8]), f32(&[5, 16]), f32(&[16, 1])];
        let (facts, work) = run("GatedAdd", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[5, 8]), 80 + 160));
    }
}
