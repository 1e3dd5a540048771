//! Exact compression by colour refinement: nodes that no message-passing network can tell apart are
//! computed once.

use std::collections::HashMap;

use tch::{Device, Tensor};

use crate::{
    Result,
    batch::{Hop, Union, mean},
    error::torch,
};

/// One round of refinement.
pub(crate) struct Round {
    /// Class of each node.
    pub class: Vec<u32>,
    /// A node of each class.
    pub representatives: Vec<u32>,
}

/// Rounds 0 to `layers`. Round 0 groups nodes with equal features (bit for bit); round `l` splits the
/// classes of round `l − 1` by the multiset of classes of their in-neighbours.
pub(crate) fn refine(union: &Union<'_>, layers: usize) -> Vec<Round> {
    let n = union.degrees.len();
    let bits = |v: usize| union.row(v as u32).iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
    let mut rounds = vec![group(n, bits)];
    for _ in 0..layers {
        let last = &rounds[rounds.len() - 1].class;
        let mut start = 0;
        let next = group(n, |v| {
            let range = start..start + union.degrees[v] as usize;
            start = range.end;
            let mut key: Vec<u32> = union.sources[range].iter().map(|&u| last[u as usize]).collect();
            key.sort_unstable();
            key.push(last[v]);
            key
        });
        rounds.push(next);
    }
    rounds
}

fn group(n: usize, mut key: impl FnMut(usize) -> Vec<u32>) -> Round {
    let mut seen: HashMap<Vec<u32>, u32> = HashMap::new();
    let mut round = Round { class: Vec::with_capacity(n), representatives: vec![] };
    for v in 0..n {
        let fresh = seen.len() as u32;
        let class = *seen.entry(key(v)).or_insert(fresh);
        if class == fresh {
            round.representatives.push(v as u32);
        }
        round.class.push(class);
    }
    round
}

/// Messages from the classes of one round to those of the next, with multiplicities.
pub(crate) fn hop(union: &Union<'_>, from: &Round, to: &Round, device: Device) -> Result<Hop> {
    let mut starts = Vec::with_capacity(union.degrees.len());
    let mut total = 0usize;
    for &d in &union.degrees {
        starts.push(total);
        total += d as usize;
    }
    let (mut lengths, mut columns, mut counts, mut own) = (vec![], vec![], vec![], vec![]);
    for &v in &to.representatives {
        let range = starts[v as usize]..starts[v as usize] + union.degrees[v as usize] as usize;
        let classes = union.sources[range].iter().map(|&u| from.class[u as usize]).collect();
        lengths.push(runs(classes, &mut columns, &mut counts));
        own.push(i64::from(from.class[v as usize]));
    }
    let own = Tensor::f_from_slice(&own).and_then(|t| t.f_to_device(device)).map_err(torch("compression"))?;
    let mean = mean(&lengths, &columns, Some(&counts), from.representatives.len(), device)?;
    Ok(Hop { mean, own: Some(own) })
}

/// How often each class occurs in each graph, as a sparse matrix (graphs, classes).
pub(crate) fn occurrences(union: &Union<'_>, last: &Round) -> (Vec<u32>, Vec<u32>, Vec<f32>) {
    let (mut lengths, mut columns, mut counts) = (vec![], vec![], vec![]);
    let mut start = 0;
    for &n in &union.sizes {
        let range = start..start + n as usize;
        start = range.end;
        lengths.push(runs(last.class[range].to_vec(), &mut columns, &mut counts));
    }
    (lengths, columns, counts)
}

/// Appends the distinct members of `classes` and how often each occurs; returns how many there are.
fn runs(mut classes: Vec<u32>, columns: &mut Vec<u32>, counts: &mut Vec<f32>) -> u32 {
    classes.sort_unstable();
    let before = columns.len();
    for run in classes.chunk_by(|a, b| a == b) {
        columns.push(run[0]);
        counts.push(run.len() as f32);
    }
    (columns.len() - before) as u32
}
