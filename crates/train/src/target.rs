//! The unit in which a network learns.

use serde::{Deserialize, Serialize};
use tachograph_metrics::median;

use crate::OutputScale;

/// Unit in which the network learns, as a run's config names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetConfig {
    /// That of the quantity: milliseconds, MB or joules.
    #[default]
    Milliseconds,
    /// Multiples of the mean of the training set, output by output, which suits losses that are not relative.
    Mean,
    /// Multiples of what [`Features::roofline_ms`](tachograph_features::Features::roofline_ms) says, times the median
    /// ratio of the training set to it, output by output; needs features of that kind.
    Roofline,
    /// That in which the model was published, of those that say one: DIPPM's milliseconds times 1000, joules times 10
    /// and MB.
    #[serde(alias = "dippm")]
    Published,
}

impl TargetConfig {
    /// The scale of an output, fitted on the values of the training set, each with the roofline of its features where they have one.
    /// `published` is what the publication of the model multiplies the quantity with, where it does.
    pub(crate) fn scale(self, published: Option<f64>, training: &[(f64, Option<f64>)]) -> OutputScale {
        let scale = match self {
            Self::Published => published.map_or(1.0, |factor| 1.0 / factor),
            Self::Milliseconds => 1.0,
            Self::Mean => training.iter().map(|(value, _)| value).sum::<f64>() / training.len() as f64,
            Self::Roofline => {
                let ratio = |(value, roofline): &(f64, Option<f64>)| Some(value / (*roofline)?);
                median(&training.iter().filter_map(ratio).collect::<Vec<_>>()).unwrap_or(1.0)
            }
        };
        if scale > 0.0 && scale.is_finite() { OutputScale { scale } } else { OutputScale::default() }
    }
}
