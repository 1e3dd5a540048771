//! Expressions: what a stage computes of each element.

use std::ops::{Add, Div, Mul, Neg, Sub};

use serde::{Deserialize, Serialize};
use tachograph_ir::DType;

use crate::{Index, Range, Var};

/// A buffer of a workload or of a nest, by its position there. Rewriting adds buffers and leaves numbers as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BufferId(pub u32);

impl BufferId {
    /// Its position.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Unary {
    Neg,
    Abs,
    Exp,
    Log,
    Sqrt,
    Tanh,
    Erf,
    Sin,
    Cos,
    Floor,
    Ceil,
    /// To the nearest integer, halves to the even one.
    Round,
    /// −1, 0 or 1.
    Sign,
}

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Pow,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Comparison {
    Less,
    LessEqual,
    Equal,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cond {
    /// `min <= index < max`.
    In(Index, i64, i64),
    /// `left <= right` of two indices.
    Order(Index, Index),
    /// Of two numbers.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// All of them; true if there are none.
    All(Vec<Self>),
    /// Any of them; false if there are none.
    Any(Vec<Self>),
}

/// The value of an element. Numbers have the type of the buffer that they are read from, and take each other's type in
/// arithmetic; a stage converts its value to the type of its buffer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expr {
    /// A number.
    Const(#[serde(with = "number")] f64),
    /// An index as a number.
    Index(Index),
    /// An element of a buffer.
    Load(BufferId, Vec<Index>),
    /// An element of a buffer whose position along one axis is itself a value: `buffer[..., value, ...]`. The index of
    /// that axis is 0. A position from the end, as negative numbers are in ONNX, is to be written as such.
    Lookup {
        /// The buffer.
        buffer: BufferId,
        /// The axis.
        axis: usize,
        /// The position along it.
        position: Box<Expr>,
        /// Indices along all axes.
        index: Vec<Index>,
    },
    /// An entry of a small table of numbers, as the matrices of Winograd's convolutions.
    Table(Vec<f64>, Index),
    /// A function of one number.
    Unary(Unary, Box<Expr>),
    /// A function of two.
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// The first where the condition holds, else the second; what is not taken is not read.
    Select(Box<Cond>, Box<Expr>, Box<Expr>),
    /// A conversion, towards zero where the type is of integers.
    Cast(DType, Box<Expr>),
}

/// How the values along the reduction axes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Reducer {
    Sum,
    Product,
    Max,
    Min,
}

impl Reducer {
    /// What an empty reduction gives.
    pub fn identity(self) -> f64 {
        match self {
            Self::Sum => 0.0,
            Self::Product => 1.0,
            Self::Max => f64::NEG_INFINITY,
            Self::Min => f64::INFINITY,
        }
    }

    /// The function of two numbers.
    pub fn binary(self) -> Binary {
        match self {
            Self::Sum => Binary::Add,
            Self::Product => Binary::Mul,
            Self::Max => Binary::Max,
            Self::Min => Binary::Min,
        }
    }
}

impl Unary {
    /// Its value.
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Self::Neg => -x,
            Self::Abs => x.abs(),
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Tanh => x.tanh(),
            Self::Erf => libm::erf(x),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Floor => x.floor(),
            Self::Ceil => x.ceil(),
            Self::Round => x.round_ties_even(),
            Self::Sign if x == 0.0 || x.is_nan() => x,
            Self::Sign => x.signum(),
        }
    }
}

impl Binary {
    /// Its value. Maximum and minimum give NaN where either number is.
    pub fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Max | Self::Min if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Max => a.max(b),
            Self::Min => a.min(b),
            Self::Pow => a.powf(b),
        }
    }
}

impl Comparison {
    /// Its value.
    pub fn apply(self, a: f64, b: f64) -> bool {
        match self {
            Self::Less => a < b,
            Self::LessEqual => a <= b,
            Self::Equal => a == b,
        }
    }
}

