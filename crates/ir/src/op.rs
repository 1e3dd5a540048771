//! Operators: what every operator must tell about itself, and the registry of those known.

use std::{collections::HashMap, fmt, sync::OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Attrs, Class, Cost, DType, Fact, Fusion, Fvcore, Node, Role, Saved, Value, elements};

/// Why an operator could not be inferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpError {
    /// An operand's shape (or a value that decides the shape) is not known. Not a fault: outputs become unknown.
    Unknown,
    /// The operator refuses its operands or attributes; the message names the shapes.
    Invalid(String),
}

impl From<String> for OpError {
    fn from(message: String) -> Self {
        Self::Invalid(message)
    }
}

/// Arithmetic and memory traffic of one operator call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Floating-point (or integer) operations; a multiply–accumulate counts as two.
    pub flops: u64,
    /// Multiply–accumulates of matrix products and convolutions alone.
    pub macs: u64,
    /// True when the result is a view: nothing is read or written.
    pub view: bool,
}

impl Work {
    /// Only moves data.
    pub const MOVE: Self = Self { flops: 0, macs: 0, view: false };
    /// Costs nothing: a view of its operand.
    pub const VIEW: Self = Self { flops: 0, macs: 0, view: true };

    /// `n` operations that are not multiply–accumulates.
    pub fn flops(n: u64) -> Self {
        Self { flops: n, ..Self::MOVE }
    }

    /// `n` multiply–accumulates; overflow is an error.
    pub fn macs(n: Option<u64>) -> Result<Self, OpError> {
        let macs = n.ok_or_else(|| OpError::Invalid("operation count exceeds 64 bits".into()))?;
        let flops = macs.checked_mul(2).ok_or_else(|| OpError::Invalid("operation count exceeds 64 bits".into()))?;
        Ok(Self { flops, macs, view: false })
    }
}

/// A call of an operator: the node and what is known of its operands.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The node; its attributes are bound.
    pub node: &'a Node,
    /// Operands by position; `None` where left out.
    pub inputs: &'a [Option<&'a Fact>],
    /// Results by position; empty while they are being inferred.
    pub outputs: &'a [Fact],
}

impl<'a> Call<'a> {
    /// The operand at `i`.
    pub fn input(&self, i: usize) -> Result<&'a Fact, OpError> {
        self.optional(i).ok_or_else(|| OpError::Invalid(format!("operand {i} is missing")))
    }

    /// The operand at `i`, unless it is left out.
    pub fn optional(&self, i: usize) -> Option<&'a Fact> {
        self.inputs.get(i).copied().flatten()
    }

    /// Shape of the operand at `i`.
    pub fn shape(&self, i: usize) -> Result<&'a [u64], OpError> {
        self.input(i)?.shape.as_deref().ok_or(OpError::Unknown)
    }

    /// Element type of the operand at `i`.
    pub fn dtype(&self, i: usize) -> Result<DType, OpError> {
        Ok(self.input(i)?.dtype)
    }

    /// Known integer elements of the operand at `i`.
    pub fn ints(&self, i: usize) -> Result<&'a [i64], OpError> {
        self.input(i)?.value.as_ref().and_then(Value::ints).ok_or(OpError::Unknown)
    }

    /// Elements of the result at `i`.
    pub fn output_elements(&self, i: usize) -> Result<u64, OpError> {
        let shape = self.outputs.get(i).and_then(|f| f.shape.as_deref()).ok_or(OpError::Unknown)?;
        elements(shape).ok_or_else(|| OpError::Invalid(format!("{shape:?} exceeds 64 bits")))
    }

    /// Attributes by name.
    pub fn attrs(&self) -> &'a Attrs {
        &self.node.attrs
    }

    /// Integer attribute with a default.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.node.int(name).unwrap_or(default)
    }

    /// Float attribute with a default.
    pub fn float(&self, name: &str, default: f64) -> f64 {
        self.node.float(name).unwrap_or(default)
    }

    /// List of integers, if present.
    pub fn list(&self, name: &str) -> Option<&'a [i64]> {
        self.node.ints(name)
    }

    /// String attribute with a default.
    pub fn text(&self, name: &str, default: &'a str) -> &'a str {
        self.node.text(name).unwrap_or(default)
    }

    /// Integers that newer operator sets pass as operand `i` and older ones as an attribute.
    /// `Ok(None)` when neither is there.
    pub fn list_or_input(&self, name: &str, i: usize) -> Result<Option<&'a [i64]>, OpError> {
        match self.optional(i) {
            Some(_) => self.ints(i).map(Some),
            None => Ok(self.list(name)),
        }
    }
}

