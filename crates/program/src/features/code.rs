//! What the C of a program does in a run, counted as the writer of C decides it: vectors, loads of each kind, sums in registers,
//! conditions, chains of sums that wait for each other. Of this project: other sets read the loops, and what becomes of them
//! (what is written out, what is in vectors, where padding is asked for) is left to be learned.
//!
//! One row. Totals, what stands around the statement that takes longest, and bytes that go into caches as logarithms, `log2(1 + x)`;
//! then shares; then a formula of the time, the larger of what the core does and of what its caches bring, as a logarithm. Code
//! is that for vectors of 64 bytes, and caches are those of [`pruner`](super::pruner), whatever the machine.

use super::{
    FeatureSet, Features, Program, Rows,
    per_store::{symbols, with_symbols},
};
use crate::{
    Nest, Result, Target,
    code::tally::{Hot, tally},
};

pub(super) struct Code;

/// Vectors of AVX-512.
const TARGET: Target = Target { vector_bytes: 64 };

/// Columns: logarithms, then shares, then the formula.
const LOGS: [&str; 23] = [
    "vector operations",
    "operations",
    "functions",
    "vector loads",
    "splats",
    "loads",
    "vector stores",
    "stores",
    "carried",
    "spilled",
    "tests",
    "trips",
    "chain",
    "hot lanes",
    "hot written",
    "hot sums",
    "hot loads",
    "hot trips",
    "hot outside",
    "hot held",
    "bytes into the first cache",
    "bytes into the second cache",
    "bytes",
];
const SHARES: [&str; 7] = ["loads an operation", "carried", "chain", "tests", "hot", "first cache", "second cache"];

/// Bytes that come into the first and into the second cache in a step of the core.
const BYTES: [f64; 2] = [32.0, 8.0];

/// Bytes that go into the first and into the second cache, and those touched.
fn traffic(nest: &Nest) -> [f64; 3] {
    let (_, flows) = with_symbols(nest);
    symbols::MOVED.map(|at| flows.iter().map(|(_, flow)| flow[at].exp2() - 1.0).sum())
}

impl FeatureSet for Code {
    fn name(&self) -> &'static str {
        "code"
    }

    fn rows(&self) -> Rows {
        Rows::Program
    }

    fn columns(&self, _program: &Program<'_>) -> Vec<String> {
        let shares = SHARES.map(|name| format!("share {name}"));
        LOGS.map(String::from).into_iter().chain(shares).chain(["formula".to_owned()]).collect()
    }

    fn extract(&self, program: &Program<'_>) -> Result<Features> {
        let mut t = tally(program.nest(), TARGET)?;
        let Hot { lanes, written, sums, loads, trips, outside, held, .. } = t.hot;
        let [first, second, bytes] = traffic(program.nest());
        let counts = t.counts().map(|count| *count);
        let around = [lanes, written, sums, loads, trips, outside, f64::from(u8::from(held)), first, second, bytes];
        let all_loads = t.vector_loads + t.splats + t.loads;
        let cycles = t.cycles.max(1.0);
        let brought = [first / BYTES[0], second / BYTES[1]];
        let shares = [
            all_loads / (t.vector_ops + t.ops).max(1.0),
            t.carried / cycles,
            t.chain / cycles,
            t.tests / cycles,
            t.hot.cycles / cycles,
            brought[0] / cycles,
            brought[1] / cycles,
        ];
        let formula = brought.into_iter().fold(cycles, f64::max).ln();
        let logs = counts.into_iter().chain(around).map(|x| (1.0 + x).log2());
        let row: Vec<f64> = logs.chain(shares).chain([formula]).collect();
        Ok(Features::rows(row.len(), vec![row]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::matmul;
    use super::*;
    use crate::{Schedule, code::tally::Tally};

    fn of(schedule: &Schedule) -> Tally {
        tally(&schedule.lower(&matmul(64, 64, 64)).unwrap(), TARGET).unwrap()
    }

    #[test]
    fn plain_loops() {
        // One product and sum for two loads, each waiting for the one before.
        let (t, n) = (of(&Schedule::new()), 64f64.powi(3));
        assert_eq!((t.ops, t.loads, t.chain, t.vector_ops), (n, 2.0 * n, n, 0.0));
        assert_eq!((t.carried, t.trips), (0.0, 64.0 + 64.0 * 64.0 + n));
        assert!(t.cycles >= 4.0 * n);
    }

    /// So many rows of two vectors.
    fn tile(rows: u64, registers: bool) -> Schedule {
        let schedule = Schedule::new()
            .cache_write("matmul")
            .tile("matmul", &[("i", &[rows]), ("j", &[32])])
            .compute_at("matmul.local", "matmul", "j.0")
            .reorder("matmul.local", &["k", "i", "j"])
            .vectorize("matmul.local", "j")
            .vectorize("matmul", "j.1");
        match registers {
            true => schedule.unroll("matmul.local", "i").unroll("matmul", "i.1").registers("matmul.local"),
            false => schedule,
        }
    }

    #[test]
    fn a_tile_of_registers() {
        // In k four rows of two vectors: a number of x for each row, two vectors of w, eight sums that stay where they are.
        let (t, trips) = (of(&tile(4, true)), 16.0 * 2.0 * 64.0);
        assert_eq!((t.vector_ops, t.vector_loads, t.splats), (8.0 * trips, 2.0 * trips, 4.0 * trips));
        assert_eq!((t.carried, t.spilled, t.chain), (0.0, 0.0, trips));
        assert_eq!((t.hot.sums, t.hot.written, t.hot.loads, t.hot.lanes), (8.0, 8.0, 6.0, 16.0));
        assert!(t.hot.held);
    }

    #[test]
    fn sums_without_registers_are_loaded_and_stored() {
        let t = of(&tile(4, false));
        assert!(!t.hot.held && t.carried == 2.0 * t.vector_ops, "{t:?}");
    }

    #[test]
    fn what_no_register_holds_is_spilled() {
        let (few, many) = (of(&tile(8, true)), of(&tile(16, true)));
        assert_eq!(few.spilled, 0.0);
        assert!(many.spilled > 0.0 && many.cycles > few.cycles, "{many:?}");
    }

    #[test]
    fn what_a_cache_holds_comes_once() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6 * b;
        let of = |n: u64| traffic(&Schedule::new().lower(&matmul(n, n, n)).unwrap());
        // Three matrices of 16 KB: the first cache holds w, which all rows need, and a row of the others.
        assert!(of(64).iter().all(|&bytes| near(bytes, 49152.0)), "{:?}", of(64));
        // Three of 64 KB: w comes anew for every row, 128 times; the second cache holds it.
        let [first, second, bytes] = of(128);
        assert!(near(bytes, 3.0 * 65536.0) && near(second, bytes) && near(first, 130.0 * 65536.0), "{:?}", of(128));
    }
}