impl Cond {
    /// The same without what the ranges of variables decide; `Err` where they decide all.
    pub fn simplify(&self, ranges: &dyn Fn(Var) -> Range) -> Result<Self, bool> {
        match self {
            Self::In(index, min, max) => {
                let index = index.simplify(ranges);
                let range = index.range(ranges);
                if range.within(*min, *max) {
                    return Err(true);
                }
                if range.max < *min || range.min >= *max {
                    return Err(false);
                }
                // Bounds that cannot be crossed are no bounds.
                let min = if range.min >= *min { i64::MIN } else { *min };
                let max = if range.max < *max { i64::MAX } else { *max };
                Ok(Self::In(index, min, max))
            }
            Self::Order(a, b) => {
                let range = (b - a).simplify(ranges).range(ranges);
                match (range.min >= 0, range.max < 0) {
                    (true, _) => Err(true),
                    (_, true) => Err(false),
                    _ => Ok(Self::Order(a.simplify(ranges), b.simplify(ranges))),
                }
            }
            Self::Compare(how, a, b) => {
                Ok(Self::Compare(*how, Box::new(a.simplify(ranges)), Box::new(b.simplify(ranges))))
            }
            Self::All(parts) => many(parts, ranges, true).map(Self::All),
            Self::Any(parts) => many(parts, ranges, false).map(Self::Any),
        }
    }

    /// The same with other expressions inside: `f` is called from the leaves up, `indices` for every index.
    pub fn map(&self, f: &mut dyn FnMut(Expr) -> Expr, indices: &dyn Fn(&Index) -> Index) -> Self {
        match self {
            Self::In(index, min, max) => Self::In(indices(index), *min, *max),
            Self::Order(a, b) => Self::Order(indices(a), indices(b)),
            Self::Compare(how, a, b) => Self::Compare(*how, Box::new(a.map(f, indices)), Box::new(b.map(f, indices))),
            Self::All(parts) => Self::All(parts.iter().map(|part| part.map(f, indices)).collect()),
            Self::Any(parts) => Self::Any(parts.iter().map(|part| part.map(f, indices)).collect()),
        }
    }

    /// Calls `f` with every expression in it, and `indices` with every index.
    pub fn visit<'a>(&'a self, f: &mut dyn FnMut(&'a Expr), indices: &mut dyn FnMut(&'a Index)) {
        match self {
            Self::In(index, ..) => indices(index),
            Self::Order(a, b) => {
                indices(a);
                indices(b);
            }
            Self::Compare(_, a, b) => {
                a.visit(f, indices);
                b.visit(f, indices);
            }
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit(f, indices)),
        }
    }
}

/// All, or any, of the parts without those that do not decide.
fn many(parts: &[Cond], ranges: &dyn Fn(Var) -> Range, all: bool) -> Result<Vec<Cond>, bool> {
    let mut left = Vec::new();
    for part in parts {
        match part.simplify(ranges) {
            Ok(part) => left.push(part),
            Err(value) if value == all => {}
            Err(value) => return Err(value),
        }
    }
    if left.is_empty() { Err(all) } else { Ok(left) }
}

impl Expr {
    /// The larger of both.
    pub fn max(self, other: impl Into<Self>) -> Self {
        Self::Binary(Binary::Max, Box::new(self), Box::new(other.into()))
    }

    /// The smaller of both.
    pub fn min(self, other: impl Into<Self>) -> Self {
        Self::Binary(Binary::Min, Box::new(self), Box::new(other.into()))
    }

    /// A function of it.
    pub fn unary(self, function: Unary) -> Self {
        Self::Unary(function, Box::new(self))
    }

    /// A function of both.
    pub fn binary(self, function: Binary, other: impl Into<Self>) -> Self {
        Self::Binary(function, Box::new(self), Box::new(other.into()))
    }

    /// e to its power.
    pub fn exp(self) -> Self {
        self.unary(Unary::Exp)
    }

    /// Its square root.
    pub fn sqrt(self) -> Self {
        self.unary(Unary::Sqrt)
    }

    /// 1 / (1 + e^−x).
    pub fn sigmoid(self) -> Self {
        Self::from(1.0) / (Self::from(1.0) + (-self).exp())
    }

    /// It where the condition holds, else the other.
    pub fn when(self, cond: Cond, other: impl Into<Self>) -> Self {
        Self::Select(Box::new(cond), Box::new(self), Box::new(other.into()))
    }

