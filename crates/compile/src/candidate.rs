//! Ways to run a part: a form, a schedule, and the orders in which it reads and writes tensors.

use std::{cmp::Ordering, collections::HashMap};

use serde::{Deserialize, Serialize};
use tachograph_ir::TensorId;
use tachograph_program::{Among, Form, Group, Machine, Nest, Schedule, Space, Target};
use tachograph_tune::live::{Known, untuned, winner};

use crate::{
    Result, formula,
    order::{self, Orders},
};

/// Schedules of the same orders that may be timed in the network against each other: by themselves they are within the noise.
const RIVALS: usize = 3;

/// A way to run a part.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which of the part's forms.
    pub form: Form,
    /// Its schedule.
    pub schedule: Schedule,
    /// Orders of the activations that it reads.
    pub reads: Orders,
    /// Orders of its results.
    pub writes: Orders,
    /// What it takes.
    pub ms: f64,
    /// Whence that is known.
    pub basis: Basis,
}

/// Whence it is known what a kernel takes; what comes first is believed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// It was timed between the others of its network.
    InNetwork,
    /// It was measured by itself, and a formula says what its weights take.
    Alone,
    /// A formula says all.
    Formula,
}

impl Candidate {
    pub(crate) fn new(form: Form, group: &Group, schedule: Schedule) -> Result<Self> {
        let nest = schedule.lower(&group.workload)?;
        let (reads, writes) = orders(group, &nest);
        let ms = formula::ms(&group.workload, &schedule);
        Ok(Self { form, schedule, reads, writes, ms, basis: Basis::Formula })
    }

    /// The same with its loops shared among threads.
    ///
    /// # Errors
    /// A schedule that the workload refuses.
    pub(crate) fn among(self, group: &Group, threads: u32) -> Result<Self> {
        let Among { schedule, share } = self.schedule.among(&group.workload, threads.into())?;
        Ok(Self { schedule, ms: share * self.ms, ..self })
    }

    /// What tells the kernels of a part apart.
    pub(crate) fn key(&self) -> String {
        format!("{:?} {}", self.form, self.schedule)
    }

    /// Whether it is the same kernel, whatever is known of its time.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.form == other.form && self.schedule == other.schedule
    }

    /// Whether it reads and writes the same orders, in the same form.
    fn is_like(&self, other: &Self) -> bool {
        self.form == other.form && self.reads == other.reads && self.writes == other.writes
    }

    /// What is believed first, then what is fastest.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.basis.cmp(&other.basis).then(self.ms.total_cmp(&other.ms))
    }
}

/// Orders of what a group reads, weights left out, and writes.
fn orders(group: &Group, nest: &Nest) -> (Orders, Orders) {
    let order = |(tensor, buffer): &(TensorId, _)| {
        let buffer = nest.buffer(*buffer);
        (*tensor, order::canonical(&buffer.layout, &buffer.shape))
    };
    let given = |(_, id): &&(TensorId, _)| {
        group.workload.buffer(*id).role == tachograph_program::Role::Input && nest.inputs.contains(id)
    };
    (group.inputs.iter().filter(given).map(order).collect(), group.outputs.iter().map(order).collect())
}

/// The ways to run a kernel: for each form and combination of orders the fastest [`RIVALS`] that were measured, or the fastest by the
/// formula where none was. `known` has what was measured of each form.
///
/// # Errors
/// A schedule that the workload refuses.
pub fn candidates(forms: &[(Form, Group)], known: &HashMap<Form, Vec<Known>>) -> Result<Vec<Candidate>> {
    let mut found: Vec<Candidate> = Vec::new();
    for (form, group) in forms {
        let plain = untuned(&group.workload)?;
        let mut own = measured(*form, group, &plain, known.get(form).map_or(&[], Vec::as_slice));
        let mut keep = |candidate: Candidate| match own.iter_mut().find(|other| candidate.is_like(other)) {
            // What was measured is believed before any formula.
            Some(other) if candidate.order(other).is_lt() => *other = candidate,
            Some(_) => {}
            None => own.push(candidate),
        };
        keep(Candidate::new(*form, group, plain.clone())?);
        // All points of a sketch have the same orders, and the first is the one worth running untuned.
        for sketch in Space::templates(&group.workload, Machine::of(Target::native()))?.sketches {
            let space = Space { sketches: vec![sketch] };
            let Some(point) = space.nth(0) else { continue };
            if let Ok(candidate) = Candidate::new(*form, group, space.schedule(&point)?) {
                keep(candidate);
            }
        }
        found.extend(own);
    }
    found.sort_by(Candidate::order);
    Ok(found)
}

/// The fastest of the measured schedules with each combination of orders.
fn measured(form: Form, group: &Group, untuned: &Schedule, known: &[Known]) -> Vec<Candidate> {
    let mut classes: Vec<(Candidate, Vec<&Known>)> = Vec::new();
    for one in known.iter().filter(|known| known.outcome.is_ok()) {
        // Records of other stages under the same hash have names that are not there.
        let Ok(candidate) = Candidate::new(form, group, one.schedule.clone()) else { continue };
        match classes.iter_mut().find(|(other, _)| candidate.is_like(other)) {
            Some((_, all)) => all.push(one),
            None => classes.push((candidate, vec![one])),
        }
    }
    // By itself a kernel finds its weights in the caches; in a network they come from memory, while it computes: more than the
    // longer of both, and less than their sum.
    let weights = formula::weights_ms(&group.workload);
    let mut found = Vec::new();
    for (like, mut all) in classes {
        for _ in 0..RIVALS {
            let Some(best) = winner(untuned, all.iter().copied()) else { break };
            let (schedule, ms) = (best.schedule.clone(), best.timed.ms.hypot(weights));
            all.retain(|known| known.schedule != schedule);
            found.push(Candidate { schedule, ms, basis: Basis::Alone, ..like.clone() });
        }
    }
    found
}
