//! The best configuration that fits: what DNNPerf's predictions are for.

use std::collections::BTreeMap;

use tachograph_ir::{Assignment, BoundGraph, Bytes, Graph, Millis};

use crate::{Error, Result};

/// Most configurations that are tried.
const MOST: usize = 100_000;

/// What a configuration may take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Memory of the device; `None` sets no limit.
    pub memory: Option<Bytes>,
    /// Time of a step or an inference of the whole batch; `None` sets no limit.
    pub time: Option<Millis>,
}

/// A configuration and what is predicted for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Values of the hyperparameters, defaults included.
    pub config: Assignment,
    /// Samples in a batch.
    pub batch: u64,
    /// Of the whole batch.
    pub time: Millis,
    /// Peak.
    pub memory: Bytes,
}

impl Configuration {
    /// Samples per second.
    pub fn throughput(&self) -> f64 {
        1e3 * self.batch as f64 / self.time.0
    }
}

/// What [`choose`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// Configurations within the budget, the one with the most samples per second first; of equal ones, the one with
    /// less memory.
    pub feasible: Vec<Configuration>,
    /// Configurations beyond it, in the order of the search.
    pub beyond: Vec<Configuration>,
    /// Configurations that the network does not allow, and why.
    pub refused: Vec<(Assignment, String)>,
}

/// Tries every combination of values in `axes` (hyperparameters that are not among them keep their defaults), asks
/// `predict` for time and memory of each, and keeps what `budget` allows.
///
/// # Errors
/// A name that the graph does not have, more than 100,000 combinations, or what `predict` returns. A combination that
/// does not bind is no error: see [`Choices::refused`].
pub fn choose(
    graph: &Graph,
    axes: &BTreeMap<String, Vec<u64>>,
    budget: &Budget,
    mut predict: impl FnMut(&BoundGraph) -> Result<(Millis, Bytes)>,
) -> Result<Choices> {
    if let Some(name) = axes.keys().find(|name| !graph.hyperparameters().contains_key(*name)) {
        let known: Vec<&str> = graph.hyperparameters().keys().map(String::as_str).collect();
        return Err(Error::NotFree { name: name.clone(), graph: graph.name().into(), free: known.join(", ") });
    }
    let count = axes.values().try_fold(1usize, |n, values| n.checked_mul(values.len()));
    if count.is_none_or(|n| n > MOST) {
        return Err(Error::TooMany { most: MOST });
    }
    let mut configs = vec![Assignment::new()];
    for (name, values) in axes {
        let with = |config: &Assignment, value: u64| {
            let mut config = config.clone();
            config.insert(name.clone(), value);
            config
        };
        configs = configs.iter().flat_map(|config| values.iter().map(move |&value| with(config, value))).collect();
    }
    let mut choices = Choices::default();
    for config in configs {
        let bound = match graph.bind(&config) {
            Ok(bound) => bound,
            Err(error) => {
                choices.refused.push((config, error.to_string()));
                continue;
            }
        };
        let (time, memory) = predict(&bound)?;
        let choice = Configuration { config: bound.config().clone(), batch: bound.batch(), time, memory };
        let fits =
            budget.memory.is_none_or(|most| memory.0 <= most.0) && budget.time.is_none_or(|most| time.0 <= most.0);
        let list = if fits { &mut choices.feasible } else { &mut choices.beyond };
        list.push(choice);
    }
    choices.feasible.sort_by(|a, b| b.throughput().total_cmp(&a.throughput()).then(a.memory.0.cmp(&b.memory.0)));
    Ok(choices)
}
