//! Scan: states, then tensors that are read slice by slice, then what the body captures.
//!
//! `num_scan_inputs` tensors are cut along `scan_input_axes` (0); their common extent is the number of trips. The body
//! gives the states and one slice of each collected result, joined along `scan_output_axes` (0). In operator set 8
//! (`batched`, which importers set) a batch comes first everywhere, and the body sees one element of it. Cost: that of
//! the body times the trips.

use super::axes;
use crate::{BoundGraph, Call, Class, Cost, Fact, Fusion, Node, OpError, Operator, Role, Work, body};

pub(super) struct Scan;

/// How a call runs.
struct Trips {
    /// The body bound to one slice of every scanned tensor.
    bound: BoundGraph,
    states: usize,
    count: u64,
    /// Elements of the batch, in operator set 8.
    batch: Option<u64>,
}

fn trips(call: &Call<'_>) -> Result<Trips, OpError> {
    let number = |name: &str| usize::try_from(call.int(name, -1)).map_err(|_| format!("has no `{name}`"));
    let (scanned, states) = (number("num_scan_inputs")?, number("carried")?);
    let batched = call.int("batched", 0) != 0;
    let mut given = body::operands(call, 0);
    let (mut count, mut batch) = (None, None);
    for (i, fact) in given.iter_mut().enumerate().take(states.saturating_add(scanned)) {
        *fact = Fact { value: None, constant: false, ..fact.clone() };
        let mut cut = |axis, count: &mut Option<u64>| {
            let shape = fact.shape.as_mut().ok_or(OpError::Unknown)?;
            let extent = shape.remove(axes::axis(axis, shape)?);
            if *count.get_or_insert(extent) != extent {
                return Err(OpError::Invalid(format!("operand {i} has {extent} slices, others {count:?}")));
            }
            Ok(())
        };
        if batched {
            cut(0, &mut batch)?;
        }
        let Some(place) = i.checked_sub(states) else { continue };
        let axis = call.list("scan_input_axes").and_then(|axes| axes.get(place).copied()).unwrap_or(0);
        cut(axis, &mut count)?;
    }
    let count = count.ok_or_else(|| OpError::Invalid("scans nothing".into()))?;
    Ok(Trips { bound: body::bind(call, "body", &given)?, states, count, batch })
}

impl Operator for Scan {
    fn names(&self) -> &'static [&'static str] {
        &["Scan"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let trips = trips(call)?;
        let mut results = body::results(&trips.bound);
        for (i, fact) in results.iter_mut().enumerate() {
            fact.value = None;
            let Some(shape) = fact.shape.as_mut() else { continue };
            if let Some(place) = i.checked_sub(trips.states) {
                let axis = call.list("scan_output_axes").and_then(|axes| axes.get(place).copied()).unwrap_or(0);
                let rank = shape.len() as i64 + 1;
                let axis =
                    usize::try_from(if axis < 0 { axis.saturating_add(rank) } else { axis }).unwrap_or(usize::MAX);
                if axis > shape.len() {
                    return Err(format!("result {i} of shape {shape:?} has no place for axis {axis}").into());
                }
                shape.insert(axis, trips.count);
            }
            if let Some(batch) = trips.batch {
                shape.insert(0, batch);
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

    fn operand(&self, _: &Node, _: usize) -> Option<Role> {
        Some(Role::Data)
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::MOVE)
    }

    fn nested(&self, call: &Call<'_>) -> Result<Option<Cost>, OpError> {
        let trips = trips(call)?;
        let count = axes::product([trips.count, trips.batch.unwrap_or(1)])?;
        body::cost(&trips.bound)?.times(count).map(Some)
    }
}
