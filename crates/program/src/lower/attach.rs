//! Stages that are computed inside of another's loop.

use std::collections::{HashMap, HashSet};

use super::{Lowering, Region};
use crate::{BufferId, LayoutDim, Place, Result, Scope, Stage, Stmt, Storage};

impl Lowering<'_> {
    /// What is computed at the beginning of each trip of a loop, in order, with the barriers that buffers need which
    /// threads share: none is overwritten while another thread reads it, and none is read before it is there.
    pub(super) fn inside_of_a_trip(
        &mut self,
        order: Vec<&Stage>,
        regions: &mut HashMap<BufferId, Region>,
    ) -> Result<Vec<Stmt>> {
        let mut stmts = Vec::new();
        let mut written: HashSet<BufferId> = HashSet::new();
        let mut first = true;
        for stage in order {
            let id = stage.buffer;
            let Some(region) = regions.remove(&id) else { continue };
            let shared = self.state.scope(id) == Scope::Shared;
            if written.iter().any(|&other| self.reads(id, other)) {
                stmts.push(Stmt::Barrier);
                written.clear();
            }
            if shared && std::mem::take(&mut first) && self.serial > 0 {
                // The trip before may still be reading.
                stmts.push(Stmt::Barrier);
            }
            // One thread's own buffer is there for each of its virtual threads; a shared one is there once.
            let pending = if shared { std::mem::take(&mut self.pending) } else { self.pending.clone() };
            let virtual_threads: Vec<u64> =
                pending.iter().filter(|_| !shared).map(|&var| self.loops[var as usize].extent).collect();
            let mut layout = self.state.layout(id);
            layout.dims.iter_mut().for_each(|dim| dim.axis += virtual_threads.len());
            let outer = (0..virtual_threads.len()).map(|axis| LayoutDim { axis, divide: 1, modulo: None });
            layout.dims.splice(0..0, outer);
            let buffer = &mut self.buffers[id.index()];
            buffer.layout = layout;
            buffer.shape = virtual_threads.iter().chain(&region.extents).copied().collect();
            buffer.storage = Storage::Local;
            self.own.insert(id, if shared { Vec::new() } else { pending.clone() });
            stmts.push(Stmt::Alloc(id));
            stmts.extend(self.stage(stage, &region)?);
            self.pending = pending;
            self.regions.insert(id, region);
            if shared {
                written.insert(id);
            }
        }
        if !written.is_empty() {
            stmts.push(Stmt::Barrier);
        }
        Ok(stmts)
    }

    /// True if computing a stage, with what is computed inside of it, reads a buffer.
    fn reads(&self, stage: BufferId, buffer: BufferId) -> bool {
        let workload = &self.state.workload;
        let own = |id: BufferId| workload.stage(id).is_some_and(|stage| stage.value.reads().contains(&buffer));
        let Some(loops) = self.state.loops.get(&stage) else { return false };
        own(stage) || self.inside(stage, &loops.leaves).into_iter().any(own)
    }

    /// How many loops of a stage have something inside that is computed with them: one more than the innermost of
    /// those.
    pub(super) fn innermost_place(&self, stage: BufferId) -> usize {
        let Some(own) = self.state.loops.get(&stage) else { return 0 };
        let position = |loops: &crate::Loops| match loops.place {
            Place::At(target, leaf) if target == stage => own.leaves.iter().position(|&other| other == leaf),
            _ => None,
        };
        self.state.loops.values().filter_map(position).max().map_or(0, |position| position + 1)
    }
}
