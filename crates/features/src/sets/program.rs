//! Tensor programs: rows come from `tachograph_program::features` and not from graphs of this workspace.
//!
//! The columns of a row and of a program are those of a feature set there, by number, as for [archives](super::xla).

use std::collections::BTreeSet;

use tachograph_ir::BoundGraph;

use super::xla::Xla;
use crate::{Columns, FeatureGraph, Features, Result, Schema, normalizer::Scaling};

/// See [the module](self).
pub struct Program {
    /// Name of the set.
    pub name: &'static str,
    /// How columns are scaled.
    pub scaling: Scaling,
}

impl Program {
    fn rows(&self) -> Xla {
        Xla { name: self.name, scaling: self.scaling }
    }
}

impl Features for Program {
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
        self.rows().columns(operators)
    }

    fn scaling(&self) -> Scaling {
        self.scaling
    }

    fn featurize(&self, schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        self.rows().featurize(schema, bound)
    }
}
