//! Ansor's features: 164 numbers for each buffer that is stored to ("Ansor", Zheng et al., OSDI 2020), as TVM's
//! MetaSchedule computes them for its modules, or as Ansor itself.
//!
//! | columns | what |
//! |---|---|
//! | 0–15 | operations by class, each times the trips of all loops |
//! | 16–48 | vector, unrolled, parallel loops: number, product of trips, trips of the innermost, position (eight flags, of which "none" and "mixed" occur) |
//! | 49–56 | whether on a GPU; trips of block indices x, y, z, of thread indices x, y, z, of virtual threads |
//! | 57–146 | five buffers of 18: [`buffers`] |
//! | 147–156 | operations per byte touched, from the innermost loop outwards |
//! | 157–160 | allocation: bytes, elements times trips outside of it, trips outside, trips inside |
//! | 161–163 | trips of all loops, number of loops, limit of automatic unrolling |
//!
//! Numbers other than flags are log₂(x + 1). Of several stores to one buffer the last counts.
//!
//! Automatic unrolling is written out as marks of loops by lowering, so its limit is 0 here.

mod access;
mod buffers;
mod compact;
mod intensity;
pub(super) mod symbols;

use std::collections::HashMap;

use super::{
    FeatureSet, Features, Program, Rows,
    arithmetic::{self, Counter},
    walk::{Walk, extent},
};
use crate::{Binding, Expr, Mark, Nest, Range, Result, Storage, Var};
use access::{Access, Memory, accesses};
use buffers::{Around, Context, Touches};
use symbols::Statement;

/// Buffers of a row.
const BUFFERS: usize = 5;
/// Points of the curve of arithmetic intensity.
const SAMPLES: usize = 10;
/// Columns of a row.
const WIDTH: usize = 57 + BUFFERS * 18 + SAMPLES + 4 + 3;

/// Whose formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dialect {
    /// `PerStoreFeature` of TVM 0.27.
    MetaSchedule,
    /// TVM's `auto_scheduler` before it was removed: stores of constants count as well, operations of several stores to
    /// one buffer add up, regions of remainders are exact, buffers are as large as they are allocated, and the lines of an
    /// access are divided by a power of the innermost loop. Written after its source; there is nothing left to run it
    /// against. What it takes from whichever buffer comes last in a hash map, the contiguous part of an access, is taken
    /// from the access itself.
    Ansor,
}

/// The set.
pub(super) struct PerStore(pub Dialect);

fn slog(x: f64) -> f64 {
    (x.abs() + 1.0).log2()
}

impl FeatureSet for PerStore {
    fn name(&self) -> &'static str {
        match self.0 {
            Dialect::MetaSchedule => "per-store",
            Dialect::Ansor => "ansor",
        }
    }

    fn rows(&self) -> Rows {
        Rows::Stores
    }

    fn columns(&self, _program: &Program<'_>) -> Vec<String> {
        let mut names: Vec<String> = arithmetic::CLASSES.map(String::from).to_vec();
        for mark in ["vector", "unroll", "parallel"] {
            names.extend(["loops", "trips", "innermost trips"].map(|what| format!("{mark} {what}")));
            let places = ["none", "inner S", "middle S", "outer S", "inner R", "middle R", "outer R", "mixed"];
            names.extend(places.map(|place| format!("{mark} position {place}")));
        }
        names.push("gpu".into());
        for kind in ["block", "thread"] {
            names.extend(["x", "y", "z"].map(|axis| format!("{kind} {axis}")));
        }
        names.push("virtual threads".into());
        for buffer in 0..BUFFERS {
            names.extend(buffers::COLUMNS.map(|column| format!("buffer {buffer} {column}")));
        }
        names.extend((1..=SAMPLES).map(|i| format!("intensity at {i}/{SAMPLES}")));
        names.extend(["bytes", "elements", "outer trips", "inner trips"].map(|what| format!("allocation {what}")));
        names.extend(["trips", "loops", "automatic unrolling"].map(String::from));
        names
    }

    fn extract(&self, program: &Program<'_>) -> Result<Features> {
        Ok(Features::rows(WIDTH, extract(program.nest(), self.0, &mut |_, _| {})))
    }
}

/// Ansor's rows, each followed by [`symbols::COLUMNS`]; and the flows of all of them.
pub(super) fn with_symbols(nest: &Nest) -> (Vec<Vec<f64>>, Vec<symbols::Flow>) {
    let mut flows = Vec::new();
    let rows = extract(nest, Dialect::Ansor, &mut |statement, row| {
        row.extend(statement.symbols());
        flows.extend(statement.flows());
    });
    (rows, flows)
}

