//! Convolutional networks as int8 TFLite models.
//!
//! Activations are int8 with one scale for all, except where TFLite prescribes another (results of a sigmoid). No
//! elements of weights are known: they are as [`Weights`] says. What the file computes is therefore nothing, but it runs,
//! and takes the time of a trained network of this shape.
//!
//! - Activations after an operator go into its options, batch normalisation after a convolution into its bias; other
//!   batch normalisation becomes MUL and ADD.
//! - Padding that is neither SAME nor VALID becomes a PAD (PADV2 with the least number before a maximum).
//! - HardSigmoid becomes ADD, with ReLU6, and MUL; LRN, which has no int8 form, runs between DEQUANTIZE and QUANTIZE.

mod enlarge;
mod file;
mod operators;
mod window;

use std::collections::{HashMap, HashSet};

use tachograph_ir::{BoundGraph, Node, NodeId, TensorId};

use self::file::{File, I8, I32, Operator, Tensor};
use crate::{Error, Result};

/// Scale of activations, and of weights.
const SCALE: f32 = 1.0 / 16.0;
const WEIGHT_SCALE: f32 = 1.0 / 256.0;
/// Prescribed for results between 0 and 1.
const UNIT: (f32, i64) = (1.0 / 256.0, -128);

/// What the weights of a written model are. A runtime on a CPU takes the same time for all of them; a compiler that packs
/// weights does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// Every byte as likely as any other: they cannot be packed.
    #[default]
    Noise,
    /// Bell-shaped around zero, four deviations within the range of a byte, as those of trained networks about are.
    Bell,
    /// Zeros, which are packed to almost nothing; the file compresses to a few kilobytes.
    Zero,
}

/// [`write_with`] weights of noise.
///
/// # Errors
/// As [`write_with`].
pub fn write(bound: &BoundGraph) -> Result<Vec<u8>> {
    write_with(bound, Weights::default())
}

/// Writes a bound graph as an int8 model. Operators: Add, AveragePool, BatchNormalization, Clip (0 to 6), Concat
/// (channels), Conv, ConvTranspose, DepthToSpace, Flatten, Gemm, GlobalAveragePool, HardSigmoid, HardSwish, Identity,
/// LRN, MaxPool, Mul, ReduceMean (height and width), Relu, Resize (nearest and linear), Sigmoid and Softmax.
///
/// # Errors
/// Another operator, or one of these with attributes that TFLite has no form for; an activation that has neither two
/// nor four axes; an extent above 2³¹. The message names the node.
pub fn write_with(bound: &BoundGraph, weights: Weights) -> Result<Vec<u8>> {
    let mut writer = Writer::new(bound, weights);
    for &id in bound.live() {
        let node = bound.graph().node(id);
        let refuse = |message| Error::Node {
            file: bound.graph().name().into(),
            node: format!("`{}` ({})", node.name, node.op),
            message,
        };
        if !writer.done.contains(&id) {
            operators::write(&mut writer, node).map_err(refuse)?;
        }
    }
    let outside = |t: &TensorId| writer.tensors.get(t).copied();
    writer.file.inputs = bound.graph().inputs().iter().filter_map(outside).collect();
    writer.file.outputs = bound.graph().outputs().iter().filter_map(outside).collect();
    Ok(writer.file.write())
}

struct Writer<'a> {
    bound: &'a BoundGraph,
    /// Of the weights that follow: no two have the same, since a compiler would keep them once.
    elements: Box<dyn Iterator<Item = u8>>,
    file: File,
    /// Number in the file of each tensor that was read or written.
    tensors: HashMap<TensorId, i32>,
    /// The one live reader of each tensor that has one and is no output.
    reader: HashMap<TensorId, NodeId>,
    /// Nodes that became part of an operator before them.
    done: HashSet<NodeId>,
}

impl<'a> Writer<'a> {
    fn new(bound: &'a BoundGraph, weights: Weights) -> Self {
        let mut readers: HashMap<TensorId, Vec<NodeId>> = HashMap::new();
        for &id in bound.live() {
            let operands = bound.graph().node(id).inputs.iter().flatten();
            operands.for_each(|&t| readers.entry(t).or_default().push(id));
        }
        let outputs = bound.graph().outputs();
        let single = |(t, ids): (TensorId, Vec<NodeId>)| match ids[..] {
            [id] if !outputs.contains(&t) => Some((t, id)),
            _ => None,
        };
        let name = bound.graph().name().to_owned();
        Self {
            bound,
            elements: Box::new(elements(weights)),
            file: File { name, ..File::default() },
            tensors: HashMap::new(),
            reader: readers.into_iter().filter_map(single).collect(),
            done: HashSet::new(),
        }
    }

    /// Shape in the order of the file.
    fn shape(&self, t: TensorId) -> Result<Vec<i32>, String> {
        let shape = self.bound.shape(t).ok_or("has a tensor of unknown shape")?;
        let shape = match *shape {
            [n, c, h, w] => vec![n, h, w, c],
            [_, _] => shape.to_vec(),
            _ => return Err(format!("a tensor of shape {shape:?} has neither two nor four axes")),
        };
        shape.into_iter().map(|n| i32::try_from(n).map_err(|_| format!("extent {n}"))).collect()
    }

    fn push(&mut self, tensor: Tensor) -> i32 {
        self.file.tensors.push(tensor);
        self.file.tensors.len() as i32 - 1
    }

