//! What it costs to trust the first k of a ranking.

use ndarray::ArrayView1;

use crate::{Error, Result, input::pair};

/// Top-K error, the slowdown of TpuGraphs: (least measured time of the `k` configurations that are predicted
/// fastest) / (least measured time of all) − 1. Configurations of equal prediction rank slowest first, so
/// that a predictor gains nothing by not deciding.
///
/// # Errors
/// Unequal lengths, no samples, values that are not finite; undefined where `k` is 0 or the least measured time is
/// not positive.
pub fn top_k_error<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
    k: usize,
) -> Result<f64> {
    let (predicted, measured) = pair(predicted, measured)?;
    let undefined = |reason| Err(Error::Undefined { metric: "top-K error", reason });
    if k == 0 {
        return undefined("k is 0");
    }
    let best = measured.fold(f64::INFINITY, |a, &b| a.min(b));
    if best <= 0.0 {
        return undefined("a measured time is not positive");
    }
    let mut order: Vec<(f64, f64)> = predicted.iter().zip(measured).map(|(&p, &y)| (p + 0.0, y)).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let found = order.iter().take(k).fold(f64::INFINITY, |a, &(_, y)| a.min(y));
    Ok(found / best - 1.0)
}

/// Tile score of the TpuGraphs competition, 1 − [`top_k_error`].
///
/// # Errors
/// As [`top_k_error`].
pub fn tile_score<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
    k: usize,
) -> Result<f64> {
    top_k_error(predicted, measured, k).map(|slowdown| 1.0 - slowdown)
}

/// Tile-size APE (Kaufman et al., 2021) of a program, as a share: Σ |t_chosen − t_best| / Σ t_best over its
/// kernels, where t_chosen is the measured time of the configuration predicted fastest. Each kernel is a pair
/// of predictions and measured times; long kernels weigh more. Equal predictions rank slowest first, as in
/// [`top_k_error`].
///
/// # Errors
/// No kernels; in any of them, what [`top_k_error`] refuses.
pub fn tile_size_ape<'a, P, Y>(kernels: impl IntoIterator<Item = (P, Y)>) -> Result<f64>
where
    P: Into<ArrayView1<'a, f64>>,
    Y: Into<ArrayView1<'a, f64>>,
{
    let (mut lost, mut best) = (0.0, 0.0);
    for (predicted, measured) in kernels {
        let measured = measured.into();
        let slowdown = top_k_error(predicted, measured, 1)?;
        let least = measured.fold(f64::INFINITY, |a, &b| a.min(b));
        lost += slowdown * least;
        best += least;
    }
    if best == 0.0 { Err(Error::Empty) } else { Ok(lost / best) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowdown_by_hand() {
        let (predicted, measured) = ([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 5.0]);
        assert_eq!(top_k_error(&predicted, &measured, 1), Ok(1.0));
        assert_eq!(top_k_error(&predicted, &measured, 2), Ok(0.5));
        assert_eq!(tile_score(&predicted, &measured, 9), Ok(1.0));
    }

    #[test]
    fn indecision_gains_nothing() {
        assert_eq!(top_k_error(&[0.0, -0.0, 0.0], &[2.0, 1.0, 4.0], 1), Ok(3.0));
    }

    #[test]
    fn tile_size_ape_weighs_kernels_by_their_time() {
        // The first kernel loses 1 of 10, the second chooses best: 1 / (10 + 90).
        let kernels = [([1.0, 2.0], [11.0, 10.0]), ([1.0, 2.0], [90.0, 100.0])];
        let ape = tile_size_ape(kernels.iter().map(|(p, y)| (p, y))).unwrap();
        assert!((ape - 0.01).abs() < 1e-15, "{ape}");
        assert_eq!(tile_size_ape::<&[f64], &[f64]>([]), Err(Error::Empty));
    }

    #[test]
    fn undefined_without_choice_or_time() {
        assert!(top_k_error(&[1.0], &[1.0], 0).is_err());
        assert!(top_k_error(&[1.0], &[0.0], 1).is_err());
    }
}