/// Operations times trips.
type Work = [f64; 16];

/// `more` adds to the row of a statement.
fn extract(nest: &Nest, dialect: Dialect, more: &mut dyn FnMut(&Statement<'_>, &mut Vec<f64>)) -> Vec<Vec<f64>> {
    let walk = Walk::of(nest);
    let counts = |value: &Expr| dialect == Dialect::Ansor || !matches!(value, Expr::Const(_));
    let sites: Vec<_> = walk.sites.iter().filter(|site| counts(&site.value)).collect();
    let last: HashMap<_, usize> = sites.iter().enumerate().map(|(i, site)| (site.buffer, i)).collect();
    let outer: HashMap<_, f64> = walk.allocations.iter().map(|a| (a.buffer, a.outer)).collect();
    let mut memory = Memory::all(nest);
    if dialect == Dialect::MetaSchedule {
        compact::compact(nest, &walk, &mut memory);
    }
    let mut tables = HashMap::new();
    let mut touches: Touches = (0..walk.loops).map(|_| Vec::new()).collect();
    let mut work: HashMap<_, Work> = HashMap::new();
    let mut order = Vec::new();
    let mut rows: HashMap<_, Vec<f64>> = HashMap::new();
    let mut depth_of: Vec<usize> = vec![usize::MAX; nest.loops.len()];
    for (i, site) in sites.iter().enumerate() {
        let loops: Vec<Around> =
            site.loops.iter().map(|&(var, id)| Around { var, id, extent: extent(nest, var) as f64 }).collect();
        let trips: f64 = loops.iter().map(|around| around.extent).product();
        let mut accesses = accesses(site, &mut memory, &mut tables);
        site.loops.iter().enumerate().for_each(|(depth, &(var, _))| depth_of[var as usize] = depth);
        let range = |var: Var, depth: usize| match depth_of.get(var as usize) {
            Some(&own) if own != usize::MAX && own >= depth => nest.range(var),
            _ => Range { min: 0, max: 0 },
        };
        accesses.iter_mut().for_each(|a| a.touch(&memory[a.buffer], loops.len(), dialect, &range));
        site.loops.iter().for_each(|&(var, _)| depth_of[var as usize] = usize::MAX);
        buffers::note(&mut touches, &loops, &accesses);
        if !order.contains(&site.buffer) {
            order.push(site.buffer);
        }
        let is_last = last.get(&site.buffer) == Some(&i);
        if !is_last && dialect == Dialect::MetaSchedule {
            continue;
        }
        let own = operations(nest, site.buffer, &site.value).map(|n| n as f64 * trips);
        let sum = work.entry(site.buffer).or_default();
        if dialect == Dialect::MetaSchedule {
            *sum = Work::default();
        }
        sum.iter_mut().zip(&own).for_each(|(sum, own)| *sum += own);
        if !is_last {
            continue;
        }
        let mut row = Vec::with_capacity(WIDTH);
        row.extend(sum.iter().map(|&n| slog(n)));
        annotations(nest, &loops, &mut row);
        let context = Context { dialect, loops: &loops, trips, touches: &touches, memory: &memory };
        buffers::features(&context, &accesses, &mut row);
        row.extend(intensity::curve(&loops, &bytes_touched(&memory, &accesses, loops.len()), &own, trips));
        let buffer = nest.buffer(site.buffer);
        let outside = match buffer.storage {
            Storage::Local => outer.get(&site.buffer).copied().unwrap_or(1.0),
            _ => 1.0,
        };
        let stored = &memory[site.buffer.index()];
        let elements: f64 = stored.extents.iter().map(|&n| n as f64).product();
        row.extend([elements * stored.bytes as f64, elements * outside, outside, trips / outside].map(slog));
        row.extend([trips, loops.len() as f64, 0.0].map(slog));
        let statement = Statement { nest, loops: &loops, accesses: &accesses, memory: &memory, work: &own };
        more(&statement, &mut row);
        rows.insert(site.buffer, row);
    }
    order.iter().filter_map(|buffer| rows.remove(buffer)).collect()
}

fn operations(nest: &Nest, stored: crate::BufferId, value: &Expr) -> arithmetic::Counts {
    let dtype = |id: crate::BufferId| nest.buffer(id).dtype;
    let ranges = |var: Var| nest.range(var);
    let mut counter = Counter {
        dtype: &dtype,
        stored: dtype(stored),
        ranges: &ranges,
        counts: arithmetic::Counts::default(),
        nodes: Vec::new(),
    };
    counter.expr(value);
    counter.counts
}

/// Bytes that a store touches inside of the loop at each depth.
fn bytes_touched(memory: &[Memory], accesses: &[Access<'_>], depths: usize) -> Vec<f64> {
    let bytes = |depth: usize| {
        accesses.iter().map(|a| a.elements.get(depth).map_or(0.0, |&n| (n * memory[a.buffer].bytes) as f64)).sum()
    };
    (0..depths).map(bytes).collect()
}

/// Columns 16–56.
fn annotations(nest: &Nest, loops: &[Around], row: &mut Vec<f64>) {
    for mark in [Mark::Vector, Mark::Unroll, Mark::Parallel] {
        let marked = |around: &&Around| nest.loops.get(around.var as usize).is_some_and(|l| l.mark == mark);
        let extents: Vec<f64> = loops.iter().filter(marked).map(|around| around.extent).collect();
        let product = if extents.is_empty() { 0.0 } else { extents.iter().product() };
        row.extend([extents.len() as f64, product, extents.last().copied().unwrap_or(0.0)].map(slog));
        let none = f64::from(u8::from(extents.is_empty()));
        row.extend([none, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0 - none]);
    }
    // An index that is not there has one value.
    let extent = |binding: Binding| {
        let bound =
            |around: &&Around| nest.loops.get(around.var as usize).is_some_and(|l| l.mark == Mark::Bind(binding));
        loops.iter().find(bound).map(|around| around.extent)
    };
    let bound = Binding::ALL.map(extent);
    row.push(f64::from(u8::from(bound.iter().any(Option::is_some))));
    row.extend(bound.map(|extent| slog(extent.unwrap_or(1.0))));
}

#[cfg(test)]
mod tests {
    use super::super::{
        Program, named,
        tests::{matmul, row_of},
    };
    use crate::{Binding, Dim, Schedule};

    #[test]
    fn bound_loops_have_their_columns() {
        let workload = matmul(4, 8, 16);
        let schedule =
            Schedule::new().bind("matmul", "i", Binding::Block(Dim::X)).bind("matmul", "j", Binding::Thread(Dim::X));
        let columns = named("per-store").unwrap().columns(&Program::new(&workload, &schedule).unwrap());
        let gpu = columns.iter().position(|column| column == "gpu").unwrap();
        let row = row_of("per-store", &workload, &schedule);
        let extents = [1, 4].map(|after| (row[gpu + after].exp2() - 1.0).round());
        assert_eq!((row[gpu], extents), (1.0, [4.0, 16.0]));
    }

    #[test]
    fn dialects_differ_where_they_should() {
        // for i < 4, j < 16 { y = 0; for k.0 < 4, k.1 < 2: y += x · w }.
        let workload = matmul(4, 8, 16);
        let schedule = Schedule::new().split("matmul", "k", &[2]);
        let numbers =
            |set: &str| row_of(set, &workload, &schedule).iter().map(|x| x.exp2() - 1.0).collect::<Vec<f64>>();
        let (tvm, ansor) = (numbers("per-store"), numbers("ansor"));
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found} and not {expected}");
        // Sums and products; 2·k.0 + k.1 in x and in w.
        for row in [&tvm, &ansor] {
            [(1, 512.0), (2, 512.0), (8, 1024.0), (9, 1024.0)].into_iter().for_each(|(at, n)| near(row[at], n));
        }
        // The buffer that is read and written. Both reductions leave it in place: 512 / (4 · 2) accesses of 4 of 64 bytes
        // a line, or to Ansor 512 / (2 · 2).
        let lines = |row: &[f64]| (0..3).map(|b| 57 + 18 * b).find(|&b| row[b + 2] == 1.0).map(|b| row[b + 5]).unwrap();
        near(lines(&tvm), 4.0);
        near(lines(&ansor), 8.0);
        // k.1 brings y back: distances are one iteration and an element of each of three buffers.
        let y = (0..3).map(|b| 57 + 18 * b).find(|&b| tvm[b + 2] == 1.0).unwrap();
        [(7, 1.0), (10, 1.0), (11, 12.0), (12, 2.0)].into_iter().for_each(|(at, n)| near(tvm[y + at], n));
    }
}
