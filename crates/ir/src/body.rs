//! Graphs inside attributes: bodies of If, Loop and Scan.
//!
//! A body reads nothing but its inputs: what it takes from the graph around it follows its formal inputs, and the
//! node has the same tensors as operands after its own.

use std::cell::Cell;

use sha2::{Digest, Sha256};

use crate::{
    Assignment, Attr, BoundGraph, Call, Class, Cost, Error, Fact, Graph, Node, OpError, Tensor, Value, hash::write_attr,
};

/// A body bound to what is known of its inputs.
///
/// # Errors
/// The node has no such body, or an operator inside refuses its operands: the message names both nodes.
pub(crate) fn bind(call: &Call<'_>, name: &str, given: &[Fact]) -> Result<BoundGraph, OpError> {
    let Some(Attr::Graph(body)) = call.attrs().get(name) else { return Err(format!("has no graph `{name}`").into()) };
    if body.inputs().len() != given.len() {
        return Err(format!("`{name}` takes {} inputs, not {}", body.inputs().len(), given.len()).into());
    }
    body.bind_inputs(given).map_err(|error| OpError::Invalid(format!("in `{name}`: {error}")))
}

/// How much may be inferred again and again for one node, the bodies inside its body included: nodes, tensors and elements
/// together. That is some hundredths of a second.
const AGAIN: usize = 1 << 15;

thread_local! {
    /// What is left of it for the outermost node.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Permission to bind a body several times, which ends with the outermost node that has it.
pub(crate) struct Repeats {
    outermost: bool,
    size: usize,
}

impl Repeats {
    /// For the body of this name.
    pub(crate) fn new(call: &Call<'_>, name: &str) -> Self {
        let outermost = LEFT.get().is_none();
        LEFT.set(LEFT.get().or(Some(AGAIN)));
        let size = match call.attrs().get(name) {
            Some(Attr::Graph(body)) => {
                let elements = body.tensors().iter().map(|t| t.value.as_ref().map_or(0, Value::len));
                1 + body.len() + body.tensors().len() + elements.sum::<usize>()
            }
            _ => 1,
        };
        Self { outermost, size }
    }

    /// `None` once too much was bound; what the body is given counts too, since a sequence may grow.
    pub(crate) fn again(&self, given: &[Fact]) -> Option<()> {
        let given = given.iter().map(Fact::size).fold(self.size, usize::saturating_add);
        let left = LEFT.get()?.checked_sub(given)?;
        LEFT.set(Some(left));
        Some(())
    }
}

impl Drop for Repeats {
    fn drop(&mut self) {
        if self.outermost {
            LEFT.set(None);
        }
    }
}

/// Its cost, each weight of its own counted once.
pub(crate) fn cost(body: &BoundGraph) -> Result<Cost, OpError> {
    body.cost().map_err(|error| OpError::Invalid(error.to_string()))
}

/// Cost of several runs of one body, the weights of its own counted once.
pub(crate) fn together(runs: impl Iterator<Item = Result<Cost, OpError>>) -> Result<Cost, OpError> {
    let costs = runs.collect::<Result<Vec<_>, _>>()?;
    let parameters = costs.iter().map(|cost| cost.parameters).max().unwrap_or(0);
    Ok(Cost { parameters, ..costs.into_iter().sum() })
}

/// Class of a control-flow operator: that of what its bodies do, products before other arithmetic.
pub(crate) fn class(node: &Node) -> Class {
    let bodies = node.attrs.values().filter_map(|attr| if let Attr::Graph(body) = attr { Some(body) } else { None });
    let classes = bodies.flat_map(|body| body.nodes().map(|(_, node)| node.class()));
    classes.fold(Class::Movement, |whole, class| match class {
        _ if whole == Class::Matrix || class.multiplies() => Class::Matrix,
        Class::Movement => whole,
        _ => Class::Elementwise,
    })
}

/// Facts of the results of a body.
pub(crate) fn results(body: &BoundGraph) -> Vec<Fact> {
    body.graph().outputs().iter().map(|&id| body.fact(id).clone()).collect()
}

/// Operands of a call as facts; those left out are unknown.
pub(crate) fn operands(call: &Call<'_>, from: usize) -> Vec<Fact> {
    let unknown = || Fact::unknown(crate::DType::F32);
    call.inputs.iter().skip(from).map(|fact| fact.cloned().unwrap_or_else(unknown)).collect()
}

impl Graph {
    fn bind_inputs(&self, given: &[Fact]) -> Result<BoundGraph, Error> {
        self.bind_with(&Assignment::new(), given)
    }

    /// Digest of what the graph computes, whatever its names and the order of its nodes.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut labels: Vec<[u8; 32]> = self.tensors().iter().map(stored).collect();
        for (place, id) in self.inputs().iter().enumerate() {
            labels[id.index()] = Sha256::digest([b"input".as_slice(), &(place as u64).to_le_bytes()].concat()).into();
        }
        for (_, node) in self.nodes() {
            let mut label = node.op.to_string().into_bytes();
            for (name, attr) in &node.attrs {
                label.extend([&[0], name.as_bytes(), &[0]].concat());
                write_attr(&mut label, attr);
            }
            for id in &node.inputs {
                label.extend(id.map_or([0; 32], |id| labels[id.index()]));
            }
            for (slot, id) in node.outputs.iter().enumerate() {
                let Some(id) = id else { continue };
                let place = (slot as u64).to_le_bytes();
                labels[id.index()] = Sha256::digest([label.as_slice(), &place].concat()).into();
            }
        }
        let results: Vec<u8> = self.outputs().iter().flat_map(|id| labels[id.index()]).collect();
        Sha256::digest(results).into()
    }
}

fn stored(tensor: &Tensor) -> [u8; 32] {
    let mut label = format!("{:?} {:?} {:?} ", tensor.kind, tensor.dtype, tensor.dims).into_bytes();
    match &tensor.value {
        Some(Value::Ints(v)) => write_attr(&mut label, &Attr::Ints(v.clone())),
        Some(Value::Floats(v)) => write_attr(&mut label, &Attr::Floats(v.clone())),
        None => {}
    }
    Sha256::digest(label).into()
}
