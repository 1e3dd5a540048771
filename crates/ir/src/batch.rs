//! How many samples a bound graph takes at once.

use crate::{BoundGraph, Node, TensorId};

impl BoundGraph {
    /// Samples at once: what a hyperparameter of that name was bound to; else the first extent of the first input, by
    /// every exporter's convention, but where the graph shows another: an input of recurrent layers may begin with time,
    /// and one image has no batch.
    pub fn batch(&self) -> u64 {
        let named = self.config().iter().filter(|(name, _)| is_batch(name));
        if let Some((_, &value)) = named.min_by_key(|(name, _)| (*name != "batch", name.len())) {
            return value;
        }
        let Some(&input) = self.graph().inputs().first() else { return 1 };
        let Some(shape) = self.shape(input) else { return 1 };
        let first = shape.first().copied().unwrap_or(1);
        match *shape {
            [_, second, _] if self.time_first(input) => second,
            [..] if shape.len() == 3 => self.images().map_or(first, |images| images.min(first)),
            _ => first,
        }
    }

    /// Whether a recurrent layer reads the tensor as (time, batch, features).
    fn time_first(&self, input: TensorId) -> bool {
        let reads = |node: &Node| node.inputs.first() == Some(&Some(input)) && node.int("layout").unwrap_or(0) == 0;
        self.live().iter().map(|&id| self.graph().node(id)).any(|node| is_recurrent(node) && reads(node))
    }

    /// Images in the first convolution of images.
    fn images(&self) -> Option<u64> {
        let convolutions = self.live().iter().map(|&id| self.graph().node(id)).filter(|node| node.op.name() == "Conv");
        convolutions.filter_map(|node| self.shape((*node.inputs.first()?)?)).find_map(|shape| match *shape {
            [images, _, _, _] => Some(images),
            _ => None,
        })
    }
}

fn is_batch(name: &str) -> bool {
    name == "N" || name.to_lowercase().contains("batch")
}

fn is_recurrent(node: &Node) -> bool {
    matches!(node.op.name(), "RNN" | "GRU" | "LSTM")
}

#[cfg(test)]
mod tests {
    use crate::{Assignment, Attr, Builder, DType, Dim, Domain, TensorId, attrs};

    fn batch(dims: Vec<Dim>, config: &[(&str, u64)], add: impl Fn(&mut Builder, TensorId) -> TensorId) -> u64 {
        let mut b = Builder::new("g");
        for name in dims.iter().filter_map(|dim| if let Dim::Free(name) = dim { Some(name) } else { None }) {
            b.hyperparameter(name, Domain::POSITIVE, 6);
        }
        let x = b.input("x", DType::F32, dims);
        let y = add(&mut b, x);
        let config: Assignment = config.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        b.finish(&[y]).unwrap().bind(&config).unwrap().batch()
    }

    fn relu(b: &mut Builder, x: TensorId) -> TensorId {
        b.op("Relu", &[x]).unwrap()
    }

    /// Adds an axis, then convolves.
    fn image(axis: i64) -> impl Fn(&mut Builder, TensorId) -> TensorId {
        move |b, x| {
            let axes = b.ints(&[axis]);
            let x = b.op("Unsqueeze", &[x, axes]).unwrap();
            b.conv(x, 4, [3, 3], 1, 1, 1, false).unwrap()
        }
    }

    fn gru(layout: i64) -> impl Fn(&mut Builder, TensorId) -> TensorId {
        move |b, x| {
            let (w, r) = (b.parameter(&[1, 12, 8]), b.parameter(&[1, 12, 4]));
            let attrs = attrs([("hidden_size", Attr::Int(4)), ("layout", Attr::Int(layout))]);
            b.op_with("GRU", &[x, w, r], attrs).unwrap()
        }
    }

    #[test]
    fn where_the_batch_is() {
        assert_eq!(batch(vec![5.into(), 3.into()], &[], relu), 5);
        assert_eq!(batch(vec!["seq".into(), "batch_size".into()], &[("seq", 9), ("batch_size", 2)], relu), 2);
        assert_eq!(batch(vec!["batch_and_heads".into(), "batch".into()], &[("batch", 3)], relu), 3);
        // One image, and gray ones without an axis for it.
        assert_eq!(batch(vec![3.into(), 64.into(), 64.into()], &[], image(0)), 1);
        assert_eq!(batch(vec![7.into(), 64.into(), 64.into()], &[], image(1)), 7);
        assert_eq!(batch(vec![3.into(), 64.into(), 64.into()], &[], relu), 3);
        let time = || vec!["T".into(), "B".into(), 8.into()];
        assert_eq!(batch(time(), &[("T", 20), ("B", 3)], gru(0)), 3);
        assert_eq!(batch(time(), &[("T", 20), ("B", 3)], gru(1)), 20);
    }
}
