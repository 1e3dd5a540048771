//! Running sum along an axis: one addition per element.

use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role};

pub(super) struct CumSum;

impl Operator for CumSum {
    fn names(&self) -> &'static [&'static str] {
        &["CumProd", "CumSum"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        if let Ok([axis]) = call.ints(1) {
            super::axes::axis(*axis, x)?;
        }
        Ok(vec![Fact::new(call.dtype(0)?, x)])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, run};
    use crate::attrs;

    #[test]
    fn keeps_the_shape() {
        assert_eq!(run("CumSum", attrs([]), &[f32(&[2, 3]), int(-1)]).unwrap().0[0], f32(&[2, 3]));
        assert!(run("CumSum", attrs([]), &[f32(&[2, 3]), int(2)]).is_err());
    }
}
