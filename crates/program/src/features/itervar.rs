//! AutoTVM's default features: every loop in the order in which they begin, one after the other in one row.
//!
//! | | numbers of a loop |
//! |---|---|
//! | length | log₂(trips + 1) |
//! | level | from 1 for the outermost, as it is |
//! | top-down, bottom-up | log₂(trips of this loop and those around it, and inside of it, + 1) |
//! | kind | eleven flags: block x, y, z, thread x, y, z, unrolled, vector, parallel, serial, virtual thread |
//! | add, mul, div | log₂(operations right inside of it + 1) |
//! | each access, by name | stride, modulus (−1: none), count, reuse, and of one thread count and reuse, each ±log₂(\|x\| + 1) |
//!
//! Behind the last loop are the options of the point that are no tiles, where a point is given. How many numbers there
//! are depends on the loops, so that programs of one template can be compared, and no others.

use super::{
    FeatureSet, Features, Program, Rows, knob,
    touch::{IterVar, iter_vars},
};
use crate::{Binding, Mark, Result};

pub(super) struct IterVars;

pub(super) const KINDS: [&str; 11] = [
    "block x",
    "block y",
    "block z",
    "thread x",
    "thread y",
    "thread z",
    "unrolled",
    "vector",
    "parallel",
    "serial",
    "virtual thread",
];

/// Positions of [`Binding::ALL`] among the kinds.
const BOUND: [usize; 7] = [0, 1, 2, 3, 4, 5, 10];

/// Position of a mark among the kinds.
pub(super) fn kind(mark: Mark) -> usize {
    let name = match mark {
        Mark::Serial => "serial",
        Mark::Parallel => "parallel",
        Mark::Vector => "vector",
        Mark::Unroll => "unrolled",
        Mark::Bind(binding) => {
            return Binding::ALL.iter().position(|other| *other == binding).map_or(0, |at| BOUND[at]);
        }
    };
    KINDS.iter().position(|kind| *kind == name).unwrap_or(0)
}

/// As AutoTVM scales numbers.
fn scaled(x: i64) -> f64 {
    let x = x as f64;
    x.signum() * (x.abs() + 1.0).log2()
}

fn row(var: &IterVar, row: &mut Vec<f64>) {
    row.extend([scaled(var.length), var.level as f64, scaled(var.top_down), scaled(var.bottom_up)]);
    row.extend((0..KINDS.len()).map(|i| f64::from(u8::from(i == kind(var.mark)))));
    row.extend(var.operations.map(scaled));
    for (_, touch) in &var.touches {
        // The modulus is never set there.
        let numbers = [touch.stride, -1, touch.count, touch.reuse, touch.thread_count, touch.thread_reuse];
        row.extend(numbers.map(scaled));
    }
}

impl FeatureSet for IterVars {
    fn name(&self) -> &'static str {
        "itervar"
    }

    fn rows(&self) -> Rows {
        Rows::Program
    }

    fn columns(&self, program: &Program<'_>) -> Vec<String> {
        let mut names = Vec::new();
        for (i, var) in iter_vars(program.nest()).iter().enumerate() {
            let own = ["length", "level", "top-down", "bottom-up"].iter().chain(&KINDS).chain(&["add", "mul", "div"]);
            names.extend(own.map(|what| format!("loop {i} {what}")));
            for (access, _) in &var.touches {
                let parts = ["stride", "modulus", "count", "reuse", "thread count", "thread reuse"];
                names.extend(parts.map(|what| format!("loop {i} {access} {what}")));
            }
        }
        names.extend(knob::options(program).into_iter().map(|(name, _)| name));
        names
    }

    fn extract(&self, program: &Program<'_>) -> Result<Features> {
        let mut values = Vec::new();
        iter_vars(program.nest()).iter().for_each(|var| row(var, &mut values));
        values.extend(knob::options(program).into_iter().map(|(_, value)| value));
        Ok(Features::rows(values.len(), vec![values]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{matmul, row_of};
    use crate::Schedule;

    #[test]
    fn a_product_of_matrices() {
        // x[4, 8] · w[8, 16], i parallel: for i { for j { y = 0; for k { y += x · w } } }.
        let workload = matmul(4, 8, 16);
        let schedule = Schedule::new().parallel("matmul", "i");
        let row = row_of("itervar", &workload, &schedule);
        let l = |x: f64| (x + 1.0f64).log2();
        // Accesses by name: matmul_0 and matmul_1 (store and its 0), matmul_2, w_0, x_0; k has all but matmul_0.
        let i = &row[..18];
        assert_eq!(i, [&[l(4.0), 1.0, l(4.0), l(512.0)][..], &flags(8), &[0.0, 0.0, 0.0]].concat());
        let accesses: Vec<&[f64]> = row[18..48].chunks(6).collect();
        // The 0: 16 elements a trip of i; one thread writes 16, and all of them are other elements.
        assert_eq!(accesses[0], [l(16.0), -1.0, l(64.0), l(1.0), l(4.0), l(1.0)]);
        // w: i does not move it, j and k do; a thread's 128 elements are read by all four.
        assert_eq!(accesses[3], [0.0, -1.0, l(128.0), l(4.0), l(1.0), l(4.0)]);
        // k is the last loop: one sum and one product in it.
        let k = &row[row.len() - 18 - 4 * 6..];
        assert_eq!(&k[..4], [l(8.0), 3.0, l(512.0), l(8.0)]);
        assert_eq!(&k[15..18], [l(1.0), l(1.0), 0.0]);
        assert_eq!(row.len(), 18 * 3 + 6 * (5 + 5 + 4));
    }

    fn flags(one: usize) -> [f64; 11] {
        std::array::from_fn(|i| f64::from(u8::from(i == one)))
    }
}
