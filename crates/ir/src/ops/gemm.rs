//! Y = α·A'·B' + β·C: (M, K) × (K, N) → (M, N), either factor transposed on request.

use super::{axes::product, values::broadcast};
use crate::{Call, Class, Fact, Fvcore, Node, OpError, Operator, Role, Work};

pub(super) struct Gemm;

/// M, K and N.
fn extents(call: &Call<'_>) -> Result<[u64; 3], OpError> {
    let (a, b) = (call.shape(0)?, call.shape(1)?);
    let matrix = |shape: &[u64], flag: &str| match *shape {
        [rows, columns] if call.int(flag, 0) != 0 => Some([columns, rows]),
        [rows, columns] => Some([rows, columns]),
        _ => None,
    };
    match (matrix(a, "transA"), matrix(b, "transB")) {
        (Some([m, k]), Some([other, n])) if k == other => Ok([m, k, n]),
        _ => {
            let flags = (call.int("transA", 0), call.int("transB", 0));
            Err(format!("{a:?} and {b:?} cannot be multiplied (transA, transB = {flags:?})").into())
        }
    }
}

impl Operator for Gemm {
    fn names(&self) -> &'static [&'static str] {
        &["Gemm"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let [m, _, n] = extents(call)?;
        if let Some(bias) = call.optional(2).and_then(|f| f.shape.as_deref())
            && broadcast([bias, &[m, n]])? != [m, n]
        {
            return Err(format!("bias {bias:?} does not broadcast to {:?}", [m, n]).into());
        }
        Ok(vec![Fact::new(call.dtype(0)?, [m, n])])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Weight, Role::Bias].get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::products(self.work(call)?, call)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let [m, k, n] = extents(call)?;
        let mut work = Work::macs(Some(product([m, k, n])?))?;
        if call.optional(2).is_some() {
            work.flops = work.flops.saturating_add(product([m, n])?);
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn classifier_with_bias() {
        let attrs = attrs([("transB", Attr::Int(1))]);
        let (facts, work) = run("Gemm", attrs, &[f32(&[8, 512]), f32(&[1000, 512]), f32(&[1000])]).unwrap();
        assert_eq!(facts[0], f32(&[8, 1000]));
        assert_eq!((work.macs, work.flops), (8 * 512 * 1000, 2 * 8 * 512 * 1000 + 8000));
    }

    #[test]
    fn refuses_unequal_inner_extents_and_wide_bias() {
        assert!(run("Gemm", attrs([]), &[f32(&[2, 3]), f32(&[4, 5])]).is_err());
        assert!(run("Gemm", attrs([]), &[f32(&[2, 3]), f32(&[3, 1]), f32(&[5])]).is_err());
        assert!(run("Gemm", attrs([]), &[f32(&[2, 3, 1]), f32(&[3, 1])]).is_err());
    }
}
