//! What cost models read of the points of a space of programs: features of the loops that they make.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rustc_hash::FxHashMap;
use tachograph_program::{
    Point, Space, Workload,
    features::{FeatureSet, Program},
};

/// So many rows are remembered; then they are forgotten, and computed anew where they are asked for.
const REMEMBERED: usize = 20_000;

/// A feature set, and the workload that points are programs of.
#[derive(Clone)]
pub(crate) struct Programs {
    workload: Arc<Workload>,
    set: &'static dyn FeatureSet,
    known: Arc<Mutex<FxHashMap<Point, Option<Vec<f64>>>>>,
}

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.set.name(), self.workload.name())
    }
}

impl Programs {
    pub fn new(workload: Workload, set: &'static dyn FeatureSet) -> Self {
        Self { workload: workload.into(), set, known: Arc::default() }
    }

    /// The numbers of a point; `None` where it makes no loops.
    pub fn row(&self, space: &Space, point: &Point) -> Option<Vec<f64>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = known.get(point) {
            return row.clone();
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let row = self.extract(space, point);
        known.insert(point.clone(), row.clone());
        row
    }

    /// Programs have different numbers of rows, models want one: the sum of each column over the rows, then its largest.
    fn extract(&self, space: &Space, point: &Point) -> Option<Vec<f64>> {
        let schedule = space.schedule(point).ok()?;
        let program = Program::new(&self.workload, &schedule).ok()?.at(space, point);
        let features = self.set.extract(&program).ok()?;
        let mut sums = vec![0.0; features.width];
        let mut largest = vec![f64::NEG_INFINITY; features.width];
        for i in 0..features.len() {
            let row = features.row(i);
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            largest.iter_mut().zip(row).for_each(|(most, x)| *most = most.max(*x));
        }
        sums.extend(largest.into_iter().map(|x| if x.is_finite() { x } else { 0.0 }));
        Some(sums)
    }
}
