//! What the steps of a schedule have made of a workload.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Binding, Kind, Layout, Loops, Mark, Place, Prefetch, Relation, Step};
use crate::{BufferId, Expr, Stage, Workload, intrinsic::Intrinsic};

/// Where a buffer lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// In memory.
    #[default]
    Memory,
    /// In registers, if the compiler finds enough: small, of constant extents, its loops unrolled.
    Register,
    /// In the memory that the threads of a block share.
    Shared,
    /// In memory, written past the caches where vectors are stored whole: an output that they would not keep.
    Streamed,
}

/// A workload with the loops of its stages.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) workload: Workload,
    pub(crate) loops: HashMap<BufferId, Loops>,
    pub(crate) scopes: HashMap<BufferId, Scope>,
    pub(crate) layouts: HashMap<BufferId, Layout>,
    pub(super) prefetches: Vec<Prefetch>,
    pub(crate) tensorized: HashMap<BufferId, (usize, &'static Intrinsic)>,
}

impl State {
    /// Every stage by loops of its own, in order.
    pub fn new(workload: Workload) -> Self {
        let loops = workload.stages.iter().map(|stage| (stage.buffer, Loops::new(stage))).collect();
        Self {
            workload,
            loops,
            scopes: HashMap::new(),
            layouts: HashMap::new(),
            prefetches: Vec::new(),
            tensorized: HashMap::new(),
        }
    }

    /// The workload as it is now: steps that inline, cache and factor change its stages.
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The loops of a stage.
    pub fn loops(&self, stage: BufferId) -> Option<&Loops> {
        self.loops.get(&stage)
    }

    /// Where a buffer lives.
    pub fn scope(&self, buffer: BufferId) -> Scope {
        self.scopes.get(&buffer).copied().unwrap_or_default()
    }

    /// How a buffer lies in memory.
    pub fn layout(&self, buffer: BufferId) -> Layout {
        let plain = || Layout::plain(self.workload.buffer(buffer).shape.len());
        self.layouts.get(&buffer).cloned().unwrap_or_else(plain)
    }

    pub(crate) fn buffer(&self, name: &str) -> Result<BufferId, String> {
        self.workload.find(name).ok_or_else(|| format!("there is no buffer `{name}`"))
    }

    pub(crate) fn stage(&self, name: &str) -> Result<BufferId, String> {
        let id = self.buffer(name)?;
        self.loops.contains_key(&id).then_some(id).ok_or_else(|| format!("`{name}` is computed by no stage"))
    }

    pub(crate) fn stage_of(&self, id: BufferId) -> Result<&Stage, String> {
        self.workload.stage(id).ok_or_else(|| "there is no such stage".into())
    }

    fn loops_of(&mut self, stage: &str) -> Result<(BufferId, &mut Loops), String> {
        let id = self.stage(stage)?;
        Ok((id, self.loops.get_mut(&id).ok_or("there is no such stage")?))
    }

    /// A loop that is split or fused away must not have buffers prefetched at it.
    fn not_prefetched(&self, stage: BufferId, leaf: usize) -> Result<(), String> {
        match self.prefetches.iter().find(|prefetch| prefetch.stage == stage && prefetch.leaf == leaf) {
            Some(at) => Err(format!("`{}` is prefetched at that loop", self.workload.buffer(at.buffer).name)),
            None => Ok(()),
        }
    }

    /// What is computed at a loop is computed at this one instead, whose trips are the same.
    fn move_places(&mut self, stage: BufferId, from: usize, to: usize) {
        for loops in self.loops.values_mut().filter(|loops| loops.place == Place::At(stage, from)) {
            loops.place = Place::At(stage, to);
        }
    }

    /// A loop whose trips are no longer those of one loop must not have stages computed at it.
    fn free(&self, stage: BufferId, leaf: usize) -> Result<(), String> {
        let at = |loops: &Loops| loops.place == Place::At(stage, leaf);
        match self.loops.iter().find(|(_, loops)| at(loops)) {
            Some((id, _)) => Err(format!("`{}` is computed at that loop", self.workload.buffer(*id).name)),
            None => Ok(()),
        }
    }

    /// Takes a step, or refuses with the reason and leaves everything as it was.
    pub(crate) fn apply(&mut self, step: &Step) -> Result<(), String> {
        use Step::{AutoUnroll, Bind, Layout, Parallel, Prefetch, Scope, Split, Tensorize, Unroll, Vectorize};
        if matches!(step, Split { .. } | Parallel { .. } | Vectorize { .. } | Unroll { .. } | AutoUnroll { .. }) {
            return self.take(step);
        }
        if matches!(step, Bind { .. } | Scope { .. } | Layout { .. } | Prefetch { .. } | Tensorize { .. }) {
            return self.take(step);
        }
        let mut next = self.clone();
        next.take(step)?;
        next.check_places()?;
        *self = next;
        Ok(())
    }

