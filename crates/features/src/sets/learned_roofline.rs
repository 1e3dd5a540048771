//! Features of the `learned-roofline` model: what each operator does for one image, and beside what it runs.
//!
//! A node's columns. The first four groups are left as they are:
//!
//! | columns | what |
//! |---|---|
//! | `compute`, `traffic` | ln of the times for one image, in ms, that an imaginary machine takes for the operations ([`PEAK`]) and for the bytes ([`BANDWIDTH`]) |
//! | `resident` | the same for the bytes that the operator has resident when most is: its weights, inputs of the network that no operator before it reads, and what it fills, as long as that is in use then |
//! | `alive` | the same for all that is resident while the operator runs, but for weights |
//! | `op=NAME` …, `op=?` | one-hot over the operators of the training data |
//! | `from=NAME` …, `to=NAME` … | 1 for each operator among the producers of its operands, and among the readers of its results |
//! | the 27 numbers of [`costs`] | with costs divided by the batch, and leading extents that are its multiples |
//! | `anchor`, `kernel` | 1 for the first operator of its fused kernel; operators of that kernel, at most 8 |
//! | `fan_in`, `fan_out` | producers and readers, at most 4 |
//! | `aligned_in`, `aligned_out` | log₂ of the largest power of two, at most 64, that divides the channels of the first operand and of the first result |
//! | `batch` | log₂ of the batch |
//! | `peak` | 1 for the operator that runs when most is resident ([`BoundGraph::residency`]) |
//!
//! The set `learned-roofline-npu` has more, for accelerators whose compilers pack weights, pad extents and run neighbours
//! in stripes ([`npu`]).
//!
//! Graph columns, left as they are: `batch`, and `weights`, the time for reading their bytes. A network of one image looks
//! the same at every batch, but for weights, which are read once a batch.

mod npu;
mod rows;

use std::collections::BTreeSet;

use ndarray::Array2;
use tachograph_ir::{BoundGraph, Node, Quantity, TensorId};

use super::costs;
use crate::{
    Columns, Error, FeatureGraph, Features, Result, Schema,
    columns::{names, one_hot},
    graph::undirected_edges,
};
use rows::{Places, Rows};

/// Operations a second of the imaginary machine: about an accelerator of today in f32. A model learns how a device
/// differs from it, so that only the order of magnitude matters.
const PEAK: f64 = 30e12;

/// Bytes a second that it moves.
const BANDWIDTH: f64 = 1e12;

/// Least time of which a logarithm is taken, in ms; that of views, which take none.
const LEAST: f64 = 1e-9;

/// Times that add up to that of an operator.
const TIMES: [&str; 3] = ["compute", "traffic", "resident"];
const ALIVE: &str = "alive";

const CONTEXT: [&str; 8] = ["anchor", "kernel", "fan_in", "fan_out", "aligned_in", "aligned_out", "batch", "peak"];

const BATCH: &str = "batch";
const WEIGHTS: &str = "weights";

/// See [the module](self).
pub struct LearnedRoofline {
    /// With the columns for accelerators.
    pub npu: bool,
}

impl Features for LearnedRoofline {
    fn name(&self) -> &'static str {
        if self.npu { "learned-roofline-npu" } else { "learned-roofline" }
    }

    fn aliases(&self) -> &'static [&'static str] {
        if self.npu { &[] } else { &["tachograph"] }
    }

    fn columns(&self, operators: &[String]) -> Columns {
        let neighbours = ["op", "from", "to"].map(|prefix| one_hot(prefix, operators)).concat();
        let (kept, scaled) = if self.npu { (names(&npu::KEPT), names(&npu::SCALED)) } else { Default::default() };
        Columns {
            kept: [names(&TIMES), names(&[ALIVE]), kept, neighbours].concat(),
            scaled: [names(&costs::NUMBERS), names(&CONTEXT), scaled].concat(),
            kept_globals: names(&[BATCH, WEIGHTS]),
            ..Columns::default()
        }
    }

    fn featurize(&self, schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        let graph = |source| Error::Graph { graph: bound.graph().name().to_owned(), source };
        let (images, live) = (bound.batch().max(1), bound.live());
        let residency = bound.residency().map_err(graph)?;
        let mut unknown = BTreeSet::new();
        let slots: Vec<usize> = live.iter().map(|&id| schema.slot(&bound.graph().node(id).op, &mut unknown)).collect();
        let mut rows = Rows {
            nodes: Array2::zeros((live.len(), schema.node_columns.len())),
            places: Places::new(schema)?,
            row_of: live.iter().enumerate().map(|(row, &id)| (id, row)).collect(),
            slots,
        };
        let mut seen = BTreeSet::new();
        let mut own_weights = Vec::with_capacity(live.len());
        for (row, (id, cost)) in costs::costs(bound)?.iter().enumerate() {
            let node = bound.graph().node(*id);
            let [weights, given] = own_bytes(bound, node, &mut seen);
            let resident = weights + given + residency.held[row].0;
            own_weights.push(moving(weights, images));
            let [traffic, resident, alive] =
                [cost.bytes(), resident, residency.activations[row].0].map(|bytes| moving(bytes, images));
            rows.times(row, [computing(cost.flops, images), traffic, resident, alive]);
            rows.own(row, bound, node, costs::numbers(bound, node, cost, images));
            rows.nodes[[row, rows.places.batch]] = (images as f32).log2();
            rows.nodes[[row, rows.places.peak]] = f32::from(u8::from(row == residency.at));
        }
        rows.kernels(bound);
        let links = rows.neighbours(bound);
        if self.npu {
            npu::fill(&mut rows, schema, bound, &own_weights, &links)?;
        }
        let global = |name: &str| match name {
            BATCH => images as f32,
            _ => moving(residency.weights.0, images) as f32,
        };
        Ok(FeatureGraph {
            nodes: rows.nodes,
            edges: undirected_edges(bound),
            globals: schema.global_columns.iter().map(|name| global(name)).collect(),
            node_ids: live.to_vec(),
            unknown: unknown.into_iter().collect(),
            ..FeatureGraph::default()
        })
    }

    fn roofline_ms(&self, schema: &Schema, features: &FeatureGraph, quantity: Quantity) -> Option<f64> {
        let column = |name: &str| Some(features.nodes.column(schema.node_column(name)?).mapv(|ms| f64::from(ms).exp()));
        let global = |name: &str| Some(f64::from(*features.globals.get(schema.global_column(name)?)?));
        let one_image = match quantity {
            Quantity::Memory => global(WEIGHTS)? + column(ALIVE)?.fold(0.0, |most: f64, &ms| most.max(ms)),
            Quantity::Latency | Quantity::Energy => {
                TIMES.iter().map(|name| Some(column(name)?.sum())).sum::<Option<f64>>()?
            }
        };
        Some(global(BATCH)? * one_image)
    }
}

