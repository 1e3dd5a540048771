//! Which axis of the inputs is the batch: a name says so, or the operators that read them.

use std::collections::HashMap;

use crate::{Assignment, Class, Dim, Fact, Graph, Node, OpType, TensorId, TensorKind, ops};

/// What a graph says of the batch in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchAxis {
    /// This axis.
    At(usize),
    /// The input is one of a batch, whose axis the graph adds.
    Absent,
    /// Nothing; by every exporter's convention it is the first.
    Unsaid,
}

/// For each axis of a tensor, the axis of the input that it is.
type Axes = Vec<Option<usize>>;

impl Graph {
    /// The axis of input `id` that is the batch for the first operator that has one: a recurrent layer reads time
    /// first, a convolution the batch.
    pub fn batch_axis(&self, id: TensorId) -> BatchAxis {
        let Some(dims) = &self.tensor(id).dims else { return BatchAxis::Unsaid };
        let mut known: HashMap<TensorId, Axes> = HashMap::from([(id, (0..dims.len()).map(Some).collect())]);
        for (_, node) in self.nodes() {
            let read = node.inputs.iter().enumerate();
            let Some((place, axes)) = read.filter_map(|(i, id)| Some((i, known.get(&(*id)?)?))).next() else {
                continue;
            };
            if let Some(batch) = batch_of(node, place, axes.len()) {
                return match axes.get(batch) {
                    Some(Some(axis)) => BatchAxis::At(*axis),
                    Some(None) => BatchAxis::Absent,
                    None => BatchAxis::Unsaid,
                };
            }
            if let (Some(axes), Some(Some(result))) = (self.follow(node, place, axes), node.outputs.first()) {
                known.insert(*result, axes);
            }
        }
        BatchAxis::Unsaid
    }

    /// Axes of the result of a node that moves whole axes, or maps every element by itself.
    fn follow(&self, node: &Node, place: usize, axes: &Axes) -> Option<Axes> {
        let given = |place: usize| {
            let operand = node.inputs.get(place).copied().flatten();
            let value = operand.and_then(|id| self.tensor(id).value.as_ref()?.ints());
            value.or_else(|| node.ints("axes"))
        };
        match (node.op.name(), place) {
            ("Transpose", 0) => match node.ints("perm") {
                Some(perm) => perm.iter().map(|&a| axes.get(usize::try_from(a).ok()?).copied()).collect(),
                None => Some(axes.iter().rev().copied().collect()),
            },
            ("Unsqueeze", 0) => {
                let new = given(1)?;
                let places = ops::distinct(new, axes.len() + new.len())?;
                let mut old = axes.iter().copied();
                (0..axes.len() + new.len()).map(|a| if places.contains(&a) { Some(None) } else { old.next() }).collect()
            }
            ("Squeeze", 0) => {
                let places = ops::distinct(given(1)?, axes.len())?;
                Some((0..axes.len()).filter(|a| !places.contains(a)).map(|a| axes[a]).collect())
            }
            ("MatMul", 0) => {
                let mut axes = axes.clone();
                *axes.last_mut()? = None;
                Some(axes)
            }
            ("LayerNormalization" | "Slice" | "Identity" | "Cast", 0) => Some(axes.clone()),
            _ if node.class() == Class::Elementwise && !node.op.is_custom() => {
                let wider = |id: &TensorId| {
                    let tensor = self.tensor(*id);
                    let fixed = matches!(tensor.kind, TensorKind::Parameter | TensorKind::Constant);
                    fixed && tensor.dims.as_ref().is_some_and(|dims| dims.len() > axes.len())
                };
                (!node.inputs.iter().flatten().any(wider)).then(|| axes.clone())
            }
            _ => None,
        }
    }

    /// The batch at these extents.
    pub(crate) fn batch(&self, config: &Assignment, facts: &[Fact]) -> Batch {
        for tensor in self.inputs().iter().map(|&id| self.tensor(id)) {
            for dim in tensor.dims.iter().flatten() {
                if let Dim::Free(name) = dim
                    && name.to_lowercase().contains("batch")
                    && let Some(&value) = config.get(name)
                {
                    return Batch { value, name: Some(name.clone()) };
                }
            }
        }
        let Some(&first) = self.inputs().first() else { return Batch::ONE };
        let axis = match self.batch_axis(first) {
            BatchAxis::At(axis) => axis,
            BatchAxis::Absent => return Batch::ONE,
            BatchAxis::Unsaid => 0,
        };
        let shape = facts.get(first.index()).and_then(|fact| fact.shape.as_deref()).unwrap_or_default();
        let name = match self.tensor(first).dims.as_ref().and_then(|dims| dims.get(axis)) {
            Some(Dim::Free(name)) => Some(name.clone()),
            _ => None,
        };
        Batch { value: shape.get(axis).copied().unwrap_or(1), name }
    }
}

