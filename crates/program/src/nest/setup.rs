//! What is done once apart from what is done in every run.

use std::collections::HashSet;

use crate::{BufferId, Expr, Nest, Stmt, Storage};

impl Nest {
    /// The preparation as a nest of its own, whose outputs are what it prepares, and the nest that is left, to which these are
    /// weights: so the results of the first may be kept in a file, and the second starts at once. Neither has inputs that it
    /// does not read.
    pub fn apart(&self) -> (Option<Self>, Self) {
        let prepared: Vec<BufferId> = self.owned().filter(|&id| self.buffer(id).storage == Storage::Prepared).collect();
        let mut run = Self { prepare: Vec::new(), ..self.clone() };
        for &id in &prepared {
            run.buffers[id.index()].storage = Storage::Weight;
        }
        run.inputs.extend(&prepared);
        let read = reads(&run.body);
        run.inputs.retain(|id| read.contains(id));
        if prepared.is_empty() {
            return (None, run);
        }
        let mut setup = Self { body: self.prepare.clone(), prepare: Vec::new(), ..self.clone() };
        // What is only a step on the way to what is kept is no result.
        let (kept, others): (Vec<_>, Vec<_>) = prepared.into_iter().partition(|id| read.contains(id));
        let storages =
            kept.iter().map(|&id| (id, Storage::Output)).chain(others.iter().map(|&id| (id, Storage::Workspace)));
        let storages: Vec<_> = storages.collect();
        for (id, buffer) in (0..).map(BufferId).zip(&mut setup.buffers) {
            match (storages.iter().find(|(other, _)| *other == id), buffer.storage) {
                (Some((_, storage)), _) => buffer.storage = *storage,
                (None, Storage::Workspace | Storage::Output) => buffer.storage = Storage::Gone,
                _ => {}
            }
        }
        setup.outputs = kept;
        let read = reads(&setup.body);
        setup.inputs.retain(|id| read.contains(id));
        (Some(setup), run)
    }
}

/// Every buffer that is read, or asked for.
fn reads(stmts: &[Stmt]) -> HashSet<BufferId> {
    let mut found = HashSet::new();
    for stmt in stmts {
        stmt.any(&mut |stmt| {
            let mut load = |expr: &Expr| match expr {
                Expr::Load(id, _) | Expr::Lookup { buffer: id, .. } => _ = found.insert(*id),
                _ => {}
            };
            match stmt {
                Stmt::Store(_, _, value) => value.visit(&mut load, &mut |_| {}),
                Stmt::If(conds, _) => conds.iter().for_each(|cond| cond.visit(&mut load, &mut |_| {})),
                Stmt::Prefetch(id, _) => _ = found.insert(*id),
                Stmt::Intrinsic(call) => found.extend(call.operands.iter().map(|(id, _)| *id)),
                _ => {}
            }
            false
        });
    }
    found
}
