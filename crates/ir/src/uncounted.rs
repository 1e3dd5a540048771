//! What the costs of a bound graph leave out.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::{self, Display, Formatter},
};

use serde::Serialize;

use crate::{BoundGraph, Plain, Result, elements};

/// Nodes that run and whose cost is not known, as of [`BoundGraph::unknown_nodes`]. As text it is one sentence, without
/// a full stop; [`Uncounted::is_empty`] says whether there is anything to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Uncounted {
    /// How many.
    pub nodes: usize,
    /// Of so many that run.
    pub of: usize,
    /// Elements of the weights that they read.
    pub parameters: u64,
    /// Of so many elements of weights.
    pub of_parameters: u64,
    /// Operators nobody knows, each with how many nodes it has, most first.
    pub custom: Vec<(String, usize)>,
    /// Nodes of known operators with a result of unknown shape: it depends on data, or follows from such a one.
    pub unknown_shapes: usize,
}

impl BoundGraph {
    /// What the costs leave out, by numbers.
    ///
    /// # Errors
    /// A size that exceeds 64 bits.
    pub fn uncounted(&self) -> Result<Uncounted> {
        let mut custom: BTreeMap<String, usize> = BTreeMap::new();
        let (mut seen, mut found) = (HashSet::new(), Uncounted { of: self.live().len(), ..Uncounted::default() });
        for id in self.unknown_nodes() {
            let node = self.graph().node(id);
            found.nodes += 1;
            match node.op.is_custom() {
                true => *custom.entry(node.op.to_string()).or_default() += 1,
                false => found.unknown_shapes += 1,
            }
            let weights = node.inputs.iter().flatten().filter(|&&t| self.is_parameter(t) && seen.insert(t));
            let sizes = weights.filter_map(|&t| elements(self.shape(t)?));
            found.parameters = sizes.fold(found.parameters, u64::saturating_add);
        }
        found.custom = custom.into_iter().collect();
        found.custom.sort_by_key(|(_, nodes)| std::cmp::Reverse(*nodes));
        if found.nodes > 0 {
            // Nodes of constants may have made more elements of a weight than the file stores.
            found.of_parameters = self.cost()?.parameters.max(found.parameters);
        }
        Ok(found)
    }
}

impl Uncounted {
    /// True where everything is counted.
    pub fn is_empty(&self) -> bool {
        self.nodes == 0
    }

    /// Share of the nodes that run, from 0 to 1.
    pub fn share_of_nodes(&self) -> f64 {
        share(self.nodes as u64, self.of as u64)
    }

    /// Share of the elements of weights, from 0 to 1.
    pub fn share_of_parameters(&self) -> f64 {
        share(self.parameters, self.of_parameters)
    }
}

impl Display for Uncounted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "every node is counted");
        }
        let (nodes, parameters) = (percent(self.share_of_nodes()), percent(self.share_of_parameters()));
        let are = if self.nodes == 1 { "is" } else { "are" };
        let with =
            if self.of_parameters > 0 { format!(", with {parameters} of the parameters") } else { String::new() };
        write!(f, "{} of {} nodes ({nodes}) {are} not counted{with}: ", self.nodes, self.of)?;
        if self.unknown_shapes > 0 {
            let have = if self.unknown_shapes == 1 { "has a result" } else { "have results" };
            // After an operator nobody knows the shapes are unknown too, whatever the data.
            let why = if self.custom.is_empty() { "a shape that depends on data" } else { "unknown shape" };
            write!(f, "{} {have} of {why}", self.unknown_shapes)?;
        }
        if self.custom.is_empty() {
            return Ok(());
        }
        let and = if self.unknown_shapes > 0 { ", " } else { "" };
        let names: Vec<String> = self.custom.iter().take(5).map(|(name, n)| format!("{} ({n})", Plain(name))).collect();
        let more = self.custom.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        write!(f, "{and}unknown operators are {}{more}", names.join(", "))
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Neither "0 %" of something nor "100 %" of less than all.
fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p > 0.0 && p < 1.0 => "less than 1 %".into(),
        p if p < 100.0 => format!("{:.0} %", p.min(99.0)),
        p => format!("{p:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::Uncounted;
    use crate::{Assignment, DType, Graph, Node, OpType, Parts, Tensor, TensorId};

    /// Conv-free: x → MatMul w0 → NonZero → Cast → MatMul w1, and beside it a custom operator.
    fn graph(custom: &str) -> Graph {
        let node = |name: &str, op: OpType, inputs: &[u32], output: u32| Node {
            name: name.into(),
            op,
            attrs: crate::Attrs::new(),
            inputs: inputs.iter().map(|&id| Some(TensorId(id))).collect(),
            outputs: vec![Some(TensorId(output))],
            phase: crate::Phase::Forward,
        };
        let mut tensors = vec![
            Tensor::input("x", DType::F32, vec![2.into(), 4.into()]),
            Tensor::parameter("w0", DType::F32, vec![4.into(), 25.into()]),
            Tensor::parameter("w1", DType::F32, vec![2.into(), 150.into()]),
        ];
        tensors.extend(["h", "places", "turned", "z", "c"].map(Tensor::activation));
        let nodes = vec![
            node("a", OpType::new("MatMul"), &[0, 1], 3),
            node("b", OpType::new("NonZero"), &[3], 4),
            node("c", OpType::new("Transpose"), &[4], 5),
            node("d", OpType::new("MatMul"), &[5, 2], 6),
            node("e", OpType::Custom { domain: "com.acme".into(), name: custom.into() }, &[3], 7),
        ];
        let (inputs, outputs) = (vec![TensorId(0)], vec![TensorId(6), TensorId(7)]);
        Graph::new(Parts { name: "g".into(), tensors, nodes, inputs, outputs, ..Parts::default() }).unwrap()
    }

    #[test]
    fn nodes_and_parameters_by_share_and_reason() {
        let found = graph("Twist\n").bind(&Assignment::new()).unwrap().uncounted().unwrap();
        let text = found.to_string();
        assert_eq!((found.nodes, found.of, found.unknown_shapes), (4, 5, 3), "{text}");
        assert_eq!((found.parameters, found.of_parameters), (300, 400));
        assert_eq!(
            text,
            "4 of 5 nodes (80 %) are not counted, with 75 % of the parameters: 3 have results of unknown \
             shape, unknown operators are com.acme::Twist\\n (1)"
        );
    }

    #[test]
    fn shares_never_round_to_none_or_to_all() {
        let one = Uncounted {
            nodes: 1,
            of: 1000,
            parameters: 999,
            of_parameters: 1000,
            unknown_shapes: 1,
            ..Default::default()
        };
        assert!(
            one.to_string().starts_with("1 of 1000 nodes (less than 1 %) is not counted, with 99 % of the"),
            "{one}"
        );
        assert!(Uncounted::default().is_empty());
    }
}
