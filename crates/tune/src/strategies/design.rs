//! First points, before there is anything to learn from.

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use crate::Situation;

/// Points far from each other and from those measured: each the one of a few hundred random ones whose nearest neighbour is
/// farthest (greedy maximin); the first is the one nearest to the middle of them, which is rarely the worst.
pub fn spread(now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Vec<Point> {
    let points = now.domain.sample_new(n * 20 + 200, |point| now.history.has(point), rng);
    let rows: Vec<Vec<f64>> = points.iter().map(|point| now.domain.row(point)).collect();
    let measured: Vec<Vec<f64>> = now.history.trials().iter().map(|trial| now.domain.row(&trial.point)).collect();
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
    let nearest = |row: &[f64]| measured.iter().map(|other| distance(row, other)).fold(f64::INFINITY, f64::min);
    let mut gaps: Vec<f64> = rows.iter().map(|row| nearest(row)).collect();
    if measured.is_empty() {
        let middle: Vec<f64> = (0..now.domain.width())
            .map(|c| rows.iter().map(|row| row[c]).sum::<f64>() / rows.len().max(1) as f64)
            .collect();
        rows.iter().zip(&mut gaps).for_each(|(row, gap)| *gap = 1e6 - distance(row, &middle));
    }
    let mut found = Vec::new();
    while found.len() < n.min(points.len()) {
        // The first of equal ones.
        let Some(i) = (0..gaps.len()).reduce(|a, b| if gaps[b] > gaps[a] { b } else { a }) else { break };
        let gap = |(row, gap): (&Vec<f64>, &mut f64)| *gap = gap.min(distance(row, &rows[i]));
        rows.iter().zip(&mut gaps).for_each(gap);
        gaps[i] = f64::NEG_INFINITY;
        found.push(points[i].clone());
    }
    found
}
