//! Concatenation of integers with scales: scale and zero point of the result, then for each part the part, its scale and
//! its zero point.

use super::delegate::Delegate;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved};

pub(super) struct QLinearConcat;

impl Operator for QLinearConcat {
    fn names(&self) -> &'static [&'static str] {
        &["QLinearConcat"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let parts: Vec<usize> = (2..call.inputs.len()).step_by(3).collect();
        let facts = Delegate::new(call, "Concat", &parts)?.infer()?;
        Ok(facts.into_iter().map(|fact| Fact { value: None, ..fact }).collect())
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        Some(if i > 1 && i % 3 == 2 { Role::Data } else { Role::Setting })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn parts_have_scales_of_their_own() {
        let part = |n: u64| [Fact::new(DType::U8, [2, n]), f32(&[]), Fact::new(DType::U8, [])].to_vec();
        let inputs = [vec![f32(&[]), Fact::new(DType::U8, [])], part(3), part(5)].concat();
        let along = attrs([("axis", Attr::Int(1))]);
        assert_eq!(run("QLinearConcat", along, &inputs).unwrap().0[0], Fact::new(DType::U8, [2, 8]));
        assert!(run("QLinearConcat", attrs([("axis", Attr::Int(0))]), &inputs).is_err());
    }
}
