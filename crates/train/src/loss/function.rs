//! What a loss is.

use std::fmt::Debug;

use serde::Serialize;
use serde_json::Value;
use tch::{TchError, Tensor};

use super::RankedLists;
use crate::{Result, error::setting};

/// A loss. The type holds its settings: a struct for `serde` with `deny_unknown_fields`, whose `Default` are the usual
/// ones. ŷ is the prediction, y the target; both have n values.
///
/// To add one, see the first lines of `loss/mod.rs`; `loss/list_net.rs` is a short one without settings,
/// `loss/list_mle.rs` one with.
pub trait LossFunction: Settings + Debug + Send + Sync + 'static {
    /// Its name in a config.
    fn name(&self) -> &'static str;

    /// Older or shorter names that a config may use.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// What it computes, in a line, for the table in `docs/training.md`.
    fn formula(&self) -> &'static str;

    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// What it asks of targets, which are always finite.
    fn targets(&self) -> Targets {
        Targets::Finite
    }

    /// True when it compares samples within lists, which [`LossFunction::value`] then has.
    fn ranks(&self) -> bool {
        false
    }

    /// Columns of the prediction, (n, columns); `None` for one value a sample, (n).
    fn columns(&self) -> Option<usize> {
        None
    }

    /// The loss of a batch, a scalar with a gradient in `prediction`: a mean that does not grow with the batch. Shapes
    /// and targets have been checked; a loss that ranks gets its lists from [`RankedLists::required`].
    ///
    /// # Errors
    /// A ranking loss without lists; libtorch refuses a call.
    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor>;
}

/// The settings of a loss as a config writes them; whatever `serde` can write has them.
pub trait Settings {
    /// The settings.
    ///
    /// # Errors
    /// Settings that JSON cannot hold.
    fn settings(&self) -> serde_json::Result<Value>;
}

impl<T: Serialize> Settings for T {
    fn settings(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

/// What a loss asks of each target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Targets {
    /// A finite number.
    Finite,
    /// Other than 0, since it is divided by.
    NotZero,
    /// Above 0, since its logarithm is taken.
    Positive,
}

impl Targets {
    /// True for each target that is as asked.
    pub(super) fn holds(self, targets: &Tensor) -> Torch {
        match self {
            Self::Finite => targets.f_isfinite(),
            Self::NotZero => targets.f_ne(0.0),
            Self::Positive => targets.f_gt(0.0),
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Finite => "finite",
            Self::NotZero => "other than 0",
            Self::Positive => "above 0",
        }
    }
}

pub(super) type Torch = Result<Tensor, TchError>;

/// Refuses a setting that is not above 0.
pub(super) fn above_zero(loss: &str, key: &str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(setting(format!("loss.{loss}.{key}"), format!("{value} is not above 0")))
}

/// Refuses a setting below 0.
pub(super) fn not_below_zero(loss: &str, key: &str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(setting(format!("loss.{loss}.{key}"), format!("{value} is below 0 or no number")))
}
