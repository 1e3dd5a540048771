//! From the times of operators to that of a run, as NeuSight adds them.

use std::ops::Range;

use tachograph_ir::Device;

use super::{Node, Work};
use crate::{Error, Result};

/// How a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// The graph holds all layers: each node runs once.
    Whole,
    /// One layer of the graph stands for all. With tensors divided among `gpus`, its nodes of communication send.
    Layers {
        /// GPUs.
        gpus: u32,
    },
    /// A stage of layers on each GPU, through which one micro-batch goes.
    Pipeline {
        /// GPUs.
        gpus: u32,
    },
    /// A copy on each GPU; gradients are added up while the rest goes back.
    Data {
        /// GPUs.
        gpus: u32,
    },
}

/// Forward and backward time of a node, ms.
type Times = [f64; 2];

/// Share of the bandwidth of a link that collectives reach on four GPUs (NCCL's own tests).
const LINK_SHARE: f64 = 0.8;

impl Run {
    fn gpus(self) -> f64 {
        match self {
            Self::Whole => 1.0,
            Self::Layers { gpus } | Self::Pipeline { gpus } | Self::Data { gpus } => f64::from(gpus.max(1)),
        }
    }

    /// Time of what a node sends, ms: a ring for sums over all, one hop for a neighbour.
    pub(super) fn sending(self, node: &Node, work: &Work, device: &Device) -> Result<Times> {
        if work.sent == [0.0, 0.0] {
            return Ok([0.0; 2]);
        }
        let hops = if node.operator == "sendrecv" { 1.0 } else { 2.0 * (self.gpus() - 1.0) / self.gpus() };
        let link = device.link.ok_or_else(|| Error::Device { device: device.name.clone(), what: "link" })?;
        let bytes_a_ms = LINK_SHARE * link / 1e3;
        Ok(work.sent.map(|elements| 4.0 * elements * hops / bytes_a_ms))
    }

    /// Time of the whole run, ms, with `layers` copies of the layer in the graph.
    pub(super) fn total(self, model: &str, layers: usize, nodes: &[Node], times: &[Times]) -> Result<f64> {
        let sum = |times: &[Times]| times.iter().flatten().sum::<f64>();
        if self == Self::Whole {
            return Ok(sum(times));
        }
        let layer = layer(model, nodes)?;
        let (before, of_layer, after) = (&times[..layer.start], &times[layer.clone()], &times[layer.end..]);
        let all = sum(before) + sum(of_layer) * layers as f64 + sum(after);
        Ok(match self {
            Self::Whole | Self::Layers { .. } => all,
            Self::Pipeline { .. } => {
                // One hop between two stages is in the graph.
                let hops = nodes.iter().zip(times).filter(|(node, _)| node.operator == "sendrecv");
                all + (self.gpus() - 2.0) * hops.map(|(_, time)| time[0] + time[1]).sum::<f64>()
            }
            Self::Data { .. } => overlapped(layer, layers, nodes, times),
        })
    }
}

/// Data parallel: a gradient is sent as soon as it is there, while the rest goes back.
fn overlapped(layer: Range<usize>, layers: usize, nodes: &[Node], times: &[Times]) -> f64 {
    let repeated = || std::iter::repeat_n(layer.clone(), layers).flatten();
    let order: Vec<usize> = (0..layer.start).chain(repeated()).chain(layer.end..nodes.len()).collect();
    let forward: f64 = order.iter().map(|&i| times[i][0]).sum();
    let (mut computed, mut sent) = (0.0f64, 0.0f64);
    for &i in order.iter().rev() {
        if nodes[i].operator == "allreduce" {
            sent = sent.max(computed) + times[i][1];
        } else {
            computed += times[i][1];
        }
    }
    forward + computed.max(sent)
}

/// The nodes of the layer that stands for all, which the trace calls after the parts of Hugging Face's models.
fn layer(model: &str, nodes: &[Node]) -> Result<Range<usize>> {
    let unknown = |message| Error::Layer { model: model.to_owned(), message };
    let position = |name: &str| nodes.iter().position(|node| node.name == name);
    let (first, last) = match model {
        m if m.starts_with("bert") => {
            ("bert_encoder_layer_0_attention_self_query", "bert_encoder_layer_0_output_layer_norm")
        }
        m if m.starts_with("gpt") => ("transformer_h_0_ln_1", "add_15"),
        m if m.starts_with("opt") => ("model_decoder_layers_0_self_attn_layer_norm", "view_11"),
        _ => return Err(unknown("which nodes are a layer is not known")),
    };
    let start = position(&format!("{first}_grad")).or_else(|| position(first));
    let start = start.ok_or_else(|| unknown("no first node of a layer"))?;
    match position(last) {
        Some(end) if end >= start => Ok(start..end + 1),
        _ => Err(unknown("no last node of a layer")),
    }
}
