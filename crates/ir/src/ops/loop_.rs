//! Loop: operands M (trips), a condition, carried values and what the body captures.
//!
//! The body takes the trip number, the condition, the carried values and the captures, and gives a condition, the
//! carried values and one slice of each collected result. The number of trips is M where it is known and the body's
//! condition is constantly true. Cost: that of the body times the trips; once where they are not known.

use crate::{BoundGraph, Call, Class, Cost, DType, Fact, Fusion, Node, OpError, Operator, Role, Value, Work, body};

pub(super) struct Loop;

/// The body bound to shapes that hold at every trip, and the number of trips.
fn steady(call: &Call<'_>) -> Result<(BoundGraph, Option<u64>), OpError> {
    let carried = carried(call)?;
    // The body runs only where the condition held.
    let condition = Fact::new(DType::Bool, []).with_value(Some(Value::Ints(vec![1])));
    let mut given = vec![Fact::new(DType::I64, []), condition];
    given.extend(body::operands(call, 2));
    // A carried value changes from trip to trip; its shape too, where the body gives another.
    for fact in given.iter_mut().skip(2).take(carried) {
        *fact = Fact { value: None, constant: false, ..fact.clone() };
    }
    let mut bound = body::bind(call, "body", &given)?;
    for _ in 0..=carried {
        let results = body::results(&bound);
        let mut moved = false;
        for (fact, result) in given.iter_mut().skip(2).take(carried).zip(results.iter().skip(1)) {
            if fact.shape.is_some() && fact.shape != result.shape {
                (fact.shape, moved) = (None, true);
            }
        }
        if !moved {
            break;
        }
        bound = body::bind(call, "body", &given)?;
    }
    let goes_on = |value: Option<&Fact>| value.and_then(|f| f.value.as_ref()?.ints()) == Some(&[1]);
    let starts = call.optional(1).is_none() || goes_on(call.optional(1));
    let always = goes_on(bound.graph().outputs().first().map(|&id| bound.fact(id)));
    let limit = call.optional(0).and_then(|f| f.value.as_ref()?.ints()?.first().copied());
    let trips = limit.filter(|_| starts && always).map(|n| u64::try_from(n).unwrap_or(0));
    Ok((bound, trips))
}

/// Number of carried values: results of the body after its condition that the node starts with.
fn carried(call: &Call<'_>) -> Result<usize, OpError> {
    match call.int("carried", -1) {
        n @ 0.. => Ok(n as usize),
        _ => Err("does not say how many values it carries".to_owned().into()),
    }
}

impl Operator for Loop {
    fn names(&self) -> &'static [&'static str] {
        &["Loop"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let carried = carried(call)?;
        let (bound, trips) = steady(call)?;
        let mut results: Vec<Fact> = body::results(&bound).into_iter().skip(1).collect();
        for (i, fact) in results.iter_mut().enumerate() {
            fact.value = None;
            if i >= carried {
                fact.shape = fact.shape.take().zip(trips).map(|(shape, n)| [vec![n], shape].concat());
            }
        }
        Ok(results)
    }

    fn class(&self, node: &Node) -> Class {
        body::class(node)
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        Some([Role::Shape, Role::Mask].get(i).copied().unwrap_or(Role::Data))
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::MOVE)
    }

    fn nested(&self, call: &Call<'_>) -> Result<Option<Cost>, OpError> {
        let (bound, trips) = steady(call)?;
        body::cost(&bound)?.times(trips.unwrap_or(1)).map(Some)
    }
}
