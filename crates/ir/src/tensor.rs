//! Tensors: the edges of a graph, and the constants that shape arithmetic needs.

use serde::{Deserialize, Serialize};

use crate::DType;

/// A concrete shape. Scalars have the empty shape.
pub type Shape = Vec<u64>;

/// Index of a tensor within its [`Graph`](crate::Graph).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TensorId(pub u32);

impl TensorId {
    /// Position in [`Graph::tensors`](crate::Graph::tensors).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One extent of a tensor: a number, or the name of a hyperparameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dim {
    /// Known before binding.
    Fixed(u64),
    /// Takes the value that binding gives to this hyperparameter.
    Free(String),
}

impl From<u64> for Dim {
    fn from(n: u64) -> Self {
        Self::Fixed(n)
    }
}

impl From<&str> for Dim {
    fn from(name: &str) -> Self {
        Self::Free(name.into())
    }
}

/// What a tensor is to its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TensorKind {
    /// Given anew for every run.
    Input,
    /// A weight: present before the run, with elements that nobody here reads.
    Parameter,
    /// A small constant whose [`Value`] is known.
    Constant,
    /// Produced by a node.
    Activation,
    /// Produced by a backward node of a training graph.
    Gradient,
}

/// The elements of a small tensor, kept only where shape arithmetic or an attribute needs them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Integers and booleans, row-major.
    Ints(Vec<i64>),
    /// Floating-point numbers, row-major.
    Floats(#[serde(with = "crate::floats::many")] Vec<f64>),
}

impl Value {
    /// Values with more elements than this are dropped: no shape arithmetic needs them.
    pub const MAX_ELEMENTS: usize = 4096;

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Ints(v) => v.len(),
            Self::Floats(v) => v.len(),
        }
    }

    /// True when there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements, if they are integers.
    pub fn ints(&self) -> Option<&[i64]> {
        match self {
            Self::Ints(v) => Some(v),
            Self::Floats(_) => None,
        }
    }

    /// The elements as floating-point numbers.
    pub fn to_floats(&self) -> Vec<f64> {
        match self {
            Self::Ints(v) => v.iter().map(|&x| x as f64).collect(),
            Self::Floats(v) => v.clone(),
        }
    }
}

/// A tensor as a graph declares it. `dims` are known for inputs, parameters and constants;
/// for the others they hold what the file claimed, if it claimed anything, and inference decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Unique within the graph unless empty.
    pub name: String,
    /// What it is to the graph.
    pub kind: TensorKind,
    /// Declared element type; for activations `None` lets inference decide.
    pub dtype: Option<DType>,
    /// Declared shape, if any.
    pub dims: Option<Vec<Dim>>,
    /// Elements, for [`TensorKind::Constant`].
    pub value: Option<Value>,
}

impl Tensor {
    /// A tensor that the caller provides for every run.
    pub fn input(name: impl Into<String>, dtype: DType, dims: Vec<Dim>) -> Self {
        Self { name: name.into(), kind: TensorKind::Input, dtype: Some(dtype), dims: Some(dims), value: None }
    }

    /// A weight.
    pub fn parameter(name: impl Into<String>, dtype: DType, dims: Vec<Dim>) -> Self {
        Self { kind: TensorKind::Parameter, ..Self::input(name, dtype, dims) }
    }

    /// A constant with known elements; `shape` must hold as many.
    pub fn constant(name: impl Into<String>, dtype: DType, shape: &[u64], value: Value) -> Self {
        let dims = shape.iter().map(|&n| Dim::Fixed(n)).collect();
        Self { kind: TensorKind::Constant, value: Some(value), ..Self::input(name, dtype, dims) }
    }

    /// The output of a node.
    pub fn activation(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: TensorKind::Activation, dtype: None, dims: None, value: None }
    }
}

/// Number of elements of a shape; `None` when it exceeds `u64`.
pub fn elements(shape: &[u64]) -> Option<u64> {
    // A zero extent makes the tensor empty however large the other extents are.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d))
}
