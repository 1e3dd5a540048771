//! What Pruner's models read of a program: Ansor's 164 numbers of each statement, ten symbols, and what its formula says of the
//! time; and of the program as a whole how its buffers flow, the eight that move most.

use super::{
    FeatureSet, Features, Program, Result, Rows,
    per_store::{Dialect, PerStore, symbols, with_symbols},
};

pub(super) struct Pruner;

/// Flows of a program; zeros where there are fewer.
const FLOWS: usize = 8;

impl FeatureSet for Pruner {
    fn name(&self) -> &'static str {
        "pruner"
    }

    fn rows(&self) -> Rows {
        Rows::Stores
    }

    fn columns(&self, program: &Program<'_>) -> Vec<String> {
        let mut names = PerStore(Dialect::Ansor).columns(program);
        names.extend(symbols::COLUMNS.map(String::from));
        names
    }

    fn extract(&self, program: &Program<'_>) -> Result<Features> {
        let (rows, mut flows) = with_symbols(program.nest());
        // Of those that move as much, the first.
        flows.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut whole: Vec<f64> = flows.into_iter().take(FLOWS).flat_map(|(_, flow)| flow).collect();
        whole.resize(FLOWS * symbols::FLOW, 0.0);
        let width = self.columns(program).len();
        Ok(Features { program: whole, ..Features::rows(width, rows) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Program, named,
        tests::{matmul, row_of},
    };
    use crate::Schedule;

    /// The symbols of a product of matrices, logarithms undone.
    fn symbols(schedule: &Schedule) -> Vec<f64> {
        let row = row_of("pruner", &matmul(64, 64, 64), schedule);
        assert_eq!(row.len(), 175);
        row[164..].iter().enumerate().map(|(i, &x)| if i < 6 { x.exp2() - 1.0 } else { x }).collect()
    }

    fn near(found: &[f64], expected: &[f64]) {
        let same = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6 * b.abs().max(1.0));
        assert!(same && found.len() >= expected.len(), "{found:?} and not {expected:?}");
    }

    #[test]
    fn plain_loops() {
        // for i, j, k: sums and products; all of it fits into the second cache and comes once, 3 · 64² · 4 bytes. Inside of k there
        // is one element each of y, x and w: two loads for two operations.
        let (work, bytes) = (2.0 * 64f64.powi(3), 3.0 * 64.0 * 64.0 * 4.0);
        let ms = work * 2.0 / (100e6 / 16.0);
        near(&symbols(&Schedule::new()), &[work, bytes, 3.0, 1.0, 1.0, 1.0, 1.0 / 16.0, 2.0, 1.0, 1.0, ms]);
    }

    #[test]
    fn a_tile_of_registers() {
        // Inside of k four rows of 32: y has 4 · 2 vectors, x 4 numbers, of which one vector is made, w 2 vectors. 2 · 128 operations
        // for 4 + 32 loads.
        let schedule = Schedule::new()
            .split("matmul", "i", &[4])
            .split("matmul", "j", &[32])
            .reorder("matmul", &["i.0", "j.0", "k", "i.1", "j.1"])
            .vectorize("matmul", "j.1");
        let found = symbols(&schedule);
        near(&found[2..6], &[11.0, 256.0 / 36.0, 32.0, 1.0]);
        near(&found[6..10], &[1.0, 1.0 + 36.0 / 256.0, 1.0, 1.0]);
        // Much faster than plain loops; a tile that no registers hold is slower than this one.
        assert!(found[10] * 10.0 < symbols(&Schedule::new())[10]);
        let wide = Schedule::new()
            .split("matmul", "j", &[32])
            .reorder("matmul", &["j.0", "k", "i", "j.1"])
            .vectorize("matmul", "j.1");
        let wide = symbols(&wide);
        assert!(wide[8] > 4.0 && wide[10] > 2.0 * found[10], "{wide:?}");
    }

    #[test]
    fn flows_are_those_of_the_buffers_that_move_most() {
        let (workload, schedule) = (matmul(64, 32, 16), Schedule::new());
        let features = named("pruner").unwrap().extract(&Program::new(&workload, &schedule).unwrap()).unwrap();
        assert_eq!(features.program.len(), 8 * 23);
        // x[64, 32] is larger than y[64, 16], and w[32, 16] is the smallest.
        let touched = |flow: usize| features.program[flow * 23 + 12].exp2() - 1.0;
        near(&[touched(0), touched(1), touched(2)], &[4.0 * 2048.0, 4.0 * 1024.0, 4.0 * 512.0]);
        let kinds = |flow: usize| features.program[flow * 23..flow * 23 + 3].to_vec();
        assert_eq!([kinds(0), kinds(1)], [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
        assert!(features.program[3 * 23..].iter().all(|x| *x == 0.0));
    }
}