    /// The same with other expressions inside: `f` is called from the leaves up, `indices` for every index.
    pub fn map(&self, f: &mut dyn FnMut(Self) -> Self, indices: &dyn Fn(&Index) -> Index) -> Self {
        let all = |list: &[Index]| list.iter().map(indices).collect();
        let mapped = match self {
            Self::Const(_) => self.clone(),
            Self::Index(index) => Self::Index(indices(index)),
            Self::Load(buffer, index) => Self::Load(*buffer, all(index)),
            Self::Lookup { buffer, axis, position, index } => Self::Lookup {
                buffer: *buffer,
                axis: *axis,
                position: Box::new(position.map(f, indices)),
                index: all(index),
            },
            Self::Table(values, index) => Self::Table(values.clone(), indices(index)),
            Self::Unary(function, a) => Self::Unary(*function, Box::new(a.map(f, indices))),
            Self::Binary(function, a, b) => {
                Self::Binary(*function, Box::new(a.map(f, indices)), Box::new(b.map(f, indices)))
            }
            Self::Select(cond, a, b) => {
                Self::Select(Box::new(cond.map(f, indices)), Box::new(a.map(f, indices)), Box::new(b.map(f, indices)))
            }
            Self::Cast(dtype, a) => Self::Cast(*dtype, Box::new(a.map(f, indices))),
        };
        f(mapped)
    }

    /// The same with other indices.
    pub fn map_indices(&self, indices: &dyn Fn(&Index) -> Index) -> Self {
        self.map(&mut |expr| expr, indices)
    }

    /// The same in fewer words, given the values that variables take: conditions that always or never hold are gone.
    pub fn simplify(&self, ranges: &dyn Fn(Var) -> Range) -> Self {
        let mut fold = |expr: Self| match expr {
            Self::Select(cond, a, b) => match cond.simplify(ranges) {
                Ok(cond) => Self::Select(Box::new(cond), a, b),
                Err(true) => *a,
                Err(false) => *b,
            },
            Self::Table(values, index) => {
                let entry = index.as_constant().and_then(|at| values.get(usize::try_from(at).ok()?).copied());
                entry.map_or(Self::Table(values, index), Self::Const)
            }
            other => other,
        };
        self.map(&mut fold, &|index| index.simplify(ranges))
    }

    /// Calls `f` with every expression in it, itself first, and `indices` with every index.
    pub fn visit<'a>(&'a self, f: &mut dyn FnMut(&'a Self), indices: &mut dyn FnMut(&'a Index)) {
        f(self);
        match self {
            Self::Const(_) => {}
            Self::Index(index) | Self::Table(_, index) => indices(index),
            Self::Load(_, index) => index.iter().for_each(indices),
            Self::Lookup { position, index, .. } => {
                index.iter().for_each(&mut *indices);
                position.visit(f, indices);
            }
            Self::Unary(_, a) | Self::Cast(_, a) => a.visit(f, indices),
            Self::Binary(_, a, b) => {
                a.visit(f, indices);
                b.visit(f, indices);
            }
            Self::Select(cond, a, b) => {
                cond.visit(f, indices);
                a.visit(f, indices);
                b.visit(f, indices);
            }
        }
    }

    /// The buffers that it reads, each once, in the order of their first reading.
    pub fn reads(&self) -> Vec<BufferId> {
        let mut found = Vec::new();
        let mut visit = |expr: &Self| match expr {
            Self::Load(buffer, _) | Self::Lookup { buffer, .. } if !found.contains(buffer) => found.push(*buffer),
            _ => {}
        };
        self.visit(&mut visit, &mut |_| {});
        found
    }

    /// Operations of arithmetic in it; comparisons of indices and conversions are none.
    pub fn operations(&self) -> u64 {
        let mut count = 0;
        let mut visit = |expr: &Self| count += u64::from(matches!(expr, Self::Unary(..) | Self::Binary(..)));
        self.visit(&mut visit, &mut |_| {});
        count
    }
}

impl From<f64> for Expr {
    fn from(number: f64) -> Self {
        Self::Const(number)
    }
}

macro_rules! arithmetic {
    ($($trait:ident $name:ident),*) => {$(
        impl<T: Into<Expr>> $trait<T> for Expr {
            type Output = Self;
            fn $name(self, other: T) -> Self {
                self.binary(Binary::$trait, other)
            }
        }
    )*};
}
arithmetic!(Add add, Sub sub, Mul mul, Div div);

impl Neg for Expr {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(Unary::Neg)
    }
}

/// Numbers in files: those that JSON has no word for are texts.
mod number {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(f64),
        Text(String),
    }

    pub fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if number.is_finite() { serializer.serialize_f64(*number) } else { serializer.collect_str(number) }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(number),
            Either::Text(text) => text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no number"))),
        }
    }
}