    /// An int8 tensor without data that the graph does not have.
    fn temporary(&mut self, shape: Vec<i32>, quantization: (f32, i64)) -> i32 {
        let name = format!("temporary{}", self.file.tensors.len());
        self.push(Tensor { name, shape, element: I8, data: Vec::new(), quantization: Some(quantization) })
    }

    /// Number of an activation; it gets one here, with this quantisation, if it has none.
    fn activation(&mut self, t: TensorId, quantization: (f32, i64)) -> Result<i32, String> {
        if let Some(&number) = self.tensors.get(&t) {
            return Ok(number);
        }
        let number = self.temporary(self.shape(t)?, quantization);
        let name = &self.bound.graph().tensor(t).name;
        if !name.is_empty() {
            self.file.tensors[number as usize].name = name.clone();
        }
        self.tensors.insert(t, number);
        Ok(number)
    }

    /// Operand `i` of a node, which must be an activation.
    fn operand(&mut self, node: &Node, i: usize) -> Result<i32, String> {
        let t = operand(node, i)?;
        if self.bound.fact(t).constant {
            return Err(format!("operand {i} is constant"));
        }
        self.activation(t, (SCALE, 0))
    }

    /// The result, after what joins it: an activation, whose number in the schema comes with it.
    fn result(&mut self, node: &Node) -> Result<(i8, i32), String> {
        let t = result(node)?;
        let (act, t) = self.joined(t);
        Ok((act, self.activation(t, (SCALE, 0))?))
    }

    /// The tensor after an activation that is the only reader of `t`.
    fn joined(&mut self, t: TensorId) -> (i8, TensorId) {
        let Some(&id) = self.reader.get(&t) else { return (0, t) };
        let node = self.bound.graph().node(id);
        let act = match node.op.name() {
            "Relu" => 1,
            "Clip" if operators::is_relu6(self.bound, node) => 3,
            _ => return (0, t),
        };
        match result(node) {
            Ok(after) => {
                self.done.insert(id);
                (act, after)
            }
            Err(_) => (0, t),
        }
    }

    /// A constant as the weights are.
    fn weight(&mut self, shape: Vec<i32>) -> Result<i32, String> {
        let count = shape.iter().try_fold(1u32, |n, &d| n.checked_mul(d as u32)).ok_or("a weight of more than 2³²")?;
        let data = self.elements.by_ref().take(count as usize).collect();
        let name = format!("weight{}", self.file.tensors.len());
        Ok(self.push(Tensor { name, shape, element: I8, data, quantization: Some((WEIGHT_SCALE, 0)) }))
    }

    /// A bias of zeros for a product of an activation of `scale` and a weight.
    fn bias(&mut self, out: i32, scale: f32) -> i32 {
        let name = format!("bias{}", self.file.tensors.len());
        let data = vec![0; 4 * out as usize];
        let quantization = Some((scale * WEIGHT_SCALE, 0));
        self.push(Tensor { name, shape: vec![out], element: I32, data, quantization })
    }

    /// A 1-D or 2-D constant of integers.
    fn ints(&mut self, shape: Vec<i32>, values: &[i32]) -> i32 {
        let name = format!("constant{}", self.file.tensors.len());
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.push(Tensor { name, shape, element: I32, data, quantization: None })
    }

    /// An int8 constant of one element, with this value.
    fn number(&mut self, value: f32) -> i32 {
        let name = format!("constant{}", self.file.tensors.len());
        let quantization = Some(((value.abs() / 127.0).max(f32::MIN_POSITIVE), 0));
        let data = vec![if value < 0.0 { -127i8 as u8 } else { 127 }];
        self.push(Tensor { name, shape: Vec::new(), element: I8, data, quantization })
    }

    /// Scale of tensor `number`.
    fn scale(&self, number: i32) -> f32 {
        self.file.tensors[number as usize].quantization.map_or(SCALE, |q| q.0)
    }

    fn emit(&mut self, operator: Operator) {
        self.file.operators.push(operator);
    }
}

/// Elements of int8 weights, without end.
pub(super) fn elements(weights: Weights) -> impl Iterator<Item = u8> {
    // The factor (2³² over the golden ratio) spreads neighbours over all of u32.
    let spread = |i: u32| i.wrapping_mul(0x9e37_79b1);
    (0..=u32::MAX).cycle().map(move |i| match weights {
        Weights::Noise => (spread(i) >> 24) as u8,
        Weights::Bell => bell(spread(spread(i) ^ (i >> 3))),
        Weights::Zero => 0,
    })
}

/// The sum of the four bytes of a word: near enough to a normal distribution, of deviation 32.
fn bell(word: u32) -> u8 {
    let sum: i32 = word.to_le_bytes().iter().map(|&b| i32::from(b)).sum();
    // Each byte has deviation 74; the sum of four 148.
    let value = f64::from(sum - 510) * (32.0 / 148.0);
    value.round().clamp(-127.0, 127.0) as i8 as u8
}

fn operand(node: &Node, i: usize) -> Result<TensorId, String> {
    node.inputs.get(i).copied().flatten().ok_or_else(|| format!("operand {i} is missing"))
}

fn result(node: &Node) -> Result<TensorId, String> {
    match node.outputs[..] {
        [Some(t)] => Ok(t),
        _ => Err(format!("{} results", node.outputs.len())),
    }
}
