//! Loops, guards and stores of one stage.

use std::collections::{HashMap, HashSet};

use super::{Lowering, Region};
use crate::{
    Binding, BufferId, Cond, Error, Expr, Index, Kind, Loops, Mark, Place, Range, Reducer, Relation, Result, Stage,
    Stmt, Var,
    intrinsic::{Call, Intrinsic},
};

/// What is known of a stage while its loops are built.
pub(super) struct Emission<'a> {
    pub stage: &'a Stage,
    pub loops: &'a Loops,
    region: &'a Region,
    /// Extents of all nodes.
    pub extents: Vec<u64>,
    /// A variable for each loop, or `None` where there is one trip.
    pub vars: HashMap<usize, Option<Var>>,
    /// Values of all nodes.
    values: Vec<Index>,
    /// Conditions, and after how many loops their variables are there.
    guards: Vec<(Cond, usize)>,
    /// The same for the loops that set the result to the identity.
    pub reducer: Option<Reducer>,
    pub marks: Vec<Mark>,
    /// Where guards, and loops over virtual threads, are written at the earliest: beyond what is computed inside of the
    /// loops, since all threads take part in that. The beginning on processors.
    inner: usize,
    /// The first loop whose work an instruction does, by position, and the instruction.
    tensor: Option<(usize, &'static Intrinsic)>,
}

impl Emission<'_> {
    /// True if a condition is there only after more than so many loops.
    pub fn guarded_beyond(&self, position: usize) -> bool {
        self.guards.iter().any(|(_, bound)| *bound > position)
    }
}

