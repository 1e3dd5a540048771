//! The programs that make the tables of `docs/results.md` and the surveys, as a library so that they can be tested.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin reproduce -- timm-gpu --seeds 3
//! cargo run --release -p tachograph-research --bin survey --no-default-features -- folder/of/onnx/files
//! ```
//!
//! `recipes/` holds the trainings of the tables: ours, and published predictors as they were published but for what
//! their comments say. `survey`, `public_files`, `query_stream`, `repeatability` and `edge_parts` need no
//! libtorch.

pub mod edge_parts;
mod exit;
#[cfg(feature = "torch")]
pub mod few_shot;
#[cfg(feature = "torch")]
mod measured;
#[cfg(feature = "torch")]
pub mod programs;
pub mod public_files;
pub mod query_stream;
#[cfg(feature = "torch")]
pub mod ranking;
#[cfg(feature = "torch")]
mod recipe;
pub mod repeatability;
#[cfg(feature = "torch")]
pub mod reproduce;
#[cfg(feature = "torch")]
mod spread;
pub mod survey;
#[cfg(feature = "torch")]
pub mod tile_graphs;
#[cfg(feature = "torch")]
mod watch;

#[cfg(feature = "torch")]
pub use {spread::spread, watch::Watch};

pub use exit::exit;
