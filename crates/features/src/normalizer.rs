//! Shift and scale of columns.

use ndarray::{ArrayView2, ArrayViewMut1};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// x′ = (x − centre) / scale, column by column. Fit it on training data only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalizer {
    centre: Vec<f32>,
    scale: Vec<f32>,
}

/// Scale that makes 0 of a column.
const NOTHING: f32 = 1e30;

/// How a column is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// To mean 0 and standard deviation 1.
    Deviation,
    /// From the least to the greatest value, to 0 … 1.
    Range,
    /// The same, and constant columns become 0.
    VaryingRange,
    /// To sign(x)·ln(1 + |x|).
    SignedLog,
    /// Not at all.
    Unchanged,
}

impl Normalizer {
    /// Fitted on all rows of all `parts`, each (rows, `columns`). The first `kept` columns are left alone.
    ///
    /// # Errors
    /// Parts of another width; no row, for [`Scaling::Deviation`].
    pub fn fit<'a>(
        scaling: Scaling,
        parts: impl IntoIterator<Item = ArrayView2<'a, f32>>,
        columns: usize,
        kept: usize,
    ) -> Result<Self> {
        match scaling {
            Scaling::Deviation => Self::fit_deviation(parts, columns, kept),
            Scaling::Range => Self::fit_range(parts, columns, kept, 1.0),
            Scaling::VaryingRange => Self::fit_range(parts, columns, kept, NOTHING),
            // Nothing to fit: the set takes logarithms of what it is given.
            Scaling::SignedLog | Scaling::Unchanged => {
                Ok(Self { centre: vec![0.0; columns], scale: vec![1.0; columns] })
            }
        }
    }

    /// The scale is at least a tenth of the column's range, so that no row of a rarely used column lies further out than
    /// ±10. Constant columns become 0, whatever stands in them later: nothing can be learned of what they say.
    fn fit_deviation<'a>(
        parts: impl IntoIterator<Item = ArrayView2<'a, f32>>,
        columns: usize,
        kept: usize,
    ) -> Result<Self> {
        let moments = Moments::of(parts, columns)?;
        let column = |i: usize| {
            let (low, high) = moments.range[i];
            let scale = moments.deviation(i).max((high - low) / 10.0);
            match (i < kept, moments.constant(i)) {
                (true, _) => (0.0, 1.0),
                (_, true) => (moments.mean[i] as f32, NOTHING),
                _ => (moments.mean[i] as f32, scale as f32),
            }
        };
        let (centre, scale) = (0..columns).map(column).unzip();
        Ok(Self { centre, scale })
    }

    /// Constant columns are left alone. Without rows, all are.
    fn fit_range<'a>(
        parts: impl IntoIterator<Item = ArrayView2<'a, f32>>,
        columns: usize,
        kept: usize,
        constant: f32,
    ) -> Result<Self> {
        let moments = Moments::gather(parts, columns)?;
        let column = |i: usize| match moments.range[i] {
            (low, high) if i >= kept && moments.rows > 0 && !moments.constant(i) => (low as f32, (high - low) as f32),
            (low, _) if i >= kept && moments.rows > 0 => (if constant > 1.0 { low as f32 } else { 0.0 }, constant),
            _ => (0.0, 1.0),
        };
        let (centre, scale) = (0..columns).map(column).unzip();
        Ok(Self { centre, scale })
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.centre.len()
    }

    /// Normalises one row in place.
    ///
    /// # Errors
    /// A row of another width.
    pub fn apply(&self, mut row: ArrayViewMut1<'_, f32>) -> Result<()> {
        if row.len() != self.width() {
            return Err(Error::Mismatch { what: "columns", found: row.len(), expected: self.width() });
        }
        for ((x, centre), scale) in row.iter_mut().zip(&self.centre).zip(&self.scale) {
            *x = (*x - centre) / scale;
        }
        Ok(())
    }

    /// True when every number can be used; a file may hold anything.
    pub(crate) fn is_sound(&self) -> bool {
        self.centre.len() == self.scale.len()
            && self.centre.iter().all(|c| c.is_finite())
            && self.scale.iter().all(|s| s.is_finite() && *s > 0.0)
    }
}