/// The batch of a bound graph.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub value: u64,
    /// The hyperparameter that it is the value of.
    pub name: Option<String>,
}

impl Batch {
    const ONE: Self = Self { value: 1, name: None };
}

/// The axis that is the batch in operand `place` of a node, of so many axes; `None` where the operator has none.
fn batch_of(node: &Node, place: usize, rank: usize) -> Option<usize> {
    let OpType::Known(name, _) = node.op else { return None };
    match (name, place) {
        ("GRU" | "LSTM" | "RNN", 0 | 5 | 6) => Some(if node.int("layout") == Some(1) { 0 } else { 1 }),
        ("Attention" | "BatchNormalization" | "MultiHeadAttention", 0) => Some(0),
        ("Resize" | "Upsample", 0) if rank == 4 => Some(0),
        (_, 0) if rank > 2 && pictures(node) => Some(0),
        _ => None,
    }
}

/// True for operators on images and signals with channels.
fn pictures(node: &Node) -> bool {
    matches!(node.class(), Class::Convolution | Class::GroupedConvolution)
        || matches!(
            node.op.name(),
            "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" | "InstanceNormalization" | "LpPool" | "MaxPool"
        )
}

#[cfg(test)]
mod tests {
    use crate::{Assignment, Attr, BatchAxis, Builder, DType, Domain, attrs};

    #[test]
    fn an_image_without_batch_has_none() {
        let mut b = Builder::new("detector");
        let x = b.input("image", DType::F32, vec![3.into(), 64.into(), 64.into()]);
        let mean = b.scalar(0.5);
        let y = b.op("Sub", &[x, mean]).unwrap();
        let axes = b.ints(&[0]);
        let y = b.op("Unsqueeze", &[y, axes]).unwrap();
        let y = b.conv(y, 8, [3, 3], 1, 1, 1, false).unwrap();
        let graph = b.finish(&[y]).unwrap();
        assert_eq!(graph.batch_axis(x), BatchAxis::Absent);
        assert_eq!(graph.bind(&Assignment::new()).unwrap().batch(), 1);
    }

    #[test]
    fn recurrent_layers_read_time_first() {
        for (layout, expected) in [(0, 1), (1, 0)] {
            let mut b = Builder::new("rnn");
            let x = b.input("x", DType::F32, vec![20.into(), 3.into(), 64.into()]);
            let (w, r) = (b.parameter(&[1, 384, 64]), b.parameter(&[1, 384, 128]));
            let y = b.op_with("GRU", &[x, w, r], attrs([("layout", Attr::Int(layout))])).unwrap();
            let graph = b.finish(&[y]).unwrap();
            assert_eq!(graph.batch_axis(x), BatchAxis::At(expected));
            assert_eq!(graph.bind(&Assignment::new()).unwrap().batch(), [20, 3][expected]);
        }
    }

    #[test]
    fn a_transpose_and_a_name_are_followed() {
        let mut b = Builder::new("transposed");
        let x = b.input("x", DType::F32, vec![7.into(), 5.into(), 64.into()]);
        let y = b.op_with("Transpose", &[x], attrs([("perm", vec![1, 2, 0].into())])).unwrap();
        let w = b.parameter(&[8, 64, 3]);
        let y = b.op_with("Conv", &[y, w], attrs([("kernel_shape", vec![3].into())])).unwrap();
        let graph = b.finish(&[y]).unwrap();
        assert_eq!(graph.batch_axis(x), BatchAxis::At(1));
        assert_eq!(graph.bind(&Assignment::new()).unwrap().batch(), 5);

        let mut b = Builder::new("named");
        b.hyperparameter("batch", Domain::POSITIVE, 6);
        let x = b.input("x", DType::F32, vec![10.into(), "batch".into(), 32.into()]);
        let y = b.op("Relu", &[x]).unwrap();
        assert_eq!(b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap().batch(), 6);
    }

    #[test]
    fn without_a_word_it_is_the_first_extent() {
        let mut b = Builder::new("mlp");
        let x = b.input("x", DType::F32, vec![9.into(), 32.into()]);
        let y = b.gemm(x, 10).unwrap();
        let graph = b.finish(&[y]).unwrap();
        assert_eq!((graph.batch_axis(x), graph.bind(&Assignment::new()).unwrap().batch()), (BatchAxis::Unsaid, 9));
    }
}
