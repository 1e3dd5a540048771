//! What is in a graph before it is bound, and values that bind it.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::Serialize;

use crate::{Assignment, DType, Dim, Graph, Hyperparameter, Plain, TensorId, TensorKind, elements};

/// What is in a graph that may not be bound yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outline {
    /// Nodes of the graph.
    pub nodes: usize,
    /// Hyperparameters.
    pub free: Vec<Free>,
    /// Inputs, as `` `x` f32[batch, 3, 224, 224] ``.
    pub inputs: Vec<String>,
    /// Outputs as the file declares them, likewise; `[?]` where it does not.
    pub outputs: Vec<String>,
    /// Elements of weights.
    pub parameters: u64,
    /// Operators with how many nodes they have, most first.
    pub operators: Vec<(String, usize)>,
}

/// A hyperparameter and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Free {
    /// Its name.
    pub name: String,
    /// Its value where a binding does not mention it.
    pub default: Option<u64>,
    /// The values it may have, in words.
    pub values: String,
    /// Axes of inputs that it is, as `` axis 0 of `x` ``.
    pub axes: Vec<String>,
}

impl Free {
    /// Name and axes, as `` `seq` (axis 1 of `x`, axis 0 of `y`) ``.
    pub fn place(&self) -> String {
        let name = Plain(&self.name);
        if self.axes.is_empty() { format!("`{name}`") } else { format!("`{name}` ({})", self.axes.join(", ")) }
    }
}

impl Graph {
    /// What is in it, bound or not.
    pub fn outline(&self) -> Outline {
        let mut operators: BTreeMap<String, usize> = BTreeMap::new();
        self.nodes().for_each(|(_, node)| *operators.entry(node.op.to_string()).or_default() += 1);
        let mut operators: Vec<_> = operators.into_iter().collect();
        operators.sort_by_key(|(_, nodes)| Reverse(*nodes));
        let weights = self.tensors().iter().filter(|tensor| tensor.kind == TensorKind::Parameter);
        let fixed = |dim: &Dim| if let Dim::Fixed(n) = dim { Some(*n) } else { None };
        let sizes = weights.filter_map(|w| elements(&w.dims.as_ref()?.iter().map(fixed).collect::<Option<Vec<_>>>()?));
        let described = |ids: &[TensorId]| ids.iter().map(|&id| self.declared(id)).collect();
        Outline {
            nodes: self.len(),
            free: self.hyperparameters().keys().map(|name| self.free(name)).collect(),
            inputs: described(self.inputs()),
            outputs: described(self.outputs()),
            parameters: sizes.fold(0, u64::saturating_add),
            operators,
        }
    }

    /// The hyperparameter of this name and the axes of inputs that it is.
    pub fn free(&self, name: &str) -> Free {
        let hyperparameter = self.hyperparameters().get(name);
        let axis = |(id, axis): (TensorId, usize)| format!("axis {axis} of `{}`", Plain(&self.tensor(id).name));
        Free {
            name: name.to_owned(),
            default: hyperparameter.and_then(|h| h.default),
            values: hyperparameter.map_or(String::new(), |h| h.domain.to_string()),
            axes: self.axes(name).map(axis).collect(),
        }
    }

    /// Values for all hyperparameters without a default that `given` does not bind, such that the graph binds if a few
    /// guesses find any: 1 for what leads an input, the side of a usual image for what looks like one, else 128.
    pub fn example(&self, given: &Assignment) -> Assignment {
        let missing =
            || self.hyperparameters().iter().filter(|(name, h)| h.default.is_none() && !given.contains_key(*name));
        let with = |usual: Option<u64>| -> Assignment {
            let value = |(name, h): (&String, &Hyperparameter)| {
                let value = self.likely(name, usual);
                (name.clone(), if h.domain.contains(value) { value } else { h.domain.get(0).unwrap_or(value) })
            };
            missing().map(value).collect()
        };
        let binds = |found: &Assignment| self.facts(&given.clone().into_iter().chain(found.clone()).collect()).is_ok();
        let first = with(None);
        let others = [64, 256, 512, 32, 16, 8, 1].into_iter().map(|usual| with(Some(usual)));
        std::iter::once(first.clone()).chain(others).find(binds).unwrap_or(first)
    }

