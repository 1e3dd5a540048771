//! How far loops are written out in C. Where each trip has registers of its own that hold something they are as the schedule says:
//! registers have no index. Elsewhere some statements gain all that there is to gain, and compilers take their time
//! for each.

use super::{partition::written, writer::Writer};
use crate::{BufferId, Expr, Index, Scope, Stmt, Unary, Var};

/// Registers, at most.
const REGISTERS: u64 = 32;
/// Statements that are written out where nothing is held.
const SOME: u64 = 8;

impl Writer<'_> {
    /// Says how many trips of a loop over `var` are written out together, where the loop follows.
    pub(super) fn unroll(&mut self, var: Var, extent: u64, body: &[Stmt]) {
        let trips = self.written_out(var, extent, body);
        if trips > 1 {
            self.line(&self.dialect.unroll(trips));
        }
    }

    /// How many trips of a loop over `var` are written out together: all, some, or one.
    pub(super) fn written_out(&self, var: Var, extent: u64, body: &[Stmt]) -> u64 {
        let all = self.dialect.is_gpu() || body.iter().any(|stmt| stmt.any(&mut |stmt| self.holds(var, stmt)));
        let some = SOME / work(body).max(written(body, &self.nest.loops, &|_| true)).max(1);
        if all { extent } else { extent.min(some) }
    }

    /// True if it reads or writes what registers can hold, and other registers in each trip of the loop.
    fn holds(&self, var: Var, stmt: &Stmt) -> bool {
        let held = |id: BufferId, index: &[Index]| {
            let buffer = self.nest.buffer(id);
            let count = buffer.elements() / self.vectors.get(&id).copied().unwrap_or(1);
            let held = buffer.is_private() && buffer.scope == Scope::Register && count <= REGISTERS;
            held && self.flat(id, index).has(var)
        };
        match stmt {
            Stmt::Store(id, index, value) => {
                let mut found = held(*id, index);
                let mut visit = |expr: &Expr| found |= matches!(expr, Expr::Load(id, index) if held(*id, index));
                value.visit(&mut visit, &mut |_| {});
                found
            }
            Stmt::Intrinsic(_) => true,
            _ => false,
        }
    }
}

/// How many plain statements one is worth to a compiler: functions of vectors are formulas.
fn work(body: &[Stmt]) -> u64 {
    let mut total = 0;
    let mut each = |stmt: &Stmt| {
        let Stmt::Store(.., value) = stmt else { return false };
        total += 1;
        let mut visit = |expr: &Expr| {
            if let Expr::Unary(function, _) = expr {
                total += if matches!(function, Unary::Neg | Unary::Abs | Unary::Sqrt | Unary::Floor) { 0 } else { 3 };
            }
        };
        value.visit(&mut visit, &mut |_| {});
        false
    };
    for stmt in body {
        stmt.any(&mut each);
    }
    total
}
