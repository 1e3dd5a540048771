//! A prediction as one self-contained HTML page: the network coloured by cost, its operators, latency against batch,
//! devices side by side.
//!
//! A [`Page`] is plain data; [`Page::to_html`] draws it. The page loads nothing from anywhere, and forbids itself to.
//! [`DrawnNetwork::new`] makes the drawing of a bound graph from a time for each of its nodes. A [`TuningPage`] is the same for
//! a tuning, whose pictures are SVG files as well, and a [`PlanPage`] for a compiled network.

mod bars;
mod chart;
mod colour;
mod curves;
mod error;
mod layout;
mod network;
mod page;
mod plan;
mod svg;
mod tuning;

use serde::{Deserialize, Serialize};

pub use error::{Error, Result};
pub use network::{DrawnNetwork, DrawnOperator, Vertex};
pub use plan::{PlanPage, PlanRow};
pub use tuning::{Curve, CurveChart, ImportanceChart, TuningPage};

/// What a page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Name of the network.
    pub title: String,
    /// Its latency on the device in question.
    pub latency: Latency,
    /// Share of measurements that intervals are meant to cover, such as 0.8.
    pub nominal: Option<f64>,
    /// Names and values to read first: device, batch, checkpoint, cost.
    pub facts: Vec<(String, String)>,
    /// What a reader must know before trusting the numbers.
    pub warnings: Vec<String>,
    /// What shares of operators are shares of, such as `predicted time`.
    pub shares_of: String,
    /// The network.
    pub network: DrawnNetwork,
    /// Latency of each batch.
    pub batches: Vec<(u64, Latency)>,
    /// Latency on each device.
    pub devices: Vec<DeviceEstimate>,
}

/// A predicted latency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Milliseconds.
    pub ms: f64,
    /// Ends of its interval, milliseconds, where one is known.
    pub interval: Option<(f64, f64)>,
}

/// A predicted latency on a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceEstimate {
    /// Name of the device.
    pub name: String,
    /// Model of the CPU or GPU, and what runs there.
    pub detail: String,
    /// The latency there.
    pub latency: Latency,
    /// True for the device that the rest of the page is about.
    pub chosen: bool,
}

/// The front page, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
