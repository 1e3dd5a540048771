//! Features of tensor programs: what cost models read of a schedule and of the loops that it makes.
//!
//! A feature set is one file here that implements [`FeatureSet`] and has a line in [`ALL`]. Each is the definition of a
//! published model, and says whose.
//!
//! ```
//! use tachograph_ir::DType::F32;
//! use tachograph_program::{Builder, Schedule, features::{self, Program}, operator};
//!
//! let mut b = Builder::new("dense");
//! let (x, w) = (b.input("x", F32, &[128, 768])?, b.weight("w", F32, &[768, 3072])?);
//! let y = operator::matmul(&mut b, x, w)?;
//! let workload = b.finish(&[y])?;
//! let schedule = Schedule::new()
//!     .split("matmul", "j", &[16])
//!     .reorder("matmul", &["i", "j.0", "k", "j.1"])
//!     .vectorize("matmul", "j.1");
//! let program = Program::new(&workload, &schedule)?;
//! let features = features::named("per-store").expect("it is there").extract(&program)?;
//! assert_eq!((features.len(), features.width), (1, 164));
//! # Ok::<(), tachograph_program::Error>(())
//! ```

mod arithmetic;
mod code;
mod curve;
mod form;
mod graph;
mod itervar;
mod knob;
mod per_store;
mod primitives;
mod pruner;
mod sets;
mod touch;
mod walk;
mod working_sets;

use per_store::Dialect;

use crate::{Nest, Point, Result, Schedule, Space, State, Workload};

/// Every feature set.
pub static ALL: &[&dyn FeatureSet] = &[
    &code::Code,
    &curve::Curves,
    &graph::Graph,
    &itervar::IterVars,
    &knob::Knobs,
    &per_store::PerStore(Dialect::MetaSchedule),
    &per_store::PerStore(Dialect::Ansor),
    &primitives::Primitives,
    &pruner::Pruner,
    &working_sets::WorkingSets,
];

/// The feature set of this name.
pub fn named(name: &str) -> Option<&'static dyn FeatureSet> {
    ALL.iter().copied().find(|set| set.name() == name)
}

/// What a row of a feature set is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    /// The program.
    Program,
    /// A buffer that is stored to.
    Stores,
    /// A read or a write of a buffer.
    Accesses,
    /// A step of the schedule.
    Steps,
    /// A node of a graph.
    Nodes,
}

/// Numbers that describe a program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// Numbers in a row.
    pub width: usize,
    /// Rows, one after the other.
    pub values: Vec<f64>,
    /// Pairs of rows, from and to, where rows are nodes of a graph.
    pub edges: Vec<[u32; 2]>,
    /// What describes the program as a whole, beside the rows.
    pub program: Vec<f64>,
}

impl Features {
    fn rows(width: usize, rows: Vec<Vec<f64>>) -> Self {
        Self { width, values: rows.concat(), ..Self::default() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A row; nothing where there is none.
    pub fn row(&self, i: usize) -> &[f64] {
        self.values.get(i * self.width..(i + 1) * self.width).unwrap_or_default()
    }
}

/// A schedule of a workload, and all that is made of it: what features are taken from.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    workload: &'a Workload,
    schedule: &'a Schedule,
    point: Option<(&'a Space, &'a Point)>,
    state: State,
    nest: Nest,
}

impl<'a> Program<'a> {
    /// Takes the steps of the schedule and lowers the result.
    ///
    /// # Errors
    /// As [`Schedule::lower`].
    pub fn new(workload: &'a Workload, schedule: &'a Schedule) -> Result<Self> {
        let state = schedule.apply(workload)?;
        let nest = state.lower()?;
        Ok(Self { workload, schedule, point: None, state, nest })
    }

    /// The same with the point of the space that the schedule was made of.
    #[must_use]
    pub fn at(mut self, space: &'a Space, point: &'a Point) -> Self {
        self.point = Some((space, point));
        self
    }

    /// What is computed.
    pub fn workload(&self) -> &'a Workload {
        self.workload
    }

    /// How.
    pub fn schedule(&self) -> &'a Schedule {
        self.schedule
    }

    /// The point of a space, if it was given.
    pub fn point(&self) -> Option<(&'a Space, &'a Point)> {
        self.point
    }

    /// What the steps have made of the workload.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The loops.
    pub fn nest(&self) -> &Nest {
        &self.nest
    }
}

/// What a cost model reads of a program. To add one, write a file here that implements this, and add its line to
/// [`ALL`].
pub trait FeatureSet: Send + Sync {
    /// Its name, in kebab case.
    fn name(&self) -> &'static str;

    /// What a row is about.
    fn rows(&self) -> Rows;

    /// Names of the numbers in a row, as many as [`Features::width`]. They depend on the program where a set is made for
    /// programs of one template.
    fn columns(&self, program: &Program<'_>) -> Vec<String>;

    /// The features.
    ///
    /// # Errors
    /// A program that the set does not describe: one without a point where the set is about points.
    fn extract(&self, program: &Program<'_>) -> Result<Features>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tachograph_ir::DType::F32;

    /// x[m, k] · w[k, n].
    pub(super) fn matmul(m: u64, k: u64, n: u64) -> Workload {
        let mut b = crate::Builder::new("matmul");
        let (x, w) = (b.input("x", F32, &[m, k]).unwrap(), b.weight("w", F32, &[k, n]).unwrap());
        let y = crate::operator::matmul(&mut b, x, w).unwrap();
        b.finish(&[y]).unwrap()
    }

    /// The only row of a set.
    pub(super) fn row_of(set: &str, workload: &Workload, schedule: &Schedule) -> Vec<f64> {
        let features = named(set).unwrap().extract(&Program::new(workload, schedule).unwrap()).unwrap();
        assert_eq!(features.len(), 1);
        features.values
    }

    #[test]
    fn names_are_unique_and_columns_are_named() {
        let names: std::collections::HashSet<&str> = ALL.iter().map(|set| set.name()).collect();
        assert_eq!(names.len(), ALL.len());
        let workload = matmul(16, 16, 16);
        let space = Space::cpu(&workload, crate::CpuRules::default()).unwrap();
        for n in 0..20 {
            let point = space.nth(n * space.count().unwrap() / 20).unwrap();
            let schedule = space.schedule(&point).unwrap();
            let program = Program::new(&workload, &schedule).unwrap().at(&space, &point);
            for set in ALL {
                let features = set.extract(&program).unwrap();
                assert!(features.values.iter().all(|x| x.is_finite()), "{}", set.name());
                assert_eq!(features.width, set.columns(&program).len(), "{}", set.name());
                assert_eq!(features.values.len() % features.width.max(1), 0, "{}", set.name());
            }
        }
    }
}
