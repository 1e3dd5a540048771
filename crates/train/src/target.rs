//! The unit in which a network learns.

use serde::{Deserialize, Serialize};

/// Unit in which the network learns, as a run's config names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetConfig {
    /// That of the quantity: milliseconds, MB or joules.
    #[default]
    Milliseconds,
    /// Multiples of the mean of the training set, output by output, which suits losses that are not relative.
    Mean,
    /// Multiples of the roofline of [`tachograph_features::tachograph`] (of memory, of what is resident), times the median
    /// ratio of the training set to it, output by output; needs features of that kind.
    Roofline,
    /// That in which the model was published, of those that say one: DIPPM's milliseconds times 1000, joules times 10
    /// and MB.
    #[serde(alias = "dippm")]
    Published,
}

/// From a quantity to what its head puts out: output = quantity / scale. Part of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Milliseconds, MB or joules per unit of the output.
    pub scale: f64,
}

impl Default for Target {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Target {
    /// Fitted on the values of the training set, each with the roofline of its features where they have one.
    /// `published` is what the publication of the model multiplies the quantity with, where it does.
    pub fn fit(config: TargetConfig, published: Option<f64>, training: &[(f64, Option<f64>)]) -> Self {
        let scale = match config {
            TargetConfig::Published => published.map_or(1.0, |factor| 1.0 / factor),
            TargetConfig::Milliseconds => 1.0,
            TargetConfig::Mean => training.iter().map(|(value, _)| value).sum::<f64>() / training.len() as f64,
            TargetConfig::Roofline => {
                let mut ratios: Vec<f64> =
                    training.iter().filter_map(|(value, roofline)| Some(value / (*roofline)?)).collect();
                ratios.sort_by(f64::total_cmp);
                ratios.get(ratios.len() / 2).copied().unwrap_or(1.0)
            }
        };
        if scale > 0.0 && scale.is_finite() { Self { scale } } else { Self::default() }
    }

    /// What the head should put out for a value.
    pub fn encode(&self, value: f64) -> f64 {
        value / self.scale
    }

    /// The value of an output.
    pub fn decode(&self, output: f64) -> f64 {
        output * self.scale
    }

    pub(crate) fn is_identity(&self) -> bool {
        *self == Self::default()
    }
}