/// Everything the workspace needs to know about one operator. One implementation, one file in `ops/`.
pub trait Operator: Sync {
    /// ONNX operator names that this implementation covers.
    fn names(&self) -> &'static [&'static str];

    /// ONNX domain in which a file finds it. By default the standard one.
    fn domain(&self, _: &Node) -> &'static str {
        ""
    }

    /// Types, shapes and, for shape arithmetic, elements of the results.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError>;

    /// Cost of the graphs inside a control-flow operator, which replaces that of [`Operator::work`] and of moving
    /// operands and results.
    fn nested(&self, _: &Call<'_>) -> Result<Option<Cost>, OpError> {
        Ok(None)
    }

    /// True where [`Operator::nested`] is the cost of one trip, because nobody knows how many there are.
    fn counts_one_trip(&self, _: &Call<'_>) -> bool {
        false
    }

    /// Arithmetic of the forward computation. By default an operator of [`Class::Movement`] moves its data, and any
    /// other costs one operation per element of the first result.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        match self.class(call.node) {
            Class::Movement => Ok(Work::MOVE),
            _ => call.output_elements(0).map(Work::flops),
        }
    }

    /// What limits it; attributes and the name decide, since shapes need not be known.
    fn class(&self, _: &Node) -> Class {
        Class::Elementwise
    }

    /// How compilers fuse it with its neighbours. By default convolutions and matrix products start kernels,
    /// arithmetic by element joins them, and everything else runs alone.
    fn fuses(&self, node: &Node) -> Fusion {
        match self.class(node) {
            Class::Convolution | Class::GroupedConvolution | Class::Matrix => Fusion::Anchor,
            Class::Elementwise => Fusion::Follower,
            Class::Reduction | Class::Normalization | Class::Movement => Fusion::Alone,
        }
    }

    /// What its backward pass keeps, as in PyTorch's `derivatives.yaml`.
    fn saves(&self, _: &Node) -> Saved {
        Saved::Operands
    }

    /// Role of the operand at `i`; `None` where it takes no such operand. By default there is one operand, of data.
    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        (i == 0).then_some(Role::Data)
    }

    /// True for what networks use as an activation function.
    fn activates(&self, _: &Node) -> bool {
        false
    }

    /// What fvcore counts of it: by default nothing. [`OpError::Unknown`] counts as nothing.
    fn fvcore(&self, _: &Call<'_>) -> Result<Fvcore, OpError> {
        Ok(Fvcore::default())
    }
}

/// The operator of a node: one of the registry, or one that nobody here knows.
#[derive(Clone)]
pub enum OpType {
    /// In the registry, under this ONNX name.
    Known(&'static str, &'static dyn Operator),
    /// Carried through and reported, never inferred.
    Custom {
        /// ONNX domain, empty for the standard one.
        domain: String,
        /// Operator name within the domain.
        name: String,
    },
}

/// Domain and name of what is registered. Asked so often that a search for a string of two characters would be felt.
fn parts(registered: &str) -> (&str, &str) {
    match registered.bytes().rposition(|byte| byte == b':') {
        Some(colon) => (registered[..colon].trim_end_matches(':'), &registered[colon + 1..]),
        None => ("", registered),
    }
}

impl OpType {
    /// Looks a standard operator up; unknown names become [`OpType::Custom`].
    pub fn new(name: &str) -> Self {
        Self::with_domain("", name)
    }

    /// Looks an operator of a domain up. The names of `""` (or `"ai.onnx"`), `"ai.onnx.ml"`, the preview and training
    /// domains and `"com.microsoft"` do not contradict each other, so one registry holds them. The layouts of ONNX
    /// Runtime's optimiser repeat standard names: `"com.ms.internal.nhwc"` means the operators that have `Nhwc` before
    /// their name, and `"com.microsoft.nchwc"` shapes convolutions and poolings as the standard ones. An operator that
    /// means something else than the standard one of its name is registered as `domain::name`.
    pub fn with_domain(domain: &str, name: &str) -> Self {
        let found = match (domain, name) {
            ("com.microsoft", "CausalConvWithState" | "LinearAttention" | "SwiGLU" | "Unique") => {
                find(&format!("{domain}::{name}"))
            }
            ("" | "ai.onnx" | "ai.onnx.ml" | "com.microsoft", _) => find(name),
            ("ai.onnx.preview" | "ai.onnx.preview.training" | "ai.onnx.training", _) => find(name),
            ("com.ms.internal.nhwc", "Resize") => find(name),
            ("com.ms.internal.nhwc", _) => find(&format!("Nhwc{name}")),
            ("com.microsoft.nchwc", "Conv") => find("FusedConv"),
            ("com.microsoft.nchwc", _) => find(name),
            _ => None,
        };
        found.unwrap_or_else(|| Self::Custom { domain: domain.into(), name: name.into() })
    }

    /// Name within its domain.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(name, _) => parts(name).1,
            Self::Custom { name, .. } => name,
        }
    }

    /// Domain; empty for the standard one, and for what is in the registry under its bare name.
    pub fn domain(&self) -> &str {
        match self {
            Self::Known(name, _) => parts(name).0,
            Self::Custom { domain, .. } => domain,
        }
    }

    /// True for an operator outside the registry.
    pub fn is_custom(&self) -> bool {
        matches!(self, Self::Custom { .. })
    }
}

fn find(name: &str) -> Option<OpType> {
    registry().get_key_value(name).map(|(name, op)| OpType::Known(name, *op))
}

impl fmt::Display for OpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.domain() {
            "" => f.write_str(self.name()),
            domain => write!(f, "{domain}::{}", self.name()),
        }
    }
}

impl fmt::Debug for OpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for OpType {
    fn eq(&self, other: &Self) -> bool {
        (self.domain(), self.name()) == (other.domain(), other.name())
    }
}

impl Eq for OpType {}

impl Serialize for OpType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OpType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match text.rsplit_once("::") {
            Some((domain, name)) => Self::with_domain(domain, name),
            None => Self::new(&text),
        })
    }
}

/// Every known operator by ONNX name.
pub fn registry() -> &'static HashMap<&'static str, &'static dyn Operator> {
    static REGISTRY: OnceLock<HashMap<&'static str, &'static dyn Operator>> = OnceLock::new();
    REGISTRY
        .get_or_init(|| crate::ops::ALL.iter().flat_map(|op| op.names().iter().map(move |name| (*name, *op))).collect())
}
