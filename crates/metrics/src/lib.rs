//! Regression, ranking and top-k metrics of predicted against measured values.
//!
//! Every function takes predictions first and measurements second, as anything that becomes an
//! [`ndarray::ArrayView1`] (slices, vectors, arrays), and returns a plain number or a typed [`Error`]:
//! unequal lengths, no samples, numbers that are not finite, or a metric that is not defined on them.
//! Smaller values are better (they are times) where a metric has to know.
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
mod correlation;
mod error;
mod input;
mod ndcg;
mod pairs;
mod relative;
mod report;
mod top_k;

pub use absolute::{bias, mae, r2, rmse};
pub use bootstrap::{Interval, bootstrap};
pub use correlation::{pearson, ranks, spearman};
pub use error::{Error, Result, Side};
pub use ndcg::ndcg;
pub use pairs::{PairCounts, kendall, ordered_pair_accuracy, pairwise_accuracy};
pub use relative::{accuracy, mape, rmspe};
pub use report::{GroupReport, Report};
pub use top_k::{tile_score, top_k_error};
