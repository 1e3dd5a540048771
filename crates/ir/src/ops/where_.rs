//! Where(condition, x, y), with NumPy's broadcasting.

use super::values::{broadcast, broadcast_value};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Value};

pub(super) struct Where;

impl Operator for Where {
    fn names(&self) -> &'static [&'static str] {
        &["Where"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let shape = broadcast([call.shape(0)?, call.shape(1)?, call.shape(2)?])?;
        let value = value(call, &shape);
        Ok(vec![Fact::new(call.dtype(1)?, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Follower
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Mask, Role::Data, Role::Data].get(i).copied()
    }
}

fn value(call: &Call<'_>, shape: &[u64]) -> Option<Value> {
    let operand = |i| broadcast_value(call.optional(i)?, shape);
    let condition = operand(0)?;
    let condition = condition.ints()?.iter().map(|&c| c != 0);
    Some(match (operand(1)?, operand(2)?) {
        (Value::Ints(x), Value::Ints(y)) => {
            Value::Ints(condition.zip(x.iter().zip(y)).map(|(c, (&x, y))| if c { x } else { y }).collect())
        }
        (x, y) => {
            let (x, y) = (x.to_floats(), y.to_floats());
            Value::Floats(condition.zip(x.into_iter().zip(y)).map(|(c, (x, y))| if c { x } else { y }).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, ints, run, shape, value};
    use crate::{Value, attrs};

    #[test]
    fn picks_by_condition() {
        let inputs = [ints(&[1, 0]), int(7), ints(&[8, 9])];
        assert_eq!(value("Where", attrs([]), &inputs), Value::Ints(vec![7, 9]));
        assert_eq!(shape("Where", attrs([]), &[f32(&[2, 1]), f32(&[3]), f32(&[])]).unwrap(), [2, 3]);
        assert!(run("Where", attrs([]), &[f32(&[2]), f32(&[3]), f32(&[])]).is_err());
    }
}
