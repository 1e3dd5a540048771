//! Lowering: from a workload and the loops of its stages to one nest.
//!
//! Stages at the root get loops over their whole shape. A stage that is computed inside of another's loop gets loops
//! over the part that is read there, which is found from the indices of its readers ([`bounds`]). Guards are set only
//! where a split leaves too much, or where such a part may reach beyond the buffer.

mod attach;
mod bounds;
mod emit;
mod expand;
mod launch;
mod prefetch;
mod tensorize;

use std::collections::{HashMap, HashSet};

use bounds::{Bounds, bounds};

use crate::{
    BufferId, Error, Expr, Index, Loop, Mark, Nest, NestBuffer, Place, Range, Result, Role, Scope, Stage, State,
    Storage, Var,
};

/// The part of a buffer that is there.
#[derive(Clone, Debug)]
struct Region {
    mins: Vec<Index>,
    extents: Vec<u64>,
}

impl Region {
    fn whole(shape: &[u64]) -> Self {
        Self { mins: vec![Index::default(); shape.len()], extents: shape.to_vec() }
    }
}

struct Lowering<'a> {
    state: &'a State,
    loops: Vec<Loop>,
    buffers: Vec<NestBuffer>,
    /// Parts of the buffers that are there at the moment.
    regions: HashMap<BufferId, Region>,
    /// Parallel loops around.
    parallel: usize,
    /// Whether anything is bound to a grid.
    gpu: bool,
    /// Loops around that threads and virtual threads share out.
    threads: Vec<Var>,
    /// Loops over virtual threads around that are yet to be written, inside of what all of them do together.
    pending: Vec<Var>,
    /// The virtual threads that have a buffer each.
    own: HashMap<BufferId, Vec<Var>>,
    /// Loops around whose trips are taken one after the other.
    serial: usize,
}

impl State {
    /// Lowers it to loops.
    ///
    /// # Errors
    /// A stage that is read where it is not computed; nested parallel loops; a vector loop with loops inside; of GPU
    /// programs: blocks inside of other loops, too many threads, a barrier that not all threads reach, buffers that
    /// threads would have to share and do not, parallel loops.
    pub fn lower(&self) -> Result<Nest> {
        let workload = &self.workload;
        let storage = |id: BufferId| match workload.buffer(id).role {
            Role::Input if workload.readers(id).is_empty() => Storage::Gone,
            Role::Weight if workload.readers(id).is_empty() => Storage::Gone,
            Role::Input => Storage::Input,
            Role::Weight => Storage::Weight,
            Role::Stage if workload.outputs.contains(&id) => Storage::Output,
            Role::Stage => match self.loops.get(&id).map(|loops| loops.place) {
                None => Storage::Gone,
                Some(Place::At(..)) => Storage::Local,
                Some(Place::Root) if workload.is_constant(id) => Storage::Prepared,
                Some(Place::Root) => Storage::Workspace,
            },
        };
        let ids: Vec<BufferId> = (0..workload.buffers.len() as u32).map(BufferId).collect();
        let buffer = |&id: &BufferId| {
            let b = workload.buffer(id);
            let (layout, scope) = (self.layout(id), self.scope(id));
            NestBuffer {
                name: b.name.clone(),
                dtype: b.dtype,
                shape: b.shape.clone(),
                layout,
                scope,
                storage: storage(id),
            }
        };
        let buffers: Vec<NestBuffer> = ids.iter().map(buffer).collect();
        let bound = |loops: &crate::Loops| loops.nodes.iter().any(|node| matches!(node.mark, Mark::Bind(_)));
        let gpu = self.loops.values().any(bound) || self.scopes.values().any(|&scope| scope == Scope::Shared);
        let mut lowering = Lowering {
            state: self,
            loops: Vec::new(),
            buffers,
            regions: HashMap::new(),
            parallel: 0,
            gpu,
            threads: Vec::new(),
            pending: Vec::new(),
            own: HashMap::new(),
            serial: 0,
        };
        for id in ids {
            if workload.buffer(id).role != Role::Stage {
                lowering.regions.insert(id, Region::whole(&workload.buffer(id).shape));
            }
        }
        let (mut prepare, mut body) = (Vec::new(), Vec::new());
        for stage in workload.stages() {
            let id = stage.buffer;
            if self.loops[&id].place != Place::Root {
                continue;
            }
            let region = Region::whole(&workload.buffer(id).shape);
            let mut stmts = lowering.stage(stage, &region)?;
            if gpu {
                stmts = lowering.launch(id, stmts)?;
            }
            if lowering.buffers[id.index()].storage == Storage::Prepared { &mut prepare } else { &mut body }
                .extend(stmts);
            lowering.regions.insert(id, region);
        }
        let inputs = workload.inputs().filter(|&id| !workload.readers(id).is_empty()).collect();
        let Lowering { loops, buffers, .. } = lowering;
        let (prepare, body) = (expand::expand(prepare, &loops), expand::expand(body, &loops));
        let outputs = workload.outputs.clone();
        Ok(Nest { name: workload.name.clone(), buffers, loops, prepare, body, inputs, outputs })
    }
}

