//! Products of matrices that ONNX Runtime's optimiser has fused with a transposition of a factor, a scaling or an
//! activation.

use super::{axes::product, matmul};
use crate::{Call, Class, Fact, Fvcore, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct FusedMatMul;

/// A factor as it is multiplied: `transBatch` moves the first axis before the last, `trans` swaps the last two.
fn factor(call: &Call<'_>, i: usize, side: &str) -> Result<Shape, OpError> {
    let mut shape = call.shape(i)?.to_vec();
    let rank = shape.len();
    if rank > 2 && call.int(&format!("transBatch{side}"), 0) != 0 {
        shape[..rank - 1].rotate_left(1);
    }
    if rank > 1 && call.int(&format!("trans{side}"), 0) != 0 {
        shape.swap(rank - 1, rank - 2);
    }
    Ok(shape)
}

/// Shape of the product and its inner extent.
fn shape(call: &Call<'_>) -> Result<(Shape, u64), OpError> {
    matmul::shape(&factor(call, 0, "A")?, &factor(call, 1, "B")?)
}

fn activated(node: &Node) -> bool {
    node.attrs.contains_key("activation")
}

impl Operator for FusedMatMul {
    fn names(&self) -> &'static [&'static str] {
        &["FusedMatMul", "FusedMatMulActivation", "GemmFastGelu", "SparseToDenseMatMul", "TransposeMatMul"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(vec![Fact::new(call.dtype(0)?, shape(call)?.0)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "GemmFastGelu" => &[Role::Data, Role::Weight, Role::Bias],
            _ => &[Role::Matrix, Role::Matrix],
        };
        roles.get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::products(self.work(call)?, call)
    }

    /// One operation per element for a bias, one for an activation.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (shape, inner) = shape(call)?;
        let mut work = Work::macs(Some(product(shape.into_iter().chain([inner]))?))?;
        let bias = call.node.op.name() == "GemmFastGelu" && call.optional(2).is_some();
        let after = u64::from(bias) + u64::from(call.node.op.name() == "GemmFastGelu" || activated(call.node));
        work.flops = work.flops.saturating_add(product([after, call.output_elements(0)?])?);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, attrs};

    #[test]
    fn scores_of_attention() {
        let transposed = attrs([("transB", Attr::Int(1)), ("alpha", Attr::Float(0.125))]);
        let inputs = [f32(&[2, 8, 128, 64]), f32(&[2, 8, 128, 64])];
        let (facts, work) = run("FusedMatMul", transposed, &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 8, 128, 128]), 16_777_216));
        assert!(run("FusedMatMul", attrs([]), &inputs).is_err());
    }

    #[test]
    fn batches_that_come_second() {
        let batch = attrs([("transBatchA", Attr::Int(1)), ("transBatchB", Attr::Int(1))]);
        assert_eq!(shape("FusedMatMul", batch, &[f32(&[7, 2, 3, 5]), f32(&[5, 2, 3, 4])]).unwrap(), [2, 3, 7, 4]);
        let vector = attrs([("transA", Attr::Int(1))]);
        assert_eq!(shape("TransposeMatMul", vector, &[f32(&[5]), f32(&[5, 4])]).unwrap(), [4]);
    }
}
