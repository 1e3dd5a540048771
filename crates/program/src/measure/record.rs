//! What came of a measurement.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Schedule, Workload, WorkloadHash};

/// Why there is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The schedule does not fit the workload, or cannot be lowered.
    Schedule,
    /// There is no code for it.
    Code,
    /// The compiler refused, or took too long.
    Compiler,
    /// The device refused to run it: too many threads, or too much memory in a block.
    Launch,
    /// It crashed: a signal, or memory that it was not given.
    Crash,
    /// It took too long.
    Hang,
    /// Its output is not what the workload says.
    Wrong,
}

/// What came of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran, and its output is right.
    Time {
        /// Median of the repeats, in nanoseconds.
        median: f64,
        /// Half of the distance from the first to the third quartile, divided by the median.
        spread: f64,
        /// Nanoseconds a run, repeat by repeat.
        repeats: Vec<f64>,
    },
    /// It did not.
    Failed {
        /// Why.
        reason: Failure,
        /// In words.
        message: String,
    },
}

impl Outcome {
    /// Of repeats, in nanoseconds.
    pub(crate) fn of(repeats: Vec<f64>) -> Self {
        let mut sorted = repeats.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |q: f64| {
            let position = q * (sorted.len().max(1) - 1) as f64;
            let (low, high) = (position.floor() as usize, position.ceil() as usize);
            match (sorted.get(low), sorted.get(high)) {
                (Some(a), Some(b)) => a + (b - a) * position.fract(),
                _ => f64::NAN,
            }
        };
        let median = at(0.5);
        Self::Time { median, spread: (at(0.75) - at(0.25)) / 2.0 / median, repeats }
    }

    /// The median in nanoseconds, if there is one.
    pub fn nanoseconds(&self) -> Option<f64> {
        match self {
            Self::Time { median, .. } => Some(*median),
            Self::Failed { .. } => None,
        }
    }
}

/// A candidate and what came of it, with all that it takes to compare it with others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this record.
    pub version: u32,
    /// What was computed.
    pub workload: WorkloadHash,
    /// Its name.
    pub name: String,
    /// How.
    pub schedule: Schedule,
    /// What came of it.
    pub outcome: Outcome,
    /// On what.
    pub device: String,
    /// By which compiler, with which flags.
    pub compiler: String,
    /// Threads that it had.
    pub threads: u32,
    /// What the caches held: `warm`, or how many bytes were written before each run.
    pub caches: String,
}

impl Record {
    /// The version that is written.
    pub const VERSION: u32 = 1;

    /// Reads the JSON that serialising writes.
    ///
    /// # Errors
    /// A text that is none; a record of another version.
    pub fn from_json(text: &str) -> Result<Self> {
        let wrong = |message: String| Error::Format { what: "record", message };
        let record: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        match record.version {
            Self::VERSION => Ok(record),
            other => Err(wrong(format!("has version {other}, and {} is read", Self::VERSION))),
        }
    }
}

/// Something that says how fast schedules are.
pub trait Measurer {
    /// Measures schedules of one workload under the same conditions. There is a record for each, in order: what fails
    /// is a record with the reason.
    ///
    /// # Errors
    /// Nothing can be measured at all.
    fn measure(&mut self, workload: &Workload, schedules: &[Schedule]) -> Result<Vec<Record>>;

    /// From here on, candidates whose run takes longer than so many milliseconds need no exact time; all do with 0, and
    /// where a measurer does not know better.
    fn be_patient(&mut self, ms: f64) {
        let _ = ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_another_version_are_refused() {
        let mut b = crate::Builder::new("w");
        let x = b.input("x", tachograph_ir::DType::F32, &[8]).unwrap();
        let y = b.apply("y", x, |x, _| x).unwrap();
        let record = Record {
            version: Record::VERSION,
            workload: b.finish(&[y]).unwrap().hash(),
            name: "w".into(),
            schedule: Schedule::new().vectorize("y", "i"),
            outcome: Outcome::of(vec![1.0, 2.0]),
            device: "d".into(),
            compiler: "c".into(),
            threads: 1,
            caches: "warm".into(),
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(Record::from_json(&text).unwrap(), record);
        let message = Record::from_json(&text.replace("\"version\":1", "\"version\":9")).unwrap_err().to_string();
        assert_eq!(message, "record: has version 9, and 1 is read");
        assert!(Record::from_json("{").is_err());
    }

    #[test]
    fn median_and_spread() {
        let Outcome::Time { median, spread, .. } = Outcome::of(vec![3.0, 1.0, 2.0, 5.0, 4.0]) else { unreachable!() };
        assert_eq!((median, spread), (3.0, 1.0 / 3.0));
        assert_eq!(Outcome::of(vec![7.0]).nanoseconds(), Some(7.0));
    }
}
