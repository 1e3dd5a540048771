//! Steps that change the stages: inlining, caches, factored reductions.

use super::{Loops, Place, State};
use crate::{Axis, Buffer, BufferId, Cond, Expr, Index, Role, Stage};

impl State {
    fn add_buffer(&mut self, name: &str, like: BufferId, shape: Vec<u64>) -> BufferId {
        let taken = |name: &str| self.workload.find(name).is_some();
        let name = match taken(name) {
            false => name.to_owned(),
            true => (2..).map(|n| format!("{name}{n}")).find(|name| !taken(name)).unwrap_or_default(),
        };
        let dtype = self.workload.buffer(like).dtype;
        self.workload.buffers.push(Buffer { name, dtype, shape, role: Role::Stage });
        BufferId(self.workload.buffers.len() as u32 - 1)
    }

    fn position(&self, stage: BufferId) -> Result<usize, String> {
        self.workload.stages.iter().position(|s| s.buffer == stage).ok_or_else(|| "there is no such stage".into())
    }

    fn pristine(&self, stage: BufferId) -> Result<(), String> {
        let name = &self.workload.buffer(stage).name;
        let at = |loops: &Loops| matches!(loops.place, Place::At(target, _) if target == stage);
        let ahead =
            self.prefetches().iter().any(|prefetch| prefetch.stage == stage) || self.tensorized.contains_key(&stage);
        match self.loops[&stage].is_pristine() && !ahead && !self.loops.values().any(at) {
            true => Ok(()),
            false => Err(format!("`{name}` has been scheduled already")),
        }
    }

    /// Puts the expression of a stage in the place of what reads it.
    pub(super) fn inline(&mut self, name: &str) -> Result<(), String> {
        let id = self.stage(name)?;
        let stage = self.stage_of(id)?.clone();
        if self.workload.outputs.contains(&id) {
            return Err("an output is not inlined".into());
        }
        if stage.reduces() {
            return Err("a reduction is not inlined".into());
        }
        self.pristine(id)?;
        let looked_up = |stage: &Stage| {
            let mut found = false;
            let mut visit = |expr: &Expr| found |= matches!(expr, Expr::Lookup { buffer, .. } if *buffer == id);
            stage.value.visit(&mut visit, &mut |_| {});
            found
        };
        if self.workload.stages.iter().any(looked_up) {
            return Err("it is read at positions that depend on data".into());
        }
        let dtype = self.workload.buffer(id).dtype;
        // The type of a buffer rounds what is stored in it.
        let rounds = stage.value.reads().first().is_none_or(|&read| self.workload.buffer(read).dtype != dtype);
        for reader in &mut self.workload.stages {
            let mut replace = |expr: Expr| match expr {
                Expr::Load(read, index) if read == id => {
                    let value = stage.value.map_indices(&|i| i.substitute(&|var| index.get(var as usize).cloned()));
                    if rounds { Expr::Cast(dtype, Box::new(value)) } else { value }
                }
                other => other,
            };
            reader.value = reader.value.map(&mut replace, &Clone::clone);
        }
        self.workload.stages.retain(|other| other.buffer != id);
        self.loops.remove(&id);
        self.scopes.remove(&id);
        self.layouts.remove(&id);
        Ok(())
    }

    /// A copy of a buffer for some of its readers, all where none is named: `NAME.read`.
    pub(super) fn cache_read(&mut self, name: &str, readers: &[String]) -> Result<BufferId, String> {
        let id = self.buffer(name)?;
        let readers: Vec<BufferId> = match readers {
            [] => self.workload.readers(id),
            _ => readers.iter().map(|name| self.stage(name)).collect::<Result<_, _>>()?,
        };
        let first = self.workload.stages.iter().position(|stage| readers.contains(&stage.buffer));
        let first = first.ok_or("nothing reads it")?;
        if let Some(&other) = readers.iter().find(|&&reader| !self.workload.readers(id).contains(&reader)) {
            return Err(format!("`{}` does not read it", self.workload.buffer(other).name));
        }
        let shape = self.workload.buffer(id).shape.clone();
        let copy = self.add_buffer(&format!("{name}.read"), id, shape.clone());
        for stage in self.workload.stages.iter_mut().filter(|stage| readers.contains(&stage.buffer)) {
            let mut replace = |expr: Expr| match expr {
                Expr::Load(read, index) if read == id => Expr::Load(copy, index),
                Expr::Lookup { buffer, axis, position, index } if buffer == id => {
                    Expr::Lookup { buffer: copy, axis, position, index }
                }
                other => other,
            };
            stage.value = stage.value.map(&mut replace, &Clone::clone);
        }
        let names: Vec<String> = match self.workload.stage(id) {
            Some(stage) => stage.spatial.iter().map(|axis| axis.name.clone()).collect(),
            None => (0..shape.len()).map(|i| format!("d{i}")).collect(),
        };
        let stage = copy_stage(copy, id, &names, &shape);
        self.loops.insert(copy, Loops::new(&stage));
        self.workload.stages.insert(first, stage);
        Ok(copy)
    }

    /// The stage computes `NAME.local`, which is then copied to the buffer itself.
    pub(super) fn cache_write(&mut self, name: &str) -> Result<BufferId, String> {
        let id = self.stage(name)?;
        self.pristine(id)?;
        let position = self.position(id)?;
        let shape = self.workload.buffer(id).shape.clone();
        let local = self.add_buffer(&format!("{name}.local"), id, shape.clone());
        let names: Vec<String> = self.workload.stages[position].spatial.iter().map(|axis| axis.name.clone()).collect();
        let copy = copy_stage(id, local, &names, &shape);
        self.loops.insert(id, Loops::new(&copy));
        let mut computed = std::mem::replace(&mut self.workload.stages[position], copy);
        computed.buffer = local;
        self.loops.insert(local, Loops::new(&computed));
        self.workload.stages.insert(position, computed);
        Ok(local)
    }

