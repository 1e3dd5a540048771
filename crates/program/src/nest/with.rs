//! Statements with something else for the variable of a loop, or on other buffers.

use super::Stmt;
use crate::{BufferId, Expr, Index, Range, Var, intrinsic::Call};

impl Stmt {
    /// The statement with an index for a variable, without what is decided by that.
    pub(crate) fn with(&self, var: Var, value: &Index, ranges: &dyn Fn(Var) -> Range) -> Vec<Self> {
        let set = |index: &Index| index.substitute(&|other| (other == var).then(|| value.clone())).simplify(ranges);
        let all = |body: &[Self]| body.iter().flat_map(|stmt| stmt.with(var, value, ranges)).collect();
        vec![match self {
            Self::For(other, body) => Self::For(*other, all(body)),
            Self::If(conds, body) => {
                let mut open = Vec::new();
                for cond in conds {
                    match cond.map(&mut |expr| expr, &set).simplify(ranges) {
                        Ok(cond) => open.push(cond),
                        Err(true) => {}
                        Err(false) => return Vec::new(),
                    }
                }
                if open.is_empty() {
                    return all(body);
                }
                Self::If(open, all(body))
            }
            Self::Launch(launch, body) => Self::Launch(*launch, all(body)),
            Self::Alloc(id) => Self::Alloc(*id),
            Self::Barrier => Self::Barrier,
            Self::Intrinsic(call) => Self::Intrinsic(call.map(&set)),
            Self::Prefetch(id, index) => Self::Prefetch(*id, index.iter().map(set).collect()),
            Self::Store(id, index, value) => {
                Self::Store(*id, index.iter().map(set).collect(), value.map_indices(&set).simplify(ranges))
            }
        }]
    }

    /// The statement on other buffers.
    pub(crate) fn on(&self, other: &dyn Fn(BufferId) -> BufferId) -> Self {
        let all = |body: &[Self]| body.iter().map(|stmt| stmt.on(other)).collect();
        let mut loads = |expr: Expr| match expr {
            Expr::Load(id, index) => Expr::Load(other(id), index),
            Expr::Lookup { buffer, axis, position, index } => {
                Expr::Lookup { buffer: other(buffer), axis, position, index }
            }
            expr => expr,
        };
        match self {
            Self::For(var, body) => Self::For(*var, all(body)),
            Self::If(conds, body) => {
                let conds = conds.iter().map(|cond| cond.map(&mut loads, &Clone::clone)).collect();
                Self::If(conds, all(body))
            }
            Self::Launch(launch, body) => Self::Launch(*launch, all(body)),
            Self::Alloc(id) => Self::Alloc(other(*id)),
            Self::Barrier => Self::Barrier,
            Self::Intrinsic(call) => {
                let on = |(id, index): &(BufferId, Vec<Index>)| (other(*id), index.clone());
                let (result, operands) = (on(&call.result), call.operands.iter().map(on).collect());
                Self::Intrinsic(Call { result, operands, ..call.clone() })
            }
            Self::Prefetch(id, index) => Self::Prefetch(other(*id), index.clone()),
            Self::Store(id, index, value) => {
                Self::Store(other(*id), index.clone(), value.map(&mut loads, &Clone::clone))
            }
        }
    }
}
