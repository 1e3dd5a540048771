//! Kernels timed where they will run: between the others of their network, on what those leave in the caches, with weights that come
//! from memory. By itself a kernel finds all of that in the caches.

use std::{collections::HashMap, path::Path};

use tachograph_metrics::median;
use tachograph_program::Compiler;

use crate::{Basis, Bench, Copies, Network, Result, Took, Way, Ways, candidate::Candidate, chosen, elements::Weights};

/// Ways of a part that are tried, at most: nine pairs of layouts, and what they are made of.
const TRIED: usize = 10;
/// A way that is thought to be so many times slower than the fastest is not tried.
const HOPELESS: f64 = 2.0;

/// The ways of each part that have a chance, and those that are taken of `default`, with the times that they take between the
/// others on one thread. `ways` is as it was where nothing can be run. Object files are kept in `folder`.
///
/// # Errors
/// As [`Bench::new`].
pub fn in_network(
    network: &Network<'_>,
    ways: &Ways,
    default: &Ways,
    weights: &Weights<'_>,
    compiler: &Compiler,
    folder: &Path,
) -> Result<Ways> {
    let tried: Vec<Vec<&Candidate>> = ways.parts.iter().map(|ways| tried(ways)).collect();
    let longest = tried.iter().map(Vec::len).max().unwrap_or(0);
    // What would be taken without this, and by default; each other plan has another way of every part that has one.
    let mut plans = vec![chosen(network, ways), chosen(network, default)];
    for plan in 0..longest {
        let turn = |(tried, first): (&Vec<&Candidate>, &Option<Way>)| match tried.len() {
            0 => first.clone(),
            n => Some(Way::Kernel(Box::new(tried[plan % n].clone()))),
        };
        plans.push(tried.iter().zip(&plans[0]).map(turn).collect());
    }
    let mut bench = Bench::new(network, &plans, weights, compiler, folder)?;
    let mut kernels: HashMap<(usize, String), Vec<f64>> = HashMap::new();
    let mut copies = Vec::new();
    for (plan, times) in plans.iter().zip(times(&mut bench, plans.len())) {
        for took in times {
            match (took.copied, &plan[took.part]) {
                (Some(copy), _) => copies.push((copy, took.ms)),
                (None, Some(Way::Kernel(way))) => {
                    kernels.entry((took.part, way.key())).or_default().push(took.ms);
                }
                (None, _) => {}
            }
        }
    }
    let timed = |part: usize, way: &Way| match way {
        Way::Kernel(way) => {
            let ms = median(kernels.get(&(part, way.key()))?)?;
            Some(Way::Kernel(Box::new(Candidate { ms, basis: Basis::InNetwork, ..(**way).clone() })))
        }
        Way::InPlace { .. } => None,
    };
    let part = |(part, all): (usize, &Vec<Way>)| {
        let there = |kernel: &Candidate| all.iter().filter_map(Way::kernel).any(|other| other.is(kernel));
        let new = plans[1][part].iter().filter(|way| way.kernel().is_some_and(|kernel| !there(kernel)));
        let all: Vec<&Way> = all.iter().chain(new).collect();
        let found: Vec<Way> = all.iter().filter_map(|way| timed(part, way)).collect();
        match tried[part].is_empty() || found.is_empty() {
            true => all.into_iter().map(|way| timed(part, way).unwrap_or_else(|| way.clone())).collect(),
            false => found,
        }
    };
    let copies = Copies::timed(copies.into_iter().map(|(copy, ms)| (&bench.copied()[copy], ms)));
    let copies = copies.unwrap_or_else(|| ways.copies.clone());
    Ok(Ways { parts: ways.parts.iter().enumerate().map(part).collect(), copies })
}

/// The kernels of a part that have a chance, the fastest first.
fn tried(ways: &[Way]) -> Vec<&Candidate> {
    // Where a part may be no kernel at all, it is none.
    if ways.iter().any(|way| matches!(way, Way::InPlace { .. })) {
        return Vec::new();
    }
    let mut all: Vec<&Candidate> = ways.iter().filter_map(Way::kernel).collect();
    all.sort_by(|a, b| a.order(b));
    let Some(&best) = all.first() else { return all };
    // What a formula says is not to be held against what was measured.
    all.retain(|way| way.basis == best.basis && way.ms <= HOPELESS * best.ms);
    all.truncate(TRIED);
    all
}

/// What the steps of each plan take: medians of runs in turns.
fn times(bench: &mut Bench, plans: usize) -> Vec<Vec<Took>> {
    let mut runs: Vec<Vec<Vec<Took>>> = vec![Vec::new(); plans];
    bench.in_turns(|bench, plan| runs[plan].extend(bench.steps(plan)));
    let middle = |runs: &Vec<Vec<Took>>| {
        let first = runs.first().map_or(&[][..], Vec::as_slice);
        let step = |(at, took): (usize, &Took)| {
            let all: Vec<f64> = runs.iter().map(|run| run[at].ms).collect();
            Took { ms: median(&all).unwrap_or(took.ms), ..*took }
        };
        first.iter().enumerate().map(step).collect()
    };
    runs.iter().map(middle).collect()
}
