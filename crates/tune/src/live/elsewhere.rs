//! What was measured elsewhere, on another device or of another shape: what a task may start from.

use tachograph_program::Workload;

use super::{Family, Like, Task, space};
use crate::{Collected, Domain, Result, Source, Trial};

/// So many workloads at most are what a task starts from, those of the nearest shapes.
const NEAREST: usize = 4;

/// Measurements of a workload.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    workload: Workload,
    family: Family,
    source: Source,
}

impl Elsewhere {
    fn new(place: &str, workload: Workload, domain: Domain, trials: Vec<Trial>) -> Self {
        let name = format!("{} on {place}", workload.name());
        Self { family: Family::of(&workload), workload, source: Source { name, domain, trials } }
    }

    /// What was measured.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What a journal knows. Schedules that are no points of the workload's space are left out.
    ///
    /// # Errors
    /// A rule that the workload refuses.
    pub fn known(place: &str, like: &Like) -> Result<Self> {
        let domain = Domain::new(space(&like.workload)?);
        let trial = |known: &super::Known| {
            let outcome = known.outcome.clone().map(|timed| timed.ms);
            Some(Trial { point: domain.space().point(&known.schedule)?, outcome })
        };
        let trials = like.known.iter().filter_map(trial).collect();
        Ok(Self::new(place, like.workload.clone(), domain, trials))
    }

    /// What a file of measured programs says.
    pub fn collected(file: Collected) -> Self {
        let Collected { head, programs } = file;
        let trial = |program: crate::CollectedProgram| Trial {
            point: program.point,
            outcome: program.outcome.map(|timed| timed.ms),
        };
        let trials = programs.into_iter().map(trial).collect();
        Self::new(&head.device, head.workload, Domain::new(head.space), trials)
    }
}

impl Task {
    /// Lets the tuner start from what was measured of the same operators elsewhere: of the nearest shapes, of those with a time.
    /// What there was before is replaced. How many measurements that is.
    pub fn start_from(&mut self, elsewhere: &[Elsewhere]) -> usize {
        let own = Family::of(&self.workload);
        let ran = |other: &&Elsewhere| other.source.trials.iter().any(|trial| trial.outcome.is_ok());
        let mut like: Vec<&Elsewhere> =
            elsewhere.iter().filter(|other| other.family.name == own.name).filter(ran).collect();
        let order = |other: &Elsewhere| (own.distance(&other.family), other.workload.hash());
        like.sort_by(|a, b| order(a).0.total_cmp(&order(b).0).then_with(|| order(a).1.cmp(&order(b).1)));
        self.sources = like.into_iter().take(NEAREST).map(|other| other.source.clone()).collect();
        self.sources.iter().map(|source| source.trials.len()).sum()
    }
}
