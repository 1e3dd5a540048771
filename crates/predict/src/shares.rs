//! What each operator contributes.

use tachograph_features::roofline_operations;
use tachograph_ir::{BoundGraph, NodeId};

use crate::{OutputId, Predictor, Result};

/// What each operator that runs contributes to a latency.
#[derive(Clone, Debug)]
pub struct Shares {
    /// What the numbers are: `predicted time` (milliseconds), or `share of a roofline` where the network predicts wholes
    /// only.
    pub of: &'static str,
    /// A number for each operator, in the order of the graph.
    pub times: Vec<(NodeId, f64)>,
}

impl Shares {
    /// Operators and their shares of the whole, as fractions, the largest first.
    pub fn largest(&self) -> Vec<(NodeId, f64)> {
        let total: f64 = self.times.iter().map(|(_, time)| time).sum();
        let mut shares: Vec<_> = self.times.iter().map(|&(node, time)| (node, time / total)).collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    }
}

impl Predictor {
    /// What each operator contributes to `total`, the latency that was predicted of the whole: its predicted time, or else
    /// [`roofline_operations`].
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn shares(&self, bound: &BoundGraph, output: OutputId, total: f64) -> Result<Shares> {
        if let Some(times) = self.operators(bound, output, total)? {
            return Ok(Shares { of: "predicted time", times });
        }
        let time = |&id: &NodeId| Ok((id, roofline_operations(&bound.node_cost(id)?)));
        Ok(Shares { of: "share of a roofline", times: bound.live().iter().map(time).collect::<Result<_>>()? })
    }
}
