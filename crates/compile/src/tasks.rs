//! What there is to tune in a network.

use std::collections::HashMap;

use tachograph_program::{Form, Group, WorkloadHash};
use tachograph_tune::{
    Tuner,
    live::{Journal, Task, untuned, winner},
};

use crate::{Error, Measured, Network, Result, Work};

/// A form that is so many times slower than the fastest, each untuned, is not tuned: tuning gains less.
const HOPELESS: f64 = 1.5;

/// A different workload of a network.
struct Of<'a> {
    group: &'a Group,
    /// How often it occurs.
    count: usize,
    /// The forms that it competes with, by their workloads.
    rivals: Vec<WorkloadHash>,
}

/// A task for each different workload, forms of the same group that are no match for the fastest left out once `measured`
/// has a time of each. A tuner that searches all spaces has the points of templates alone, where one knows the workload:
/// there are few, and they compile quickly.
///
/// # Errors
/// A rule that a workload refuses.
pub fn tasks(network: &Network<'_>, measured: &Measured, tuner: &Tuner) -> Result<Vec<Task>> {
    let mut found: Vec<Of<'_>> = Vec::new();
    let mut at: HashMap<WorkloadHash, usize> = HashMap::new();
    for part in &network.parts {
        let Work::Kernel(forms) = &part.work else { continue };
        let hashes: Vec<WorkloadHash> = forms.iter().map(|(_, group): &(Form, Group)| group.workload.hash()).collect();
        for ((_, group), hash) in forms.iter().zip(&hashes) {
            let i = *at.entry(*hash).or_insert_with(|| {
                found.push(Of { group, count: 0, rivals: hashes.clone() });
                found.len() - 1
            });
            found[i].count += 1;
        }
    }
    let best = |hash: &WorkloadHash| {
        let times = measured.get(hash)?.iter().filter_map(|known| Some(known.outcome.as_ref().ok()?.ms));
        times.min_by(f64::total_cmp)
    };
    let hopeful = |of: &Of<'_>| {
        let fastest = of.rivals.iter().filter_map(best).min_by(f64::total_cmp);
        let own = best(&of.group.workload.hash());
        own.zip(fastest).is_none_or(|(own, fastest)| own <= HOPELESS * fastest)
    };
    let task = |of: Of<'_>| {
        let workload = &of.group.workload;
        let space = if tuner.space == "all" { "templates" } else { tuner.space };
        Ok(Task::cpu(workload.clone(), of.count, tuner, Some(space))?)
    };
    found.into_iter().filter(hopeful).map(task).collect()
}

/// What a journal knows of the workloads of a network.
///
/// # Errors
/// It cannot be read.
pub fn known(network: &Network<'_>, journal: &mut dyn Journal) -> Result<Measured> {
    let mut measured = Measured::new();
    for part in &network.parts {
        let Work::Kernel(forms) = &part.work else { continue };
        for (_, group) in forms {
            let hash = group.workload.hash();
            if let std::collections::hash_map::Entry::Vacant(place) = measured.entry(hash) {
                place.insert(journal.known(&group.workload).map_err(Error::Network)?);
            }
        }
    }
    measured.retain(|_, known| !known.is_empty());
    Ok(measured)
}

/// Milliseconds of the fastest schedule of each workload, each as often as it occurs, of the fastest form; `None` where one was
/// not measured.
pub fn total_ms(network: &Network<'_>, measured: &Measured) -> Option<f64> {
    let best = |group: &Group| {
        let known = measured.get(&group.workload.hash())?;
        Some(winner(&untuned(&group.workload).ok()?, known)?.timed.ms)
    };
    let part = |part: &crate::Part| match &part.work {
        Work::Kernel(forms) => forms.iter().filter_map(|(_, group)| best(group)).min_by(f64::total_cmp),
        _ => Some(0.0),
    };
    network.parts.iter().map(part).sum()
}
