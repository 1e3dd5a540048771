//! What generated C does in a run, counted without compiling it: by the decisions that the writer makes, on the loops in parts that
//! it writes.
//!
//! A statement stands in loops that are written out, around them one that runs, around that the others. What a load reads is
//! loaded once where loops that are written out leave it in place, and once outside where the loop that runs does. A sum stays in
//! a register where each of its places has one.

use std::collections::HashMap;

use super::{
    c::{STACK_BYTES, Target},
    dialect::Dialect,
    partition::partition,
    vector::Plan,
    writer::Writer,
};
use crate::{Binary, BufferId, Cond, Expr, Index, Mark, Nest, Result, Scope, Stmt, Unary, Var};

/// Registers for vectors.
const REGISTERS: f64 = 32.0;
/// Steps from a sum to the next one of the same place.
const LATENCY: f64 = 4.0;
/// Steps of a function such as the exponential, of a vector or of a number.
const FUNCTION: f64 = 12.0;

/// How often things happen in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Operations on vectors; a product and the sum that it goes into are one.
    pub vector_ops: f64,
    /// The same on numbers.
    pub ops: f64,
    /// Functions such as the exponential.
    pub functions: f64,
    /// Loads of vectors, of a number for all lanes, and of numbers: those of a vector that does not lie in one piece too.
    pub vector_loads: f64,
    pub splats: f64,
    pub loads: f64,
    /// Stores of vectors, and of numbers.
    pub vector_stores: f64,
    pub stores: f64,
    /// Loads and stores of sums within the loops that make them.
    pub carried: f64,
    /// Vectors that have no register where they are needed.
    pub spilled: f64,
    /// Conditions that are asked.
    pub tests: f64,
    /// Trips of loops that are not written out.
    pub trips: f64,
    /// Sums that wait for the one before.
    pub chain: f64,
    /// About how many steps of a core all of that takes, data being near.
    pub cycles: f64,
    /// The statement that takes most of them.
    pub hot: Hot,
}

/// A statement and what is written out around it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Hot {
    pub cycles: f64,
    /// Of a vector; 1 without.
    pub lanes: f64,
    /// Statements that are written out, places that they store to, loads.
    pub written: f64,
    pub sums: f64,
    pub loads: f64,
    /// Trips of the loop that runs, and of those around it.
    pub trips: f64,
    pub outside: f64,
    /// Whether sums stay in registers.
    pub held: bool,
}

/// A loop around a statement.
struct Around {
    var: Var,
    trips: f64,
    written: bool,
}

/// Lanes of a vector loop, and its variable.
type Lanes = (Var, u64);

struct Counter<'a> {
    writer: Writer<'a>,
    around: Vec<Around>,
    /// Loops around the place where a buffer is allocated.
    allocated: HashMap<BufferId, usize>,
    tally: Tally,
}

/// Counts what C for this target does each time it runs.
///
/// # Errors
/// As [`c`](super::c()).
pub(crate) fn tally(nest: &Nest, target: Target) -> Result<Tally> {
    let nest = &partition(nest);
    let mut writer = Writer::new(nest, Dialect::C, target.vector_bytes, STACK_BYTES)?;
    writer.vectors = writer.register_arrays();
    let mut counter = Counter { writer, around: Vec::new(), allocated: HashMap::new(), tally: Tally::default() };
    counter.block(&nest.body);
    counter.tally.cycles += counter.tally.trips;
    Ok(counter.tally)
}