    fn likely(&self, name: &str, usual: Option<u64>) -> u64 {
        let image = |(id, axis)| {
            let dims = self.tensor(id).dims.as_deref().unwrap_or_default();
            let few = |dim: &Dim| matches!(dim, Dim::Fixed(1..=4));
            matches!(dims, [_, c, _, _] if few(c) && axis >= 2) || matches!(dims, [.., c] if dims.len() == 4 && few(c))
        };
        match usual {
            _ if self.axes(name).any(|(_, axis)| axis == 0) => 1,
            Some(usual) => usual,
            None if self.axes(name).any(image) => 224,
            None => 128,
        }
    }

    /// Axes of inputs that a hyperparameter is.
    fn axes<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (TensorId, usize)> + 'a {
        let of = move |&id: &TensorId| {
            let dims = self.tensor(id).dims.iter().flatten().enumerate();
            dims.filter(move |(_, dim)| matches!(dim, Dim::Free(free) if free == name)).map(move |(axis, _)| (id, axis))
        };
        self.inputs().iter().flat_map(of)
    }

    /// Name, type and extents as the file has them.
    fn declared(&self, id: TensorId) -> String {
        let tensor = self.tensor(id);
        let dim = |dim: &Dim| match dim {
            Dim::Fixed(n) => n.to_string(),
            Dim::Free(name) => Plain(name).to_string(),
        };
        let dims = tensor.dims.as_ref().map_or("?".into(), |dims| dims.iter().map(dim).collect::<Vec<_>>().join(", "));
        let dtype = tensor.dtype.map_or(String::new(), |dtype: DType| dtype.to_string());
        format!("`{}` {dtype}[{dims}]", Plain(&tensor.name))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Assignment, Builder, DType, Domain, Graph};

    /// x (batch, 3, rows, columns) → Conv; y (time, batch, width) is multiplied by a matrix of 12 rows.
    fn graph() -> Graph {
        let mut b = Builder::new("g");
        for (name, value) in [("batch", 2), ("rows", 8), ("columns", 8), ("time", 5), ("width", 16)] {
            b.hyperparameter(name, Domain::POSITIVE, value);
        }
        let x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), "rows".into(), "columns".into()]);
        let y = b.input("y\n", DType::F32, vec!["time".into(), "batch".into(), "width".into()]);
        let a = b.conv(x, 4, [3, 3], 1, 1, 1, false).unwrap();
        let w = b.parameter(&[16, 3]);
        let c = b.op("MatMul", &[y, w]).unwrap();
        let mut parts = b.finish(&[a, c]).unwrap().into_parts();
        parts.hyperparameters.values_mut().for_each(|h| h.default = None);
        Graph::new(parts).unwrap()
    }

    #[test]
    fn what_is_free_and_where() {
        let outline = graph().outline();
        assert_eq!(outline.inputs, ["`x` f32[batch, 3, rows, columns]", "`y\\n` f32[time, batch, width]"]);
        assert_eq!((outline.nodes, outline.parameters), (2, 4 * 27 + 48));
        let batch = &outline.free[0];
        assert_eq!(batch.place(), "`batch` (axis 0 of `x`, axis 1 of `y\\n`)");
        assert_eq!((batch.default, batch.values.as_str()), (None, "at least 1"));
    }

    /// `width` must be 16, which no usual guess is but one.
    #[test]
    fn values_that_bind() {
        let graph = graph();
        let found = graph.example(&Assignment::new());
        assert!(graph.bind(&found).is_ok(), "{found:?}");
        assert_eq!((found["batch"], found["time"], found["width"]), (1, 1, 16));
        let found = graph.example(&[("width".to_owned(), 16), ("batch".to_owned(), 4)].into());
        assert_eq!(found, [("columns", 224), ("rows", 224), ("time", 1)].map(|(n, v)| (n.to_owned(), v)).into());
    }
}
