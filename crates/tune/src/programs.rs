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

use crate::models::Reading;

/// So many numbers are remembered; then they are forgotten, and computed anew where they are asked for.
const REMEMBERED: usize = 8 << 20;

/// How a model reads the features of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As one row: the sum of each column, then its largest.
    Sums,
    /// As it is: rows, edges, and what describes the whole.
    Whole,
}

/// A feature set, and the workload that points are programs of.
#[derive(Clone)]
pub(crate) struct Programs {
    workload: Arc<Workload>,
    set: &'static dyn FeatureSet,
    form: Form,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    readings: FxHashMap<Point, Option<Reading>>,
    numbers: usize,
}

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.set.name(), self.workload.name())
    }
}

impl Programs {
    pub fn new(workload: Workload, set: &'static dyn FeatureSet, form: Form) -> Self {
        Self { workload: workload.into(), set, form, known: Arc::default() }
    }

    /// What is read of a point; `None` where it makes no loops.
    pub fn reading(&self, space: &Space, point: &Point) -> Option<Reading> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reading) = known.readings.get(point) {
            return reading.clone();
        }
        if known.numbers >= REMEMBERED {
            *known = Known::default();
        }
        let reading = self.extract(space, point);
        known.numbers += reading.as_ref().map_or(0, Reading::numbers);
        known.readings.insert(point.clone(), reading.clone());
        reading
    }

    fn extract(&self, space: &Space, point: &Point) -> Option<Reading> {
        let schedule = space.schedule(point).ok()?;
        let program = Program::new(&self.workload, &schedule).ok()?.at(space, point);
        let features = self.set.extract(&program).ok()?;
        if self.form == Form::Whole {
            return Some(Reading::Program(features));
        }
        let mut sums = vec![0.0; features.width];
        let mut largest = vec![f64::NEG_INFINITY; features.width];
        for i in 0..features.len() {
            let row = features.row(i);
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            largest.iter_mut().zip(row).for_each(|(most, x)| *most = most.max(*x));
        }
        sums.extend(largest.into_iter().map(|x| if x.is_finite() { x } else { 0.0 }));
        Some(Reading::Row(sums))
    }
}
