//! What models read of a point.

use tachograph_program::features::Features;

use crate::{Error, Result};

/// What a model reads of a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// Numbers, as many of every point.
    Row(Vec<f64>),
    /// Rows of features of its program, as many as it has, with edges between them.
    Program(Features),
}

impl From<Vec<f64>> for Reading {
    fn from(row: Vec<f64>) -> Self {
        Self::Row(row)
    }
}

impl Reading {
    /// How many numbers are kept.
    pub(crate) fn numbers(&self) -> usize {
        match self {
            Self::Row(row) => row.len(),
            Self::Program(features) => features.values.len() + features.edges.len() + features.program.len(),
        }
    }
}

/// The rows of points, for a model that reads nothing else.
pub(super) fn rows(points: &[Reading], model: &'static str) -> Result<Vec<Vec<f64>>> {
    let row = |point: &Reading| match point {
        Reading::Row(row) => Ok(row.clone()),
        Reading::Program(_) => Err(Error::Model { model, message: "reads rows of numbers, and no programs".into() }),
    };
    points.iter().map(row).collect()
}