    /// Part of a reduction axis becomes an axis of a result of its own, `NAME.rf`, which is then reduced: `factor`
    /// positions that follow one another become the new axis, or with `outer` those that lie `factor` apart.
    pub(super) fn rfactor(&mut self, name: &str, axis: &str, factor: u64, outer: bool) -> Result<BufferId, String> {
        let id = self.stage(name)?;
        self.pristine(id)?;
        let position = self.position(id)?;
        let stage = one_reduction(self.workload.stages[position].clone(), axis)?;
        let reducer = stage.reducer.ok_or("it reduces nothing")?;
        let k = stage.reduction.iter().position(|other| other.name == axis);
        let k = k.ok_or_else(|| format!("there is no reduction axis `{axis}`"))?;
        let extent = stage.reduction[k].extent;
        if factor == 0 || factor > extent.max(1) {
            return Err(format!("a factor of {factor} for {extent} positions"));
        }
        let (kept, left) = if outer { (extent.div_ceil(factor), factor) } else { (factor, extent.div_ceil(factor)) };
        let rank = stage.spatial.len();
        // Variables: the spatial axes, the new one, the reduction axes.
        let new = Index::var(rank as u32);
        let rest = Index::var((rank + 1 + k) as u32);
        let whole = if outer { &(&new * factor as i64) + &rest } else { &(&rest * factor as i64) + &new };
        let replace = |var: u32| match (var as usize).checked_sub(rank) {
            None => None,
            Some(reduced) if reduced == k => Some(whole.clone()),
            Some(_) => Some(Index::var(var + 1)),
        };
        let mut value = stage.value.map_indices(&|i| i.substitute(&replace));
        if !extent.is_multiple_of(factor) {
            value = value.when(Cond::In(whole.clone(), 0, extent as i64), reducer.identity());
        }
        let mut shape = self.workload.buffer(id).shape.clone();
        shape.push(kept);
        let partial = self.add_buffer(&format!("{name}.rf"), id, shape);
        let mut spatial = stage.spatial.clone();
        spatial.push(Axis { name: format!("{axis}.rf"), extent: kept });
        let mut reduction = stage.reduction.clone();
        reduction[k].extent = left;
        let factored = Stage { buffer: partial, spatial, reduction, reducer: Some(reducer), value };
        let last = Stage {
            buffer: id,
            spatial: stage.spatial.clone(),
            reduction: vec![Axis { name: format!("{axis}.rf"), extent: kept }],
            reducer: Some(reducer),
            value: Expr::Load(partial, (0..=rank as u32).map(Index::var).collect()),
        };
        self.loops.insert(partial, Loops::new(&factored));
        self.loops.insert(id, Loops::new(&last));
        self.workload.stages[position] = last;
        self.workload.stages.insert(position, factored);
        Ok(partial)
    }
}

/// The stage with one reduction axis for those whose names are joined with `*`.
fn one_reduction(stage: Stage, joined: &str) -> Result<Stage, String> {
    let names: Vec<&str> = joined.split('*').collect();
    if names.len() == 1 {
        return Ok(stage);
    }
    let rank = stage.spatial.len();
    let place = |name: &&str| {
        let found = stage.reduction.iter().position(|axis| axis.name == **name);
        found.ok_or_else(|| format!("there is no reduction axis `{name}`"))
    };
    let own: Vec<usize> = names.iter().map(place).collect::<Result<_, _>>()?;
    if own.iter().enumerate().any(|(i, k)| own[..i].contains(k)) {
        return Err("an axis is named twice".into());
    }
    let extents: Vec<u64> = own.iter().map(|&k| stage.reduction[k].extent).collect();
    let extent = extents.iter().try_fold(1u64, |n, &e| n.checked_mul(e)).ok_or("the reduction is too long")?;
    // The new axis comes first among those of the reduction, and the others keep their order.
    let mut reduction = vec![Axis { name: joined.to_owned(), extent }];
    let mut values = vec![Index::default(); stage.reduction.len()];
    for (k, axis) in stage.reduction.iter().enumerate().filter(|(k, _)| !own.contains(k)) {
        values[k] = Index::var((rank + reduction.len()) as u32);
        reduction.push(axis.clone());
    }
    let mut rest = Index::var(rank as u32);
    for (i, (&k, &extent)) in own.iter().zip(&extents).enumerate().rev() {
        // An axis without positions leaves nothing to divide.
        values[k] = if i == 0 { rest.clone() } else { rest.modulo(extent.max(1) as i64) };
        rest = rest.div(extent.max(1) as i64);
    }
    let replace = |var: u32| (var as usize).checked_sub(rank).and_then(|k| values.get(k).cloned());
    let value = stage.value.map_indices(&|i| i.substitute(&replace));
    Ok(Stage { reduction, value, ..stage })
}

fn copy_stage(to: BufferId, from: BufferId, names: &[String], shape: &[u64]) -> Stage {
    let axis = |(name, &extent): (&String, &u64)| Axis { name: name.clone(), extent };
    Stage {
        buffer: to,
        spatial: names.iter().zip(shape).map(axis).collect(),
        reduction: Vec::new(),
        reducer: None,
        value: Expr::Load(from, (0..shape.len() as u32).map(Index::var).collect()),
    }
}
