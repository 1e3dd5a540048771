//! Vector loops over what is reduced: a vector of partial results, or four, and at the end across the lanes of one.

use super::{
    vector::{Lanes, Plan, vector_type},
    writer::Writer,
};
use crate::{Binary, BufferId, Expr, Index, Stmt, Var};

/// `buffer[index] = buffer[index] function value`, where the index does not depend on the loop.
pub(super) struct Reduction<'a> {
    function: Binary,
    buffer: BufferId,
    index: &'a [Index],
    value: &'a Expr,
}

/// Vectors of partial results where the loop is long enough: one alone waits for each sum before it begins the next.
const PARTS: u64 = 4;

impl Writer<'_> {
    /// The body of a loop as a reduction over it.
    pub(super) fn reduction<'a>(&self, var: Var, body: &'a [Stmt]) -> Option<Reduction<'a>> {
        let [Stmt::Store(buffer, index, Expr::Binary(function, sum, value))] = body else { return None };
        let fixed = !self.flat(*buffer, index).has(var);
        let same = matches!(sum.as_ref(), Expr::Load(id, at) if id == buffer && at == index);
        let known = matches!(function, Binary::Add | Binary::Mul | Binary::Max | Binary::Min);
        let mut again = false;
        let mut visit = |expr: &Expr| again |= matches!(expr, Expr::Load(id, _) if id == buffer);
        value.visit(&mut visit, &mut |_| {});
        (fixed && same && known && !again).then_some(Reduction { function: *function, buffer: *buffer, index, value })
    }

    /// True if each trip of a loop stores to a place of its own.
    pub(super) fn moves(&self, var: Var, body: &[Stmt]) -> bool {
        body.iter().all(|stmt| match stmt {
            Stmt::Store(id, index, _) => self.flat(*id, index).has(var),
            Stmt::For(_, body) | Stmt::If(_, body) | Stmt::Launch(_, body) => self.moves(var, body),
            Stmt::Alloc(_) | Stmt::Barrier | Stmt::Prefetch(..) => true,
            Stmt::Intrinsic(_) => false,
        })
    }

    /// Writes it, all but the rest of the loop that fills no vector.
    pub(super) fn reduced(&mut self, l: &Lanes, plan: &Plan, reduction: &Reduction<'_>) {
        let v = vector_type(plan.lanes, plan.dtype);
        let parts = if plan.chunks >= 2 * PARTS && plan.chunks.is_multiple_of(PARTS) { PARTS } else { 1 };
        let (identity, name) = match reduction.function {
            Binary::Max => (f64::NEG_INFINITY, "max"),
            Binary::Min => (f64::INFINITY, "min"),
            Binary::Mul => (1.0, "mul"),
            _ => (0.0, "add"),
        };
        let identity = self.expr(&Expr::Const(identity), plan.dtype);
        let combine = |a: &str, b: &str| match reduction.function {
            Binary::Add => format!("{a} + {b}"),
            Binary::Mul => format!("{a} * {b}"),
            _ => format!("{v}_{name}({a}, {b})"),
        };
        let chunk = self.var(l.chunk);
        self.line(&format!("{{ {v} part[{parts}];"));
        self.depth += 1;
        self.line(&format!("UNROLL({parts})"));
        self.line(&format!("for (long p = 0; p < {parts}; ++p) part[p] = {v}_splat({identity});"));
        self.line(&format!("for (long q = 0; q < {}; ++q) {{", plan.chunks / parts));
        self.depth += 1;
        self.line(&format!("UNROLL({parts})"));
        self.line(&format!("for (long p = 0; p < {parts}; ++p) {{"));
        self.depth += 1;
        self.line(&format!("const long {chunk} = {parts} * q + p;"));
        let value = self.vector_of(l, reduction.value);
        self.line(&format!("part[p] = {};", combine("part[p]", &value)));
        self.depth -= 1;
        self.line("}");
        self.depth -= 1;
        self.line("}");
        for p in 1..parts {
            self.line(&format!("part[0] = {};", combine("part[0]", &format!("part[{p}]"))));
        }
        let at = self.element(reduction.buffer, reduction.index);
        let all = format!("{v}_across_{name}(part[0])");
        let whole = match reduction.function {
            Binary::Add => format!("{at} + {all}"),
            Binary::Mul => format!("{at} * {all}"),
            Binary::Min => format!("({at} < {all} ? {at} : {all})"),
            _ => format!("({at} > {all} ? {at} : {all})"),
        };
        self.line(&format!("{at} = {whole};"));
        self.depth -= 1;
        self.line("}");
    }
}
