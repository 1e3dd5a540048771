//! Counts as published tables make them.

use crate::{BoundGraph, DType, Error, Node, Phase, Result, TensorId, TensorKind, elements};

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

impl BoundGraph {
    /// Counts as fvcore does. It runs the module in PyTorch, which folds nothing: nodes of constants count too.
    /// Recurrent layers and fused attention count nothing, as it does not know them.
    ///
    /// # Errors
    /// A count that exceeds 64 bits.
    pub fn fvcore(&self) -> Result<Fvcore> {
        let needed = self.needed();
        let mut total = Fvcore::default();
        for (_, node) in self.graph().nodes() {
            if node.phase != Phase::Forward || !node.outputs.iter().flatten().any(|t| needed[t.index()]) {
                continue;
            }
            let overflow = || Error::Overflow { place: format!("count of node `{}`", node.name) };
            let flops = self.fvcore_flops(node)?.ok_or_else(overflow)?;
            total.flops = total.flops.checked_add(flops).ok_or_else(overflow)?;
            if multiplies(node) {
                let results = elements_at(self, &node.outputs, 0).ok_or_else(overflow)?;
                total.activations = total.activations.checked_add(results).ok_or_else(overflow)?;
            }
        }
        Ok(total)
    }

    fn fvcore_flops(&self, node: &Node) -> Result<Option<u64>> {
        let set = |name: &str| matches!(node.attrs.get(name), Some(crate::Attr::Int(1)));
        let operand = |per_element: u64| elements_at(self, &node.inputs, 0)?.checked_mul(per_element);
        let result = |per_element: u64| elements_at(self, &node.outputs, 0)?.checked_mul(per_element);
        let mode = match node.attrs.get("mode") {
            Some(crate::Attr::Str(mode)) => mode,
            _ => "nearest",
        };
        Ok(match node.op.name() {
            _ if multiplies(node) => Some(self.work(node)?.macs),
            "BatchNormalization" => operand(if set("training_mode") { 5 } else { 2 }),
            "LayerNormalization" | "GroupNormalization" | "InstanceNormalization" => operand(5),
            "GlobalAveragePool" => operand(1),
            "Resize" | "Upsample" if mode.contains("linear") => result(4),
            "Resize" | "Upsample" if mode == "nearest" => result(1),
            "GridSample" => result(4),
            _ => Some(0),
        })
    }

    /// Elements of the weights that frameworks call learned: those of [`BoundGraph::stored_weights`], without the
    /// running statistics of batch normalisations.
    pub fn learned(&self) -> u64 {
        let graph = self.graph();
        let normalisations = graph.nodes().filter(|(_, node)| node.op.name() == "BatchNormalization");
        let statistics: std::collections::HashSet<TensorId> =
            normalisations.flat_map(|(_, node)| node.inputs.iter().skip(3).flatten().copied()).collect();
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

/// True for operators whose products fvcore counts.
fn multiplies(node: &Node) -> bool {
    matches!(node.op.name(), "Conv" | "ConvTranspose" | "Gemm" | "MatMul" | "Einsum")
}

/// Elements of one operand or result; 0 where that is unknown, `None` where it overflows.
fn elements_at(bound: &BoundGraph, ids: &[Option<TensorId>], place: usize) -> Option<u64> {
    match ids.get(place).copied().flatten().and_then(|t| bound.shape(t)) {
        Some(shape) => elements(shape),
        None => Some(0),
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
