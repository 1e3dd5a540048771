//! Boosted trees with the objectives of cost models: regression, ranking, and sums over the statements of a program.
//!
//! The library behind [`Trees`](super::Trees) knows the squared error alone.

mod bins;
mod objective;
mod tree;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

pub use objective::Objective;

use self::{bins::Bins, tree::Tree};
use crate::{Error, Result};

/// Settings of boosting; names are XGBoost's where it has one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoostingOptions {
    /// How many trees.
    pub trees: usize,
    /// How deep.
    pub depth: usize,
    /// How much of its correction a tree makes.
    pub learning_rate: f64,
    /// What a split has to gain.
    pub gamma: f64,
    /// The least sum of curvatures in a leaf.
    pub min_leaf_weight: f64,
    /// Added to the curvature of a leaf.
    pub lambda: f64,
    /// Share of the programs that a tree sees.
    pub programs: f64,
    /// Share of the columns that a tree sees.
    pub columns: f64,
}

impl BoostingOptions {
    /// TenSet's (XGBoost: depth 6, η 0.2, γ 0.003, min_child_weight 2, 300 rounds).
    pub const TENSET: Self = Self {
        trees: 300,
        depth: 6,
        learning_rate: 0.2,
        gamma: 0.003,
        min_leaf_weight: 2.0,
        lambda: 1.0,
        programs: 1.0,
        columns: 1.0,
    };
}

/// Rows of numbers, and which program each is of: the score of a program is the sum over its rows. A program of one row
/// is a program like others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packed {
    /// Numbers in a row.
    pub width: usize,
    /// Rows, one after the other.
    pub values: Vec<f32>,
    /// Where the rows of each program begin, and where the last end.
    pub starts: Vec<u32>,
}

impl Packed {
    /// Nothing yet.
    pub fn new(width: usize) -> Self {
        Self { width, values: Vec::new(), starts: vec![0] }
    }

    /// Adds a program, given its rows one after the other.
    pub fn push(&mut self, rows: impl IntoIterator<Item = f32>) {
        self.values.extend(rows);
        self.starts.push((self.values.len() / self.width.max(1)) as u32);
    }

    /// Number of programs.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }

    fn of_program(&self, i: usize) -> std::ops::Range<usize> {
        self.starts[i] as usize..self.starts[i + 1] as usize
    }
}

/// Boosted trees that were grown.
#[derive(Clone, Debug, PartialEq)]
pub struct Boosting {
    start: f64,
    width: usize,
    trees: Vec<Tree>,
}

