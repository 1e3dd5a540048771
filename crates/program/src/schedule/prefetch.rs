//! Loads that are asked for before they are needed.

use super::{Mark, Place, Scope, State};
use crate::{BufferId, Expr};

/// In each trip of a loop, what a stage reads of a buffer some trips later is brought into the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefetch {
    /// The stage.
    pub stage: BufferId,
    /// Its loop.
    pub leaf: usize,
    /// The buffer.
    pub buffer: BufferId,
    /// How many trips ahead.
    pub ahead: u64,
}

impl State {
    /// What is asked for ahead of time.
    pub fn prefetches(&self) -> &[Prefetch] {
        &self.prefetches
    }

    pub(super) fn prefetch(&mut self, stage: &str, buffer: &str, axis: &str, ahead: u64) -> Result<(), String> {
        let (id, read) = (self.stage(stage)?, self.buffer(buffer)?);
        let loops = &self.loops[&id];
        let leaf = loops.leaves[loops.position(axis)?];
        let prefetch = Prefetch { stage: id, leaf, buffer: read, ahead };
        if ahead == 0 || ahead > 1 << 20 {
            return Err(format!("{ahead} trips ahead"));
        }
        if loops.place == Place::Root {
            let axes: Vec<u64> = self.stage_of(id)?.axes().map(|axis| axis.extent).collect();
            let trips = loops.extents(&axes)[leaf];
            if ahead >= trips {
                return Err(format!("`{axis}` has {trips} trips, and there is none {ahead} ahead"));
            }
        }
        self.check_prefetch(prefetch)?;
        if self.prefetches.iter().any(|other| (other.stage, other.leaf, other.buffer) == (id, leaf, read)) {
            return Err(format!("`{buffer}` is prefetched at that loop already"));
        }
        self.prefetches.push(prefetch);
        Ok(())
    }

    /// Why a prefetch makes no sense, if it does not: steps that follow it may have changed that.
    pub(crate) fn check_prefetch(&self, prefetch: Prefetch) -> Result<(), String> {
        let Prefetch { stage, leaf, buffer, .. } = prefetch;
        let name = &self.workload.buffer(buffer).name;
        let (of, own) = (self.stage_of(stage)?, &self.loops[&stage]);
        let mut loads = false;
        let mut visit = |expr: &Expr| loads |= matches!(expr, Expr::Load(read, _) if *read == buffer);
        of.value.visit(&mut visit, &mut |_| {});
        if !loads {
            return Err(format!("`{}` does not load `{name}`", self.workload.buffer(stage).name));
        }
        let scope = self.scope(buffer);
        let local = self.loops.get(&buffer).is_some_and(|loops| loops.place != Place::Root);
        if scope != Scope::Memory || local {
            return Err(format!("`{name}` is not in memory before it is needed"));
        }
        let node = own.nodes.get(leaf).filter(|_| own.leaves.contains(&leaf)).ok_or("its loop is gone")?;
        match node.mark {
            Mark::Serial | Mark::Unroll => Ok(()),
            _ => Err(format!("trips of `{}` do not follow one another", node.name)),
        }
    }
}
