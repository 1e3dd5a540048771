//! The stores of a nest with the loops around them, and what each reads and writes.

use std::borrow::Cow;

use super::form;
use crate::{BufferId, Cond, Expr, Index, Nest, Stmt, Var};

/// A store and where it stands. Guards around it are left out: features suppose that they hold, and indices are without
/// what they decide.
pub(super) struct Site<'a> {
    /// Loops around it, outermost first, and for each the number of the statement that it is: lowering writes some
    /// statements out, so that loops of one variable follow one another.
    pub loops: Vec<(Var, usize)>,
    pub buffer: BufferId,
    pub index: Cow<'a, [Index]>,
    pub value: Cow<'a, Expr>,
}

/// Where a buffer is allocated: trips of the loops around that place.
pub(super) struct Allocation {
    pub buffer: BufferId,
    pub outer: f64,
}

/// Stores and allocations in the order in which they run.
pub(super) struct Walk<'a> {
    pub sites: Vec<Site<'a>>,
    pub allocations: Vec<Allocation>,
    /// Number of loops.
    pub loops: usize,
}

impl<'a> Walk<'a> {
    /// Of what is run every time. Loops without a trip, and what is inside of them, are left out.
    pub fn of(nest: &'a Nest) -> Self {
        let mut walk = Self { sites: Vec::new(), allocations: Vec::new(), loops: 0 };
        walk.block(nest, &nest.body, &mut Vec::new(), &mut Vec::new());
        walk
    }

    fn block(&mut self, nest: &'a Nest, stmts: &'a [Stmt], loops: &mut Vec<(Var, usize)>, guards: &mut Vec<&'a Cond>) {
        for stmt in stmts {
            if let Stmt::For(var, body) = stmt {
                if extent(nest, *var) > 0 {
                    loops.push((*var, self.loops));
                    self.loops += 1;
                    self.block(nest, body, loops, guards);
                    loops.pop();
                }
            } else if let Stmt::If(conds, body) = stmt {
                let before = guards.len();
                guards.extend(conds);
                self.block(nest, body, loops, guards);
                guards.truncate(before);
            } else if let Stmt::Launch(_, body) = stmt {
                self.block(nest, body, loops, guards);
            } else if let Stmt::Alloc(buffer) = stmt {
                let outer = loops.iter().map(|&(var, _)| extent(nest, var) as f64).product();
                self.allocations.push(Allocation { buffer: *buffer, outer });
            } else if let Stmt::Store(buffer, index, value) = stmt {
                let (index, value) = guarded(nest, index, value, guards);
                self.sites.push(Site { loops: loops.clone(), buffer: *buffer, index, value });
            }
        }
    }
}

/// The store without what guards decide.
fn guarded<'a>(
    nest: &Nest,
    index: &'a [Index],
    value: &'a Expr,
    guards: &[&Cond],
) -> (Cow<'a, [Index]>, Cow<'a, Expr>) {
    let ranges = |var: Var| nest.range(var);
    let under = |index: &Index| form::under(index, guards, &ranges);
    if guards.is_empty() {
        return (Cow::Borrowed(index), Cow::Borrowed(value));
    }
    let mut any = index.iter().any(|index| under(index).is_some());
    value.visit(&mut |_| {}, &mut |index| any |= under(index).is_some());
    match any {
        false => (Cow::Borrowed(index), Cow::Borrowed(value)),
        true => {
            let simpler = |index: &Index| under(index).unwrap_or_else(|| index.clone());
            (Cow::Owned(index.iter().map(simpler).collect()), Cow::Owned(value.map_indices(&simpler)))
        }
    }
}

/// Trips of a loop.
pub(super) fn extent(nest: &Nest, var: Var) -> u64 {
    nest.loops.get(var as usize).map_or(1, |l| l.extent)
}

/// A read of a buffer, or of a table of numbers; in a lookup the position along one axis comes from data.
pub(super) enum Read<'a> {
    Buffer { buffer: BufferId, index: &'a [Index], looked_up: Option<(usize, &'a Expr)> },
    Table { values: &'a [f64], index: &'a Index },
}

/// Calls `f` with every read of an expression, in the order in which they are written.
pub(super) fn reads<'a>(expr: &'a Expr, f: &mut dyn FnMut(Read<'a>)) {
    expr.visit(
        &mut |expr| match expr {
            Expr::Load(buffer, index) => f(Read::Buffer { buffer: *buffer, index, looked_up: None }),
            Expr::Lookup { buffer, axis, position, index } => {
                f(Read::Buffer { buffer: *buffer, index, looked_up: Some((*axis, position)) });
            }
            Expr::Table(values, index) => f(Read::Table { values, index }),
            _ => {}
        },
        &mut |_| {},
    );
}

/// True where a condition is about indices alone, so that it may guard a read.
pub(super) fn of_indices(cond: &Cond) -> bool {
    match cond {
        Cond::In(..) | Cond::Order(..) => true,
        Cond::Compare(..) => false,
        Cond::All(parts) | Cond::Any(parts) => parts.iter().all(of_indices),
    }
}