impl Boosting {
    /// Grows trees on programs, one objective.
    ///
    /// # Errors
    /// Another number of programs than the objective has; rows that are no whole number of widths.
    pub fn fit(
        programs: &Packed,
        objective: &Objective<'_>,
        options: &BoostingOptions,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self> {
        let refuse = |message: String| Err(Error::Model { model: "boosting", message });
        let (n, width) = (programs.len(), programs.width);
        if objective.len() != n {
            return refuse(format!("{} targets of {n} programs", objective.len()));
        }
        if width == 0 || programs.values.len() != programs.starts.last().map_or(0, |&end| end as usize * width) {
            return refuse(format!("{} numbers in rows of {width}", programs.values.len()));
        }
        let bins = Bins::new(&programs.values, width);
        let mut model = Self { start: objective.start(), width, trees: Vec::with_capacity(options.trees) };
        let mut scores = vec![model.start; n];
        let mut gradients = vec![[0.0; 2]; bins.rows];
        let (mut all, mut columns): (Vec<usize>, Vec<usize>) = ((0..n).collect(), (0..width).collect());
        for _ in 0..options.trees {
            for (i, gradient) in objective.gradients(&scores).into_iter().enumerate() {
                programs.of_program(i).for_each(|row| gradients[row] = gradient);
            }
            let some = |list: &mut Vec<usize>, share: f64, rng: &mut ChaCha8Rng| -> Vec<usize> {
                if share >= 1.0 {
                    return list.clone();
                }
                let count = ((share * list.len() as f64) as usize).clamp(1, list.len().max(1));
                list.partial_shuffle(rng, count).0.to_vec()
            };
            let mut rows: Vec<u32> = some(&mut all, options.programs, rng)
                .into_iter()
                .flat_map(|i| programs.of_program(i).map(|row| row as u32))
                .collect();
            rows.sort_unstable();
            let chosen = some(&mut columns, options.columns, rng);
            let tree = Tree::grow(&bins, &gradients, (rows, &chosen), options);
            let values: Vec<f32> = programs.rows().map(|row| tree.value(row)).collect();
            for (i, score) in scores.iter_mut().enumerate() {
                *score += programs.of_program(i).map(|row| f64::from(values[row])).sum::<f64>();
            }
            model.trees.push(tree);
        }
        Ok(model)
    }

    /// Scores of programs.
    ///
    /// # Errors
    /// Rows of another width.
    pub fn predict(&self, programs: &Packed) -> Result<Vec<f64>> {
        /// Rows that go through a tree while it is near.
        const BLOCK: usize = 256;
        if programs.width != self.width {
            let message = format!("rows of {} numbers where it learned from {}", programs.width, self.width);
            return Err(Error::Model { model: "boosting", message });
        }
        let rows: Vec<&[f32]> = programs.rows().collect();
        let mut values = vec![0.0f64; rows.len()];
        for (rows, values) in rows.chunks(BLOCK).zip(values.chunks_mut(BLOCK)) {
            for tree in &self.trees {
                rows.iter().zip(values.iter_mut()).for_each(|(row, value)| *value += f64::from(tree.value(row)));
            }
        }
        Ok((0..programs.len()).map(|i| self.start + values[programs.of_program(i)].iter().sum::<f64>()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    fn drawn(n: usize, rows: usize, seed: u64) -> (Packed, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut packed = Packed::new(3);
        let mut truth = Vec::new();
        for _ in 0..n {
            let values: Vec<f32> = (0..3 * rows).map(|_| rng.random::<f32>()).collect();
            let of = |row: &[f32]| f64::from(row[0] * row[0] + if row[1] > 0.6 { 1.0 } else { 0.0 });
            truth.push(values.chunks(3).map(of).sum());
            packed.push(values);
        }
        (packed, truth)
    }

    fn error(model: &Boosting, packed: &Packed, truth: &[f64]) -> f64 {
        let found = model.predict(packed).unwrap();
        let square = found.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        (square / truth.len() as f64).sqrt()
    }

    const OPTIONS: BoostingOptions = BoostingOptions { trees: 100, depth: 4, ..BoostingOptions::TENSET };

    #[test]
    fn functions_of_rows_and_sums_of_them_are_learned() {
        // Of three rows a program, the sum alone is known.
        for rows in [1, 3] {
            let (packed, truth) = drawn(1500, rows, 0);
            let objective = Objective::Squared { targets: &truth, weights: &[] };
            let some = BoostingOptions { programs: 0.7, columns: 0.7, learning_rate: 0.2 / rows as f64, ..OPTIONS };
            for options in [BoostingOptions { learning_rate: 0.2 / rows as f64, ..OPTIONS }, some] {
                let fit = || Boosting::fit(&packed, &objective, &options, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
                let (model, (others, truths)) = (fit(), drawn(300, rows, 1));
                let mean = truth.iter().sum::<f64>() / truth.len() as f64;
                let spread = truths.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / truths.len() as f64;
                let error = error(&model, &others, &truths);
                assert!(error < 0.25 * spread.sqrt(), "{rows} rows: {error} of {}", spread.sqrt());
                assert_eq!(model, fit());
            }
        }
    }

    #[test]
    fn an_order_within_lists_is_learned() {
        let (packed, truth) = drawn(1200, 1, 2);
        let lists: Vec<_> = (0..20).map(|list| 60 * list..60 * (list + 1)).collect();
        let relevance: Vec<f64> = truth.iter().map(|y| y / 2.0).collect();
        let objective = Objective::Lambda { relevance: &relevance, lists: &lists };
        let model = Boosting::fit(&packed, &objective, &OPTIONS, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let (others, truths) = drawn(300, 1, 3);
        let found = model.predict(&others).unwrap();
        let tau = tachograph_metrics::kendall(&found, &truths).unwrap();
        assert!(tau > 0.85, "{tau}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (packed, truth) = drawn(10, 1, 0);
        let objective = Objective::Squared { targets: &truth[1..], weights: &[] };
        let fit = |packed| Boosting::fit(packed, &objective, &OPTIONS, &mut ChaCha8Rng::seed_from_u64(0));
        assert!(fit(&packed).unwrap_err().to_string().contains("9 targets of 10 programs"));
        let model = Boosting::fit(
            &packed,
            &Objective::Squared { targets: &truth, weights: &[] },
            &OPTIONS,
            &mut ChaCha8Rng::seed_from_u64(0),
        );
        assert!(model.unwrap().predict(&Packed::new(2)).is_err());
    }
}