impl Counter<'_> {
    fn block(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::For(var, body) => self.each(*var, body),
                Stmt::If(conds, body) => {
                    self.tally.tests += self.times() * conds.len() as f64;
                    self.block(body);
                }
                Stmt::Launch(_, body) => self.block(body),
                Stmt::Alloc(id) => {
                    self.allocated.insert(*id, self.around.len());
                }
                Stmt::Store(id, index, value) => self.store(*id, index, value, None),
                Stmt::Intrinsic(_) => {
                    let times = self.times();
                    self.tally.vector_ops += times;
                    self.tally.cycles += times;
                }
                Stmt::Prefetch(..) | Stmt::Barrier => {}
            }
        }
    }

    /// How often what stands here runs.
    fn times(&self) -> f64 {
        self.around.iter().map(|around| around.trips).product()
    }

    fn each(&mut self, var: Var, body: &[Stmt]) {
        let l = &self.writer.nest.loops[var as usize];
        let (extent, mark) = (l.extent, l.mark);
        let plan = if mark == Mark::Vector { self.writer.plan(var, body) } else { None };
        match plan {
            Some(Plan { lanes, chunks, rest, .. }) => {
                let all = self.writer.written_out(var, chunks.min(16), body) >= chunks;
                self.within(var, chunks, all, |counter| counter.stores(body, Some((var, lanes))));
                self.within(var, rest, false, |counter| counter.stores(body, None));
            }
            None => {
                let all = mark == Mark::Unroll && self.writer.written_out(var, extent, body) >= extent;
                self.within(var, extent, all, |counter| counter.block(body));
            }
        }
    }

    fn within(&mut self, var: Var, trips: u64, written: bool, inside: impl FnOnce(&mut Self)) {
        if trips == 0 {
            return;
        }
        let written = written || trips == 1;
        self.around.push(Around { var, trips: trips as f64, written });
        if !written {
            self.tally.trips += self.times();
        }
        inside(self);
        self.around.pop();
    }

    /// The statements of a vector loop.
    fn stores(&mut self, body: &[Stmt], lanes: Option<Lanes>) {
        for stmt in body {
            if let Stmt::Store(id, index, value) = stmt {
                self.store(*id, index, value, lanes);
            }
        }
    }

    fn store(&mut self, id: BufferId, index: &[Index], value: &Expr, lanes: Option<Lanes>) {
        let runs = self.around.iter().rposition(|around| !around.written);
        let (outside, inside) = self.around.split_at(runs.map_or(0, |at| at + 1));
        let product = |loops: &[Around]| loops.iter().map(|around| around.trips).product::<f64>();
        let (running, outside) = outside.split_last().map_or((None, 1.0), |(last, rest)| (Some(last), product(rest)));
        let trips = running.map_or(1.0, |running| running.trips);
        let written = product(inside);
        let times = outside * trips * written;
        // Places of an index within what is written out, and how often that many are touched anew.
        let places = |flat: &Index| -> f64 {
            inside.iter().filter(|around| flat.has(around.var)).map(|around| around.trips).product()
        };
        let moves = |flat: &Index| running.is_some_and(|running| flat.has(running.var));
        let again = |flat: &Index| outside * if moves(flat) { trips } else { 1.0 };

        let target = self.writer.flat(id, index);
        let mut seen: Vec<(BufferId, Index)> = Vec::new();
        let (mut adds, mut site) = (false, Tally::default());
        let (mut vectors, mut splats, mut loads) = (0.0, 0.0, 0.0);
        let mut fused = 0.0;
        value.visit(
            &mut |expr| match expr {
                Expr::Load(from, at) => {
                    let flat = self.writer.flat(*from, at);
                    if *from == id && flat == target {
                        adds = true;
                    } else if !self.held(*from, &flat)
                        && !seen.iter().any(|(other, seen)| other == from && *seen == flat)
                    {
                        let (near, total, each) = match lanes.map(|(var, lanes)| (flat.coefficient(var), lanes)) {
                            Some((Some(1), _)) => (&mut vectors, &mut site.vector_loads, 1.0),
                            Some((Some(0), _)) => (&mut splats, &mut site.splats, 1.0),
                            Some((_, lanes)) => (&mut loads, &mut site.loads, lanes as f64),
                            None => (&mut loads, &mut site.loads, 1.0),
                        };
                        *near += places(&flat) * each;
                        *total += places(&flat) * each * again(&flat);
                        seen.push((*from, flat));
                    }
                }
                Expr::Lookup { .. } | Expr::Table(..) => site.loads += times,
                Expr::Unary(Unary::Exp | Unary::Log | Unary::Tanh | Unary::Erf | Unary::Sin | Unary::Cos, _)
                | Expr::Binary(Binary::Pow, ..) => site.functions += times,
                Expr::Binary(Binary::Add | Binary::Sub, a, b) => {
                    let product = |expr: &Expr| matches!(expr, Expr::Binary(Binary::Mul, ..));
                    fused += f64::from(u8::from(product(a) || product(b)));
                }
                Expr::Select(cond, ..) if !matches!(**cond, Cond::Compare(..)) => site.tests += times,
                _ => {}
            },
            &mut |_| {},
        );
        let operations = times * (value.operations() as f64 - fused).max(0.0);
        *(if lanes.is_some() { &mut site.vector_ops } else { &mut site.ops }) = operations;

        // Across the lanes of a reduction there is one place, of which several parts are summed.
        let across = lanes.is_some_and(|(var, _)| !target.has(var));
        let sums = if across { written.min(4.0) } else { places(&target) };
        let held = self.held(id, &target);
        let whole = lanes.is_some_and(|(var, _)| target.coefficient(var) == Some(1));
        let stores = sums * again(&target) * if whole { 1.0 } else { lanes.map_or(1.0, |(_, lanes)| lanes as f64) };
        if adds && moves(&target) && !held {
            site.carried = 2.0 * stores;
        } else if !held && !across {
            *(if whole { &mut site.vector_stores } else { &mut site.stores }) = stores;
        }
        if adds {
            let apart = if held || !moves(&target) { sums } else { sums * trips };
            site.chain = times / apart.max(1.0);
        }
        // A product of a column and a row needs one of them at hand, of the other one at a time.
        let needed = sums + if splats > 0.0 { vectors.min(splats) } else { vectors.min(1.0) } + 1.0;
        site.spilled = outside * trips * (needed - REGISTERS).max(0.0);

        let moved = 0.5 * (site.vector_loads + site.splats + site.loads + site.carried / 2.0);
        let stored = site.vector_stores + site.stores + site.carried / 2.0;
        let computed = site.vector_ops + site.ops + FUNCTION * site.functions;
        site.cycles = computed.max(moved).max(stored).max(LATENCY * site.chain) + site.tests + site.spilled;
        if site.cycles > self.tally.hot.cycles {
            let lanes = lanes.map_or(1.0, |(_, lanes)| lanes as f64);
            let loads = vectors + splats + loads;
            self.tally.hot = Hot { cycles: site.cycles, lanes, written, sums, loads, trips, outside, held };
        }
        self.tally.add(site);
    }

    /// True where each place of a buffer is a register: it is small, and no loop that runs moves it.
    fn held(&self, id: BufferId, flat: &Index) -> bool {
        let buffer = self.writer.nest.buffer(id);
        let count = buffer.elements() / self.writer.vectors.get(&id).copied().unwrap_or(1);
        let small = buffer.is_private() && buffer.scope == Scope::Register && count <= REGISTERS as u64;
        let since = self.allocated.get(&id).copied().unwrap_or(0);
        small && self.around.iter().skip(since).all(|around| around.written || !flat.has(around.var))
    }
}

impl Tally {
    /// What is counted, in the order of the fields.
    pub fn counts(&mut self) -> [&mut f64; 13] {
        [
            &mut self.vector_ops,
            &mut self.ops,
            &mut self.functions,
            &mut self.vector_loads,
            &mut self.splats,
            &mut self.loads,
            &mut self.vector_stores,
            &mut self.stores,
            &mut self.carried,
            &mut self.spilled,
            &mut self.tests,
            &mut self.trips,
            &mut self.chain,
        ]
    }

    fn add(&mut self, mut site: Self) {
        self.counts().into_iter().zip(site.counts()).for_each(|(sum, more)| *sum += *more);
        self.cycles += site.cycles;
    }
}
