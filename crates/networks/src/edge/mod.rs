//! Search spaces of small networks for accelerators at the edge, one a task, in the manner of EdgeDLPerf (the data set of
//! PerfSAGE, Chai et al., 2023, whose own spaces are not published).
//!
//! Every network is one that `tachograph_import::tflite::write` has an int8 form for: one image, convolutions padded as
//! TensorFlow's `SAME`, batch normalisation folded unless it comes before its convolution.

mod audio;
mod blocks;
mod classify;
mod decode;
mod layer;
mod space;
mod super_resolution;
#[cfg(test)]
mod tests;

use tachograph_import::nas::layers::{Net, Norm};
use tachograph_ir::{Assignment, Graph, TensorId};

pub use self::space::Space;
use crate::{Error, Result, draw::Draw, stream};

/// Draws before giving up.
const DRAWS: u64 = 24;
/// A draw within this factor of the target is taken at once.
const CLOSE: f64 = 1.4;
/// Nodes of a sample.
const NODES: std::ops::RangeInclusive<usize> = 4..=160;
/// Weights of a sample: what the flash of a device at the edge holds.
const PARAMETERS: u64 = 12_000_000;

/// The network of `space` with this index in the set with this seed: the same on every machine, and independent of the
/// other networks. Its name is `space.seed.index`.
///
/// A target of FLOPs is drawn first, log-uniform within what the space is for; of up to 24 random networks the one closest
/// to it is returned.
///
/// # Errors
/// No draw is within the bounds of size.
pub fn sample(space: Space, seed: u64, index: u64) -> Result<Graph> {
    let draws = |i| stream(0x100 + space as u64, seed, index, i);
    let (low, high) = space.flops();
    let target = draws(0).log(low, high);
    let mut closest: Option<(f64, Graph)> = None;
    for i in 1..=DRAWS {
        let graph = build(space, &format!("{space}.{seed}.{index}"), &mut draws(i));
        let graph = graph.and_then(|graph| Ok((admissible(&graph, low, high)?, graph)));
        let (flops, graph) = graph.map_err(|source| Error::Graph { family: space.to_string(), seed, index, source })?;
        let Some(flops) = flops else { continue };
        let distance = (flops / target).ln().abs();
        if closest.as_ref().is_none_or(|(best, _)| distance < *best) {
            closest = Some((distance, graph));
        }
        if distance < CLOSE.ln() {
            break;
        }
    }
    let exhausted = || Error::Exhausted { family: space.to_string(), seed, index, draws: DRAWS };
    closest.map(|(_, graph)| graph).ok_or_else(exhausted)
}

/// FLOPs of a graph within the bounds.
fn admissible(graph: &Graph, low: f64, high: f64) -> tachograph_ir::Result<Option<f64>> {
    let cost = graph.bind(&Assignment::new())?.cost()?;
    let flops = cost.flops as f64;
    let inside = (low / 2.0..=high * 2.0).contains(&flops) && cost.parameters <= PARAMETERS;
    Ok((inside && NODES.contains(&graph.len())).then_some(flops))
}

fn build(space: Space, name: &str, draw: &mut Draw) -> tachograph_ir::Result<Graph> {
    let mut net = Net::new(name, 1, 1, Norm::Folded);
    let outputs: Vec<TensorId> = match space {
        Space::Classify => classify::build(&mut net, draw)?,
        Space::Decode => decode::build(&mut net, draw)?,
        Space::Audio => audio::build(&mut net, draw)?,
        Space::SuperResolution => super_resolution::build(&mut net, draw)?,
    };
    net.b.finish(&outputs)
}
