//! SequenceMap: a body for each tensor of a sequence. What follows the sequence is read tensor by tensor where it is a
//! sequence too, and whole where it is a tensor. Cost: the sum over the tensors; where the length is not known, that of one.

use crate::{
    BoundGraph, Call, Class, Cost, Fact, Fusion, Held, Node, OpError, Operator, Role, Work,
    body::{self, Repeats},
};

pub(super) struct SequenceMap;

/// The body bound to each run of equal tensors of the first sequence, and the length of the run; of a sequence of unknown
/// length, to what its tensors have in common.
fn runs(call: &Call<'_>) -> Result<Vec<(BoundGraph, Option<u64>)>, OpError> {
    let operands = body::operands(call, 0);
    let at = |fact: &Fact, at: usize| match &fact.held {
        Some(Held::Sequence(items)) => {
            let message = || format!("a sequence has {} tensors, no number {at}", items.len());
            items.get(at).cloned().ok_or_else(|| OpError::Invalid(message()))
        }
        Some(Held::Alike(item)) => Ok(item.as_ref().clone()),
        _ => Ok(fact.clone()),
    };
    let given = |place| operands.iter().map(|fact| at(fact, place)).collect::<Result<Vec<_>, _>>();
    let length = match &call.input(0)?.held {
        Some(Held::Sequence(items)) => items.len(),
        Some(Held::Alike(_)) => return Ok(vec![(body::bind(call, "body", &given(0)?)?, None)]),
        _ => return Err(OpError::Unknown),
    };
    let mut runs: Vec<(Vec<Fact>, u64)> = Vec::new();
    for place in 0..length {
        let given = given(place)?;
        match runs.last_mut() {
            Some((last, times)) if *last == given => *times += 1,
            _ => runs.push((given, 1)),
        }
    }
    let repeats = Repeats::new(call, "body");
    let bind = |(given, times): &(Vec<Fact>, u64)| {
        repeats.again(given).ok_or(OpError::Unknown)?;
        Ok((body::bind(call, "body", given)?, Some(*times)))
    };
    runs.iter().map(bind).collect()
}

impl Operator for SequenceMap {
    fn names(&self) -> &'static [&'static str] {
        &["SequenceMap"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let runs = runs(call)?;
        let results: Vec<(Vec<Fact>, Option<u64>)> =
            runs.iter().map(|(bound, times)| (body::results(bound), *times)).collect();
        let sequence = |place: usize| {
            let mut items = Vec::new();
            for (facts, times) in &results {
                let item = facts.get(place).cloned().ok_or_else(|| format!("the body gives no result {place}"))?;
                let Some(times) = times else { return Ok(Fact::sequence_of(item)) };
                items.extend(std::iter::repeat_n(item, *times as usize));
            }
            Ok(Fact::sequence(items.first().map_or(call.dtype(0)?, |item: &Fact| item.dtype), items))
        };
        (0..call.node.outputs.len()).map(sequence).collect()
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

    fn counts_one_trip(&self, call: &Call<'_>) -> bool {
        runs(call).is_ok_and(|runs| runs.iter().any(|(_, times)| times.is_none()))
    }

    fn nested(&self, call: &Call<'_>) -> Result<Option<Cost>, OpError> {
        let cost = |(bound, times): &(BoundGraph, Option<u64>)| body::cost(bound)?.times(times.unwrap_or(1));
        body::together(runs(call)?.iter().map(cost)).map(Some)
    }
}
