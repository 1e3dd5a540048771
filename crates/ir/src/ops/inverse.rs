//! Inverses of matrices, (…, M, M) → the same: 2·M³ operations each.

use super::axes::product;
use crate::{Call, Fact, Fusion, Node, OpError, Operator, Work};

pub(super) struct Inverse;

impl Operator for Inverse {
    fn names(&self) -> &'static [&'static str] {
        &["Inverse"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        match call.shape(0)? {
            x @ [.., rows, columns] if rows == columns => Ok(vec![Fact::new(call.dtype(0)?, x)]),
            x => Err(format!("{x:?} holds no square matrices").into()),
        }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let m = call.shape(0)?.last().copied().unwrap_or(0);
        product([2, m, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn square_matrices_only() {
        let (facts, work) = run("Inverse", attrs([]), &[f32(&[5, 3, 3])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[5, 3, 3]), 270));
        assert!(run("Inverse", attrs([]), &[f32(&[5, 3, 4])]).is_err());
    }
}
