//! Ways to run a part: a form, a schedule, and the orders in which it reads and writes tensors.

use std::collections::HashMap;

use tachograph_ir::TensorId;
use tachograph_program::{Among, Form, Group, Machine, Nest, Schedule, Space, Target};
use tachograph_tune::live::{Known, untuned, winner};

use crate::{
    Result, formula,
    order::{self, Orders},
};

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
    /// Whether that was measured, and weights alone are counted by a formula; else a formula says all.
    pub measured: bool,
}

impl Candidate {
    pub(crate) fn new(form: Form, group: &Group, schedule: Schedule) -> Result<Self> {
        let nest = schedule.lower(&group.workload)?;
        let (reads, writes) = orders(group, &nest);
        let ms = formula::ms(&group.workload, &schedule);
        Ok(Self { form, schedule, reads, writes, ms, measured: false })
    }

    /// The same with its loops shared among threads.
    ///
    /// # Errors
    /// A schedule that the workload refuses.
    pub(crate) fn among(self, group: &Group, threads: u32) -> Result<Self> {
        let Among { schedule, share } = self.schedule.among(&group.workload, threads.into())?;
        Ok(Self { schedule, ms: share * self.ms, ..self })
    }

    fn takes_the_place_of(&self, other: &Self) -> bool {
        self.reads == other.reads && self.writes == other.writes
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

/// The ways to run a kernel, one for each combination of orders: the fastest of those that were measured, by the formula
/// where none was. `known` has what was measured of each form.
///
/// # Errors
/// A schedule that the workload refuses.
pub fn candidates(forms: &[(Form, Group)], known: &HashMap<Form, Vec<Known>>) -> Result<Vec<Candidate>> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut keep = |candidate: Candidate| match found.iter_mut().find(|other| candidate.takes_the_place_of(other)) {
        // What was measured is believed before any formula.
        Some(other) if (!candidate.measured, candidate.ms) < (!other.measured, other.ms) => *other = candidate,
        Some(_) => {}
        None => found.push(candidate),
    };
    for (form, group) in forms {
        let plain = untuned(&group.workload)?;
        keep(Candidate::new(*form, group, plain.clone())?);
        // All points of a sketch have the same orders, and the first is the one worth running untuned.
        for sketch in Space::templates(&group.workload, Machine::of(Target::native()))?.sketches {
            let space = Space { sketches: vec![sketch] };
            let Some(point) = space.nth(0) else { continue };
            if let Ok(candidate) = Candidate::new(*form, group, space.schedule(&point)?) {
                keep(candidate);
            }
        }
        for candidate in measured(*form, group, &plain, known.get(form).map_or(&[], Vec::as_slice)) {
            keep(candidate);
        }
    }
    found.sort_by(|a, b| (!a.measured, a.ms).partial_cmp(&(!b.measured, b.ms)).unwrap_or(std::cmp::Ordering::Equal));
    Ok(found)
}

/// The winner among the measured schedules with each combination of orders.
fn measured(form: Form, group: &Group, untuned: &Schedule, known: &[Known]) -> Vec<Candidate> {
    let mut classes: Vec<(Candidate, Vec<&Known>)> = Vec::new();
    for one in known.iter().filter(|known| known.outcome.is_ok()) {
        // Records of other stages under the same hash have names that are not there.
        let Ok(candidate) = Candidate::new(form, group, one.schedule.clone()) else { continue };
        match classes.iter_mut().find(|(other, _)| candidate.takes_the_place_of(other)) {
            Some((_, all)) => all.push(one),
            None => classes.push((candidate, vec![one])),
        }
    }
    let best = |(candidate, all): (Candidate, Vec<&Known>)| {
        let best = winner(untuned, all)?;
        // By itself a kernel finds its weights in the caches; in a network they come from memory, while it computes: more than the
        // longer of both, and less than their sum.
        let ms = best.timed.ms.hypot(formula::weights_ms(&group.workload));
        Some(Candidate { schedule: best.schedule.clone(), ms, measured: true, ..candidate })
    };
    classes.into_iter().filter_map(best).collect()
}
