//! Workloads as people read them.

use std::fmt;

use crate::{Binary, BufferId, Comparison, Cond, Expr, Index, Reducer, Role, Unary, Var, Workload};

/// Names of what an expression mentions.
pub(crate) struct Names<'a> {
    pub buffer: &'a dyn Fn(BufferId) -> String,
    pub var: &'a dyn Fn(Var) -> String,
}

impl Names<'_> {
    pub fn index(&self, index: &Index) -> String {
        index.text(self.var)
    }

    pub fn indices(&self, index: &[Index]) -> String {
        index.iter().map(|i| self.index(i)).collect::<Vec<_>>().join(", ")
    }

    pub fn expr(&self, expr: &Expr) -> String {
        match expr {
            Expr::Const(number) => number.to_string(),
            Expr::Index(index) => format!("({})", self.index(index)),
            Expr::Load(buffer, index) => format!("{}[{}]", (self.buffer)(*buffer), self.indices(index)),
            Expr::Lookup { buffer, axis, position, index } => {
                let mut index: Vec<String> = index.iter().map(|i| self.index(i)).collect();
                if let Some(i) = index.get_mut(*axis) {
                    *i = self.expr(position);
                }
                format!("{}[{}]", (self.buffer)(*buffer), index.join(", "))
            }
            Expr::Table(values, index) => format!("{values:?}[{}]", self.index(index)),
            Expr::Unary(Unary::Neg, a) => format!("-{}", self.factor(a)),
            Expr::Unary(function, a) => format!("{}({})", lower(function), self.expr(a)),
            Expr::Binary(function @ (Binary::Max | Binary::Min | Binary::Pow), a, b) => {
                format!("{}({}, {})", lower(function), self.expr(a), self.expr(b))
            }
            Expr::Binary(Binary::Add, a, b) => format!("{} + {}", self.expr(a), self.expr(b)),
            Expr::Binary(Binary::Sub, a, b) => format!("{} - {}", self.expr(a), self.factor(b)),
            Expr::Binary(Binary::Mul, a, b) => format!("{} * {}", self.factor(a), self.factor(b)),
            Expr::Binary(Binary::Div, a, b) => format!("{} / {}", self.factor(a), self.factor(b)),
            Expr::Select(cond, a, b) => {
                format!("if {} then {} else {}", self.cond(cond), self.factor(a), self.factor(b))
            }
            Expr::Cast(dtype, a) => format!("{dtype}({})", self.expr(a)),
        }
    }

    /// In parentheses where it is a sum or a choice.
    fn factor(&self, expr: &Expr) -> String {
        match expr {
            Expr::Binary(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div, ..)
            | Expr::Select(..)
            | Expr::Unary(Unary::Neg, _) => format!("({})", self.expr(expr)),
            _ => self.expr(expr),
        }
    }

    pub fn cond(&self, cond: &Cond) -> String {
        let many = |parts: &[Cond], word: &str| match parts {
            [part] => self.cond(part),
            _ => parts.iter().map(|part| self.cond(part)).collect::<Vec<_>>().join(word),
        };
        match cond {
            Cond::In(index, i64::MIN, max) => format!("{} < {max}", self.index(index)),
            Cond::In(index, min, i64::MAX) => format!("{min} <= {}", self.index(index)),
            Cond::In(index, min, max) => format!("{min} <= {} < {max}", self.index(index)),
            Cond::Order(a, b) => format!("{} <= {}", self.index(a), self.index(b)),
            Cond::Compare(how, a, b) => {
                let sign = match how {
                    Comparison::Less => "<",
                    Comparison::LessEqual => "<=",
                    Comparison::Equal => "==",
                };
                format!("{} {sign} {}", self.factor(a), self.factor(b))
            }
            Cond::All(parts) => many(parts, " and "),
            Cond::Any(parts) => format!("({})", many(parts, " or ")),
        }
    }
}

pub(crate) fn lower(name: &impl fmt::Debug) -> String {
    format!("{name:?}").to_lowercase()
}

pub(crate) fn extents(shape: &[u64]) -> String {
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffer = |id: BufferId| self.buffer(id).name.clone();
        writeln!(f, "workload {}", self.name)?;
        for id in self.inputs().filter(|&id| !self.readers(id).is_empty()) {
            let b = self.buffer(id);
            let role = if b.role == Role::Weight { "weight" } else { "input" };
            writeln!(f, "  {role} {}: {}[{}]", b.name, b.dtype, extents(&b.shape))?;
        }
        for stage in &self.stages {
            let var = |var: Var| stage.axis(var as usize).map_or_else(|| format!("?{var}"), |axis| axis.name.clone());
            let names = Names { buffer: &buffer, var: &var };
            let b = self.buffer(stage.buffer);
            let axes = |axes: &[crate::Axis]| {
                axes.iter().map(|axis| format!("{} < {}", axis.name, axis.extent)).collect::<Vec<_>>().join(", ")
            };
            let word = if self.outputs.contains(&stage.buffer) { "output" } else { "stage" };
            let value = names.expr(&stage.value);
            let value = match (stage.reducer, stage.reduction.is_empty()) {
                (Some(reducer), false) => {
                    let word = match reducer {
                        Reducer::Sum => "sum",
                        Reducer::Product => "product",
                        Reducer::Max => "max",
                        Reducer::Min => "min",
                    };
                    format!("{word}({}) {value}", axes(&stage.reduction))
                }
                _ => value,
            };
            writeln!(f, "  {word} {}: {}[{}] = {value}", b.name, b.dtype, axes(&stage.spatial))?;
        }
        Ok(())
    }
}
