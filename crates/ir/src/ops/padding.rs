//! Taking the padding of sequences out, (batch, length, width) → (tokens, width), and putting it back. How many tokens
//! there are depends on data.

use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role};

pub(super) struct Padding;

impl Operator for Padding {
    fn names(&self) -> &'static [&'static str] {
        &["RemovePadding", "RestorePadding"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    /// Tokens, their offsets, sums of the lengths, the greatest length; or the padded form.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, dtype) = (call.shape(0)?, call.dtype(0)?);
        let int = |shape: &[u64]| Fact::new(DType::I32, shape);
        match (call.node.op.name(), x) {
            ("RemovePadding", &[batch, length, _]) => {
                let sums = batch.checked_add(1).ok_or(OpError::Unknown)?;
                Ok(vec![Fact::unknown(dtype), int(&[batch, length]), int(&[sums]), int(&[1])])
            }
            ("RestorePadding", &[_, width]) => Ok(vec![Fact::new(dtype, [call.shape(1)?, &[width]].concat())]),
            _ => Err(format!("{x:?} holds no sequences").into()),
        }
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Index].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{DType, Fact, attrs};

    #[test]
    fn out_and_back() {
        let (counts, offsets) = (Fact::new(DType::I32, [3]), Fact::new(DType::I32, [3, 10]));
        let (facts, _) = run("RemovePadding", attrs([]), &[f32(&[3, 10, 32]), counts]).unwrap();
        assert_eq!((facts[0].shape.clone(), facts[1].clone()), (None, offsets.clone()));
        assert_eq!(facts[2].shape.as_deref(), Some(&[4][..]));
        assert_eq!(shape("RestorePadding", attrs([]), &[f32(&[21, 32]), offsets]).unwrap(), [3, 10, 32]);
    }
}