/// Bytes of weights, and of inputs of the network, that `node` is the first to read, by those `seen` already.
fn own_bytes(bound: &BoundGraph, node: &Node, seen: &mut BTreeSet<TensorId>) -> [u64; 2] {
    let given = |t: &TensorId| bound.is_parameter(*t) || bound.graph().inputs().contains(t);
    let mut own = [0; 2];
    for t in node.inputs.iter().flatten().copied().filter(given).filter(|&t| seen.insert(t)) {
        own[usize::from(!bound.is_parameter(t))] += bound.fact(t).bytes().unwrap_or(0);
    }
    own
}

/// Time of the operations of all images, for one of them, in ms.
fn computing(operations: u64, images: u64) -> f64 {
    1e3 * operations as f64 / images as f64 / PEAK
}

/// ln of a time in ms.
fn logarithm(ms: f64) -> f32 {
    ms.max(LEAST).ln() as f32
}

/// Time of moving the bytes of all images, for one of them, in ms.
fn moving(bytes: u64, images: u64) -> f64 {
    1e3 * bytes as f64 / images as f64 / BANDWIDTH
}

#[cfg(test)]
mod tests {
    use tachograph_ir::{Assignment, Builder, DType};

    use super::*;
    use crate::{FeatureSet, Featurizer};

    fn chain(batch: u64) -> BoundGraph {
        let mut b = Builder::new("chain");
        let x = b.input("x", DType::F32, [batch, 4, 8, 8].map(Into::into).to_vec());
        let y = b.op("Relu", &[x]).unwrap();
        let z = b.op("Sigmoid", &[y]).unwrap();
        b.finish(&[z]).unwrap().bind(&Assignment::new()).unwrap()
    }

    #[test]
    fn one_image_and_its_neighbours_are_seen() {
        let (one, many) = (chain(1), chain(4));
        let featurizer = Featurizer::fit(FeatureSet::LEARNED_ROOFLINE, &[&one]).unwrap();
        let (one, many) = (featurizer.featurize(&one).unwrap(), featurizer.featurize(&many).unwrap());
        let at = |name: &str| featurizer.schema().node_column(name).unwrap();
        // The batch itself is all that tells them apart.
        let mut same = many.nodes.clone();
        same.column_mut(at("batch")).assign(&one.nodes.column(at("batch")));
        assert!(one.nodes == same && one.nodes != many.nodes);
        assert_eq!((one.globals[0], many.globals[0]), (1.0, 4.0));
        let value = |row: usize, name: &str| one.nodes[[row, at(name)]];
        assert_eq!((value(1, "from=Relu"), value(0, "from=Relu")), (1.0, 0.0));
        assert_eq!((value(0, "to=Sigmoid"), value(1, "to=Sigmoid")), (1.0, 0.0));
    }

    #[test]
    fn the_roofline_grows_with_the_batch() {
        let (one, many) = (chain(1), chain(4));
        let featurizer = Featurizer::fit(FeatureSet::LEARNED_ROOFLINE, &[&one]).unwrap();
        let (one, many) = (featurizer.featurize(&one).unwrap(), featurizer.featurize(&many).unwrap());
        let ms = |features: &FeatureGraph, quantity| featurizer.roofline_ms(features, quantity).unwrap();
        let [one_ms, many_ms] = [&one, &many].map(|features| ms(features, Quantity::Latency));
        assert!((many_ms / one_ms - 4.0).abs() < 1e-6, "{many_ms} is four times {one_ms}");
        // 1 KiB read and 1 KiB written.
        let traffic = 2048.0 * 1e3 / BANDWIDTH;
        let column = featurizer.schema().node_column("traffic").unwrap();
        assert!((f64::from(one.nodes[[0, column]]).exp() / traffic - 1.0).abs() < 1e-5);
        // At the second operator its operand and its result are alive, 1 KiB each, and there are no weights.
        let alive = |features: &FeatureGraph| ms(features, Quantity::Memory);
        assert!((alive(&one) / traffic - 1.0).abs() < 1e-5 && (alive(&many) / traffic / 4.0 - 1.0).abs() < 1e-5);
    }
}
