//! Prefetches: which lines of a buffer a later trip reads.

use std::collections::HashSet;

use super::{
    Lowering,
    bounds::{Bounds, bounds},
    emit::Emission,
};
use crate::{Error, Expr, Index, Mark, Result, Stmt, Var};

/// Bytes of a line of the caches.
const LINE: u64 = 64;
/// The most lines that a trip asks for: more would push out what is needed now.
const MOST: u64 = 64;

impl Lowering<'_> {
    /// What is asked for at the beginning of each trip of the loop at `position`, whose variable this is.
    pub(super) fn prefetched(&mut self, e: &Emission<'_>, position: usize, var: Var) -> Result<Vec<Stmt>> {
        let (state, id, leaf) = (self.state, e.stage.buffer, e.loops.leaves[position]);
        let here = state.prefetches().iter().filter(|prefetch| prefetch.stage == id && prefetch.leaf == leaf);
        let mut stmts = Vec::new();
        for &prefetch in here {
            state.check_prefetch(prefetch).map_err(|message| Error::lower(self.name(id), message))?;
            let inner: HashSet<Var> = e.loops.leaves[position + 1..].iter().filter_map(|leaf| e.vars[leaf]).collect();
            let later = Index::var(var) + prefetch.ahead as i64;
            let mut seen = Vec::new();
            for index in self.loads(e, prefetch.buffer)? {
                let varies = |v: Var| inner.contains(&v).then(|| self.loops[v as usize].extent);
                let mut parts: Vec<Bounds> = index.iter().map(|index| bounds(index, &varies)).collect();
                for part in &mut parts {
                    part.min = part.min.substitute(&|v| (v == var).then(|| later.clone()));
                }
                if seen.contains(&parts) {
                    continue;
                }
                seen.push(parts.clone());
                stmts.extend(self.lines(prefetch.buffer, parts, id)?);
            }
        }
        match stmts.is_empty() {
            true => Ok(stmts),
            false => Ok(self.pending.iter().rev().fold(stmts, |stmts, &var| vec![Stmt::For(var, stmts)])),
        }
    }

    /// Indices in memory of the stage's loads of a buffer. What else it reads may not be there yet.
    fn loads(&self, e: &Emission<'_>, buffer: crate::BufferId) -> Result<Vec<Vec<Index>>> {
        let axes = self.axes(e);
        let mut loads = Vec::new();
        let mut visit = |expr: &Expr| match expr {
            Expr::Load(read, _) if *read == buffer => loads.push(expr.clone()),
            _ => {}
        };
        e.stage.value.visit(&mut visit, &mut |_| {});
        let mut found = Vec::new();
        for load in loads {
            let load = load.map_indices(&|index| index.substitute(&|var| axes.get(var as usize).cloned()));
            if let Expr::Load(_, index) = self.value(e.stage.buffer, &load)? {
                found.push(index);
            }
        }
        Ok(found)
    }

    /// A prefetch for each line of a part of a buffer.
    fn lines(&mut self, id: crate::BufferId, parts: Vec<Bounds>, stage: crate::BufferId) -> Result<Vec<Stmt>> {
        let buffer = &self.buffers[id.index()];
        let (name, extents) = (buffer.name.clone(), buffer.extents());
        let step = (LINE * 8 / buffer.dtype.bits().max(1)).max(1) as i64;
        let (mut index, mut loops, mut lines) = (Vec::new(), Vec::new(), 1u64);
        let last = parts.len().saturating_sub(1);
        for (dim, (part, &extent)) in parts.into_iter().zip(&extents).enumerate() {
            let width = part.width.min(extent as i64 - 1).max(0);
            let (count, stride) = if dim == last { (width / step + 1, step) } else { (width + 1, 1) };
            lines = lines.saturating_mul(count as u64);
            if lines > MOST {
                let message =
                    format!("a prefetch of `{name}` asks for {lines} lines or more in a trip, {MOST} are the most");
                return Err(Error::lower(self.name(stage), message));
            }
            let min = self.simplify(&part.min);
            index.push(match count {
                1 => min,
                _ => {
                    let var = self.new_loop(format!("{name}.lines"), count as u64, Mark::Unroll);
                    loops.push(var);
                    min + Index::var(var) * stride
                }
            });
        }
        let stmt = Stmt::Prefetch(id, index);
        Ok(vec![loops.into_iter().rev().fold(stmt, |stmt, var| Stmt::For(var, vec![stmt]))])
    }
}