impl Lowering<'_> {
    fn range(&self, var: Var) -> Range {
        Range::of(self.loops.get(var as usize).map_or(1, |l| l.extent))
    }

    fn simplify(&self, index: &Index) -> Index {
        index.simplify(&|var| self.range(var))
    }

    fn new_loop(&mut self, name: String, extent: u64, mark: Mark) -> Var {
        self.loops.push(Loop { name, extent, mark });
        self.loops.len() as Var - 1
    }

    fn name(&self, id: BufferId) -> &str {
        &self.state.workload.buffer(id).name
    }

    /// Stages that are computed inside of `stage`, at one of these loops or deeper.
    fn inside(&self, stage: BufferId, leaves: &[usize]) -> HashSet<BufferId> {
        let mut found: HashSet<BufferId> = HashSet::new();
        let mut queue: Vec<BufferId> = Vec::new();
        for (&id, loops) in &self.state.loops {
            if matches!(loops.place, Place::At(target, leaf) if target == stage && leaves.contains(&leaf)) {
                queue.push(id);
            }
        }
        while let Some(id) = queue.pop() {
            if found.insert(id) {
                let at = |loops: &crate::Loops| matches!(loops.place, Place::At(target, _) if target == id);
                queue.extend(self.state.loops.iter().filter(|(_, loops)| at(loops)).map(|(&id, _)| id));
            }
        }
        found
    }

    /// What of each stage inside of `stage` at `leaves` or deeper is read, while the loops in `varies` go round.
    /// `axes` are the values of the axes of `stage`.
    fn regions_inside(
        &self,
        stage: &Stage,
        axes: &[Index],
        leaves: &[usize],
        varies: &HashSet<Var>,
    ) -> Result<HashMap<BufferId, Region>> {
        let inside = self.inside(stage.buffer, leaves);
        let workload = &self.state.workload;
        // Axes of the stages seen so far; those of stages inside get variables beyond all loops.
        let mut values: HashMap<BufferId, Vec<Index>> = HashMap::from([(stage.buffer, axes.to_vec())]);
        let mut extents: Vec<u64> = Vec::new();
        let first = self.loops.len() as Var;
        let mut regions = HashMap::new();
        for producer in workload.stages().iter().rev().filter(|stage| inside.contains(&stage.buffer)) {
            let id = producer.buffer;
            let shape = &workload.buffer(id).shape;
            let mut read: Option<Vec<Option<Bounds>>> = None;
            for reader in workload.stages().iter().filter(|stage| values.contains_key(&stage.buffer)) {
                let own = &values[&reader.buffer];
                // What threads share holds what any of them reads.
                let shared = self.state.scope(id) == Scope::Shared;
                let varying = |var: Var| match var.checked_sub(first) {
                    Some(beyond) => extents.get(beyond as usize).copied(),
                    None => (varies.contains(&var) || shared && self.threads.contains(&var))
                        .then(|| self.loops[var as usize].extent),
                };
                let range = |var: Var| match var.checked_sub(first) {
                    Some(beyond) => Range::of(extents.get(beyond as usize).copied().unwrap_or(1)),
                    None => self.range(var),
                };
                let mut visit = |expr: &Expr| {
                    let (index, looked) = match expr {
                        Expr::Load(buffer, index) if *buffer == id => (index, None),
                        Expr::Lookup { buffer, axis, index, .. } if *buffer == id => (index, Some(*axis)),
                        _ => return,
                    };
                    let part = |(axis, index): (usize, &Index)| {
                        if looked == Some(axis) {
                            return None;
                        }
                        let index = index.substitute(&|var| own.get(var as usize).cloned()).simplify(&range);
                        Some(bounds(&index, &varying))
                    };
                    let parts: Vec<Option<Bounds>> = index.iter().enumerate().map(part).collect();
                    read = Some(match read.take() {
                        None => parts,
                        Some(before) => before.into_iter().zip(parts).map(|(a, b)| a?.union(b?)).collect(),
                    });
                };
                reader.value.visit(&mut visit, &mut |_| {});
            }
            let Some(read) = read else {
                return Err(Error::lower(self.name(id), "nothing reads it where it is computed"));
            };
            let mut region = Region::whole(shape);
            for (axis, part) in read.into_iter().enumerate() {
                // A part as large as the whole, or one that is not known, is the whole.
                if let Some(Bounds { min, width }) = part
                    && width < i64::MAX / 2
                    && ((width + 1) as u64) < shape[axis]
                {
                    region.mins[axis] = self.simplify(&min);
                    region.extents[axis] = (width + 1) as u64;
                }
            }
            let mut own = Vec::new();
            for (axis, extent) in
                region.extents.iter().copied().chain(producer.reduction.iter().map(|a| a.extent)).enumerate()
            {
                let var = Index::var(first + extents.len() as Var);
                extents.push(extent);
                own.push(region.mins.get(axis).map_or(var.clone(), |min| min + &var));
            }
            values.insert(id, own);
            regions.insert(id, region);
        }
        Ok(regions)
    }
}
