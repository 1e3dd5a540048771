//! What is known of a tensor, or of what takes the place of one, once its graph is bound.

use crate::{DType, Shape, Value, elements};

/// What is known of a tensor once its graph is bound. ONNX also has sequences of tensors and optionals: those hold
/// something, and have no shape of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Element type.
    pub dtype: DType,
    /// Shape; `None` where it depends on data or on an operator nobody knows.
    pub shape: Option<Shape>,
    /// Elements, where shape arithmetic can know them.
    pub value: Option<Value>,
    /// True when it does not depend on any input of the graph.
    pub constant: bool,
    /// What is held by something that is no tensor.
    pub held: Option<Held>,
}

/// What a sequence or an optional holds. An optional that holds something is that thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// A sequence: its tensors in order.
    Sequence(Vec<Fact>),
    /// A sequence of a length that is not known: what all its tensors have in common.
    Alike(Box<Fact>),
    /// An optional that is empty.
    Nothing,
}

impl Fact {
    /// A tensor of known shape.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Self {
        Self { shape: Some(shape.into()), ..Self::unknown(dtype) }
    }

    /// A tensor whose shape cannot be known.
    pub fn unknown(dtype: DType) -> Self {
        Self { dtype, shape: None, value: None, constant: false, held: None }
    }

    /// A sequence of these tensors. Of more than [`Value::MAX_ELEMENTS`] only what they have in common is kept.
    pub fn sequence(dtype: DType, items: Vec<Self>) -> Self {
        let held = match items.len() {
            n if n > Value::MAX_ELEMENTS => {
                let common = items.into_iter().reduce(|a, b| a.common(&b)).unwrap_or(Self::unknown(dtype));
                Held::Alike(Box::new(common))
            }
            _ => Held::Sequence(items),
        };
        Self { held: Some(held), ..Self::unknown(dtype) }
    }

    /// A sequence of unknown length of tensors like this one.
    pub fn sequence_of(item: Self) -> Self {
        Self { held: Some(Held::Alike(Box::new(item.clone()))), ..Self::unknown(item.dtype) }
    }

    /// An optional without a tensor.
    pub fn nothing(dtype: DType) -> Self {
        Self { held: Some(Held::Nothing), ..Self::unknown(dtype) }
    }

    /// The same with known elements; dropped when there are too many to be shape arithmetic.
    pub fn with_value(mut self, value: Option<Value>) -> Self {
        self.value = value.filter(|v| v.len() <= Value::MAX_ELEMENTS);
        self
    }

    /// True where its shape, or that of all it holds, is known.
    pub fn is_known(&self) -> bool {
        match &self.held {
            None => self.shape.is_some(),
            Some(Held::Sequence(items)) => items.iter().all(Self::is_known),
            Some(Held::Alike(_)) => false,
            Some(Held::Nothing) => true,
        }
    }

    /// What holds of both: the shape, the elements and what is held where these are the same.
    pub fn common(mut self, other: &Self) -> Self {
        let item = |fact: &Self| match &fact.held {
            Some(Held::Sequence(items)) => Some(items.iter().skip(1).fold(items.first()?.clone(), Self::common)),
            Some(Held::Alike(item)) => Some(item.as_ref().clone()),
            _ => None,
        };
        if self.held != other.held {
            let empty = |fact: &Self| fact.held == Some(Held::Sequence(Vec::new()));
            let held = match (item(&self), item(other)) {
                (Some(a), Some(b)) => Some(a.common(&b)),
                (Some(a), None) if empty(other) => Some(a),
                (None, Some(b)) if empty(&self) => Some(b),
                _ => None,
            };
            self.held = held.map(|item| Held::Alike(Box::new(item)));
        }
        self.shape = self.shape.take().filter(|shape| Some(shape) == other.shape.as_ref());
        self.value = self.value.take().filter(|value| Some(value) == other.value.as_ref());
        self
    }

    /// What it takes to copy, in tensors and elements.
    pub(crate) fn size(&self) -> usize {
        let held = match &self.held {
            Some(Held::Sequence(items)) => items.iter().map(Self::size).sum(),
            Some(Held::Alike(item)) => item.size(),
            _ => 0,
        };
        1 + held + self.value.as_ref().map_or(0, Value::len)
    }

    /// Bytes of storage, of a sequence those of its tensors; `None` when the shape is unknown or the size overflows.
    pub fn bytes(&self) -> Option<u64> {
        match &self.held {
            None => self.dtype.bytes(elements(self.shape.as_deref()?)?),
            Some(Held::Sequence(items)) => items.iter().try_fold(0u64, |n, item| n.checked_add(item.bytes()?)),
            Some(Held::Alike(_)) => None,
            Some(Held::Nothing) => Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_have_the_bytes_of_their_tensors() {
        let items = vec![Fact::new(DType::F32, [2, 3]), Fact::new(DType::F32, [4])];
        let sequence = Fact::sequence(DType::F32, items.clone());
        assert_eq!((sequence.bytes(), sequence.is_known()), (Some(40), true));
        let open = Fact::sequence(DType::F32, vec![Fact::unknown(DType::F32)]);
        assert_eq!((open.bytes(), open.is_known()), (None, false));
        assert_eq!(Fact::nothing(DType::F32).bytes(), Some(0));
    }

    #[test]
    fn what_sequences_have_in_common() {
        let item = Fact::new(DType::F32, [2, 3]);
        let sequence = |n| Fact::sequence(DType::F32, vec![item.clone(); n]);
        assert_eq!(sequence(2).common(&sequence(2)), sequence(2));
        assert_eq!(sequence(2).common(&sequence(3)), Fact::sequence_of(item.clone()));
        assert_eq!(sequence(0).common(&sequence(3)), Fact::sequence_of(item.clone()));
        assert_eq!(sequence(5000), Fact::sequence_of(item));
    }
}
