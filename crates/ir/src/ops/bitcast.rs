//! The same bytes read as another type, `to`: a wider type eats the last axis, a narrower one adds one.

use super::axes::dtype;
use crate::{Call, Class, Fact, Node, OpError, Operator, Saved, Work};

pub(super) struct Bitcast;

impl Operator for Bitcast {
    fn names(&self) -> &'static [&'static str] {
        &["Bitcast"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, from) = (call.shape(0)?, call.dtype(0)?);
        let to = dtype(call, "to")?.ok_or_else(|| OpError::Invalid("has no type".into()))?;
        let refuse = || OpError::Invalid(format!("{from} {x:?} cannot be read as {to}"));
        let mut shape = x.to_vec();
        if from.bits() < to.bits() {
            shape.pop().filter(|n| n.checked_mul(from.bits()) == Some(to.bits())).ok_or_else(refuse)?;
        } else if from.bits() > to.bits() {
            shape.push(from.bits() / to.bits());
        }
        Ok(vec![Fact::new(to, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::VIEW)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, DType, Fact, Work, attrs};

    #[test]
    fn widths_change_the_last_axis() {
        let to = |code| attrs([("to", Attr::Int(code))]);
        let (facts, work) = run("Bitcast", to(2), &[f32(&[3, 2])]).unwrap();
        assert_eq!((&facts[0], work), (&Fact::new(DType::U8, [3, 2, 4]), Work::VIEW));
        assert_eq!(run("Bitcast", to(7), &[f32(&[3, 2])]).unwrap().0[0], Fact::new(DType::I64, [3]));
        assert_eq!(run("Bitcast", to(6), &[f32(&[3, 2])]).unwrap().0[0], Fact::new(DType::I32, [3, 2]));
        let error = run("Bitcast", to(7), &[f32(&[3])]).unwrap_err();
        assert!(format!("{error:?}").contains("[3]"), "{error:?}");
    }
}
