//! Measured programs as recorded spaces.

use super::Recorded;
use crate::{Collected, Domain, Result, Tuner};

impl Recorded {
    /// The measured programs of a task, of which this tuner's cost model reads its features.
    ///
    /// # Errors
    /// No programs, one twice; the tuner's features are not there.
    pub fn of_programs(name: &str, collected: &Collected, tuner: &Tuner) -> Result<Self> {
        let Collected { head, programs } = collected;
        let listed =
            Domain::listed(head.space.clone(), programs.iter().map(|program| program.point.clone()).collect())?;
        let domain = tuner.reading(listed, &head.workload)?;
        let outcomes = programs.iter().map(|program| program.outcome.clone().map(|timed| timed.ms)).collect();
        Ok(Self { name: name.into(), domain, outcomes })
    }
}
