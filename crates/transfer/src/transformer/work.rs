//! From a node of a traced graph to the operators that run.
//!
//! Products are those of the graph. What the others move follows from what PyTorch runs, not from the graph's
//! annotations: a view moves nothing, `contiguous` copies only what a permutation left scattered, dropout is nothing
//! in inference and writes a mask of bytes in training, softmax multiplies before it goes back, layer norm reads
//! twice, a tensor with several consumers has its gradients added, every weight's gradient is added to the one
//! before, and the loss goes back through a softmax over the vocabulary. Of the nodes that the graphs call `misc`,
//! some compute: OPT takes a maximum over all attention scores.

use std::collections::HashMap;

use crate::{
    Error, Result,
    operator_model::{Operator, OperatorClass},
};

/// A node of the graph.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// NeuSight's name of its operator.
    pub operator: String,
    /// What the forward part computes.
    pub forward: Vec<Call>,
    /// What the backward part computes.
    pub backward: Vec<Call>,
    /// What adds up gradients of weights.
    pub accumulate: Vec<Call>,
    /// Names of the producers of the inputs.
    pub inputs: Vec<String>,
    /// Names of the consumers.
    pub consumers: Vec<String>,
    /// Shapes of the inputs.
    pub input_shapes: Vec<Vec<u64>>,
    /// Shapes of the outputs.
    pub output_shapes: Vec<Vec<u64>>,
}

/// What a node computes, as the graph says it: `('BMM', (b, m, n, k))`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is computed.
    pub name: String,
    /// Of what extents.
    pub extents: Vec<f64>,
}

/// What a node runs.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// In the forward pass.
    pub forward: Vec<Operator>,
    /// In the backward pass; nothing in inference.
    pub backward: Vec<Operator>,
    /// Elements sent between GPUs forward, and backward.
    pub sent: [f64; 2],
}

impl Work {
    fn new(forward: Vec<Operator>, backward: Vec<Operator>) -> Self {
        Self { forward, backward, sent: [0.0; 2] }
    }

    /// So many bytes moved forward, and backward.
    fn moving(forward: f64, backward: f64) -> Self {
        Self::new(vec![moves(forward)], vec![moves(backward)])
    }
}

/// The work of every node, in order.
pub fn of(nodes: &[Node], training: bool) -> Result<Vec<Work>> {
    let by_name: HashMap<&str, &Node> = nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    nodes.iter().map(|node| Traced { node, by_name: &by_name }.work(training)).collect()
}

/// An operator on each element that moves so many bytes, half of them read.
fn moves(bytes: f64) -> Operator {
    Operator::elementwise((bytes / 8.0) as u64, bytes)
}

/// A node within its graph.
struct Traced<'a> {
    node: &'a Node,
    by_name: &'a HashMap<&'a str, &'a Node>,
}

