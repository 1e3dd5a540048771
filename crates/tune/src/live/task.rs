//! What is tuned: a workload of a network and the space of its schedules.

use tachograph_program::{Machine, Schedule, Space, Target, Workload, WorkloadHash};

use super::space_named;
use crate::{Domain, Result, Source, Tuner};

/// A workload, how often it occurs, and where its schedules are sought.
pub struct Task {
    /// What is computed.
    pub workload: Workload,
    /// Its hash, by which records know it.
    pub hash: WorkloadHash,
    /// How often it occurs in the network.
    pub count: usize,
    /// What is taken where nothing was tuned; it is always measured first.
    pub untuned: Schedule,
    /// The space.
    pub domain: Domain,
    /// What was measured elsewhere, for the tuner to start from; nothing at first.
    pub sources: Vec<Source>,
}

impl Task {
    /// A task whose points are read by the cost model of this tuner.
    ///
    /// # Errors
    /// The tuner's features are not there.
    pub fn new(workload: Workload, count: usize, space: Space, untuned: Schedule, tuner: &Tuner) -> Result<Self> {
        let domain = tuner.reading(Domain::new(space), &workload)?;
        Ok(Self { hash: workload.hash(), workload, count, untuned, domain, sources: Vec::new() })
    }

    /// A task for this machine's processor, in the space of this name ([`SPACES`](super::SPACES)), else in the tuner's.
    ///
    /// # Errors
    /// As [`Task::new`] and [`space_named`].
    pub fn cpu(workload: Workload, count: usize, tuner: &Tuner, space: Option<&str>) -> Result<Self> {
        let space = space_named(space.unwrap_or(tuner.space), &workload)?;
        let untuned = untuned(&workload)?;
        Self::new(workload, count, space, untuned, tuner)
    }
}

/// What is taken where nothing was tuned: the first point of the template that knows the workload, else its stages one after
/// the other, each by plain loops.
///
/// # Errors
/// A rule that the workload refuses.
pub fn untuned(workload: &Workload) -> Result<Schedule> {
    let templates = Space::templates(workload, Machine::of(Target::native()))?;
    Ok(match templates.nth(0).filter(|_| !templates.sketches.is_empty()) {
        Some(point) => templates.schedule(&point)?,
        None => Schedule::new(),
    })
}
