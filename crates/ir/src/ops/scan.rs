//! Scan: states, then tensors that are read slice by slice, then what the body captures.
//!
//! `num_scan_inputs` tensors are cut along `scan_input_axes` (0); their common extent is the number of trips. The body
//! gives the states and one slice of each collected result, joined along `scan_output_axes` (0). Cost: that of the
//! body times the trips.

use super::axes;
use crate::{BoundGraph, Call, Class, Cost, Fact, Fusion, Node, OpError, Operator, Role, Work, body};

pub(super) struct Scan;

/// The body bound to one slice of every scanned tensor, the number of states, and of trips.
fn trip(call: &Call<'_>) -> Result<(BoundGraph, usize, u64), OpError> {
    let count = |name: &str| usize::try_from(call.int(name, -1)).map_err(|_| format!("has no `{name}`"));
    let (scanned, states) = (count("num_scan_inputs")?, count("carried")?);
    let mut given = body::operands(call, 0);
    let mut trips = None;
    for (i, fact) in given.iter_mut().enumerate().take(states.saturating_add(scanned)) {
        *fact = Fact { value: None, constant: false, ..fact.clone() };
        let Some(place) = i.checked_sub(states) else { continue };
        let shape = fact.shape.as_mut().ok_or(OpError::Unknown)?;
        let axis = call.list("scan_input_axes").and_then(|axes| axes.get(place).copied()).unwrap_or(0);
        let extent = shape.remove(axes::axis(axis, shape)?);
        if *trips.get_or_insert(extent) != extent {
            return Err(format!("operand {i} has {extent} slices, others {trips:?}").into());
        }
    }
    let trips = trips.ok_or_else(|| OpError::Invalid("scans nothing".into()))?;
    Ok((body::bind(call, "body", &given)?, states, trips))
}

impl Operator for Scan {
    fn names(&self) -> &'static [&'static str] {
        &["Scan"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (bound, states, trips) = trip(call)?;
        let mut results = body::results(&bound);
        for (i, fact) in results.iter_mut().enumerate() {
            fact.value = None;
            let Some((place, shape)) = i.checked_sub(states).zip(fact.shape.as_mut()) else { continue };
            let axis = call.list("scan_output_axes").and_then(|axes| axes.get(place).copied()).unwrap_or(0);
            let rank = shape.len() as i64 + 1;
            let axis = usize::try_from(if axis < 0 { axis.saturating_add(rank) } else { axis }).unwrap_or(usize::MAX);
            if axis > shape.len() {
                return Err(format!("result {i} of shape {shape:?} has no place for axis {axis}").into());
            }
            shape.insert(axis, trips);
        }
        Ok(results)
    }

    fn class(&self, node: &Node) -> Class {
        body::class(node)
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, _: usize) -> Option<Role> {
        Some(Role::Data)
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::MOVE)
    }

    fn nested(&self, call: &Call<'_>) -> Result<Option<Cost>, OpError> {
        let (bound, _, trips) = trip(call)?;
        body::cost(&bound)?.times(trips).map(Some)
    }
}
