//! Archives of XLA's graphs, as TpuGraphs has them: rows come from files and not from graphs of this workspace.
//!
//! The columns of a node and of a configuration are those of the archive, by number, so that archives that lack some of
//! TpuGraphs' 140 are read too. The sets differ in how columns are scaled.
//!
//! Tensor programs are the same: their rows come from `tachograph_program::features`, whose set a name ends with.

use std::collections::BTreeSet;

use tachograph_ir::BoundGraph;

use crate::{Columns, Error, FeatureGraph, Features, Result, Schema, normalizer::Scaling};

/// See [the module](self).
pub struct Xla {
    /// Name of the set.
    pub name: &'static str,
    /// How columns are scaled.
    pub scaling: Scaling,
}

const NODE: &str = "node";
const LAYOUT: &str = "layout";
const TILE: &str = "tile";

/// The names under which a schema lists the columns of an archive, in the place of operators.
pub(crate) fn operators(nodes: usize, configurations: usize, of_graph: bool) -> Vec<String> {
    let names = |prefix: &'static str, count: usize| (0..count).map(move |i| format!("{prefix} {i:03}"));
    names(NODE, nodes).chain(names(if of_graph { TILE } else { LAYOUT }, configurations)).collect()
}

impl Schema {
    /// True where a configuration is of a whole graph (the size of a tile), false where it is of nodes (layouts).
    pub fn configures_graphs(&self) -> bool {
        self.global_columns.first().is_some_and(|name| name.starts_with(TILE))
    }
}

impl Features for Xla {
    fn name(&self) -> &'static str {
        self.name
    }

    fn of_archives(&self) -> bool {
        true
    }

    fn operators(&self, _: &BoundGraph) -> BTreeSet<String> {
        BTreeSet::new()
    }

    fn columns(&self, operators: &[String]) -> Columns {
        let (scaled, scaled_globals) = operators.iter().cloned().partition(|name| name.starts_with(NODE));
        Columns { scaled, scaled_globals, ..Columns::default() }
    }

    fn scaling(&self) -> Scaling {
        self.scaling
    }

    fn featurize(&self, _: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        Err(Error::Archive { set: self.name, graph: bound.graph().name().to_owned() })
    }
}
