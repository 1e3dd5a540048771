//! Clip(x, min, max): the bounds are operands since operator set 11 and attributes before.

use super::values::broadcast_value;
use crate::{Attr, Call, Fact, Node, OpError, Operator, Role, Value};

pub(super) struct Clip;

impl Operator for Clip {
    fn names(&self) -> &'static [&'static str] {
        &["Clip"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(vec![Fact::new(call.dtype(0)?, call.shape(0)?).with_value(value(call))])
    }

    fn activates(&self, _: &Node) -> bool {
        true
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Setting, Role::Setting].get(i).copied()
    }
}

fn value(call: &Call<'_>) -> Option<Value> {
    let x = call.optional(0)?.value.as_ref()?;
    let bound = |name: &str, i: usize| match (call.optional(i), call.attrs().get(name)) {
        (Some(fact), _) => broadcast_value(fact, &[1]).map(Some),
        (None, Some(Attr::Float(v))) => Some(Some(Value::Floats(vec![*v]))),
        _ => Some(None),
    };
    let (min, max) = (bound("min", 1)?, bound("max", 2)?);
    Some(match x {
        Value::Ints(v) => {
            let bound = |b: Option<Value>, default| b.map_or(Some(default), |b| b.ints()?.first().copied());
            let (min, max) = (bound(min, i64::MIN)?, bound(max, i64::MAX)?);
            Value::Ints(v.iter().map(|&x| x.max(min).min(max)).collect())
        }
        Value::Floats(v) => {
            let bound = |b: Option<Value>, default| b.map_or(Some(default), |b| b.to_floats().first().copied());
            let (min, max) = (bound(min, f64::NEG_INFINITY)?, bound(max, f64::INFINITY)?);
            Value::Floats(v.iter().map(|&x| x.max(min).min(max)).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{floats, int, ints, value};
    use crate::{Attr, Value, attrs};

    #[test]
    fn bounds_are_operands_or_attributes() {
        assert_eq!(value("Clip", attrs([]), &[ints(&[-5, 3, 9]), int(0), int(4)]), Value::Ints(vec![0, 3, 4]));
        let six = attrs([("min", Attr::Float(0.0)), ("max", Attr::Float(6.0))]);
        assert_eq!(value("Clip", six, &[floats(&[-1.0, 7.0])]), Value::Floats(vec![0.0, 6.0]));
    }
}
