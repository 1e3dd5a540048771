//! The metric that chooses the best epoch.

use serde::{Deserialize, Serialize};
use tachograph_metrics as metrics;

use crate::Result;

/// A metric on the validation set by which the best weights are chosen, plateaus are seen and runs end early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Mean absolute percentage error.
    #[default]
    Mape,
    /// Root mean squared percentage error.
    Rmspe,
    /// Mean absolute error.
    Mae,
    /// Root mean squared error.
    Rmse,
    /// Coefficient of determination.
    R2,
    /// Share of samples within 5 %.
    #[serde(rename = "acc-5")]
    Acc5,
    /// Share of samples within 10 %.
    #[serde(rename = "acc-10")]
    Acc10,
    /// Pearson's correlation.
    Pearson,
    /// Spearman's rank correlation.
    Spearman,
    /// Kendall's τ-b.
    Kendall,
    /// Ordered-pair accuracy: of the pairs that differ, the share in the right order.
    Opa,
    /// What the configuration ranked first takes longer than the best: 0.01 is 1 %.
    #[serde(rename = "top-1")]
    Top1,
    /// The best of the first five.
    #[serde(rename = "top-5")]
    Top5,
    /// The best of the first ten.
    #[serde(rename = "top-10")]
    Top10,
}

impl Metric {
    /// Its value.
    ///
    /// # Errors
    /// The metric is not defined on these values.
    pub fn value(self, predicted: &[f64], measured: &[f64]) -> Result<f64> {
        Ok(match self {
            Self::Mape => metrics::mape(predicted, measured),
            Self::Rmspe => metrics::rmspe(predicted, measured),
            Self::Mae => metrics::mae(predicted, measured),
            Self::Rmse => metrics::rmse(predicted, measured),
            Self::R2 => metrics::r2(predicted, measured),
            Self::Acc5 => metrics::accuracy(predicted, measured, 0.05),
            Self::Acc10 => metrics::accuracy(predicted, measured, 0.10),
            Self::Pearson => metrics::pearson(predicted, measured),
            Self::Spearman => metrics::spearman(predicted, measured),
            Self::Kendall => metrics::kendall(predicted, measured),
            Self::Opa => metrics::ordered_pair_accuracy(predicted, measured),
            Self::Top1 => metrics::top_k_error(predicted, measured, 1),
            Self::Top5 => metrics::top_k_error(predicted, measured, 5),
            Self::Top10 => metrics::top_k_error(predicted, measured, 10),
        }?)
    }

    /// True where it asks for an order alone, so that scores that are no amounts have it.
    pub fn is_of_order(self) -> bool {
        matches!(self, Self::Spearman | Self::Kendall | Self::Opa | Self::Top1 | Self::Top5 | Self::Top10)
    }

    /// True where `new` is better than `old`; anything is better than nothing.
    pub fn improves(self, new: f64, old: Option<f64>) -> bool {
        let smaller =
            matches!(self, Self::Mape | Self::Rmspe | Self::Mae | Self::Rmse | Self::Top1 | Self::Top5 | Self::Top10);
        old.is_none_or(|old| if smaller { new < old } else { new > old })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_shrink_and_correlations_grow() {
        assert!(Metric::Mape.improves(0.1, Some(0.2)) && !Metric::Mape.improves(0.2, Some(0.2)));
        assert!(Metric::Kendall.improves(0.2, Some(0.1)) && Metric::R2.improves(-3.0, None));
        assert!(!Metric::Acc10.improves(f64::NAN, Some(0.1)));
        assert_eq!(Metric::Acc10.value(&[1.05, 1.2], &[1.0, 1.0]).unwrap(), 0.5);
    }
}
