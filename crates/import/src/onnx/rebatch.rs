//! A graph under construction at another batch than that of its file.

use std::collections::HashMap;

use tachograph_ir::{Attrs, DType, Fact, Node, OpType, Parts, Phase, Tensor, TensorId, TensorKind, Value, elements};

use super::batch::infer;

/// A graph under construction, with facts at another batch beside those of the file.
pub(super) struct Rebatch<'a> {
    /// At the batch of the file, by tensor id. The same ids are valid here.
    pub old: &'a [Fact],
    /// At the other batch; tensors may have been added.
    pub facts: Vec<Fact>,
    /// Nodes so far.
    pub parts: Parts,
    /// Number of operands replaced.
    pub replaced: usize,
    /// For tensors with the batch inside an axis, how many positions of that axis are further out.
    outer: HashMap<TensorId, u64>,
    /// Where constants leave open which axis grows, what was chosen, in the order of the nodes.
    pub choices: Vec<Choice>,
}

/// One of several places for the batch in the result of a reshape: all alike are decided alike.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    /// Shapes of operand and result at the batch of the file, and how many elements lie further out than the batch.
    pub reshape: (Vec<u64>, Vec<u64>, u64),
    /// Which of the places is taken.
    pub taken: usize,
    /// Of how many.
    pub of: usize,
}

impl<'a> Rebatch<'a> {
    pub fn new(old: &'a [Fact], facts: Vec<Fact>, parts: Parts, choices: Vec<Choice>) -> Self {
        Self { old, facts, parts, replaced: 0, outer: HashMap::new(), choices }
    }

    /// Appends a node and infers its results.
    pub fn push(&mut self, node: Node) -> Result<(), String> {
        let constant = |id: &TensorId| self.old.get(id.index()).is_some_and(|f| f.constant);
        if node.outputs.iter().flatten().all(constant) {
            node.outputs.iter().flatten().for_each(|id| self.facts[id.index()] = self.old[id.index()].clone());
            self.parts.nodes.push(node);
            return Ok(());
        }
        let results = infer(&node, &self.facts)?;
        let known = |id: &TensorId| self.facts[id.index()].constant;
        let constant = node.inputs.iter().flatten().all(known) && !node.op.is_custom();
        for (id, fact) in node.outputs.iter().zip(results) {
            if let Some(id) = id {
                self.facts[id.index()] = Fact { constant, ..fact };
            }
        }
        self.keep_outer(&node);
        self.parts.nodes.push(node);
        Ok(())
    }

    /// Notes where the results have the batch inside an axis: where the operands do, but for reshapes.
    fn keep_outer(&mut self, node: &Node) {
        let Some(Some(operand)) = node.inputs.first() else { return };
        let outer = if matches!(node.op.name(), "Reshape" | "Flatten") {
            let place = |id: &TensorId| {
                let (old, new) = (self.old_shape(*id)?, self.facts.get(id.index())?.shape.as_deref()?);
                Some((old, moved(old, new)?))
            };
            (|| {
                let ((old, from), (result, to)) = (place(operand)?, place(node.outputs.first()?.as_ref()?)?);
                let before = elements(&old[..from])?.checked_mul(self.outer_of(*operand))?;
                before.checked_div(elements(&result[..to])?)
            })()
        } else if self.outer.is_empty() {
            None
        } else {
            node.inputs.iter().flatten().find_map(|id| self.outer.get(id).copied())
        };
        if let Some(outer) = outer.filter(|&n| n > 1) {
            node.outputs.iter().flatten().for_each(|id| _ = self.outer.insert(*id, outer));
        }
    }

    /// Positions of the batch's axis that are further out than the batch.
    pub fn outer_of(&self, id: TensorId) -> u64 {
        self.outer.get(&id).copied().unwrap_or(1)
    }

    /// Shapes of an operand at the batch of the file and at the other.
    pub fn shapes(&self, node: &Node, place: usize) -> Option<(Vec<u64>, Vec<u64>)> {
        let id = (*node.inputs.get(place)?)?;
        Some((self.old_shape(id)?.to_vec(), self.facts.get(id.index())?.shape.clone()?))
    }

    /// Elements of an operand that are the same at both batches.
    pub fn constant(&self, node: &Node, place: usize) -> Option<&Value> {
        let id = (*node.inputs.get(place)?)?;
        let value = self.facts.get(id.index())?.value.as_ref()?;
        (self.old.get(id.index())?.value.as_ref() == Some(value)).then_some(value)
    }

    pub fn old_shape(&self, id: TensorId) -> Option<&[u64]> {
        self.old.get(id.index())?.shape.as_deref()
    }

    pub fn add(&mut self, name: &str, op: &str, inputs: &[TensorId], attrs: Attrs) -> Option<TensorId> {
        let name = format!("{name}/{op}");
        let output = self.tensor(Tensor::activation(format!("{name}_result")));
        let inputs = inputs.iter().copied().map(Some).collect();
        let outputs = vec![Some(output)];
        self.push(Node { name, op: OpType::new(op), attrs, inputs, outputs, phase: Phase::Forward }).ok()?;
        Some(output)
    }

    pub fn ints(&mut self, name: &str, values: Vec<i64>) -> TensorId {
        let name = format!("{name}#{}", self.parts.tensors.len());
        self.tensor(Tensor::constant(name, DType::I64, &[values.len() as u64], Value::Ints(values)))
    }

    pub fn tensor(&mut self, tensor: Tensor) -> TensorId {
        let shape: Vec<u64> = tensor.value.iter().map(|v| v.len() as u64).collect();
        let constant = tensor.kind == TensorKind::Constant;
        let fact = Fact::new(tensor.dtype.unwrap_or(DType::F32), shape).with_value(tensor.value.clone());
        self.facts.push(Fact { constant, ..fact });
        self.parts.tensors.push(tensor);
        TensorId(self.parts.tensors.len() as u32 - 1)
    }
}

/// The axis whose extent the batch changed, if it is one.
pub(super) fn moved(old: &[u64], new: &[u64]) -> Option<usize> {
    let mut axes = (0..old.len()).filter(|&i| old.get(i) != new.get(i));
    axes.next().filter(|_| axes.next().is_none() && old.len() == new.len())
}
