//! What an expression computes, in the sixteen classes of operations that Ansor counts.
//!
//! Operations on indices count as well. They are counted in the form that TVM leaves them in, which for conditions
//! means: constants on one side, common factors out.

use tachograph_ir::DType;

use super::form::{self, Node};
use crate::{Atom, Binary, BufferId, Cond, Expr, Index, Range, Unary, Var};

/// Operations by class, in the order of the features.
pub(super) type Counts = [u64; 16];

/// Names of the classes.
pub(super) const CLASSES: [&str; 16] = [
    "float mad",
    "float add or sub",
    "float mul",
    "float div or mod",
    "float comparison",
    "float math function",
    "float other function",
    "int mad",
    "int add or sub",
    "int mul",
    "int div or mod",
    "int comparison",
    "int math function",
    "int other function",
    "bool operation",
    "select",
];

/// Where the classes of integers begin; those of float numbers begin at 0.
const INT: usize = 7;
const ADD: usize = 1;
const MUL: usize = 2;
const DIV: usize = 3;
const CMP: usize = 4;
const MATH: usize = 5;
const BOOL: usize = 14;
const SELECT: usize = 15;

/// Counts operations. Types are those of buffers; what has none takes that of the buffer that is stored to.
pub(super) struct Counter<'a> {
    pub dtype: &'a dyn Fn(BufferId) -> DType,
    pub stored: DType,
    pub ranges: &'a dyn Fn(Var) -> Range,
    pub counts: Counts,
    /// For the nodes of indices, to be used again.
    pub nodes: Vec<Node>,
}

