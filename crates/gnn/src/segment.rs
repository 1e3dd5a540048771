//! Sums, extrema and softmax over segments: consecutive rows of one tensor.
//!
//! ```
//! use tachograph_gnn::segment::{self, Segments};
//! use tch::{Device, Tensor};
//!
//! let segments = Segments::new(&[2, 0, 1], Device::Cpu)?;
//! let values = Tensor::from_slice(&[1f32, 2.0, 5.0]).reshape([3, 1]);
//! assert_eq!(segment::sum(&values, &segments)?, Tensor::from_slice(&[3f32, 0.0, 5.0]).reshape([3, 1]));
//! # Ok::<(), tachograph_gnn::Error>(())
//! ```

use tachograph_batch::{Edges, offsets};
use tch::{Device, Tensor};

use crate::{Adjacency, Result, error::torch};

/// Consecutive rows in segments, some of which may be empty.
#[derive(Debug)]
pub struct Segments {
    edges: Adjacency,
}

impl Segments {
    /// Segments of these lengths, one after the other.
    ///
    /// # Errors
    /// A device out of memory.
    pub fn new(lengths: &[usize], device: Device) -> Result<Self> {
        let rows: usize = lengths.iter().sum();
        let edges = Edges { offsets: offsets(lengths), sources: (0..rows as i64).collect(), ..Edges::default() };
        Ok(Self { edges: Adjacency::new(&edges, rows, device)? })
    }

    /// Number of segments.
    pub fn len(&self) -> i64 {
        self.edges.rows()
    }

    /// True without segments.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of each segment, for read-outs over segments: see [`Pool`](crate::Pool).
    pub fn members(&self) -> &Adjacency {
        &self.edges
    }

    /// Segment of each row: (rows), i64.
    ///
    /// # Errors
    /// A device out of memory.
    pub fn index(&self) -> Result<&Tensor> {
        self.edges.destinations()
    }
}

/// Sum over each segment; 0 for an empty one. (rows, d) → (segments, d).
///
/// # Errors
/// Another number of rows.
pub fn sum(values: &Tensor, segments: &Segments) -> Result<Tensor> {
    segments.edges.sum(values, None)
}

/// Mean over each segment; 0 for an empty one. (rows, d) → (segments, d).
///
/// # Errors
/// Another number of rows.
pub fn mean(values: &Tensor, segments: &Segments) -> Result<Tensor> {
    segments.edges.mean(values)
}

/// Maximum over each segment, channel by channel; 0 for an empty one. (rows, d) → (segments, d).
///
/// # Errors
/// Another number of rows.
pub fn max(values: &Tensor, segments: &Segments) -> Result<Tensor> {
    segments.edges.max(values)
}

/// Minimum over each segment, channel by channel; 0 for an empty one. (rows, d) → (segments, d).
///
/// # Errors
/// Another number of rows.
pub fn min(values: &Tensor, segments: &Segments) -> Result<Tensor> {
    segments.edges.min(values)
}

/// exp(z) over its sum in the segment, channel by channel. (rows, d) → (rows, d).
///
/// # Errors
/// Another number of rows.
pub fn softmax(values: &Tensor, segments: &Segments) -> Result<Tensor> {
    segments.edges.softmax(values)
}

/// Σ x · softmax(t · x) over each segment, channel by channel; 0 for an empty one. (rows, d) → (segments, d).
///
/// # Errors
/// Another number of rows.
pub fn softmax_sum(values: &Tensor, t: f64, segments: &Segments) -> Result<Tensor> {
    segments.edges.softmax_sum(values, t)
}

/// log Σ exp(z) over each segment, channel by channel; −∞ for an empty one. (rows, d) → (segments, d).
///
/// # Errors
/// Another number of rows.
pub fn log_sum_exp(values: &Tensor, segments: &Segments) -> Result<Tensor> {
    let top = segments.edges.max(&values.f_detach().map_err(torch("log-sum-exp"))?)?;
    let shifted = values.f_sub(&segments.edges.from_destinations(&top)?).and_then(|z| z.f_exp());
    let total = segments.edges.sum(&shifted.map_err(torch("log-sum-exp"))?, None)?;
    total.f_log().and_then(|l| l.f_add(&top)).map_err(torch("log-sum-exp"))
}
