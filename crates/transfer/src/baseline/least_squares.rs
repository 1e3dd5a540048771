//! Small linear least-squares problems.

/// The weights w that minimise Σ (w·x − y)² over (x, y); `None` without samples or with numbers that are not
/// finite. Columns are scaled to unit length and a ridge of 10⁻¹⁰ is added, so that columns that depend on
/// one another are no obstacle.
pub fn solve<const N: usize>(samples: impl Iterator<Item = ([f64; N], f64)> + Clone) -> Option<[f64; N]> {
    let mut scale = [0.0f64; N];
    for (x, _) in samples.clone() {
        scale.iter_mut().zip(x).for_each(|(s, x)| *s += x * x);
    }
    let scale = scale.map(|s| if s > 0.0 { s.sqrt() } else { 1.0 });
    let (mut a, mut b) = ([[0.0; N]; N], [0.0; N]);
    let mut any = false;
    for (mut x, y) in samples {
        any = true;
        x.iter_mut().zip(scale).for_each(|(x, s)| *x /= s);
        for i in 0..N {
            b[i] += x[i] * y;
            (0..N).for_each(|j| a[i][j] += x[i] * x[j]);
        }
    }
    (0..N).for_each(|i| a[i][i] += 1e-10);
    let mut w = cholesky(a, b)?;
    w.iter_mut().zip(scale).for_each(|(w, s)| *w /= s);
    (any && w.iter().all(|w| w.is_finite())).then_some(w)
}

/// Solves a·x = b for symmetric positive definite a.
fn cholesky<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    for i in 0..N {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            let rest = a[i][j] - dot;
            a[i][j] = if i == j { Some(rest).filter(|r| *r > 0.0)?.sqrt() } else { rest / a[j][j] };
        }
    }
    for i in 0..N {
        let dot: f64 = (0..i).map(|k| a[i][k] * b[k]).sum();
        b[i] = (b[i] - dot) / a[i][i];
    }
    for i in (0..N).rev() {
        let dot: f64 = (i + 1..N).map(|k| a[k][i] * b[k]).sum();
        b[i] = (b[i] - dot) / a[i][i];
    }
    Some(b)
}
