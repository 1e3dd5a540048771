//! The ways to adapt.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a predictor is adapted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// One factor on the source's predictions, the median ratio: a device that is slower or faster throughout.
    Scale,
    /// A line through the logarithms of measurements and the source's predictions.
    LogLinear,
    /// A new head on the source's embedding, which stays.
    FreshHead,
    /// A new head, and all weights learn: what NNLP does for a new platform (Liu et al., ICPP 2022). Not among
    /// [`Method::all`].
    Transfer,
    /// All weights go on learning from where the source's ended, after a log-linear fit.
    FineTune {
        /// Prefixes of the names of parameters that stay, such as `graph` for the graph layers.
        #[serde(default)]
        frozen: Vec<String>,
    },
}

impl Method {
    /// Every method, from what keeps most of the source to what keeps least: both fits, fine-tuning with the graph
    /// layers frozen and of everything, a fresh head.
    pub fn all() -> Vec<Self> {
        let fine_tune = |frozen| Self::FineTune { frozen };
        vec![Self::Scale, Self::LogLinear, fine_tune(vec!["graph".to_owned()]), fine_tune(vec![]), Self::FreshHead]
    }

    /// True when it takes steps of an optimiser.
    pub fn trains(&self) -> bool {
        matches!(self, Self::FreshHead | Self::Transfer | Self::FineTune { .. })
    }

    /// True for parameters that it leaves alone.
    pub(super) fn freezes(&self, parameter: &str) -> bool {
        match self {
            Self::Scale | Self::LogLinear => true,
            Self::FreshHead => !parameter.starts_with(HEADS),
            Self::Transfer => false,
            Self::FineTune { frozen } => frozen.iter().any(|prefix| parameter.starts_with(prefix)),
        }
    }
}

/// Prefix of the parameters of heads.
pub(super) const HEADS: &str = "heads.";

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scale => write!(f, "scale"),
            Self::LogLinear => write!(f, "log-linear"),
            Self::FreshHead => write!(f, "fresh head"),
            Self::Transfer => write!(f, "transfer"),
            Self::FineTune { frozen } if frozen.is_empty() => write!(f, "fine-tuning"),
            Self::FineTune { frozen } => write!(f, "fine-tuning, {} frozen", frozen.join(" and ")),
        }
    }
}
