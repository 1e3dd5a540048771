//! Where measurements of programs are kept.

use rustc_hash::FxHashMap;
use tachograph_program::{Outcome, Record, Schedule, Workload, WorkloadHash};

use super::Family;

/// How long a schedule takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timed {
    /// Median of the repeats, in milliseconds.
    pub ms: f64,
    /// Half of the distance from the first to the third quartile, divided by the median.
    pub spread: f64,
}

/// A schedule that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The schedule.
    pub schedule: Schedule,
    /// Its time, or why there is none.
    pub outcome: Result<Timed, String>,
}

impl Known {
    /// What a measurer says.
    pub fn of(record: &Record) -> Self {
        let outcome = match &record.outcome {
            Outcome::Time { median, spread, .. } => Ok(Timed { ms: median / 1e6, spread: *spread }),
            Outcome::Failed { reason, message } => Err(format!("{reason:?}: {message}")),
        };
        Self { schedule: record.schedule.clone(), outcome }
    }
}

/// A workload of the same family, and what is known of it.
#[derive(Clone, Debug)]
pub struct Like {
    /// The workload.
    pub workload: Workload,
    /// What was measured of it, oldest first.
    pub known: Vec<Known>,
}

/// Keeps measurements of one device and compiler, at once and for good. Errors are in words.
pub trait Journal {
    /// What was measured of a workload, oldest first.
    ///
    /// # Errors
    /// It cannot be read.
    fn known(&mut self, workload: &Workload) -> Result<Vec<Known>, String>;

    /// Keeps measurements of a workload; when it returns, they outlive this process.
    ///
    /// # Errors
    /// It cannot be written.
    fn keep(&mut self, workload: &Workload, records: &[Record]) -> Result<(), String>;

    /// Other workloads of the same [`Family`].
    ///
    /// # Errors
    /// It cannot be read.
    fn like(&mut self, workload: &Workload) -> Result<Vec<Like>, String>;
}

/// A journal that lasts as long as it is there.
#[derive(Debug, Default)]
pub struct Memory {
    all: FxHashMap<WorkloadHash, Like>,
    order: Vec<WorkloadHash>,
}

impl Journal for Memory {
    fn known(&mut self, workload: &Workload) -> Result<Vec<Known>, String> {
        Ok(self.all.get(&workload.hash()).map_or_else(Vec::new, |like| like.known.clone()))
    }

    fn keep(&mut self, workload: &Workload, records: &[Record]) -> Result<(), String> {
        let hash = workload.hash();
        let like = self.all.entry(hash).or_insert_with(|| {
            self.order.push(hash);
            Like { workload: workload.clone(), known: Vec::new() }
        });
        like.known.extend(records.iter().map(Known::of));
        Ok(())
    }

    fn like(&mut self, workload: &Workload) -> Result<Vec<Like>, String> {
        let (hash, family) = (workload.hash(), Family::of(workload));
        let others = self.order.iter().filter(|other| **other != hash).filter_map(|other| self.all.get(other));
        Ok(others.filter(|like| Family::of(&like.workload).name == family.name).cloned().collect())
    }
}