impl Counter<'_> {
    /// Adds what an expression computes.
    pub fn expr(&mut self, expr: &Expr) {
        let class = if self.is_float(expr) { 0 } else { INT };
        match expr {
            Expr::Const(_) => {}
            Expr::Index(index) | Expr::Table(_, index) => self.index(index),
            Expr::Load(_, index) => index.iter().for_each(|index| self.index(index)),
            Expr::Lookup { position, index, .. } => {
                index.iter().for_each(|index| self.index(index));
                self.expr(position);
            }
            Expr::Cast(_, a) => self.expr(a),
            Expr::Unary(function, a) => {
                match function {
                    // As TVM writes it: times −1.
                    Unary::Neg => self.counts[class + MUL] += 1,
                    // x < 0 and x > 0, each with a selection.
                    Unary::Sign => {
                        self.counts[SELECT] += 2;
                        self.counts[INT + CMP] += 2;
                        self.expr(a);
                    }
                    _ => self.counts[class + MATH] += 1,
                }
                self.expr(a);
            }
            Expr::Binary(function, a, b) => {
                let of = match function {
                    Binary::Add | Binary::Sub => ADD,
                    Binary::Mul => MUL,
                    Binary::Div => DIV,
                    Binary::Max | Binary::Min => CMP,
                    Binary::Pow => MATH,
                };
                self.counts[class + of] += 1;
                self.expr(a);
                self.expr(b);
            }
            // A guard around a read is a function to TVM, as both sides of a selection are evaluated.
            Expr::Select(cond, a, b) if super::walk::of_indices(cond) => {
                // A guard in a guard, with the same beside both, is one guard of two conditions.
                match a.as_ref() {
                    Expr::Select(inner, _, other) if super::walk::of_indices(inner) && other == b => {
                        self.counts[BOOL] += 1;
                        self.cond(cond);
                        return self.expr(a);
                    }
                    _ => {}
                }
                self.counts[class + MATH] += 1;
                self.cond(cond);
                self.expr(a);
                self.expr(b);
            }
            // A selection that reads nothing is a number to MetaSchedule.
            Expr::Select(..) if expr.reads().is_empty() => {}
            Expr::Select(cond, a, b) => {
                self.counts[SELECT] += 1;
                self.cond(cond);
                self.expr(a);
                self.expr(b);
            }
        }
    }

    fn is_float(&self, expr: &Expr) -> bool {
        fn dtype(expr: &Expr, of: &dyn Fn(BufferId) -> DType) -> Option<DType> {
            match expr {
                Expr::Const(_) | Expr::Index(_) | Expr::Table(..) => None,
                Expr::Load(buffer, _) | Expr::Lookup { buffer, .. } => Some(of(*buffer)),
                Expr::Unary(_, a) => dtype(a, of),
                Expr::Binary(_, a, b) | Expr::Select(_, a, b) => dtype(a, of).or_else(|| dtype(b, of)),
                Expr::Cast(dtype, _) => Some(*dtype),
            }
        }
        dtype(expr, self.dtype).unwrap_or(self.stored).is_float()
    }

    fn index(&mut self, index: &Index) {
        self.sum(index.terms(), index.offset());
    }

    fn sum(&mut self, terms: &[(Atom, i64)], constant: i64) {
        let mut nodes = std::mem::take(&mut self.nodes);
        nodes.clear();
        form::sum(terms, constant, &mut nodes);
        for node in &nodes {
            match node {
                Node::Var(_) => {}
                Node::Add | Node::Sub => self.counts[INT + ADD] += 1,
                Node::Mul(_) => self.counts[INT + MUL] += 1,
                Node::Div | Node::Mod => self.counts[INT + DIV] += 1,
            }
        }
        self.nodes = nodes;
    }

    fn cond(&mut self, cond: &Cond) {
        match cond {
            Cond::In(index, 0, max) if is_quotient(index, *max) => {
                // 0 <= x - c·y < c is y == x / c.
                let x: Vec<(Atom, i64)> = index.terms().iter().filter(|(_, c)| *c != -max).cloned().collect();
                self.sum(&x, index.offset());
                self.counts[INT + DIV] += 1;
                self.counts[INT + CMP] += 1;
            }
            Cond::In(index, min, max) => {
                let bounds: Vec<i64> = [*min, *max].into_iter().filter(|&b| b != i64::MIN && b != i64::MAX).collect();
                for &bound in &bounds {
                    self.compare(index, bound);
                }
                self.counts[BOOL] += bounds.len().saturating_sub(1) as u64;
            }
            Cond::Order(a, b) => self.compare(&(b - a), 0),
            Cond::Compare(_, a, b) => {
                self.counts[INT + CMP] += 1;
                self.expr(a);
                self.expr(b);
            }
            Cond::All(parts) | Cond::Any(parts) => {
                parts.iter().for_each(|part| self.cond(part));
                self.counts[BOOL] += parts.len().saturating_sub(1) as u64;
            }
        }
    }

    /// A comparison of an index with a number.
    fn compare(&mut self, index: &Index, bound: i64) {
        self.counts[INT + CMP] += 1;
        let mut constant = index.offset().saturating_sub(bound);
        let mut terms = index.terms();
        // x / c < n is x < c·n.
        while let [(Atom::Div(inner, by), 1)] = terms {
            (terms, constant) = (inner.terms(), constant.saturating_mul(*by).saturating_add(inner.offset()));
        }
        let mut kept: Vec<(Atom, i64)> = terms.to_vec();
        while let Some(coarser) = self.coarser(&kept, constant) {
            (kept, constant) = coarser;
        }
        // c·x + c·y < n is x + y < n / c.
        if let [(_, first), rest @ ..] = kept.as_slice()
            && rest.iter().all(|(_, c)| c == first)
            && (*first > 0 || rest.is_empty())
        {
            kept.iter_mut().for_each(|(_, c)| *c = 1);
        }
        let positive = kept.iter().any(|(_, c)| *c > 0);
        self.sum(&kept, if positive || kept.len() < 2 { 0 } else { constant.abs() });
    }

    /// `terms + constant < 0` without terms that do not reach the greatest common divisor of the others, and with these
    /// divided by it.
    fn coarser(&self, terms: &[(Atom, i64)], constant: i64) -> Option<(Vec<(Atom, i64)>, i64)> {
        let mut large = terms.iter().map(|(_, c)| c.abs()).filter(|&c| c > 1).peekable();
        large.peek()?;
        let common = large.fold(constant.abs(), crate::index::gcd);
        if common <= 1 {
            return None;
        }
        let (whole, rest): (Vec<_>, Vec<_>) = terms.iter().cloned().partition(|(_, c)| c % common == 0);
        let range = rest.iter().fold(Range { min: 0, max: 0 }, |sum, (atom, c)| {
            let one = match atom {
                Atom::Var(var) => Index::var(*var),
                Atom::Div(inner, by) => inner.div(*by),
                Atom::Mod(inner, by) => inner.modulo(*by),
            };
            let one = one.times(*c).range(self.ranges);
            Range { min: sum.min.saturating_add(one.min), max: sum.max.saturating_add(one.max) }
        });
        let divided = || whole.iter().map(|(atom, c)| (atom.clone(), c / common)).collect();
        range.within(0, common).then(|| (divided(), constant / common))
    }
}

/// True where the last that is subtracted from an index is the multiple of a variable by this number.
fn is_quotient(index: &Index, by: i64) -> bool {
    let last = index.terms().iter().min_by_key(|(_, c)| *c);
    by > 1
        && index.offset() >= 0
        && index.terms().iter().any(|(_, c)| *c > 0)
        && matches!(last, Some((Atom::Var(_), c)) if *c == -by)
        && index.terms().iter().filter(|(_, c)| *c == -by).count() == 1
}
