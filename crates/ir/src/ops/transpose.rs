//! Permutation of axes; without `perm` their reversal.

use super::{
    axes::distinct,
    values::{offset, pick},
};
use crate::{Call, Class, Fact, Node, OpError, Operator, Saved};

pub(super) struct Transpose;

impl Operator for Transpose {
    fn names(&self) -> &'static [&'static str] {
        &["Transpose"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let perm = match call.list("perm") {
            Some(list) => distinct(list, x.len())
                .filter(|perm| perm.len() == x.len())
                .ok_or_else(|| format!("perm {list:?} does not permute {x:?}"))?,
            None => (0..x.len()).rev().collect(),
        };
        let shape: Vec<u64> = perm.iter().map(|&a| x[a]).collect();
        let value = pick(call.input(0)?.value.as_ref(), &shape, |at| {
            let mut from = vec![0; x.len()];
            perm.iter().zip(at).for_each(|(&a, &i)| from[a] = i);
            offset(x, &from)
        });
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape, value};
    use crate::{DType, Fact, Value, attrs};

    #[test]
    fn permutes_extents_and_elements() {
        let perm = attrs([("perm", vec![0, 2, 1].into())]);
        assert_eq!(shape("Transpose", perm, &[f32(&[2, 3, 4])]).unwrap(), [2, 4, 3]);
        let x = Fact::new(DType::I64, [2, 3]).with_value(Some(Value::Ints(vec![1, 2, 3, 4, 5, 6])));
        assert_eq!(value("Transpose", attrs([]), &[x]), Value::Ints(vec![1, 4, 2, 5, 3, 6]));
    }

    #[test]
    fn refuses_what_is_no_permutation() {
        for perm in [vec![0, 0], vec![0], vec![0, 2], vec![0, 1, 2]] {
            assert!(run("Transpose", attrs([("perm", perm.into())]), &[f32(&[2, 3])]).is_err());
        }
    }
}
