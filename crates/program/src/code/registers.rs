//! Buffers in registers that are arrays of vectors.

use std::collections::HashMap;

use super::{vector::Lanes, writer::Writer};
use crate::{BufferId, Expr, Index, Mark, Scope, Stmt, Storage};

impl Writer<'_> {
    /// Register buffers that are touched by whole vectors alone, with their lanes.
    pub fn register_arrays(&mut self) -> HashMap<BufferId, u64> {
        let mut found: HashMap<BufferId, Option<u64>> = HashMap::new();
        let nest = self.nest;
        self.look(&nest.prepare, None, &mut found);
        self.look(&nest.body, None, &mut found);
        found.into_iter().filter_map(|(id, lanes)| Some((id, lanes?))).collect()
    }

    /// Takes note of an access: by the lanes of a vector, or not.
    fn touch(&self, id: BufferId, index: &[Index], around: Option<&Lanes>, found: &mut HashMap<BufferId, Option<u64>>) {
        let buffer = self.nest.buffer(id);
        if buffer.scope != Scope::Register || buffer.storage != Storage::Local {
            return;
        }
        let lanes = around.and_then(|l| {
            let flat = self.lane_index(l, id, index);
            let rest = &flat - &Index::var(l.lane);
            (flat.coefficient(l.lane) == Some(1) && rest.is_multiple(l.lanes as i64)).then_some(l.lanes)
        });
        let entry = found.entry(id).or_insert(lanes);
        if *entry != lanes {
            *entry = None;
        }
    }

    fn look(&mut self, stmts: &[Stmt], around: Option<&Lanes>, found: &mut HashMap<BufferId, Option<u64>>) {
        for stmt in stmts {
            match stmt {
                Stmt::For(var, body) => {
                    let vector = self.nest.loops[*var as usize].mark == Mark::Vector;
                    let plan = if vector { self.plan(*var, body) } else { None };
                    // What is left over is read element by element.
                    let rest = plan.as_ref().is_some_and(|plan| plan.rest > 0);
                    let own = plan.map(|plan| self.lanes_of(*var, &plan));
                    self.look(body, own.as_ref().or(around).filter(|_| !rest), found);
                }
                Stmt::If(_, body) => self.look(body, around, found),
                Stmt::Launch(_, body) => self.look(body, around, found),
                Stmt::Alloc(_) | Stmt::Barrier | Stmt::Prefetch(..) => {}
                // Instructions take elements where they lie.
                Stmt::Intrinsic(call) => {
                    call.operands.iter().chain([&call.result]).for_each(|(id, _)| {
                        found.insert(*id, None);
                    });
                }
                Stmt::Store(id, index, value) => {
                    self.touch(*id, index, around, found);
                    let mut visit = |expr: &Expr| match expr {
                        Expr::Load(id, index) => self.touch(*id, index, around, found),
                        Expr::Lookup { buffer, index, .. } => self.touch(*buffer, index, None, found),
                        _ => {}
                    };
                    value.visit(&mut visit, &mut |_| {});
                }
            }
        }
    }
}
