//! What is in a bound graph, for people and for machines.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::Serialize;

use crate::{Assignment, BoundGraph, Bytes, Cost, NodeId, Plain, Result, TensorId};

/// What is in a bound graph. Names of fields hold their units.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Nodes of the graph.
    pub nodes: usize,
    /// Those that run at every inference.
    pub nodes_run: usize,
    /// What was bound.
    pub bound: Assignment,
    /// Inputs, as `` `name` f32[1, 3, 224, 224] ``.
    pub inputs: Vec<String>,
    /// Outputs, likewise.
    pub outputs: Vec<String>,
    /// Elements of weights.
    pub parameters: u64,
    /// Multiply–accumulates of matrix products and convolutions.
    pub macs: u64,
    /// Operations.
    pub flops: u64,
    /// Bytes of operands.
    pub read_bytes: u64,
    /// Bytes of results.
    pub written_bytes: u64,
    /// What weights and activations need at once.
    pub peak_memory_bytes: Bytes,
    /// By operator, the one that computes most first.
    pub operators: Vec<SummaryRow>,
}

/// The nodes of an operator, or one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SummaryRow {
    /// Operator, with its name and its results where it is one node.
    pub operator: String,
    /// Nodes.
    pub count: usize,
    /// Operations.
    pub flops: u64,
    /// Elements of weights.
    pub parameters: u64,
    /// Bytes read and written.
    pub bytes: u64,
}

impl SummaryRow {
    fn new(operator: String, count: usize, cost: Cost) -> Self {
        Self { operator, count, flops: cost.flops, parameters: cost.parameters, bytes: cost.bytes() }
    }
}

impl BoundGraph {
    /// What is in it.
    ///
    /// # Errors
    /// A size that exceeds 64 bits.
    pub fn summary(&self) -> Result<Summary> {
        let cost = self.cost()?;
        let mut by_operator: BTreeMap<String, (usize, Cost)> = BTreeMap::new();
        for &id in self.live() {
            let entry = by_operator.entry(self.graph().node(id).op.to_string()).or_default();
            *entry = (entry.0 + 1, entry.1 + self.node_cost(id)?);
        }
        let rows = by_operator.into_iter().map(|(name, (count, cost))| SummaryRow::new(name, count, cost));
        let mut operators: Vec<_> = rows.collect();
        operators.sort_by_key(|row| Reverse(row.flops));
        let described = |ids: &[TensorId]| ids.iter().map(|&id| self.describe(id)).collect();
        Ok(Summary {
            nodes: self.graph().len(),
            nodes_run: self.live().len(),
            bound: self.config().clone(),
            inputs: described(self.graph().inputs()),
            outputs: described(self.graph().outputs()),
            parameters: cost.parameters,
            macs: cost.macs,
            flops: cost.flops,
            read_bytes: cost.read,
            written_bytes: cost.written,
            peak_memory_bytes: self.peak_memory()?,
            operators,
        })
    }

    /// Every node that runs, in order, with the shapes of its results.
    ///
    /// # Errors
    /// A size that exceeds 64 bits.
    pub fn summary_of_nodes(&self) -> Result<Vec<SummaryRow>> {
        let one = |&id: &NodeId| {
            let node = self.graph().node(id);
            let results: Vec<_> = node.outputs.iter().flatten().map(|&id| self.describe(id)).collect();
            let text = format!("{} `{}` → {}", node.op, Plain(&node.name), results.join(", "));
            Ok(SummaryRow::new(text, 1, self.node_cost(id)?))
        };
        self.live().iter().map(one).collect()
    }

    /// Name, type and shape of a tensor, as `` `x` f32[1, 3] ``.
    fn describe(&self, id: TensorId) -> String {
        let (name, dtype) = (Plain(&self.graph().tensor(id).name), self.fact(id).dtype);
        self.shape(id).map_or(format!("`{name}` {dtype}[?]"), |shape| format!("`{name}` {dtype}{shape:?}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Assignment, Builder, DType, Domain};

    #[test]
    fn by_operator_and_by_node() {
        let mut b = Builder::new("net");
        b.hyperparameter("batch", Domain::POSITIVE, 2);
        let x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), 8.into(), 8.into()]);
        let y = b.conv(x, 4, [3, 3], 1, 1, 1, true).unwrap();
        let y = b.op("Relu", &[y]).unwrap();
        let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
        let summary = bound.summary().unwrap();
        assert_eq!((summary.nodes_run, summary.inputs[0].as_str()), (2, "`x` f32[2, 3, 8, 8]"));
        assert_eq!((summary.operators[0].operator.as_str(), summary.operators[0].parameters), ("Conv", 4 * 27 + 4));
        assert_eq!(summary.operators.iter().map(|row| row.flops).sum::<u64>(), summary.flops);
        let nodes = bound.summary_of_nodes().unwrap();
        assert!(nodes[1].operator.starts_with("Relu `") && nodes[1].operator.ends_with("f32[2, 4, 8, 8]"), "{nodes:?}");
    }
}
