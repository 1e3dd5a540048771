//! Loops shared among the threads of a processor, in a schedule that was made for one.

use std::collections::HashMap;

use super::{Kind, Mark, Place, Schedule, State};
use crate::{BufferId, Result, Stage, Workload};

/// Operations that take as long as threads take to start.
const START: f64 = 3e5;
/// What reading and writing an element takes beside its arithmetic, in operations: all of it comes from memory or a cache.
const ELEMENT: f64 = 32.0;

/// A schedule whose loops are shared among threads.
#[derive(Clone, Debug)]
pub struct Among {
    /// The schedule.
    pub schedule: Schedule,
    /// What it should take, as a share of what it takes on one thread.
    pub share: f64,
}

impl Schedule {
    /// The same, with a loop of every stage that has loops of its own shared among threads, where that gains more than it takes
    /// threads to start: the loop of the result, outside of all that are reduced, whose trips divide best among them. Stages that
    /// depend on constants alone stay as they are, and so do those with a parallel loop.
    ///
    /// # Errors
    /// As [`Schedule::lower`].
    pub fn among(&self, workload: &Workload, threads: u64) -> Result<Among> {
        if threads < 2 {
            return Ok(Among { schedule: self.clone(), share: 1.0 });
        }
        let state = self.apply(workload)?;
        let (mut schedule, mut took, mut takes) = (self.clone(), 0.0, 0.0);
        for (root, work) in roots(&state) {
            took += work;
            let loops = loops(&state, root);
            let time = |(_, trips, starts): &(String, u64, u64)| {
                work * trips.div_ceil(threads) as f64 / *trips as f64 + START * *starts as f64
            };
            // Of equal ones the outermost.
            let best = loops.into_iter().min_by(|a, b| time(a).total_cmp(&time(b)));
            let Some(best) = best.filter(|best| time(best) < work) else {
                takes += work;
                continue;
            };
            let next = schedule.clone().parallel(&state.workload().buffer(root).name, &best.0);
            // A loop of a stage that others are computed with may not be one to share.
            let lowers = next.lower(workload).is_ok();
            takes += if lowers { time(&best) } else { work };
            schedule = if lowers { next } else { schedule };
        }
        Ok(Among { schedule, share: if took > 0.0 { takes / took } else { 1.0 } })
    }
}

/// Stages with loops of their own, in order, each with the operations of all that is computed inside of them.
fn roots(state: &State) -> Vec<(BufferId, f64)> {
    let workload = state.workload();
    let mut work: HashMap<BufferId, f64> = HashMap::new();
    let stages = || workload.stages().iter().filter(|stage| !workload.is_constant(stage.buffer));
    for stage in stages() {
        let mut root = stage.buffer;
        while let Some(Place::At(target, _)) = state.loops(root).map(|loops| loops.place) {
            root = target;
        }
        *work.entry(root).or_default() += operations(stage);
    }
    stages().filter_map(|stage| Some((stage.buffer, *work.get(&stage.buffer)?))).collect()
}

fn operations(stage: &Stage) -> f64 {
    let elements: f64 = stage.spatial.iter().map(|axis| axis.extent as f64).product();
    elements * ELEMENT + stage.points() as f64 * (stage.value.operations() + u64::from(stage.reduces())) as f64
}

/// The loops of a stage that may be shared: name, trips, and trips of all loops around; none where one is shared already.
fn loops(state: &State, stage: BufferId) -> Vec<(String, u64, u64)> {
    let (Some(loops), Some(of)) = (state.loops(stage), state.workload().stage(stage)) else { return Vec::new() };
    if loops.leaves.iter().any(|&leaf| loops.nodes[leaf].mark == Mark::Parallel) {
        return Vec::new();
    }
    let extents = loops.extents(&of.axes().map(|axis| axis.extent).collect::<Vec<_>>());
    let mut starts = 1u64;
    let free = loops.leaves.iter().map(|&leaf| (&loops.nodes[leaf], extents[leaf]));
    free.take_while(|(node, _)| node.kind == Kind::Spatial && node.mark == Mark::Serial)
        .map(|(node, trips)| {
            let around = starts;
            starts = starts.saturating_mul(trips);
            (node.name.clone(), trips.max(1), around)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use tachograph_ir::DType::F32;

    use super::*;
    use crate::{Builder, operator};

    fn product(rows: u64) -> Workload {
        let mut b = Builder::new("dense");
        let (x, w) = (b.input("x", F32, &[rows, 2048]).unwrap(), b.weight("w", F32, &[2048, 512]).unwrap());
        let y = operator::matmul(&mut b, x, w).unwrap();
        b.finish(&[y]).unwrap()
    }

    #[test]
    fn the_loop_that_divides_best_is_shared() {
        let split = |factor| Schedule::new().split("matmul", "i", &[factor]);
        let shared = |schedule: Schedule, rows, threads| schedule.among(&product(rows), threads).unwrap();
        let text = |shared: &Among| shared.schedule.to_string().trim_end().to_owned();
        let outer = shared(split(8), 64, 4);
        assert!(text(&outer).ends_with("parallel matmul i.0"), "{outer:?}");
        assert!((0.25..0.26).contains(&outer.share), "{outer:?}");
        // One trip cannot be shared, and the eight inside of it can.
        let inner = shared(split(8), 8, 4);
        assert!(text(&inner).ends_with("parallel matmul i.1") && inner.share < 0.5, "{inner:?}");
        // Three trips for two threads are worse than the columns inside of each.
        let ragged = shared(Schedule::new(), 3, 2);
        assert!(text(&ragged).ends_with("parallel matmul j"), "{ragged:?}");
        assert_eq!(text(&shared(split(8), 64, 1)), text(&Among { schedule: split(8), share: 1.0 }));
    }

    #[test]
    fn what_is_small_or_shared_stays() {
        let mut b = Builder::new("add");
        let x = b.input("x", F32, &[64]).unwrap();
        let y = operator::activation(&mut b, x, operator::Activation::Relu).unwrap();
        let small = b.finish(&[y]).unwrap();
        let stays = Schedule::new().among(&small, 8).unwrap();
        assert!(stays.schedule.steps.is_empty() && stays.share == 1.0, "{stays:?}");
        let own = Schedule::new().parallel("matmul", "j");
        let kept = own.among(&product(64), 4).unwrap();
        assert_eq!((kept.schedule, kept.share), (own, 1.0));
    }
}
