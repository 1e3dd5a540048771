//! Loop: operands M (trips), a condition, carried values and what the body captures.
//!
//! The body takes the trip number, the condition, the carried values and the captures, and gives a condition, the
//! carried values and one slice of each collected result. The number of trips is M where it is known and the body's
//! condition is constantly true. Where shapes change from trip to trip, or the condition is computed from what is known,
//! the trips are followed one by one, as far as [`Repeats`] allows. Cost: that of the body over all trips; once where
//! their number is not known.

use crate::{
    BoundGraph, Call, Class, Cost, DType, Fact, Fusion, Node, OpError, Operator, Role, Value, Work,
    body::{self, Repeats},
};

pub(super) struct Loop;

/// What is known of the trips.
struct Trips {
    /// The body, bound to what holds at every trip, or at each trip in turn.
    bodies: Vec<BoundGraph>,
    /// How often each of these runs, if that is known.
    times: Option<u64>,
    results: Vec<Fact>,
}

impl Trips {
    fn new(call: &Call<'_>) -> Result<Self, OpError> {
        let (carried, repeats) = (carried(call)?, Repeats::new(call, "body"));
        let (bound, times) = steady(call, carried)?;
        let results = body::results(&bound).into_iter().skip(1).enumerate();
        let result = |(i, fact)| if i >= carried { collected(fact, times) } else { Fact { value: None, ..fact } };
        let steady = Self { results: results.map(result).collect(), bodies: vec![bound], times };
        if times.is_some() && steady.results.iter().all(Fact::is_known) {
            return Ok(steady);
        }
        Ok(followed(call, carried, &repeats, &steady.bodies[0]).unwrap_or(steady))
    }
}

/// The body bound to shapes that hold at every trip, and the number of trips.
fn steady(call: &Call<'_>, carried: usize) -> Result<(BoundGraph, Option<u64>), OpError> {
    let mut given = start(call);
    // A carried value changes from trip to trip; its shape too, where the body gives another.
    for fact in given.iter_mut().skip(2).take(carried) {
        *fact = Fact { value: None, constant: false, ..fact.clone() };
    }
    let mut bound = body::bind(call, "body", &given)?;
    // A sequence may lose first its length and then the shape of its tensors.
    for _ in 0..=2 * carried.min(given.len()) {
        let results = body::results(&bound);
        let mut moved = false;
        for (fact, result) in given.iter_mut().skip(2).take(carried).zip(results.iter().skip(1)) {
            let common = fact.clone().common(result);
            if common != *fact {
                (*fact, moved) = (common, true);
            }
        }
        if !moved {
            break;
        }
        bound = body::bind(call, "body", &given)?;
    }
    let always = goes_on(bound.graph().outputs().first().map(|&id| bound.fact(id))) == Some(true);
    let trips = limit(call).filter(|_| starts(call) == Some(true) && always);
    Ok((bound, trips))
}

/// Follows the trips with all that is known of the carried values, if that says when they end.
fn followed(call: &Call<'_>, carried: usize, repeats: &Repeats, steady: &BoundGraph) -> Option<Trips> {
    // Without a known limit the condition must end it.
    let limit = if call.optional(0).is_some() { limit(call)? } else { u64::MAX };
    let mut given = start(call);
    let mut goes = starts(call)?;
    let (mut bodies, mut slices) = (Vec::new(), None);
    while goes && (bodies.len() as u64) < limit {
        given[0].value = Some(Value::Ints(vec![i64::try_from(bodies.len()).ok()?]));
        // What is carried is no constant: arithmetic on it runs at every trip.
        given.iter_mut().skip(2).take(carried).for_each(|fact| fact.constant = false);
        repeats.again(&given)?;
        let bound = body::bind(call, "body", &given).ok()?;
        let mut results = body::results(&bound);
        goes = goes_on(results.first())?;
        let collected = results.split_off(results.len().min(1 + carried));
        slices = Some(match slices.take() {
            Some(before) => common(before, &collected),
            None => collected,
        });
        given.iter_mut().skip(2).zip(results.into_iter().skip(1)).for_each(|(old, new)| *old = new);
        bodies.push(bound);
    }
    let trips = bodies.len() as u64;
    // Without a trip the slices are those that there would be.
    let slices = slices.unwrap_or_else(|| body::results(steady).into_iter().skip(1 + carried).collect());
    let mut results: Vec<Fact> = given.into_iter().skip(2).take(carried).collect();
    results.extend(slices.into_iter().map(|slice| collected(slice, Some(trips))));
    Some(Trips { bodies, times: Some(1), results })
}

fn common(a: Vec<Fact>, b: &[Fact]) -> Vec<Fact> {
    a.into_iter().zip(b).map(|(a, b)| a.common(b)).collect()
}

/// What the body is given at first: it runs only where the condition holds.
fn start(call: &Call<'_>) -> Vec<Fact> {
    let condition = Fact::new(DType::Bool, []).with_value(Some(Value::Ints(vec![1])));
    let mut given = vec![Fact::new(DType::I64, []), condition];
    given.extend(body::operands(call, 2));
    given
}

fn starts(call: &Call<'_>) -> Option<bool> {
    if call.optional(1).is_none() { Some(true) } else { goes_on(call.optional(1)) }
}

fn goes_on(condition: Option<&Fact>) -> Option<bool> {
    match condition?.value.as_ref()?.ints()? {
        [condition] => Some(*condition != 0),
        _ => None,
    }
}

fn limit(call: &Call<'_>) -> Option<u64> {
    let limit = *call.optional(0)?.value.as_ref()?.ints()?.first()?;
    Some(u64::try_from(limit).unwrap_or(0))
}

/// Number of carried values: results of the body after its condition that the node starts with.
fn carried(call: &Call<'_>) -> Result<usize, OpError> {
    match call.int("carried", -1) {
        n @ 0.. => Ok(n as usize),
        _ => Err("does not say how many values it carries".to_owned().into()),
    }
}

/// What `n` trips collect of slices like this one.
fn collected(slice: Fact, n: Option<u64>) -> Fact {
    let shape = slice.shape.zip(n).map(|(shape, n)| [vec![n], shape].concat());
    Fact { shape, ..Fact::unknown(slice.dtype) }
}

impl Operator for Loop {
    fn names(&self) -> &'static [&'static str] {
        &["Loop"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(Trips::new(call)?.results)
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

    fn counts_one_trip(&self, call: &Call<'_>) -> bool {
        Trips::new(call).is_ok_and(|trips| trips.times.is_none())
    }

    fn nested(&self, call: &Call<'_>) -> Result<Option<Cost>, OpError> {
        let trips = Trips::new(call)?;
        let cost = |bound: &BoundGraph| body::cost(bound)?.times(trips.times.unwrap_or(1));
        body::together(trips.bodies.iter().map(cost)).map(Some)
    }
}
