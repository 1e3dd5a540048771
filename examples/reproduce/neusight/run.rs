//! From the times of operators to that of a run, as NeuSight adds them.

use anyhow::{Context, Result, bail};
use tachograph_datasets::sets::OpGraphNode;
use tachograph_ir::Device;

use super::graph::Work;

/// Times of a node, ms.
#[derive(Clone, Copy, Default)]
pub struct Times {
    pub forward: f64,
    pub backward: f64,
}

/// What GPUs that work together are joined by: half of what NVLink carries both ways (NVIDIA H100 and A100 white
/// papers: 900 and 600 GB/s), and the share of it that collectives reach on four GPUs (NCCL's own tests).
const LINKS: [(&str, f64); 2] = [("h100-sxm", 450e6), ("a100-sxm-40gb", 300e6)];
const LINK_SHARE: f64 = 0.8;
const GPUS: f64 = 4.0;

/// Bytes a millisecond between GPUs.
pub fn link(device: &Device) -> Result<f64> {
    let link = LINKS.iter().find(|(name, _)| *name == device.name);
    Ok(LINK_SHARE * link.with_context(|| format!("{} has no known link", device.name))?.1)
}

/// Time of what a node sends, ms: a ring for sums over all, one hop for a neighbour.
pub fn sent(node: &OpGraphNode, work: &Work, device: &Device) -> Result<Times> {
    if work.sent == [0.0, 0.0] {
        return Ok(Times::default());
    }
    let hops = if node.operator == "sendrecv" { 1.0 } else { 2.0 * (GPUS - 1.0) / GPUS };
    let link = link(device)?;
    let [forward, backward] = work.sent.map(|elements| 4.0 * elements * hops / link);
    Ok(Times { forward, backward })
}

/// The first and last node of the layer that stands for all.
fn layer(model: &str, nodes: &[OpGraphNode]) -> Result<std::ops::Range<usize>> {
    let position = |name: &str| nodes.iter().position(|node| node.name == name);
    let (first, last) = match model {
        m if m.starts_with("bert") => {
            ("bert_encoder_layer_0_attention_self_query", "bert_encoder_layer_0_output_layer_norm")
        }
        m if m.starts_with("gpt") => ("transformer_h_0_ln_1", "add_15"),
        m if m.starts_with("opt") => ("model_decoder_layers_0_self_attn_layer_norm", "view_11"),
        m => bail!("{m}: which nodes are a layer is not known"),
    };
    let start = position(&format!("{first}_grad")).or_else(|| position(first)).context("no first node of a layer")?;
    Ok(start..position(last).context("no last node of a layer")? + 1)
}

/// Time of the whole run, ms, with `layers` copies of the layer in the graph.
pub fn total(model: &str, option: &str, layers: usize, nodes: &[OpGraphNode], times: &[Times]) -> Result<f64> {
    let sum = |times: &[Times]| times.iter().map(|t| t.forward + t.backward).sum::<f64>();
    if option == "fusion" || model.starts_with("switch") {
        return Ok(sum(times));
    }
    let layer = layer(model, nodes)?;
    let (before, of_layer, after) = (&times[..layer.start], &times[layer.clone()], &times[layer.end..]);
    if option.starts_with("pp") {
        // One micro-batch goes through the stages one after another: all layers, and a hop between stages each way.
        let stages = GPUS - 1.0;
        let send: Vec<Times> =
            nodes.iter().zip(times).filter(|(n, _)| n.operator == "sendrecv").map(|(_, t)| *t).collect();
        return Ok(sum(before) + sum(of_layer) * layers as f64 + sum(after) + (stages - 1.0) * sum(&send));
    }
    if !option.starts_with("dp") {
        return Ok(sum(before) + sum(of_layer) * layers as f64 + sum(after));
    }
    // Data parallel: a gradient is sent as soon as it is there, while the rest goes back.
    let repeated = || std::iter::repeat_n(layer.clone(), layers).flatten();
    let order: Vec<usize> = (0..layer.start).chain(repeated()).chain(layer.end..nodes.len()).collect();
    let forward: f64 = order.iter().map(|&i| times[i].forward).sum();
    let (mut computed, mut sent) = (0.0f64, 0.0f64);
    for &i in order.iter().rev() {
        if nodes[i].operator == "allreduce" {
            sent = sent.max(computed) + times[i].backward;
        } else {
            computed += times[i].backward;
        }
    }
    Ok(forward + computed.max(sent))
}