/// What is known of columns.
struct Moments {
    rows: usize,
    mean: Vec<f64>,
    /// Sums of squared distances from the mean.
    squares: Vec<f64>,
    /// Least and greatest.
    range: Vec<(f64, f64)>,
}

impl Moments {
    fn of<'a>(parts: impl IntoIterator<Item = ArrayView2<'a, f32>>, columns: usize) -> Result<Self> {
        let moments = Self::gather(parts, columns)?;
        let empty = Error::TooFew { what: "a normaliser", samples: 0, needed: 1 };
        if moments.rows == 0 { Err(empty) } else { Ok(moments) }
    }

    fn gather<'a>(parts: impl IntoIterator<Item = ArrayView2<'a, f32>>, columns: usize) -> Result<Self> {
        // Welford's update: one pass, and no difference of large sums.
        let (mut rows, mut mean, mut squares) = (0usize, vec![0.0f64; columns], vec![0.0f64; columns]);
        let mut range = vec![(f64::INFINITY, f64::NEG_INFINITY); columns];
        for part in parts {
            if part.ncols() != columns {
                return Err(Error::Mismatch { what: "columns", found: part.ncols(), expected: columns });
            }
            for row in part.rows() {
                rows += 1;
                for (((&x, mean), squares), range) in row.iter().zip(&mut mean).zip(&mut squares).zip(&mut range) {
                    let x = f64::from(x);
                    let before = x - *mean;
                    *mean += before / rows as f64;
                    *squares += before * (x - *mean);
                    *range = (range.0.min(x), range.1.max(x));
                }
            }
        }
        Ok(Self { rows, mean, squares, range })
    }

    fn deviation(&self, column: usize) -> f64 {
        (self.squares[column] / self.rows as f64).sqrt()
    }

    fn constant(&self, column: usize) -> bool {
        let (low, high) = self.range[column];
        high - low <= 1e-6 * low.abs().max(high.abs())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn mean_and_deviation_over_all_parts() {
        let (a, b) = (array![[1.0f32, 1.0, 7.0]], array![[0.0, 3.0, 7.0], [1.0, 5.0, 7.0]]);
        let n = Normalizer::fit(Scaling::Deviation, [a.view(), b.view()], 3, 1).unwrap();
        let mut row = array![1.0, 5.0, 9.0];
        n.apply(row.view_mut()).unwrap();
        assert_eq!(row[0], 1.0, "one-hot columns stay");
        assert!((row[1] - 1.5f32.sqrt()).abs() < 1e-6, "(5 − 3)/√(8/3)");
        assert!(row[2].abs() < 1e-20, "constant columns say nothing");
        let json = serde_json::to_string(&n).unwrap();
        assert_eq!(serde_json::from_str::<Normalizer>(&json).unwrap(), n);
    }

    #[test]
    fn a_rarely_used_column_stays_in_bounds() {
        let rows = ndarray::Array2::from_shape_fn((10_000, 1), |(i, _)| f32::from(u8::from(i == 0)));
        let n = Normalizer::fit(Scaling::Deviation, [rows.view()], 1, 0).unwrap();
        let mut row = array![1.0];
        n.apply(row.view_mut()).unwrap();
        assert!((row[0] - 10.0).abs() < 0.01, "a hundred standard deviations become {}", row[0]);
    }

    #[test]
    fn least_to_greatest_become_0_to_1() {
        let (a, b) = (array![[2.0f32, 7.0]], array![[6.0, 7.0], [3.0, 7.0]]);
        let n = Normalizer::fit(Scaling::Range, [a.view(), b.view()], 2, 0).unwrap();
        let mut row = array![4.0, 9.0];
        n.apply(row.view_mut()).unwrap();
        assert_eq!(row, array![0.5, 9.0]);
        let mut row = array![4.0, 9.0];
        Normalizer::fit(Scaling::Range, [], 2, 0).unwrap().apply(row.view_mut()).unwrap();
        assert_eq!(row, array![4.0, 9.0]);
    }

    #[test]
    fn refuses_nothing_and_other_widths() {
        assert!(Normalizer::fit(Scaling::Deviation, [], 3, 0).is_err());
        let a = array![[1.0f32, 2.0]];
        assert!(Normalizer::fit(Scaling::Deviation, [a.view()], 3, 0).unwrap_err().to_string().contains("2 where 3"));
    }
}
