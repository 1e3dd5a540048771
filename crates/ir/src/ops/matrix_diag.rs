//! Diagonals as matrices: MatrixDiag (…, n) → (…, n, n); MatrixSetDiag(x, diagonal) keeps the shape of x.

use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct MatrixDiag;

impl Operator for MatrixDiag {
    fn names(&self) -> &'static [&'static str] {
        &["MatrixDiag", "MatrixSetDiag"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let mut shape = call.shape(0)?.to_vec();
        if call.node.op.name() == "MatrixDiag" {
            shape.extend(shape.last().copied());
        }
        if shape.len() < 2 {
            return Err(format!("{shape:?} holds no diagonal").into());
        }
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        (i == 0 || i == 1 && node.op.name() == "MatrixSetDiag").then_some(Role::Data)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, shape};
    use crate::attrs;

    #[test]
    fn a_diagonal_becomes_a_matrix() {
        assert_eq!(shape("MatrixDiag", attrs([]), &[f32(&[2, 3])]).unwrap(), [2, 3, 3]);
        assert_eq!(shape("MatrixSetDiag", attrs([]), &[f32(&[2, 3, 4]), f32(&[2, 3])]).unwrap(), [2, 3, 4]);
        assert!(shape("MatrixDiag", attrs([]), &[f32(&[])]).is_err());
    }
}
