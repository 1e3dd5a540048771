//! Optionals: made, asked and opened. One that holds something is, to inference, what it holds.

use super::axes::dtype;
use crate::{Call, Class, DType, Fact, Held, Node, OpError, Operator, Value, Work};

pub(super) struct Optional;

impl Operator for Optional {
    fn names(&self) -> &'static [&'static str] {
        &["Optional", "OptionalGetElement", "OptionalHasElement"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let given = call.optional(0);
        Ok(vec![match call.node.op.name() {
            "Optional" => match given {
                Some(fact) => fact.clone(),
                None => Fact::nothing(dtype(call, "dtype")?.unwrap_or(DType::F32)),
            },
            "OptionalGetElement" => match given {
                Some(Fact { held: Some(Held::Nothing), .. }) => return Err("the optional is empty".to_owned().into()),
                _ => call.input(0)?.clone(),
            },
            _ => {
                let holds = match given {
                    None | Some(Fact { held: Some(Held::Nothing), .. }) => Some(0),
                    Some(fact) => (fact.shape.is_some() || fact.held.is_some()).then_some(1),
                };
                Fact::new(DType::Bool, []).with_value(holds.map(|holds| Value::Ints(vec![holds])))
            }
        }])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::VIEW)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, DType, Fact, Value, attrs};

    #[test]
    fn what_is_there_and_what_is_not() {
        let one = |op, inputs: &[Fact]| run(op, attrs([]), inputs).map(|(facts, _)| facts[0].clone());
        assert_eq!(one("Optional", &[f32(&[4, 96])]).unwrap(), f32(&[4, 96]));
        let empty = run("Optional", attrs([("dtype", Attr::Int(7))]), &[]).unwrap().0[0].clone();
        assert_eq!(empty, Fact::nothing(DType::I64));
        let holds = |inputs: &[Fact]| one("OptionalHasElement", inputs).unwrap().value;
        assert_eq!(holds(&[f32(&[4])]), Some(Value::Ints(vec![1])));
        assert_eq!(holds(&[Fact::sequence(DType::F32, vec![])]), Some(Value::Ints(vec![1])));
        assert_eq!(holds(std::slice::from_ref(&empty)), Some(Value::Ints(vec![0])));
        assert_eq!(holds(&[]), Some(Value::Ints(vec![0])));
        assert_eq!(holds(&[Fact::unknown(DType::F32)]), None);
        assert_eq!(one("OptionalGetElement", &[f32(&[4])]).unwrap(), f32(&[4]));
        assert!(one("OptionalGetElement", &[empty]).is_err());
    }
}
