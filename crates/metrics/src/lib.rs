//! Regression, ranking and top-k metrics of predicted against measured values.
//!
//! Every function takes predictions first and measurements second, as anything that becomes an
//! [`ndarray::ArrayView1`] (slices, vectors, arrays), and returns a plain number or a typed [`Error`]:
//! unequal lengths, no samples, numbers that are not finite, or a metric that is not defined on them.
//! Smaller values are better (they are times) where a metric has to know; [`ndcg`] and [`Task`] take scores instead,
//! of which larger ones are better. Shares and percentages are fractions: 0.1 is 10 %.
//!
//! What is defined per graph, task, family or device and then averaged goes through [`per_group`] or a
//! [`GroupReport`].
//!
//! ```
//! use tachograph_metrics::{Report, mape};
//! # fn main() -> tachograph_metrics::Result<()> {
//! let (predicted, measured) = ([1.1, 1.9, 4.0], [1.0, 2.0, 4.0]);
//! assert!((mape(&predicted, &measured)? - 0.05).abs() < 1e-12);
//! println!("{}", Report::new(&predicted, &measured, "ms")?);
//! # Ok(())
//! # }
//! ```

mod absolute;
mod bootstrap;
mod calibration;
mod correlation;
mod error;
mod folds;
mod groups;
mod input;
mod inversions;
mod ndcg;
mod order;
mod pairs;
mod quantile;
mod relative;
mod report;
mod table;
mod tasks;
mod top_k;

pub use absolute::{bias, mae, r2, rmse};
pub use bootstrap::{Interval, bootstrap};
pub use calibration::Calibration;
pub use correlation::{pearson, ranks, spearman};
pub use error::{Error, Result, Side};
pub use folds::{Fold, folds};
pub use groups::{Grouped, per_group};
pub use ndcg::ndcg;
pub use pairs::{PairCounts, kendall, ordered_pair_accuracy, pairwise_accuracy};
pub use quantile::{median, median_ape, quantile};
pub use relative::{accuracy, mape, rmspe};
pub use report::{GroupReport, Report};
pub use tasks::{Task, peak_score, top_k_score};
pub use top_k::{tile_score, tile_size_ape, top_k_error};

/// The front page, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