impl Traced<'_> {
    fn work(&self, training: bool) -> Result<Work> {
        let mut work = self.own(training)?;
        if training {
            work.backward.extend(self.gradients());
        } else {
            work.backward.clear();
            work.sent[1] = 0.0;
        }
        Ok(work)
    }

    /// What the node itself computes.
    fn own(&self, training: bool) -> Result<Work> {
        let (out, inputs) = (self.out(), self.inputs());
        Ok(match self.node.operator.as_str() {
            "Linear" | "BMM" => self.product()?,
            "VECsoftmax" => {
                let of = self.on_rows(OperatorClass::Softmax)?;
                Work::new(vec![of(8.0 * out)], vec![moves(12.0 * out), of(12.0 * out)])
            }
            "VECln" => {
                let of = self.on_rows(OperatorClass::LayerNorm)?;
                Work::new(vec![of(8.0 * out)], vec![of(12.0 * out), of(8.0 * out)])
            }
            "fused" => self.fused()?,
            "EMBEDDING" => {
                let table = self.node.backward.first().map_or(0.0, Call::size);
                Work::new(vec![moves(8.0 * out)], vec![moves(4.0 * table), moves(8.0 * out)])
            }
            "dropout" if training => Work::moving(9.0 * out, 9.0 * out),
            "where" => {
                let mask = self.node.input_shapes.first().map_or(0.0, |shape| size(Some(shape)));
                Work::moving(mask + 8.0 * out, mask + 8.0 * out)
            }
            "contiguous" if self.scattered().next().is_some() => Work::moving(8.0 * out, 8.0 * out),
            // The gradient of a slice is written into that of the whole.
            "getitem" if out > 1.0 => {
                let gathers = self.node.input_shapes.iter().skip(1).any(|index| size(Some(index)) > 1.0);
                Work::new(gathers.then(|| moves(8.0 * out)).into_iter().collect(), vec![moves(8.0 * out)])
            }
            "allreduce" | "sendrecv" => {
                let elements = |calls: &[Call]| calls.iter().filter_map(|call| call.extents.first()).sum();
                Work { sent: [elements(&self.node.forward), elements(&self.node.backward)], ..Work::default() }
            }
            "misc" => self.misc(),
            "output" | "dropout" | "contiguous" | "getitem" | "Weight" => Work::default(),
            name => match name.strip_prefix("VEC") {
                Some(function) => Work::moving(4.0 * (inputs + out), backward_of(function) * out),
                None => Work::moving(4.0 * (inputs + out), 4.0 * (inputs + out)),
            },
        })
    }

    fn product(&self) -> Result<Work> {
        let products = |calls: &[Call]| calls.iter().map(|call| self.product_of(call)).collect::<Result<Vec<_>>>();
        let mut work = Work::new(products(&self.node.forward)?, products(&self.node.backward)?);
        if self.node.operator == "Linear" {
            work.backward.push(moves(4.0 * self.out()));
        } else if self.node.input_shapes.first().is_some_and(|shape| shape.len() == 4) {
            // torch.matmul copies what is not laid out as a batch of matrices.
            for producer in self.scattered() {
                let elements = self.by_name.get(producer.as_str()).map_or(0.0, |p| size(p.output_shapes.first()));
                work.forward.push(moves(8.0 * elements));
                work.backward.push(moves(8.0 * elements));
            }
        }
        Ok(work)
    }

    fn product_of(&self, call: &Call) -> Result<Operator> {
        let extents: Vec<u64> = call.extents.iter().map(|&x| x as u64).collect();
        match (call.name.as_str(), extents.as_slice()) {
            ("Linear", &[m, n, k]) => Ok(Operator::linear([m, n, k])),
            ("BMM", &[b, m, n, k]) => Ok(Operator::batched([b, m, n, k])),
            _ => Err(self.refuse(format!("{} {extents:?} is no product", call.name))),
        }
    }

    /// Several operators as one kernel, which moves what enters and leaves it and is of the class of the last.
    fn fused(&self) -> Result<Work> {
        let Some(last) = self.node.forward.last() else { return Ok(Work::default()) };
        let gathered = if self.node.forward.iter().any(|call| call.name == "MEM") { self.out() } else { 0.0 };
        let bytes = 4.0 * (self.inputs() + self.out() + gathered);
        let operator = match last.name.as_str() {
            "VECln" => self.rows(last, OperatorClass::LayerNorm, bytes)?,
            "VECsoftmax" => self.rows(last, OperatorClass::Softmax, bytes)?,
            _ => moves(bytes),
        };
        Ok(Work::new(vec![operator], vec![]))
    }

    fn misc(&self) -> Work {
        let (out, inputs) = (self.out(), self.inputs());
        let stem = self.node.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        match stem {
            // Where the two are equal each gets half: PyTorch compares twice, halves, selects and fills.
            "max" | "min" => Work::moving(4.0 * (inputs + out), 40.0 * out),
            "sub" | "masked_fill" | "cat" | "clone" | "repeat" => Work::moving(4.0 * (inputs + out), 0.0),
            "reshape" if self.scattered().next().is_some() => Work::moving(8.0 * out, 8.0 * out),
            _ if stem.contains("embed") && inputs > 1.0 || stem.ends_with("wpe") => Work::moving(8.0 * out, 8.0 * out),
            _ => Work::moving(0.0, 0.0),
        }
    }

    /// What adding up gradients takes, and the loss.
    fn gradients(&self) -> Vec<Operator> {
        let out = self.out();
        let mut added: Vec<Operator> = self.node.accumulate.iter().map(|call| moves(12.0 * call.size())).collect();
        let consumers = self.node.consumers.iter().filter_map(|name| self.by_name.get(name.as_str()));
        let gradients = consumers.filter(|c| c.operator != "output" && size(c.output_shapes.first()) > 1.0).count();
        if out > 1.0 && self.node.operator != "misc" {
            added.extend((1..gradients).map(|_| moves(12.0 * out)));
        }
        if self.node.operator == "output" {
            added.push(moves(16.0 * self.node.input_shapes.first().map_or(0.0, |shape| size(Some(shape)))));
        }
        added
    }

    /// An operator on the rows that the first call names, for so many bytes.
    fn on_rows(&self, class: OperatorClass) -> Result<impl Fn(f64) -> Operator> {
        let call = self.node.forward.first().ok_or_else(|| self.refuse("no operator".into()))?;
        let operator = self.rows(call, class, 0.0)?;
        Ok(move |bytes| Operator { bytes, ..operator })
    }

    fn rows(&self, call: &Call, class: OperatorClass, bytes: f64) -> Result<Operator> {
        match call.extents.as_slice() {
            &[rows, width] => Ok(Operator::on_rows(class, rows as u64, width as u64, bytes)),
            extents => Err(self.refuse(format!("{} {extents:?} has no rows", call.name))),
        }
    }

    /// Elements of the result.
    fn out(&self) -> f64 {
        size(self.node.output_shapes.first())
    }

    /// Elements of all inputs.
    fn inputs(&self) -> f64 {
        self.node.input_shapes.iter().map(|shape| size(Some(shape))).sum()
    }

    /// Producers whose results do not lie in memory in the order of their extents.
    fn scattered(&self) -> impl Iterator<Item = &String> {
        self.node.inputs.iter().filter(|name| ["permute", "transpose"].iter().any(|view| name.starts_with(view)))
    }

    fn refuse(&self, message: String) -> Error {
        Error::Node { node: self.node.name.clone(), message }
    }
}

impl Call {
    fn size(&self) -> f64 {
        self.extents.iter().product()
    }
}

/// Bytes that the gradient of a function of each element moves, by element.
fn backward_of(function: &str) -> f64 {
    match function {
        "mul" => 24.0,
        "mulu" | "divu" | "div" => 8.0,
        "powu" | "pow" => 28.0,
        "tanh" | "relu" | "gelu" => 12.0,
        _ => 0.0,
    }
}

/// Elements; of no shape 1.
fn size(shape: Option<&Vec<u64>>) -> f64 {
    shape.map_or(1.0, |shape| shape.iter().map(|&extent| extent as f64).product())
}
