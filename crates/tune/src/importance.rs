//! Which decisions matter: by how much worse times are foretold when a decision is not known.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_program::{Decision, Open, Point, Space};

use crate::{
    Encoding, Result,
    models::{RowModel, Trees, TreesOptions},
};

/// Fewer points say nothing.
const LEAST: usize = 20;
const FOLDS: usize = 5;
/// How often a decision is mixed up in each fold.
const TIMES: usize = 3;

/// How much decisions matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    /// How much of the variance of the logarithm of the time trees explain on points that they have not seen: 1 for all, 0 or
    /// less for nothing. Where it is small the rest says little.
    pub explained: f64,
    /// Decisions, and by how much of the variance the error grows when their choices are mixed up, largest first; those that
    /// do nothing are left out. They need not sum to what is explained: decisions act together.
    pub decisions: Vec<(String, f64)>,
}

/// Importance by permutation: boosted trees learn four fifths of the points, and foretell the last with the choices of one
/// decision mixed up among them. `None` for fewer than 20 points, or such as take all the same time.
///
/// # Errors
/// Trees that cannot be fitted.
pub fn importance(space: &Space, points: &[(Point, f64)], seed: u64) -> Result<Option<Importance>> {
    let encoding = Encoding::new(space);
    let logs: Vec<f64> = points.iter().map(|(_, ms)| ms.ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len().max(1) as f64;
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / logs.len().max(1) as f64;
    if points.len() < LEAST || !variance.is_finite() || variance < 1e-12 || encoding.width() == 0 {
        return Ok(None);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rows: Vec<Vec<f64>> = points.iter().map(|(point, _)| encoding.row(point)).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.shuffle(&mut rng);
    let columns = encoding.decisions();
    let mut decisions: Vec<Option<(usize, usize)>> = columns.clone();
    decisions.dedup();
    let (mut error, mut grown) = (0.0, vec![0.0; decisions.len()]);
    for fold in 0..FOLDS {
        let held = |at: &usize| at % FOLDS == fold;
        let learned: Vec<usize> = (0..order.len()).filter(|at| !held(at)).map(|at| order[at]).collect();
        let held: Vec<usize> = (0..order.len()).filter(held).map(|at| order[at]).collect();
        let of = |positions: &[usize]| positions.iter().map(|&i| rows[i].clone()).collect::<Vec<_>>();
        let mut trees = Trees::new(TreesOptions::AUTOTVM);
        trees.fit_rows(&of(&learned), &learned.iter().map(|&i| logs[i]).collect::<Vec<_>>(), &mut rng)?;
        let squares = |rows: &[Vec<f64>]| {
            let found = trees.predict_rows(rows).into_iter().zip(&held);
            found.map(|(estimate, &i)| (estimate.mean - logs[i]).powi(2)).sum::<f64>() / logs.len() as f64
        };
        let whole = of(&held);
        let base = squares(&whole);
        error += base;
        for (decision, grown) in decisions.iter().zip(&mut grown) {
            let its: Vec<usize> = (0..columns.len()).filter(|&c| columns[c] == *decision).collect();
            for _ in 0..TIMES {
                let mut from: Vec<usize> = (0..whole.len()).collect();
                from.shuffle(&mut rng);
                let mut mixed = whole.clone();
                for (row, &other) in mixed.iter_mut().zip(&from) {
                    its.iter().for_each(|&c| row[c] = whole[other][c]);
                }
                *grown += (squares(&mixed) - base) / TIMES as f64;
            }
        }
    }
    let named = decisions.iter().zip(grown).map(|(decision, grown)| (name(space, *decision), grown / variance));
    let mut decisions: Vec<(String, f64)> = named.filter(|(_, share)| *share > 0.0).collect();
    decisions.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(Some(Importance { explained: 1.0 - error / variance, decisions }))
}

/// What a decision is about: the name of a category, the loop that a tile splits; with its sketch where there are several.
fn name(space: &Space, decision: Option<(usize, usize)>) -> String {
    let Some((s, i)) = decision else { return "which sketch".into() };
    let Some(sketch) = space.sketches.get(s) else { return String::new() };
    let own = match sketch.decisions.get(i) {
        Some(Decision::Category { name, .. }) => name.clone(),
        Some(decision) => {
            let split = sketch.steps.iter().find_map(|step| match step {
                Open::Split { stage, axis, tile } if *tile == i => Some(format!("{stage} {axis}: {decision}")),
                _ => None,
            });
            split.unwrap_or_else(|| decision.to_string())
        }
        None => String::new(),
    };
    match space.sketches.len() {
        1 => own,
        _ => format!("{} ({s}): {own}", sketch.name),
    }
}

#[cfg(test)]
mod tests {
    use tachograph_program::Sketch;

    use super::*;

    fn space() -> Space {
        let decision = |name: &str| Decision::Category {
            name: name.into(),
            options: ["1", "2", "4", "8"].map(String::from).to_vec(),
        };
        let decisions = vec![decision("much"), decision("little"), decision("nothing")];
        Space { sketches: vec![Sketch { name: "s".into(), decisions, steps: Vec::new() }] }
    }

    #[test]
    fn what_times_depend_on_comes_first() {
        let space = space();
        let level = |point: &Point, i: usize| match point.choices[i] {
            tachograph_program::Choice::Category(level) => level as f64,
            _ => 0.0,
        };
        let points: Vec<(Point, f64)> = (0..64)
            .filter_map(|n| space.nth(n))
            .map(|point| {
                let ms = (level(&point, 0) + 0.2 * level(&point, 1)).exp();
                (point, ms)
            })
            .collect();
        let found = importance(&space, &points, 0).unwrap().unwrap();
        assert!(found.explained > 0.9, "{found:?}");
        assert_eq!(found.decisions[0].0, "much");
        assert_eq!(found.decisions[1].0, "little");
        assert!(found.decisions[0].1 > 10.0 * found.decisions[1].1, "{found:?}");
        assert!(found.decisions.get(2).is_none_or(|(_, share)| *share < 0.01), "{found:?}");
        assert_eq!(importance(&space, &points, 0).unwrap().unwrap(), found);
        assert_eq!(importance(&space, &points[..10], 0).unwrap(), None);
        let same: Vec<(Point, f64)> = points.iter().map(|(point, _)| (point.clone(), 1.0)).collect();
        assert_eq!(importance(&space, &same, 0).unwrap(), None);
    }
}
