//! Positions of elements that are not zero, (rank, count): known only where the elements are.

use super::values::positions;
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Value};

pub(super) struct NonZero;

impl Operator for NonZero {
    fn names(&self) -> &'static [&'static str] {
        &["NonZero"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, value) = (call.shape(0)?, call.input(0)?.value.as_ref());
        let (Some(value), Some(positions)) = (value, positions(x)) else { return Ok(vec![Fact::unknown(DType::I64)]) };
        let found: Vec<Vec<u64>> =
            positions.zip(value.to_floats()).filter(|(_, v)| *v != 0.0).map(|(at, _)| at).collect();
        let rows = (0..x.len()).flat_map(|a| found.iter().map(move |at| at[a] as i64)).collect();
        let fact = Fact::new(DType::I64, [x.len() as u64, found.len() as u64]);
        Ok(vec![fact.with_value(Some(Value::Ints(rows)))])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run};
    use crate::{DType, Fact, Value, attrs};

    #[test]
    fn known_elements_have_known_positions() {
        let (facts, _) = run("NonZero", attrs([]), &[ints(&[1, 0, 5])]).unwrap();
        assert_eq!(facts[0], Fact::new(DType::I64, [1, 2]).with_value(Some(Value::Ints(vec![0, 2]))));
        assert_eq!(run("NonZero", attrs([]), &[f32(&[3])]).unwrap().0[0], Fact::unknown(DType::I64));
    }
}
