//! Dense triangular algebra, in rows, so that compilers vectorise the inner loops.

/// A lower triangle by rows: row i has i + 1 entries.
pub type Lower = Vec<Vec<f64>>;

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Four sums, since a compiler may not reorder one.
    let mut sums = [0.0; 4];
    let (pairs_a, pairs_b) = (a.chunks_exact(4), b[..a.len()].chunks_exact(4));
    let rest: f64 = pairs_a.remainder().iter().zip(pairs_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in pairs_a.zip(pairs_b) {
        for i in 0..4 {
            sums[i] += x[i] * y[i];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// The next row of a Cholesky factor, for the covariances of a new element with the earlier ones and itself (last).
/// `None` where the matrix is not positive definite.
pub fn append(l: &Lower, covariances: &[f64]) -> Option<Vec<f64>> {
    let (&own, others) = covariances.split_last()?;
    let mut row = solve(l, others);
    let rest = own - dot(&row, &row);
    (rest > 0.0).then(|| row.push(rest.sqrt()))?;
    Some(row)
}

/// The Cholesky factor of a symmetric matrix of which the lower triangle is given.
pub fn cholesky(matrix: &Lower) -> Option<Lower> {
    let mut l: Lower = Vec::with_capacity(matrix.len());
    for row in matrix {
        let next = append(&l, row)?;
        l.push(next);
    }
    Some(l)
}

/// x with L x = b.
pub fn solve(l: &Lower, b: &[f64]) -> Vec<f64> {
    let mut x: Vec<f64> = Vec::with_capacity(b.len());
    for (row, &b) in l.iter().zip(b) {
        let done = dot(&row[..x.len()], &x);
        x.push((b - done) / row[x.len()]);
    }
    x
}

/// x with Lᵀ x = b.
pub fn solve_transposed(l: &Lower, b: &[f64]) -> Vec<f64> {
    let mut x = b.to_vec();
    for i in (0..l.len()).rev() {
        x[i] /= l[i][i];
        let value = x[i];
        let (head, row) = (&mut x[..i], &l[i][..i]);
        head.iter_mut().zip(row).for_each(|(x, l)| *x -= l * value);
    }
    x
}

/// The lower triangle of the inverse of L Lᵀ.
pub fn inverse(l: &Lower) -> Lower {
    let n = l.len();
    // Rows of the inverse factor: row i is (e_i − Σ_j l_ij row_j) / l_ii.
    let mut rows: Lower = Vec::with_capacity(n);
    for i in 0..n {
        let mut row = vec![0.0; i + 1];
        for j in 0..i {
            let factor = l[i][j];
            row[..=j].iter_mut().zip(&rows[j]).for_each(|(x, y)| *x -= factor * y);
        }
        row[i] = 1.0;
        row.iter_mut().for_each(|x| *x /= l[i][i]);
        rows.push(row);
    }
    let mut inverse: Lower = (0..n).map(|i| vec![0.0; i + 1]).collect();
    for row in &rows {
        for (i, &factor) in row.iter().enumerate() {
            inverse[i].iter_mut().zip(row).for_each(|(x, y)| *x += factor * y);
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factor_solution_and_inverse() {
        let matrix: Lower = vec![vec![4.0], vec![2.0, 5.0], vec![1.0, 3.0, 6.0]];
        let l = cholesky(&matrix).unwrap();
        assert_eq!((l[0][0], l[1][0], l[1][1]), (2.0, 1.0, 2.0));
        let x = solve_transposed(&l, &solve(&l, &[1.0, 2.0, 3.0]));
        let full = |i: usize, j: usize| matrix[i.max(j)][i.min(j)];
        for (i, b) in [1.0, 2.0, 3.0].into_iter().enumerate() {
            let product: f64 = (0..3).map(|j| full(i, j) * x[j]).sum();
            assert!((product - b).abs() < 1e-12);
        }
        let inverse = inverse(&l);
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|k| full(i, k) * inverse[k.max(j)][k.min(j)]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
        assert!(cholesky(&vec![vec![1.0], vec![2.0, 1.0]]).is_none());
    }
}
