//! What AutoTVM's extractor knows of each loop ("Learning to Optimize Tensor Programs", Chen et al., NeurIPS 2018): its
//! place in the nest, and how every access inside of it moves with it.
//!
//! An access is known by its buffer and by how many of it came before: `x_0`, `x_1`, …

use std::collections::HashMap;

use super::walk::{Read, extent, reads};
use crate::{Atom, Binary, Binding, BufferId, Expr, Index, Mark, Nest, Stmt, Unary, Var};

/// How an access moves with a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touch {
    /// Elements from one trip to the next; 0 where the loop moves it not.
    pub stride: i64,
    /// Trips, of this loop and those inside of it, that move the access, and that do not.
    pub count: i64,
    pub reuse: i64,
    /// The same, of one thread's part of a parallel loop; 0 where there is no such loop.
    pub thread_count: i64,
    pub thread_reuse: i64,
}

/// A loop, as a statement: in the order in which they begin.
#[derive(Clone, Debug)]
pub(super) struct IterVar {
    pub length: i64,
    /// From 1 for the outermost.
    pub level: i64,
    pub mark: Mark,
    /// Trips of this loop and those around it.
    pub top_down: i64,
    /// Trips of this loop and those inside of it; −1 where nothing is touched there.
    pub bottom_up: i64,
    /// Sums, products and quotients of float numbers right inside of it.
    pub operations: [i64; 3],
    /// By name of the access, in its order.
    pub touches: Vec<(String, Touch)>,
}

struct Extractor<'a> {
    nest: &'a Nest,
    found: Vec<IterVar>,
    stack: Vec<(usize, Var)>,
    seen: HashMap<BufferId, usize>,
}

/// The loops of what is run every time.
pub(super) fn iter_vars(nest: &Nest) -> Vec<IterVar> {
    let mut extractor = Extractor { nest, found: Vec::new(), stack: Vec::new(), seen: HashMap::new() };
    extractor.block(&nest.body);
    for var in &mut extractor.found {
        var.touches.sort_by(|a, b| a.0.cmp(&b.0));
    }
    extractor.found
}

/// Blocks of a grid are shared out among 2 levels, threads among 1.
fn parallel_level(mark: Mark) -> i64 {
    match mark {
        Mark::Bind(Binding::Block(_)) => 2,
        Mark::Parallel | Mark::Bind(Binding::Thread(_)) => 1,
        _ => 0,
    }
}

impl Extractor<'_> {
    fn block(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            if let Stmt::For(var, body) = stmt {
                self.enter(*var);
                self.block(body);
                self.exit();
            } else if let Stmt::If(_, body) | Stmt::Launch(_, body) = stmt {
                self.block(body);
            } else if let Stmt::Store(buffer, index, value) = stmt {
                self.access(*buffer, index, None);
                reads(value, &mut |read| {
                    if let Read::Buffer { buffer, index, looked_up } = read {
                        self.access(buffer, index, looked_up.map(|(axis, _)| axis));
                    }
                });
                self.arithmetic(value);
            }
        }
    }

    fn enter(&mut self, var: Var) {
        let length = i64::try_from(extent(self.nest, var)).unwrap_or(i64::MAX);
        let around = self.stack.last().map_or(1, |&(outer, _)| self.found[outer].top_down);
        let mark = self.nest.loops.get(var as usize).map_or(Mark::Serial, |l| l.mark);
        self.stack.push((self.found.len(), var));
        self.found.push(IterVar {
            length,
            level: self.stack.len() as i64,
            mark,
            top_down: around.saturating_mul(length),
            bottom_up: -1,
            operations: [0; 3],
            touches: Vec::new(),
        });
    }

    fn exit(&mut self) {
        let Some(&(own, _)) = self.stack.last() else { return };
        let length = self.found[own].length;
        let moved: Vec<(String, bool)> =
            self.found[own].touches.iter().map(|(name, touch)| (name.clone(), touch.stride != 0)).collect();
        for &(at, _) in &self.stack {
            for (name, touch) in &mut self.found[at].touches {
                let Some((_, moves)) = moved.iter().find(|(other, _)| other == name) else { continue };
                let number = if *moves { &mut touch.count } else { &mut touch.reuse };
                *number = number.saturating_mul(length);
            }
        }
        self.stack.pop();
        let touches = self.found[own].touches.clone();
        let products = touches.iter().map(|(_, touch)| touch.count.saturating_mul(touch.reuse));
        self.found[own].bottom_up = products.max().unwrap_or(-1);
        // What one thread does is noted at the loops that are shared out, with a minus until it is divided by.
        let level = parallel_level(self.found[own].mark);
        let shared = |at: usize, found: &[IterVar]| parallel_level(found[at].mark) == level + 1;
        if self.stack.last().is_some_and(|&(at, _)| shared(at, &self.found)) {
            let around: Vec<usize> =
                self.stack.iter().map(|&(at, _)| at).filter(|&at| shared(at, &self.found)).collect();
            for at in around {
                for (name, touch) in &mut self.found[at].touches {
                    if let Some((_, base)) = touches.iter().find(|(other, _)| other == name) {
                        (touch.thread_count, touch.thread_reuse) = (-base.count, -base.reuse);
                    }
                }
            }
        }
        for (_, touch) in &mut self.found[own].touches {
            if touch.thread_count < 0 && touch.thread_reuse < 0 {
                touch.thread_count = touch.count / -touch.thread_count;
                touch.thread_reuse = touch.reuse / -touch.thread_reuse;
            }
        }
    }

    fn access(&mut self, buffer: BufferId, index: &[Index], looked_up: Option<usize>) {
        let memory = self.nest.buffer(buffer);
        let number = self.seen.entry(buffer).or_default();
        let name = format!("{}_{number}", memory.name);
        *number += 1;
        let extents = memory.extents();
        for &(at, var) in &self.stack {
            let mut step = 1;
            let mut stride = 0i64;
            for (dim, index) in index.iter().enumerate().rev() {
                if looked_up != Some(dim) {
                    stride = stride.saturating_add(coefficient(index, var).saturating_mul(step));
                }
                step = step.saturating_mul(extents.get(dim).map_or(1, |&n| n as i64));
            }
            let touch = Touch { stride: stride.abs(), count: 1, reuse: 1, thread_count: 0, thread_reuse: 0 };
            self.found[at].touches.push((name.clone(), touch));
        }
    }

    fn arithmetic(&mut self, value: &Expr) {
        let Some(&(own, _)) = self.stack.last() else { return };
        let operations = &mut self.found[own].operations;
        let mut count = |expr: &Expr| match expr {
            Expr::Binary(Binary::Add | Binary::Sub, ..) => operations[0] += 1,
            Expr::Binary(Binary::Mul, ..) | Expr::Unary(Unary::Neg, _) => operations[1] += 1,
            Expr::Binary(Binary::Div, ..) => operations[2] += 1,
            _ => {}
        };
        value.visit(&mut count, &mut |_| {});
    }
}

/// Of a variable in an index: in quotients and remainders it counts as 1.
fn coefficient(index: &Index, var: Var) -> i64 {
    let of = |(atom, coefficient): &(Atom, i64)| match atom {
        Atom::Var(other) => (*other == var).then_some(*coefficient),
        Atom::Div(inner, _) | Atom::Mod(inner, _) => inner.has(var).then_some(1),
    };
    index.terms().iter().find_map(of).unwrap_or(0)
}
