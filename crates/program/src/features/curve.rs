//! AutoTVM's curves, which programs of different templates have in common: for each access in the innermost loops, how
//! trips that move it, trips that do not, and trips from the outside relate to each other on the way down the nest.
//!
//! One row an access, by name; of those of one buffer and its copies (`x`, `x.local`) the last. Four relations: count →
//! reuse, reuse → count, count → top-down, top-down → count, all log₂; each sampled at 0, 1, …, 19 of the first, where
//! the last point that is not beyond it gives the second and the distance to it.

use super::{
    FeatureSet, Features, Program, Rows,
    touch::{IterVar, iter_vars},
};
use crate::Result;

pub(super) struct Curves;

const SAMPLES: usize = 20;
const RELATIONS: [&str; 4] = ["reuse by count", "count by reuse", "top-down by count", "count by top-down"];

/// `x.local_1` is of `x`.
fn buffer(access: &str) -> &str {
    let name = access.rsplit_once('_').map_or(access, |(name, _)| name);
    name.split_once('.').map_or(name, |(name, _)| name)
}

/// Accesses of the innermost loops, in order.
fn innermost(vars: &[IterVar]) -> Vec<&str> {
    let depth = vars.iter().map(|var| var.level).max().unwrap_or(0);
    let mut found: Vec<&str> = Vec::new();
    for var in vars.iter().rev().filter(|var| var.level == depth) {
        for (access, _) in &var.touches {
            if !found.iter().any(|other| buffer(other) == buffer(access)) {
                found.push(access);
            }
        }
    }
    found.sort_unstable();
    found
}

fn sample(x: &[f64], y: &[f64], row: &mut Vec<f64>) {
    for i in 0..SAMPLES {
        let at = i as f64;
        let last = x.iter().rposition(|&x| at > x - 1e-6).unwrap_or(0);
        row.extend([y[last], at - x[last]]);
    }
}

impl FeatureSet for Curves {
    fn name(&self) -> &'static str {
        "curve"
    }

    fn rows(&self) -> Rows {
        Rows::Accesses
    }

    fn columns(&self, _program: &Program<'_>) -> Vec<String> {
        let pair = |relation: &str, i: usize| [format!("{relation} at {i}"), format!("{relation} distance at {i}")];
        RELATIONS.iter().flat_map(|relation| (0..SAMPLES).flat_map(|i| pair(relation, i))).collect()
    }

    fn extract(&self, program: &Program<'_>) -> Result<Features> {
        let vars = iter_vars(program.nest());
        let mut rows = Vec::new();
        for access in innermost(&vars) {
            let points = vars.iter().filter_map(|var| {
                let (_, touch) = var.touches.iter().find(|(name, _)| name == access)?;
                Some([touch.count, touch.reuse, var.top_down].map(|n| (n.max(1) as f64).log2()))
            });
            let mut curves: [Vec<f64>; 3] = std::array::from_fn(|_| vec![0.0]);
            for point in points {
                curves.iter_mut().zip(point).for_each(|(curve, value)| curve.push(value));
            }
            curves.iter_mut().for_each(|curve| curve.sort_by(f64::total_cmp));
            let [count, reuse, top_down] = &curves;
            let mut row = Vec::with_capacity(4 * 2 * SAMPLES);
            sample(count, reuse, &mut row);
            sample(reuse, count, &mut row);
            sample(count, top_down, &mut row);
            sample(top_down, count, &mut row);
            rows.push(row);
        }
        Ok(Features::rows(4 * 2 * SAMPLES, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Program, named, tests::matmul};
    use crate::Schedule;

    #[test]
    fn a_product_of_matrices() {
        let workload = matmul(4, 8, 16);
        let schedule = Schedule::new();
        let program = Program::new(&workload, &schedule).unwrap();
        let features = named("curve").unwrap().extract(&program).unwrap();
        // The product, w and x, each once: the innermost loop is the reduction.
        assert_eq!((features.len(), features.width), (3, 160));
        // x[i, k]: from i on 32 elements, each 16 times; from j on 8 elements 16 times; in k 8 elements once. So with
        // the zero count is 0, 3, 3, 5 and reuse 0, 0, 4, 4.
        let x = features.row(2);
        let reuse_by_count = |i: usize| [x[2 * i], x[2 * i + 1]];
        assert_eq!(reuse_by_count(0), [0.0, 0.0]);
        assert_eq!(reuse_by_count(2), [0.0, 2.0]);
        assert_eq!(reuse_by_count(3), [4.0, 0.0]);
        assert_eq!(reuse_by_count(5), [4.0, 0.0]);
        assert_eq!(reuse_by_count(19), [4.0, 14.0]);
        // Top-down is 0, 2, 6, 9: beside a count of 5 stands the last of them.
        assert_eq!([x[2 * 40 + 10], x[2 * 40 + 11]], [9.0, 0.0]);
    }
}
