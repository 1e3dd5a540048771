//! Statements with something else for the variable of a loop.

use super::Stmt;
use crate::{Index, Range, Var};

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
}
