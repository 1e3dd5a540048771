//! Non-negative least squares.

/// Most sweeps over the coefficients.
const SWEEPS: usize = 2000;
/// Change of the fitted values at which the sweeps end, relative to the targets, which are 1.
const TOLERANCE: f64 = 1e-7;

/// The weights w ≥ 0 that minimise Σ (w·x − 1)² over the rows x, by coordinate descent on the normal equations (Franc,
/// Hlaváč and Navara, "Sequential coordinate-wise algorithm for the non-negative least squares problem", CAIP 2005).
/// Columns are scaled to unit length; a column of zeros has weight 0.
pub fn solve(rows: &[Vec<f64>]) -> Vec<f64> {
    let width = rows.first().map_or(0, Vec::len);
    let mut scale = vec![0.0; width];
    for row in rows {
        scale.iter_mut().zip(row).for_each(|(s, x)| *s += x * x);
    }
    scale.iter_mut().for_each(|s| *s = if *s > 0.0 { 1.0 / s.sqrt() } else { 0.0 });
    let (mut gram, mut slope) = (vec![0.0; width * width], vec![0.0; width]);
    for row in rows {
        let scaled: Vec<f64> = row.iter().zip(&scale).map(|(x, s)| x * s).collect();
        for (i, &x) in scaled.iter().enumerate().filter(|(_, x)| **x != 0.0) {
            slope[i] -= x;
            gram[i * width..(i + 1) * width].iter_mut().zip(&scaled).for_each(|(g, y)| *g += x * y);
        }
    }
    // slope = gram·w − b throughout.
    let mut w: Vec<f64> = vec![0.0; width];
    for _ in 0..SWEEPS {
        let mut change = 0.0f64;
        for (i, weight) in w.iter_mut().enumerate() {
            let own = gram[i * width + i];
            if own <= 0.0 {
                continue;
            }
            let next = (*weight - slope[i] / own).max(0.0);
            let step: f64 = next - *weight;
            if step != 0.0 {
                *weight = next;
                slope.iter_mut().zip(&gram[i * width..(i + 1) * width]).for_each(|(s, g)| *s += step * g);
                change = change.max(step.abs());
            }
        }
        if change < TOLERANCE * (rows.len() as f64).sqrt() {
            break;
        }
    }
    w.iter().zip(&scale).map(|(w, s)| w * s).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_found_and_none_is_negative() {
        // 1 = (2a + 3b)/t exactly, and a column that only a negative weight could use.
        let rows: Vec<Vec<f64>> = (1..60)
            .map(|i| {
                let (a, b) = (f64::from(i), f64::from(i * i % 17));
                let t = 2.0 * a + 3.0 * b;
                vec![a / t, 0.0, b / t]
            })
            .collect();
        let w = solve(&rows);
        assert!((w[0] - 2.0).abs() < 1e-3 && w[1] == 0.0 && (w[2] - 3.0).abs() < 1e-3, "{w:?}");
        let rows: Vec<Vec<f64>> =
            (1..60).map(|i| [f64::from(i), 1.0].iter().map(|x| x / f64::from(2 * i - 1)).collect()).collect();
        let w = solve(&rows);
        // Without its second column, this is a least-squares problem of one unknown.
        let [sum, squares] = [1, 2].map(|power| rows.iter().map(|row| row[0].powi(power)).sum::<f64>());
        assert!(w[1] == 0.0 && (w[0] - sum / squares).abs() < 1e-6, "{w:?}");
    }
}
