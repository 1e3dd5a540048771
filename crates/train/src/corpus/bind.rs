//! Import and binding, in parallel.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tachograph_datasets::as_measured;
use tachograph_ir::{BoundGraph, Graph};

use super::{Entry, Line};
use crate::Result;

/// A network with the places of its lines and their entries.
type Bound = (String, Vec<Result<(usize, Entry), String>>);

/// Imports each network once and binds it for each of its lines; entries keep the order of `lines`.
pub fn bind(
    lines: Vec<Line>,
    graph: &(dyn Fn(&str) -> Result<Graph> + Sync),
) -> (Vec<Entry>, BTreeMap<String, String>) {
    let mut networks: BTreeMap<String, Vec<(usize, Line)>> = BTreeMap::new();
    for (place, line) in lines.into_iter().enumerate() {
        networks.entry(line.network.clone()).or_default().push((place, line));
    }
    let all = |(network, lines): (String, Vec<(usize, Line)>)| {
        let graph = graph(&network).map_err(|error| error.to_string());
        let one = |(place, line): (usize, Line)| {
            let bound = graph.as_ref().map_err(Clone::clone).and_then(|graph| as_measured(graph, &line.assignment));
            bound.map(|(bound, batch)| (place, entry(line, bound, batch)))
        };
        (network, lines.into_iter().map(one).collect::<Vec<_>>())
    };
    let bound: Vec<Bound> = networks.into_par_iter().map(all).collect();
    let (mut entries, mut left_out) = (Vec::new(), BTreeMap::new());
    for (network, lines) in bound {
        for line in lines {
            match line {
                Ok(entry) => entries.push(entry),
                Err(message) => drop(left_out.insert(network.clone(), message)),
            }
        }
    }
    entries.sort_unstable_by_key(|(place, _)| *place);
    (entries.into_iter().map(|(_, entry)| entry).collect(), left_out)
}

fn entry(line: Line, bound: BoundGraph, batch: u64) -> Entry {
    let Line { network, family, phase, targets, .. } = line;
    Entry { network, family, phase, batch, bound, targets, extra: false }
}
