//! Prediction without a network: from costs on paper, from a few measurements of a new device, or from none.
//!
//! | you have | use |
//! |---|---|
//! | a device and enough measurements on it | a [`Baseline`](baseline::Baseline), if only to know what a network must beat |
//! | a few measurements on it, of a list of networks that other devices measured too | [`DevicePrior`]; [`LogGaussian`] where times span orders of magnitude or devices measured only some of the networks |
//! | a few measurements on it, and networks that nobody measured | [`RatePrior`](rates::RatePrior): times are sums over kinds of kernels |
//! | a device like it, measured well | [`Relative`](rates::Relative); [`cards`] where there are several, measured in several settings of software |
//! | a GPU's device file alone | [`operator_model`], for single operators and, by way of [`transformer`], for language models |
//!
//! The middle three are [`Transfer`]s: made of what is known of a list of networks, they turn [`Observation`]s on a new
//! device into a [`Posterior`] that predicts every network with an interval, and [`cross_validate`] says how far off
//! that is. [`MedianRatio`] is what each of them must beat. Where a trained network is at hand, `tachograph_train::adapt`
//! adapts it instead, which takes some tens of measurements to be better.

mod adapt;
pub mod baseline;
pub mod cards;
mod device_prior;
mod error;
mod log_gaussian;
mod median_ratio;
#[cfg(feature = "gbdt")]
pub mod operator_model;
pub mod rates;
mod smoother;
mod statistics;
#[cfg(feature = "gbdt")]
pub mod transformer;

pub use adapt::{CrossValidation, Estimate, Observation, Posterior, Transfer, cross_validate};
pub use device_prior::{DevicePrior, Trust};
pub use error::{Error, Result};
pub use log_gaussian::{LogGaussian, Scales};
pub use median_ratio::MedianRatio;
pub use smoother::Smoother;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