    /// What is computed inside of a loop must be read there alone, and not before.
    fn check_places(&self) -> Result<(), String> {
        let position = |stage: BufferId, leaf: usize| self.loops[&stage].leaves.iter().position(|&other| other == leaf);
        for (&id, loops) in &self.loops {
            let Place::At(target, leaf) = loops.place else { continue };
            let name = &self.workload.buffer(id).name;
            let readers = self.workload.readers(id);
            if readers.is_empty() {
                return Err(format!("`{name}` is computed where it is no longer read"));
            }
            for reader in readers {
                // The loop of the target at which the reader is computed; the target itself is inside of all.
                let mut at = reader;
                let mut reached = None;
                for _ in 0..=self.loops.len() {
                    match self.loops.get(&at).map(|loops| loops.place) {
                        _ if at == target => break,
                        Some(Place::At(next, leaf)) => (at, reached) = (next, Some(leaf)),
                        _ => return Err(format!("`{name}` is read outside of where it is computed")),
                    }
                }
                if at != target || reached.is_some_and(|reached| position(target, reached) < position(target, leaf)) {
                    return Err(format!("`{name}` is read before it is computed"));
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Split { stage, axis, factors } => {
                let (id, loops) = self.loops_of(stage)?;
                let position = loops.position(axis)?;
                let leaf = loops.leaves[position];
                self.not_prefetched(id, leaf)?;
                let parts = self.loops_of(stage)?.1.split(position, factors)?;
                // A trip of the innermost part is one of the loop.
                parts.last().into_iter().for_each(|&last| self.move_places(id, leaf, last));
                Ok(())
            }
            Step::Fuse { stage, axes } => {
                let (id, loops) = self.loops_of(stage)?;
                let positions: Vec<usize> = axes.iter().map(|axis| loops.position(axis)).collect::<Result<_, _>>()?;
                let Some(&first) = positions.first() else { return Err("no loops are named".into()) };
                if positions.iter().enumerate().any(|(i, &position)| position != first + i) {
                    return Err("the loops do not follow one another".into());
                }
                let leaves: Vec<usize> = positions.iter().map(|&position| loops.leaves[position]).collect();
                let Some((&last, outer)) = leaves.split_last() else { return Ok(()) };
                outer.iter().try_for_each(|&leaf| self.free(id, leaf))?;
                leaves.iter().try_for_each(|&leaf| self.not_prefetched(id, leaf))?;
                let fused = self.loops_of(stage)?.1.fuse(first, positions.len())?;
                self.move_places(id, last, fused);
                Ok(())
            }
            Step::Reorder { stage, order } => self.loops_of(stage)?.1.reorder(order),
            Step::Parallel { stage, axis } => self.mark(stage, axis, Mark::Parallel),
            Step::Vectorize { stage, axis } => self.mark(stage, axis, Mark::Vector),
            Step::Unroll { stage, axis } => self.mark(stage, axis, Mark::Unroll),
            Step::Bind { stage, axis, to } => self.bind(stage, axis, *to),
            Step::AutoUnroll { stage, max } => {
                self.loops_of(stage)?.1.unroll = *max;
                Ok(())
            }
            Step::ComputeAt { stage, target, axis } => self.compute_at(stage, target, axis),
            Step::ComputeRoot { stage } => {
                self.loops_of(stage)?.1.place = Place::Root;
                Ok(())
            }
            Step::ReverseComputeAt { stage, target, axis } => self.reverse_compute_at(stage, target, axis),
            Step::Inline { stage } => self.inline(stage),
            Step::Tensorize { stage, axis, intrinsic } => self.tensorize(stage, axis, intrinsic),
            Step::Prefetch { stage, buffer, axis, ahead } => self.prefetch(stage, buffer, axis, *ahead),
            Step::CacheRead { buffer, readers } => self.cache_read(buffer, readers).map(|_| ()),
            Step::CacheWrite { stage } => self.cache_write(stage).map(|_| ()),
            Step::RFactor { stage, axis, factor, outer } => self.rfactor(stage, axis, *factor, *outer).map(|_| ()),
            Step::Scope { buffer, scope } => {
                let id = self.stage(buffer)?;
                match (self.workload.outputs.contains(&id), scope) {
                    (true, Scope::Register | Scope::Shared) => return Err("an output lives in memory".into()),
                    (false, Scope::Streamed) => return Err("what is read again is not written past the caches".into()),
                    _ => {}
                }
                self.scopes.insert(id, *scope);
                Ok(())
            }
            Step::Layout { buffer, layout } => {
                let id = self.buffer(buffer)?;
                let names = match self.workload.stage(id) {
                    Some(stage) => stage.spatial.iter().map(|axis| axis.name.clone()).collect(),
                    None => (0..self.workload.buffer(id).shape.len()).map(|i| format!("d{i}")).collect::<Vec<_>>(),
                };
                let layout = super::Layout::parse(layout, &names)?;
                let buffer = self.workload.buffer(id);
                let padded = layout.extents(&buffer.shape).into_iter().try_fold(1u64, u64::checked_mul);
                if padded.is_none_or(|n| n / 64 > buffer.elements().max(1024)) {
                    return Err(format!("blocks of `{layout}` are far larger than {:?}", buffer.shape));
                }
                self.layouts.insert(id, layout);
                Ok(())
            }
        }
    }

    fn mark(&mut self, stage: &str, axis: &str, mark: Mark) -> Result<(), String> {
        let (_, loops) = self.loops_of(stage)?;
        let position = loops.position(axis)?;
        let leaf = loops.leaves[position];
        let node = &mut loops.nodes[leaf];
        if node.mark != Mark::Serial && node.mark != mark {
            return Err(format!("`{axis}` is marked {:?} already", node.mark));
        }
        if node.kind == Kind::Reduction && !matches!(mark, Mark::Unroll | Mark::Vector) {
            return Err(format!("`{axis}` is reduced: factor the reduction first"));
        }
        if mark == Mark::Vector && position + 1 != loops.leaves.len() {
            return Err(format!("`{axis}` is not the innermost loop"));
        }
        node.mark = mark;
        Ok(())
    }

    /// Blocks and threads are as many as a loop has trips, and each dimension is there once.
    fn bind(&mut self, stage: &str, axis: &str, to: Binding) -> Result<(), String> {
        let id = self.stage(stage)?;
        let axes: Vec<u64> = self.stage_of(id)?.axes().map(|axis| axis.extent).collect();
        let loops = &self.loops[&id];
        let leaf = loops.leaves[loops.position(axis)?];
        let other = loops.nodes.iter().enumerate().find(|(i, node)| *i != leaf && node.mark == Mark::Bind(to));
        if let Some((_, node)) = other.filter(|_| to != Binding::Vthread) {
            return Err(format!("`{}` is bound to {to} already", node.name));
        }
        // Inside of another stage's loops extents are known only when they are lowered.
        let extent = loops.extents(&axes)[leaf];
        if let Some(most) = to.most().filter(|&most| extent > most && loops.place == Place::Root) {
            return Err(format!("`{axis}` has {extent} trips, and {to} no more than {most}"));
        }
        self.mark(stage, axis, Mark::Bind(to))
    }

    /// True if computing `stage` is part of computing `within`.
    fn is_within(&self, stage: BufferId, within: BufferId) -> bool {
        let mut at = stage;
        for _ in 0..=self.loops.len() {
            if at == within {
                return true;
            }
            match self.loops.get(&at).map(|loops| loops.place) {
                Some(Place::At(target, _)) => at = target,
                _ => return false,
            }
        }
        false
    }

    fn compute_at(&mut self, stage: &str, target: &str, axis: &str) -> Result<(), String> {
        let (id, to) = (self.stage(stage)?, self.stage(target)?);
        if self.workload.outputs.contains(&id) {
            return Err("an output is computed whole".into());
        }
        let (_, loops) = self.loops_of(target)?;
        let leaf = loops.leaves[loops.position(axis)?];
        if self.is_within(to, id) {
            return Err(format!("`{target}` is computed inside of `{stage}`"));
        }
        // What reads it must be there: the target, or something inside of it.
        if let Some(&reader) = self.workload.readers(id).iter().find(|&&reader| !self.is_within(reader, to)) {
            let name = &self.workload.buffer(reader).name;
            return Err(format!("`{name}` reads `{stage}` and is not inside of `{target}`"));
        }
        self.loops_of(stage)?.1.place = Place::At(to, leaf);
        Ok(())
    }

    /// The consumer takes over the producer's outer loops, and the producer is computed inside of them.
    fn reverse_compute_at(&mut self, consumer: &str, producer: &str, axis: &str) -> Result<(), String> {
        let (to, from) = (self.stage(consumer)?, self.stage(producer)?);
        self.elementwise(to, from)?;
        if !self.loops[&to].is_pristine() {
            return Err(format!("`{consumer}` has been scheduled already"));
        }
        if self.loops[&from].place != Place::Root {
            return Err(format!("`{producer}` has a place already"));
        }
        let source = self.loops[&from].clone();
        let last = source.position(axis)?;
        let outer = &source.leaves[..=last];
        if outer.iter().any(|&leaf| source.nodes[leaf].kind == Kind::Reduction) {
            return Err(format!("`{axis}` is not outside of the reduction"));
        }
        let mut loops = self.loops[&to].clone();
        let map = copy_outer(&source, outer, &mut loops, self.stage_of(from)?.spatial.len())?;
        let mapped: Vec<usize> = outer.iter().map(|leaf| map[leaf]).collect();
        loops.leaves.retain(|leaf| !mapped.contains(leaf));
        loops.leaves.splice(0..0, mapped.iter().copied());
        for (&leaf, &own) in outer.iter().zip(&mapped) {
            loops.nodes[own].mark = source.nodes[leaf].mark;
        }
        self.loops.insert(to, loops);
        for (id, loops) in &mut self.loops {
            if *id == from {
                outer.iter().for_each(|&leaf| loops.nodes[leaf].mark = Mark::Serial);
                loops.place = Place::At(to, mapped[last]);
            }
            // What was computed at those loops moves along.
            if let Place::At(stage, leaf) = loops.place
                && stage == from
                && let Some(&own) = map.get(&leaf)
                && outer.contains(&leaf)
            {
                loops.place = Place::At(to, own);
            }
        }
        Ok(())
    }

    /// Checks that each element of `consumer` reads `producer` at its own index alone, and that nothing else reads it.
    fn elementwise(&self, consumer: BufferId, producer: BufferId) -> Result<(), String> {
        if self.workload.readers(producer) != [consumer] || self.workload.outputs.contains(&producer) {
            return Err("more than the one stage reads the other".into());
        }
        let stage = self.stage_of(consumer)?;
        if stage.reduces() {
            return Err("the reader reduces".into());
        }
        let shape = &self.workload.buffer(producer).shape;
        let mut alike = stage.spatial.iter().map(|axis| axis.extent).eq(shape.iter().copied());
        stage.value.visit(
            &mut |expr| match expr {
                Expr::Load(read, index) if *read == producer => {
                    alike &= index.iter().zip(shape).enumerate().all(|(axis, (i, &n))| i.is_axis(axis, n));
                }
                Expr::Lookup { buffer, .. } => alike &= *buffer != producer,
                _ => {}
            },
            &mut |_| {},
        );
        if alike { Ok(()) } else { Err("the stages do not match element by element".into()) }
    }
}

/// Splits and fuses `to` as `source` was, as far as the loops `outer` need it; says which node is which.
fn copy_outer(source: &Loops, outer: &[usize], to: &mut Loops, axes: usize) -> Result<HashMap<usize, usize>, String> {
    let mut map: HashMap<usize, usize> = (0..axes).map(|axis| (axis, axis)).collect();
    // Nodes with an outer loop among what became of them.
    let mut needed: Vec<bool> = (0..source.nodes.len()).map(|node| outer.contains(&node)).collect();
    for relation in source.relations.iter().rev() {
        match relation {
            Relation::Split { parent, parts, .. } => needed[*parent] |= parts.iter().any(|&part| needed[part]),
            Relation::Fuse { parents, fused } if needed[*fused] => parents.iter().for_each(|&p| needed[p] = true),
            Relation::Fuse { .. } => {}
        }
    }
    for relation in &source.relations {
        match relation {
            Relation::Split { parent, parts, factors } => {
                let (Some(&own), Some(last)) = (map.get(parent), parts.iter().rposition(|&part| needed[part])) else {
                    continue;
                };
                let mut kept = factors[..last].to_vec();
                let inner = factors[last..].iter().product::<u64>();
                if last < factors.len() {
                    kept.push(inner);
                }
                if kept.is_empty() {
                    continue;
                }
                let position = to.leaves.iter().position(|&leaf| leaf == own).ok_or("a loop is split twice")?;
                let made = to.split(position, &kept)?;
                parts.iter().zip(made).for_each(|(&part, made)| {
                    map.insert(part, made);
                });
            }
            Relation::Fuse { parents, fused } if needed[*fused] => {
                let own: Vec<usize> = parents
                    .iter()
                    .map(|parent| map.get(parent).copied())
                    .collect::<Option<_>>()
                    .ok_or("a fused loop is of the reduction")?;
                // They are brought side by side: the order of what is left is settled afterwards.
                let at = to.leaves.iter().position(|leaf| own.contains(leaf)).ok_or("a loop is fused twice")?;
                to.leaves.retain(|leaf| !own.contains(leaf));
                let at = at.min(to.leaves.len());
                to.leaves.splice(at..at, own.iter().copied());
                let made = to.fuse(at, own.len())?;
                map.insert(*fused, made);
            }
            Relation::Fuse { .. } => {}
        }
    }
    match outer.iter().find(|leaf| !map.contains_key(leaf)) {
        Some(&leaf) => Err(format!("`{}` has no counterpart", source.nodes[leaf].name)),
        None => Ok(map),
    }
}