impl Lowering<'_> {
    pub(super) fn stage(&mut self, stage: &Stage, region: &Region) -> Result<Vec<Stmt>> {
        let state = self.state;
        let loops = &state.loops[&stage.buffer];
        let axes: Vec<u64> =
            region.extents.iter().copied().chain(stage.reduction.iter().map(|axis| axis.extent)).collect();
        let extents = loops.extents(&axes);
        let marks = marks(loops, &extents);
        let mut vars = HashMap::new();
        for (position, &leaf) in loops.leaves.iter().enumerate() {
            let name = format!("{}.{}", self.name(stage.buffer), loops.nodes[leaf].name);
            let var = (extents[leaf] != 1).then(|| self.new_loop(name, extents[leaf], marks[position]));
            vars.insert(leaf, var);
        }
        let reducer = stage.reducer.filter(|_| stage.reduces());
        let values = self.values(loops, &extents, &vars);
        let inner = if self.gpu { self.innermost_place(stage.buffer) } else { 0 };
        let guards = Vec::new();
        let mut e =
            Emission { stage, loops, region, extents, vars, values, guards, reducer, marks, inner, tensor: None };
        self.guards(&mut e);
        e.tensor = self.tensorized(&e)?;
        if self.gpu {
            self.check_bindings(&e)?;
        }
        self.build(&e, 0)
    }

    /// Values of all nodes, from those of the loops.
    fn values(&self, loops: &Loops, extents: &[u64], vars: &HashMap<usize, Option<Var>>) -> Vec<Index> {
        let mut values = vec![Index::default(); loops.nodes.len()];
        for (&leaf, var) in vars {
            values[leaf] = var.map_or(Index::default(), Index::var);
        }
        for relation in loops.relations.iter().rev() {
            match relation {
                Relation::Split { parent, parts, .. } => {
                    let sum =
                        parts.iter().fold(Index::default(), |sum, &part| &(sum * extents[part] as i64) + &values[part]);
                    values[*parent] = self.simplify(&sum);
                }
                Relation::Fuse { parents, fused } => {
                    let mut rest = values[*fused].clone();
                    for &parent in parents[1..].iter().rev() {
                        let extent = extents[parent].max(1) as i64;
                        values[parent] = self.simplify(&rest.modulo(extent));
                        rest = self.simplify(&rest.div(extent));
                    }
                    values[parents[0]] = rest;
                }
            }
        }
        values
    }

    /// Where splits leave too much, and where a part may reach beyond its buffer.
    fn guards(&self, e: &mut Emission<'_>) {
        let mut conds: Vec<Cond> = Vec::new();
        for relation in &e.loops.relations {
            let Relation::Split { parent, parts, .. } = relation else { continue };
            let trips = parts.iter().fold(1u64, |n, &part| n.saturating_mul(e.extents[part]));
            if trips > e.extents[*parent] {
                conds.push(Cond::In(e.values[*parent].clone(), 0, e.extents[*parent] as i64));
            }
        }
        let shape = &self.state.workload.buffer(e.stage.buffer).shape;
        for (axis, &extent) in shape.iter().enumerate() {
            let min = e.region.mins[axis].range(&|var| self.range(var));
            let reach = Range::of(e.region.extents[axis]).max;
            if min.min < 0 || min.max.saturating_add(reach) >= extent as i64 {
                conds.push(Cond::In(&e.region.mins[axis] + &e.values[axis], 0, extent as i64));
            }
        }
        for cond in conds {
            let Ok(cond) = cond.simplify(&|var| self.range(var)) else { continue };
            if e.guards.iter().any(|(other, _)| *other == cond) {
                continue;
            }
            let Cond::In(index, ..) = &cond else { continue };
            let position = |leaf: &usize| e.vars[leaf].is_some_and(|var| index.has(var));
            let bound = e.loops.leaves.iter().rposition(position).map_or(0, |position| position + 1);
            e.guards.push((cond, bound.max(e.inner)));
        }
    }

    /// The loops from `position` on, inside of their guards and of the loops over virtual threads.
    fn build(&mut self, e: &Emission<'_>, position: usize) -> Result<Vec<Stmt>> {
        if position != e.inner {
            return self.unguarded(e, position);
        }
        let pending = std::mem::take(&mut self.pending);
        let mut stmts = self.unguarded(e, position)?;
        let conds: Vec<Cond> =
            e.guards.iter().filter(|(_, bound)| *bound == position).map(|(cond, _)| cond.clone()).collect();
        if !conds.is_empty() {
            stmts = vec![Stmt::If(conds, stmts)];
        }
        for &var in pending.iter().rev() {
            stmts = vec![Stmt::For(var, stmts)];
        }
        self.pending = pending;
        Ok(stmts)
    }

    fn unguarded(&mut self, e: &Emission<'_>, position: usize) -> Result<Vec<Stmt>> {
        let mut stmts = Vec::new();
        let reduction = e.loops.leaves.iter().position(|&leaf| e.loops.nodes[leaf].kind == Kind::Reduction);
        // Where an instruction does the reduction, it is set beforehand.
        let first_reduction = reduction.map(|at| e.tensor.map_or(at, |(first, _)| at.min(first)));
        let call = match e.tensor {
            Some((first, intrinsic)) if first == position => Some(self.called(e, position, intrinsic)?),
            _ => None,
        };
        if e.reducer.is_some() && first_reduction == Some(position) {
            let mut identity = self.identity(e, position)?;
            for &var in self.pending.iter().rev() {
                identity = vec![Stmt::For(var, identity)];
            }
            stmts.extend(identity);
        }
        if let Some(call) = call {
            stmts.push(call);
            return Ok(stmts);
        }
        let Some(&leaf) = e.loops.leaves.get(position) else {
            stmts.push(self.store(e)?);
            return Ok(stmts);
        };
        let mark = e.marks[position];
        let var = e.vars[&leaf];
        let refuse = |lowering: &Self, message: &str| Err(Error::lower(lowering.name(e.stage.buffer), message));
        if var.is_some() && mark == Mark::Parallel {
            if self.parallel > 0 {
                return refuse(self, "a parallel loop lies inside of another");
            }
            self.parallel += 1;
        }
        if var.is_some() && mark == Mark::Vector && position + 1 != e.loops.leaves.len() {
            return refuse(self, "a vector loop has loops inside");
        }
        let waits = mark == Mark::Bind(Binding::Vthread) && position < e.inner;
        let threads = var.filter(|_| matches!(mark, Mark::Bind(Binding::Thread(_) | Binding::Vthread)));
        let serial = usize::from(var.is_some() && !matches!(mark, Mark::Bind(_)));
        self.threads.extend(threads);
        self.pending.extend(threads.filter(|_| waits));
        self.serial += serial;
        let mut inner = match var {
            Some(var) => self.prefetched(e, position, var)?,
            None => Vec::new(),
        };
        inner.extend(self.attached(e, position)?);
        inner.extend(self.build(e, position + 1)?);
        self.serial -= serial;
        if threads.is_some() {
            self.threads.pop();
            if waits {
                self.pending.pop();
                stmts.extend(inner);
                return Ok(stmts);
            }
        }
        if var.is_some() && mark == Mark::Parallel {
            self.parallel -= 1;
        }
        let conds: Vec<Cond> = e
            .guards
            .iter()
            .filter(|(_, bound)| *bound == position + 1 && *bound > e.inner)
            .map(|(cond, _)| cond.clone())
            .collect();
        if !conds.is_empty() {
            inner = vec![Stmt::If(conds, inner)];
        }
        match var {
            Some(var) => stmts.push(Stmt::For(var, inner)),
            None => stmts.extend(inner),
        }
        Ok(stmts)
    }

    /// What is computed at the beginning of each trip of the loop at `position`.
    fn attached(&mut self, e: &Emission<'_>, position: usize) -> Result<Vec<Stmt>> {
        let state = self.state;
        let leaf = e.loops.leaves[position];
        let here = |id: &BufferId| matches!(state.loops[id].place, Place::At(stage, at) if stage == e.stage.buffer && at == leaf);
        let order: Vec<&Stage> = state.workload.stages().iter().filter(|stage| here(&stage.buffer)).collect();
        if order.is_empty() {
            return Ok(Vec::new());
        }
        let inner = &e.loops.leaves[position + 1..];
        let varies: HashSet<Var> = inner.iter().filter_map(|leaf| e.vars[leaf]).collect();
        let axes = self.axes(e);
        let mut regions = self.regions_inside(e.stage, &axes, &e.loops.leaves[position..], &varies)?;
        self.inside_of_a_trip(order, &mut regions)
    }

    /// Values of the axes of a stage.
    pub(super) fn axes(&self, e: &Emission<'_>) -> Vec<Index> {
        let value = |axis: usize| match e.region.mins.get(axis) {
            Some(min) => self.simplify(&(min + &e.values[axis])),
            None => e.values[axis].clone(),
        };
        (0..e.stage.rank()).map(value).collect()
    }

    pub(super) fn store(&self, e: &Emission<'_>) -> Result<Stmt> {
        let id = e.stage.buffer;
        let axes = self.axes(e);
        let value = e.stage.value.map_indices(&|index| index.substitute(&|var| axes.get(var as usize).cloned()));
        let value = self.value(id, &value)?.simplify(&|var| self.range(var));
        let index = self.place(id, &e.values[..e.stage.spatial.len()]);
        let value = match e.reducer {
            Some(reducer) => Expr::Load(id, index.clone()).binary(reducer.binary(), value),
            None => value,
        };
        Ok(Stmt::Store(id, index, value))
    }

    /// Index in memory of the element at an index from the beginning of the part that is there.
    fn place(&self, id: BufferId, index: &[Index]) -> Vec<Index> {
        let of_threads = self.own.get(&id).into_iter().flatten().map(|&var| Index::var(var));
        let index: Vec<Index> = of_threads.chain(index.iter().cloned()).collect();
        self.buffers[id.index()].layout.index(&index).iter().map(|index| self.simplify(index)).collect()
    }

    /// The expression with reads from where buffers are.
    pub(super) fn value(&self, reader: BufferId, expr: &Expr) -> Result<Expr> {
        let mut wrong = None;
        let mut replace = |expr: Expr| {
            let (id, index) = match &expr {
                Expr::Load(id, index) => (*id, index),
                Expr::Lookup { buffer, index, .. } => (*buffer, index),
                _ => return expr,
            };
            let Some(region) = self.regions.get(&id) else {
                wrong.get_or_insert_with(|| format!("reads `{}`, which is not there", self.name(id)));
                return expr;
            };
            let own: Vec<Index> = index.iter().zip(&region.mins).map(|(index, min)| index - min).collect();
            let placed = self.place(id, &own);
            match expr {
                Expr::Lookup { buffer, axis, position, .. } => {
                    // The position along one axis must be one along one dimension.
                    let dims = &self.buffers[id.index()].layout.dims;
                    let axis = axis + self.own.get(&id).map_or(0, Vec::len);
                    let dim = dims.iter().position(|dim| dim.axis == axis && dim.divide == 1 && dim.modulo.is_none());
                    match dim {
                        Some(axis) => Expr::Lookup { buffer, axis, position, index: placed },
                        None => {
                            wrong.get_or_insert_with(|| format!("looks `{}` up along a blocked axis", self.name(id)));
                            Expr::Const(0.0)
                        }
                    }
                }
                _ => Expr::Load(id, placed),
            }
        };
        let value = expr.map(&mut replace, &Clone::clone);
        match wrong {
            Some(message) => Err(Error::lower(self.name(reader), message)),
            None => Ok(value),
        }
    }

    /// Loops that set the result to what an empty reduction gives: the spatial ones from `position` on, again.
    fn identity(&mut self, e: &Emission<'_>, position: usize) -> Result<Vec<Stmt>> {
        let Some(reducer) = e.reducer else { return Ok(Vec::new()) };
        let id = e.stage.buffer;
        let rest: Vec<(usize, usize)> = (position..e.loops.leaves.len())
            .map(|at| (at, e.loops.leaves[at]))
            .filter(|&(_, leaf)| e.loops.nodes[leaf].kind == Kind::Spatial)
            .collect();
        let mut own: HashMap<Var, Var> = HashMap::new();
        let mut order = Vec::new();
        // A warp's tile is set by its threads together.
        let warp = e.tensor.filter(|(_, intrinsic)| intrinsic.warp);
        let mut tile = Vec::new();
        for &(at, leaf) in &rest {
            let Some(var) = e.vars[&leaf] else { continue };
            if e.marks[at] == Mark::Parallel {
                return Err(Error::lower(self.name(id), "a parallel loop lies inside of the reduction"));
            }
            let name = self.loops[var as usize].name.clone();
            let new = self.new_loop(name, e.extents[leaf], e.marks[at]);
            own.insert(var, new);
            match warp {
                Some((first, _)) if at >= first => tile.push(new),
                _ => order.push(new),
            }
        }
        let replace = |index: &Index| index.substitute(&|var| own.get(&var).map(|&new| Index::var(new)));
        let index: Vec<Index> = e.values[..e.stage.spatial.len()].iter().map(replace).collect();
        let index = self.place(id, &index);
        let mut stmts = vec![match warp {
            Some((_, intrinsic)) => {
                let result = (id, index);
                Stmt::Intrinsic(Call { intrinsic, clears: true, vars: tile, result, operands: Vec::new() })
            }
            None => Stmt::Store(id, index, Expr::Const(reducer.identity())),
        }];
        // Guards of spatial loops that come after; those before are around all this already.
        let spatial = |index: &Index| {
            e.loops.leaves.iter().all(|leaf| {
                e.loops.nodes[*leaf].kind == Kind::Spatial || e.vars[leaf].is_none_or(|var| !index.has(var))
            })
        };
        let after = e.guards.iter().filter(|(_, bound)| *bound > position);
        let conds: Vec<Cond> = after
            .filter_map(|(cond, _)| match cond {
                Cond::In(index, min, max) if spatial(index) => Some(Cond::In(replace(index), *min, *max)),
                _ => None,
            })
            .collect();
        if !conds.is_empty() {
            stmts = vec![Stmt::If(conds, stmts)];
        }
        for var in order.into_iter().rev() {
            stmts = vec![Stmt::For(var, stmts)];
        }
        Ok(stmts)
    }
}

/// Marks of the loops, those of the automatic unrolling included.
fn marks(loops: &Loops, extents: &[u64]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = loops.leaves.iter().map(|&leaf| loops.nodes[leaf].mark).collect();
    let mut trips = 1u64;
    for (mark, &leaf) in marks.iter_mut().zip(&loops.leaves).rev() {
        if matches!(mark, Mark::Bind(_)) {
            break;
        }
        if *mark == Mark::Vector {
            // What counts is how much is written out: a vector of sixteen is one statement.
            trips = extents[leaf].div_ceil(16);
            continue;
        }
        trips = trips.saturating_mul(extents[leaf]);
        if trips > loops.unroll {
            break;
        }
        if *mark == Mark::Serial {
            *mark = Mark::Unroll;
        }
    }
    marks
}
