//! Peak memory: bytes that must be resident at once.

use std::collections::HashMap;

use crate::{BoundGraph, Bytes, NodeId, Phase, Result, TensorId};

impl BoundGraph {
    /// Most bytes resident at once when live nodes run in order: weights all the time, an input of the graph from
    /// the start until its last use, a result from its node until its last use (results of the graph until the end).
    /// Views and updated weights share the storage of their first operand. Workspace and allocator overhead are not
    /// counted; tensors of unknown shape count as empty. On a training graph this is DNNPerf's memory target.
    ///
    /// # Errors
    /// As [`BoundGraph::node_cost`].
    pub fn peak_memory(&self) -> Result<Bytes> {
        Ok(self.residency()?.peak)
    }

    /// Which tensors are resident when, under the rules of [`BoundGraph::peak_memory`].
    ///
    /// # Errors
    /// As [`BoundGraph::node_cost`].
    pub fn residency(&self) -> Result<Residency> {
        let graph = self.graph();
        let mut storage: HashMap<TensorId, TensorId> = HashMap::new();
        for &id in self.live() {
            let node = graph.node(id);
            if (node.phase == Phase::Update || self.work(node)?.view)
                && let Some(Some(operand)) = node.inputs.first()
            {
                let shared = *storage.get(operand).unwrap_or(operand);
                node.outputs.iter().flatten().for_each(|&t| _ = storage.insert(t, shared));
            }
        }
        let root = |t: TensorId| *storage.get(&t).unwrap_or(&t);
        // Weights and small constants stay; everything else has a last use.
        let moves = |t: &TensorId| !self.is_parameter(*t) && self.fact(*t).value.is_none();
        let bytes = |t: TensorId| u128::from(self.fact(t).bytes().unwrap_or(0));

        let mut last_use: HashMap<TensorId, usize> = HashMap::new();
        for (step, &id) in self.live().iter().enumerate() {
            let node = graph.node(id);
            node.inputs.iter().chain(&node.outputs).flatten().for_each(|&t| _ = last_use.insert(root(t), step));
        }
        graph.outputs().iter().for_each(|&t| _ = last_use.insert(root(t), usize::MAX));
        let produced = |t: &TensorId| graph.producer(*t).is_some_and(|p| self.live().binary_search(&p).is_ok());

        let weights: u128 = self.weights().into_iter().map(bytes).sum();
        let given: u128 = last_use.keys().filter(|t| moves(t) && !produced(t)).map(|&t| bytes(t)).sum();
        let mut resident = weights + given;
        let (mut peak, mut at) = (resident, 0);
        let mut activations = Vec::with_capacity(self.live().len());
        let own = |t: &TensorId| root(*t) == *t && moves(t);
        for (step, &id) in self.live().iter().enumerate() {
            let node = graph.node(id);
            resident += node.outputs.iter().flatten().copied().filter(own).map(bytes).sum::<u128>();
            if resident > peak {
                (peak, at) = (resident, step);
            }
            activations.push(saturated(resident.saturating_sub(weights)));
            let mut touched: Vec<TensorId> =
                node.inputs.iter().chain(&node.outputs).flatten().map(|&t| root(t)).collect();
            touched.sort_unstable();
            touched.dedup();
            let done = touched.into_iter().filter(|t| moves(t) && last_use.get(t) == Some(&step));
            resident = resident.saturating_sub(done.map(bytes).sum());
        }
        let held = |(step, &id): (usize, &NodeId)| {
            let results = graph.node(id).outputs.iter().flatten().copied().filter(own);
            let stays = |t: &TensorId| step <= at && last_use.get(t).is_some_and(|&last| last >= at);
            saturated(results.filter(stays).map(bytes).sum())
        };
        let held = self.live().iter().enumerate().map(held).collect();
        Ok(Residency { peak: saturated(peak), at, held, weights: saturated(weights), activations })
    }
}

fn saturated(bytes: u128) -> Bytes {
    Bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
}

/// What is resident when a network runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residency {
    /// Most bytes at once.
    pub peak: Bytes,
    /// Position, among live nodes, of the one that runs at that moment.
    pub at: usize,
    /// For each live node, how much of the memory that it fills is in use then.
    pub held: Vec<Bytes>,
    /// Weights, which are resident all the time.
    pub weights: Bytes,
    /// For each live node, everything else that is resident while it runs.
    pub activations: Vec<Bytes>,
}

#[cfg(test)]
mod tests {
    use crate::{Assignment, Attr, Builder, Bytes, DType, attrs};

    #[test]
    fn a_chain_holds_two_neighbours_and_the_weights() {
        let mut b = Builder::new("chain");
        let x = b.input("x", DType::F32, vec![1.into(), 10.into()]);
        let y = b.gemm(x, 100).unwrap();
        let z = b.op("Relu", &[y]).unwrap();
        let z = b.gemm(z, 5).unwrap();
        let bound = b.finish(&[z]).unwrap().bind(&Assignment::new()).unwrap();
        // Weights 1000 + 100 + 500 + 5; at the Relu both its operand and its result, 100 each; x is gone.
        assert_eq!(bound.peak_memory().unwrap(), Bytes(4 * (1605 + 200)));
        let residency = bound.residency().unwrap();
        assert_eq!((residency.at, residency.held), (1, vec![Bytes(400), Bytes(400), Bytes(0)]));
        assert_eq!(residency.weights, Bytes(4 * 1605));
        assert_eq!(residency.activations, [Bytes(440), Bytes(800), Bytes(420)]);
    }

    #[test]
    fn a_skip_connection_stays_and_a_view_is_free() {
        let mut b = Builder::new("skip");
        let x = b.input("x", DType::F32, vec![1.into(), 100.into()]);
        let y = b.op("Relu", &[x]).unwrap();
        let v = b.op_with("Flatten", &[y], attrs([("axis", Attr::Int(1))])).unwrap();
        let z = b.op("Relu", &[v]).unwrap();
        let z = b.op("Sigmoid", &[z]).unwrap();
        let s = b.op("Add", &[z, x]).unwrap();
        let bound = b.finish(&[s]).unwrap().bind(&Assignment::new()).unwrap();
        // x throughout, and an operand and a result beside it.
        assert_eq!(bound.peak_memory().unwrap(), Bytes(4 * 300));
        // The first Relu's memory is read through the view; the view has none of its own.
        let held = bound.residency().unwrap().held;
        assert_eq!(held, [Bytes(400), Bytes(0), Bytes(400), Bytes(0), Bytes(0)]);
    }
}
