//! Counts as published tables make them.

use std::collections::HashSet;

use crate::{BoundGraph, Call, DType, Error, OpError, OpType, Phase, TensorId, TensorKind, Work, elements};

/// What fvcore (0.1.5) counts in a forward pass, and so what timm publishes as MACs and activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fvcore {
    /// Its "FLOPs": multiply–accumulates of convolutions, matrix products and einsums; 2 per element of a batch
    /// normalisation (5 in training mode); 5 per element of a layer, group or instance normalisation; 1 per operand
    /// element of global average pooling; per result, 1 of nearest and 4 of linear resizing and grid sampling.
    pub flops: u64,
    /// Elements of the results of convolutions, matrix products and einsums.
    pub activations: u64,
}

impl Fvcore {
    /// The products of `work`, and the elements of the first result.
    pub(crate) fn products(work: Work, call: &Call<'_>) -> Result<Self, OpError> {
        Ok(Self { flops: work.macs, activations: call.output_elements(0)? })
    }

    /// So many operations per element of `shape`.
    pub(crate) fn per_element(count: u64, shape: &[u64]) -> Result<Self, OpError> {
        let flops = elements(shape).and_then(|n| n.checked_mul(count));
        let flops = flops.ok_or_else(|| OpError::Invalid("operation count exceeds 64 bits".into()))?;
        Ok(Self { flops, activations: 0 })
    }

    /// So many operations per element of the first result.
    pub(crate) fn per_result(count: u64, call: &Call<'_>) -> Result<Self, OpError> {
        Self::per_element(count, &[call.output_elements(0)?])
    }
}

impl BoundGraph {
    /// Counts as fvcore does, by what each operator says that fvcore counts of it
    /// ([`Operator::fvcore`](crate::Operator::fvcore)). It runs the module in PyTorch, which folds nothing: nodes of
    /// constants count too. Recurrent layers and fused attention count nothing, as it does not know them.
    ///
    /// # Errors
    /// A count that exceeds 64 bits.
    pub fn fvcore(&self) -> crate::Result<Fvcore> {
        let needed = self.needed();
        let mut total = Fvcore::default();
        for (_, node) in self.graph().nodes() {
            if node.phase != Phase::Forward || !node.outputs.iter().flatten().any(|t| needed[t.index()]) {
                continue;
            }
            let OpType::Known(_, op) = &node.op else { continue };
            let (inputs, outputs) = (self.input_facts(node), self.output_facts(node));
            let count = match op.fvcore(&Call { node, inputs: &inputs, outputs: &outputs }) {
                Ok(count) => count,
                Err(OpError::Unknown) => continue,
                Err(OpError::Invalid(message)) => {
                    return Err(Error::Operator { node: node.name.clone(), op: node.op.to_string(), message });
                }
            };
            let overflow = || Error::Overflow { place: format!("count of node `{}`", node.name) };
            total.flops = total.flops.checked_add(count.flops).ok_or_else(overflow)?;
            total.activations = total.activations.checked_add(count.activations).ok_or_else(overflow)?;
        }
        Ok(total)
    }

    /// Elements of the weights that frameworks call learned: those of [`BoundGraph::stored_weights`], without the
    /// running statistics of batch normalisations.
    pub fn learned(&self) -> u64 {
        let graph = self.graph();
        let operands =
            graph.nodes().flat_map(|(_, node)| (0..).zip(&node.inputs).map(move |(i, &t)| (node.role(i), t)));
        let statistics: HashSet<TensorId> =
            operands.filter(|(role, _)| role.is_statistic()).filter_map(|(_, t)| t).collect();
        let learned = self.stored_weights().into_iter().filter(|t| !statistics.contains(t));
        learned.filter_map(|t| elements(self.shape(t)?)).fold(0, u64::saturating_add)
    }

    /// Weights as the file stores them, each once: parameters that results of the graph depend on, also those of
    /// which constant nodes make something else first (a table of which positions are gathered). Lists of 64-bit
    /// integers and of truth values are indices and masks, not weights.
    pub fn stored_weights(&self) -> Vec<TensorId> {
        let needed = self.needed();
        let weight = |t: &TensorId| {
            let index = matches!(self.fact(*t).dtype, DType::I64 | DType::U64 | DType::Bool | DType::String);
            needed[t.index()] && !index && self.graph().tensor(*t).kind == TensorKind::Parameter
        };
        (0..self.graph().tensors().len() as u32).map(TensorId).filter(weight).collect()
    }

    /// By tensor: true where results of the graph depend on its elements.
    fn needed(&self) -> Vec<bool> {
        let graph = self.graph();
        let mut needed = vec![false; graph.tensors().len()];
        graph.outputs().iter().for_each(|id| needed[id.index()] = true);
        for id in graph.node_ids().rev() {
            let node = graph.node(id);
            let computed = |t: &TensorId| needed[t.index()] && self.fact(*t).value.is_none();
            if node.outputs.iter().flatten().any(computed) || node.phase == Phase::Update {
                node.inputs.iter().flatten().for_each(|t| needed[t.index()] = true);
            }
        }
        needed
    }
}

#[cfg(test)]
mod tests {
    use crate::{Assignment, Attr, Builder, DType, attrs};

    #[test]
    fn counts_of_a_small_network() {
        let mut b = Builder::new("n");
        let x = b.input("x", DType::F32, vec![1.into(), 3.into(), 8.into(), 8.into()]);
        let y = b.conv(x, 4, [3, 3], 1, 1, 1, false).unwrap();
        let y = b.batch_norm(y).unwrap();
        let y = b.op("GlobalAveragePool", &[y]).unwrap();
        let y = b.op_with("Flatten", &[y], attrs([("axis", Attr::Int(1))])).unwrap();
        let y = b.gemm(y, 10).unwrap();
        let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
        let count = bound.fvcore().unwrap();
        assert_eq!(count.flops, 256 * 27 + 2 * 256 + 256 + 40);
        assert_eq!(count.activations, 256 + 10);
        assert_eq!((bound.learned(), bound.cost().unwrap().parameters), (108 + 8 + 50, 108 + 16 + 50));
    }

    #[test]
    fn a_folded_table_counts_as_it_is_stored() {
        let mut b = Builder::new("n");
        let x = b.input("x", DType::F32, vec![6.into(), 2.into()]);
        let table = b.parameter(&[3, 2]);
        let places = b.ints(&[0, 1, 2, 2, 1, 0]);
        let bias = b.op("Gather", &[table, places]).unwrap();
        let y = b.op("Add", &[x, bias]).unwrap();
        let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
        assert_eq!((bound.learned(), bound.cost().unwrap().parameters), (6, 6));
    }
}
