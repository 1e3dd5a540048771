//! The network of a page: operators for the table, and kernels for the drawing.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use tachograph_ir::{BoundGraph, Bytes, FusionRule, NodeId, TensorId, TensorKind};

use crate::Result;

/// A network to draw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DrawnNetwork {
    /// Inputs, kernels and outputs.
    pub vertices: Vec<Vertex>,
    /// Pairs of positions in `vertices`; the first is the smaller.
    pub edges: Vec<(usize, usize)>,
    /// Operators that run, in their order.
    pub operators: Vec<DrawnOperator>,
}

/// A box of the drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vertex {
    /// Operators of the kernel, or the name of an input or output.
    pub label: String,
    /// Type and shape of what leaves it.
    pub shape: String,
    /// Its share of the whole, from 0 to 1; none for inputs and outputs.
    pub share: Option<f64>,
    /// Operators with their shapes, a line each.
    pub detail: String,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrawnOperator {
    /// Its kernel: a position in [`DrawnNetwork::vertices`].
    pub vertex: usize,
    /// What it computes, such as `Conv`.
    pub op: String,
    /// Its name in the file.
    pub name: String,
    /// Type and shape of its first result.
    pub shape: String,
    /// Operations; a multiply–accumulate is two.
    pub flops: u64,
    /// Memory traffic.
    pub bytes: Bytes,
    /// Elements of its weights.
    pub parameters: u64,
    /// Its share of the whole, from 0 to 1.
    pub share: f64,
}

impl DrawnNetwork {
    /// The kernels of a bound graph under the bundled fusion rule. `times` are of operators, in any unit and order; the
    /// page shows their shares. Operators without one are free.
    ///
    /// # Errors
    /// As [`BoundGraph::node_cost`].
    pub fn new(bound: &BoundGraph, times: &[(NodeId, f64)]) -> Result<Self> {
        let total: f64 = times.iter().map(|(_, time)| time).sum();
        let times: HashMap<NodeId, f64> = times.iter().copied().collect();
        let share = |id: NodeId| match times.get(&id) {
            Some(time) if total > 0.0 => time / total,
            _ => 0.0,
        };
        let graph = bound.graph();
        let mut network = Self::default();
        let mut makers: HashMap<TensorId, usize> = HashMap::new();
        let data = |&id: &TensorId| !matches!(graph.tensor(id).kind, TensorKind::Parameter | TensorKind::Constant);
        for input in graph.inputs().iter().copied().filter(data) {
            makers.insert(input, network.end("input", bound, input));
        }
        for group in bound.fuse(&FusionRule::default()) {
            let vertex = network.vertices.len();
            let mut sources = BTreeSet::new();
            let (mut label, mut detail, mut sum, mut shape) = (Vec::new(), Vec::new(), 0.0, String::new());
            for &id in &group.nodes {
                let node = graph.node(id);
                sources.extend(node.inputs.iter().flatten().filter_map(|t| makers.get(t)).filter(|&&v| v != vertex));
                makers.extend(node.outputs.iter().flatten().map(|&t| (t, vertex)));
                let (share, cost) = (share(id), bound.node_cost(id)?);
                let operands = node.inputs.iter().flatten().map(|&t| described(bound, t)).collect::<Vec<_>>();
                shape = node.outputs.iter().flatten().next().map(|&t| described(bound, t)).unwrap_or_default();
                let line =
                    format!("{} `{}` {:.2} %\n{} → {shape}", node.op, node.name, 100.0 * share, operands.join(", "));
                detail.push(line);
                label.push(node.op.to_string());
                sum += share;
                network.operators.push(DrawnOperator {
                    vertex,
                    op: node.op.to_string(),
                    name: node.name.clone(),
                    shape: shape.clone(),
                    flops: cost.flops,
                    bytes: Bytes(cost.bytes()),
                    parameters: cost.parameters,
                    share,
                });
            }
            network.edges.extend(sources.into_iter().map(|from| (from, vertex)));
            let (label, detail) = (label.join(" + "), detail.join("\n"));
            network.vertices.push(Vertex { label, shape, share: Some(sum), detail });
        }
        for &output in graph.outputs() {
            let vertex = network.end("output", bound, output);
            network.edges.extend(makers.get(&output).map(|&from| (from, vertex)));
        }
        Ok(network)
    }

    /// Adds an input or output of the graph.
    fn end(&mut self, what: &str, bound: &BoundGraph, tensor: TensorId) -> usize {
        let (name, shape) = (&bound.graph().tensor(tensor).name, described(bound, tensor));
        let detail = format!("{what} `{name}`\n{shape}");
        self.vertices.push(Vertex { label: name.clone(), shape, share: None, detail });
        self.vertices.len() - 1
    }
}

/// Type and shape, such as `f32 1×3×224×224`.
fn described(bound: &BoundGraph, tensor: TensorId) -> String {
    let fact = bound.fact(tensor);
    match &fact.shape {
        Some(shape) => format!("{} {}", fact.dtype, shape.iter().map(u64::to_string).collect::<Vec<_>>().join("×")),
        None => format!("{} of unknown shape", fact.dtype),
    }
}

#[cfg(test)]
mod tests {
    use tachograph_ir::{Assignment, Builder, DType};

    use super::*;

    #[test]
    fn kernels_edges_and_shares() {
        let mut b = Builder::new("residual");
        let x = b.input("x", DType::F32, vec![2.into(), 8.into(), 8.into(), 8.into()]);
        let y = b.conv(x, 8, [3, 3], 1, 1, 1, false).unwrap();
        let y = b.op("Relu", &[y]).unwrap();
        let z = b.conv(y, 8, [3, 3], 1, 1, 1, false).unwrap();
        let z = b.op("Add", &[z, y]).unwrap();
        let bound = b.finish(&[z]).unwrap().bind(&Assignment::new()).unwrap();
        let times: Vec<_> = bound.live().iter().copied().zip([3.0, 0.5, 4.0, 0.5]).collect();
        let network = DrawnNetwork::new(&bound, &times).unwrap();
        let labels: Vec<_> = network.vertices.iter().map(|v| v.label.as_str()).collect();
        assert_eq!(labels[1..3], ["Conv + Relu", "Conv + Add"]);
        assert_eq!(network.edges, [(0, 1), (1, 2), (2, 3)]);
        let shares: Vec<_> = network.vertices.iter().map(|v| v.share).collect();
        assert_eq!(shares, [None, Some(0.4375), Some(0.5625), None]);
        assert_eq!(network.operators.len(), 4);
        assert_eq!(network.operators[2].flops, 2 * 2 * 8 * 8 * 8 * 8 * 9);
        assert!(
            network.vertices[1].detail.contains("f32 2×8×8×8, f32 8×8×3×3 → f32 2×8×8×8"),
            "{:?}",
            network.vertices
        );
        assert!(DrawnNetwork::new(&bound, &[]).unwrap().operators.iter().all(|operator| operator.share == 0.0));
    }
}
