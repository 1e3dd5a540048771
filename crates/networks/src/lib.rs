//! Generates networks to measure: thirteen families, each with its published shapes and a random sampler.
//!
//! Graphs are those of an exporter for inference: ONNX operators, weights without elements, and the batch
//! as hyperparameter `batch`, whose default is the sampled batch. Batch normalisation is folded into
//! convolutions, but in one sample of four it is kept, so that predictors see both.
//!
//! ```
//! use tachograph_networks::{Family, sample};
//! let network = sample(Family::ResNet, 7, 0)?;
//! let cost = network.graph.bind(&Default::default())?.cost()?;
//! assert!((5_000_000..=8_000_000_000).contains(&cost.flops));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alexnet;
mod bert;
mod draw;
pub mod edge;
mod efficientnet;
mod error;
mod family;
mod googlenet;
mod gpt;
mod inverted;
mod mnasnet;
mod mobilenet_v2;
mod mobilenet_v3;
mod nasbench201;
mod reference;
mod resnet;
mod squeezenet;
mod staged;
#[cfg(test)]
mod tests;
mod transformer;
mod vgg;
mod vit;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_import::nas::layers::{Net, Norm};
use tachograph_ir::{Assignment, Graph, TensorId};

use self::draw::Draw;
pub use self::{
    error::{Error, Result},
    family::Family,
    reference::reference,
};

/// A generated network.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Its family.
    pub family: Family,
    /// Its index within the family.
    pub index: u64,
    /// Its graph, named `family-index`.
    pub graph: Graph,
}

/// FLOPs of a sample at its own batch.
const FLOPS: std::ops::RangeInclusive<u64> = 5_000_000..=8_000_000_000;
/// Nodes of a sample.
const NODES: std::ops::RangeInclusive<usize> = 10..=400;
/// Bytes of all weights and all results of a sample together: a bound on its peak memory.
const MEMORY: u64 = 1_000_000_000;
/// Draws before giving up.
const DRAWS: u64 = 48;
/// A draw within this factor of the target is taken at once.
const CLOSE: f64 = 1.3;

/// Hyperparameters of a family: drawn at random, and turned into a graph.
trait Architecture: Sized {
    fn sample(draw: &mut Draw) -> Self;
    fn build(&self, net: &mut Net) -> tachograph_ir::Result<TensorId>;
}

/// The network of `family` with this index in the set with this seed: the same on every machine, and
/// independent of the other networks.
///
/// A target of FLOPs is drawn first (log-uniform from 10 M to 0.6 G or, as often, from 0.6 G to 6 G); of
/// up to 48 random networks the one closest to it is returned. Every result has 5 M to 8 G FLOPs at its
/// own batch, 10 to 400 nodes, and at most 1 GB of weights and activations.
///
/// # Errors
/// No draw is within these bounds.
pub fn sample(family: Family, seed: u64, index: u64) -> Result<Generated> {
    let target = {
        let mut draw = stream(family as u64, seed, index, 0);
        if draw.chance(0.5) { draw.log(1e7, 6e8) } else { draw.log(6e8, 6e9) }
    };
    let mut closest: Option<(f64, Graph)> = None;
    for i in 1..=DRAWS {
        let graph = draw_graph(family, &format!("{family}-{index}"), stream(family as u64, seed, index, i));
        let graph = graph.and_then(|graph| Ok((admissible(&graph)?, graph)));
        let (flops, graph) =
            graph.map_err(|source| Error::Graph { family: family.to_string(), seed, index, source })?;
        let Some(flops) = flops else { continue };
        let distance = (flops as f64 / target).ln().abs();
        if closest.as_ref().is_none_or(|(best, _)| distance < *best) {
            closest = Some((distance, graph));
        }
        if distance < CLOSE.ln() {
            break;
        }
    }
    let (_, graph) = closest.ok_or(Error::Exhausted { family: family.to_string(), seed, index, draws: DRAWS })?;
    Ok(Generated { family, index, graph })
}

/// Randomness of one draw.
fn stream(family: u64, seed: u64, index: u64, stream: u64) -> Draw {
    let mut key = [0u8; 32];
    let words = [seed, family, index];
    key.chunks_exact_mut(8).zip(words).for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_le_bytes()));
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(stream);
    Draw(rng)
}

/// FLOPs of a graph within the bounds.
fn admissible(graph: &Graph) -> tachograph_ir::Result<Option<u64>> {
    let cost = graph.bind(&Assignment::new())?.cost()?;
    let memory = cost.parameters.saturating_mul(4).saturating_add(cost.written);
    let inside = FLOPS.contains(&cost.flops) && NODES.contains(&graph.len()) && memory <= MEMORY;
    Ok(inside.then_some(cost.flops))
}

fn draw_graph(family: Family, name: &str, mut draw: Draw) -> tachograph_ir::Result<Graph> {
    let draw = &mut draw;
    let batch = draw.batch();
    let norm = if draw.chance(0.75) { Norm::Folded } else { Norm::Kept };
    let net = network(name, batch, norm);
    match family {
        Family::AlexNet => build(net, &alexnet::AlexNet::sample(draw)),
        Family::Vgg => build(net, &vgg::Vgg::sample(draw)),
        Family::ResNet => build(net, &resnet::ResNet::sample(draw)),
        Family::GoogLeNet => build(net, &googlenet::GoogLeNet::sample(draw)),
        Family::SqueezeNet => build(net, &squeezenet::SqueezeNet::sample(draw)),
        Family::MobileNetV2 => build(net, &mobilenet_v2::MobileNetV2::sample(draw)),
        Family::MobileNetV3 => build(net, &mobilenet_v3::MobileNetV3::sample(draw)),
        Family::MnasNet => build(net, &mnasnet::MnasNet::sample(draw)),
        Family::EfficientNet => build(net, &efficientnet::EfficientNet::sample(draw)),
        Family::NasBench201 => build(net, &nasbench201::NasBench201::sample(draw)),
        Family::Vit => build(net, &vit::Vit::sample(draw)),
        Family::Bert => build(net, &bert::Bert::sample(draw)),
        Family::Gpt => build(net, &gpt::Gpt::sample(draw)),
    }
}

/// An empty network whose batch is free up to 256.
fn network(name: &str, batch: u64, norm: Norm) -> Net {
    Net::new(name, batch, 256, norm)
}

fn build(mut net: Net, architecture: &impl Architecture) -> tachograph_ir::Result<Graph> {
    let output = architecture.build(&mut net)?;
    net.finish(output)
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
