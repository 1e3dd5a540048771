//! How deep graphs may lie in attributes of one another: work on them recurses, and binding takes time exponential in
//! the depth.

use std::cell::Cell;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Attr, Error, Graph, Node, Result};

/// Deepest nesting of bodies; those of real models are one or two deep.
const MAX: usize = 8;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

pub(crate) fn serialize<S: Serializer>(graph: &Graph, serializer: S) -> Result<S::Ok, S::Error> {
    graph.serialize(serializer)
}

/// Stops before the stack overflows: a binary file can hold thousands of levels.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Graph>, D::Error> {
    let depth = DEPTH.get();
    if depth >= MAX {
        return Err(D::Error::custom(format!("graphs nested deeper than {MAX} levels")));
    }
    DEPTH.set(depth + 1);
    let graph = Graph::deserialize(deserializer);
    DEPTH.set(depth);
    graph.map(Box::new)
}

/// Refuses a node whose bodies lie too deep.
pub(crate) fn check(node: &Node) -> Result<()> {
    if depth(node) <= MAX {
        return Ok(());
    }
    let message = format!("graphs nested deeper than {MAX} levels");
    Err(Error::Operator { node: node.name.clone(), op: node.op.to_string(), message })
}

fn depth(node: &Node) -> usize {
    let bodies = node.attrs.values().filter_map(|attr| if let Attr::Graph(body) = attr { Some(body) } else { None });
    bodies.map(|body| 1 + body.nodes().map(|(_, node)| depth(node)).max().unwrap_or(0)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attrs, DType, OpType, Parts, Phase, Tensor, TensorId};

    fn around(body: Option<Graph>) -> Result<Graph> {
        let attrs: Attrs = body.into_iter().map(|body| ("body".to_owned(), Attr::Graph(Box::new(body)))).collect();
        let (op, phase, name) = (OpType::new("If"), Phase::Forward, "branch".to_owned());
        let node = Node { name, op, attrs, inputs: vec![Some(TensorId(0))], outputs: vec![Some(TensorId(1))], phase };
        let tensors = vec![Tensor::input("x", DType::Bool, vec![]), Tensor::activation("y")];
        let (inputs, outputs) = (vec![TensorId(0)], vec![TensorId(1)]);
        Graph::new(Parts { tensors, nodes: vec![node], inputs, outputs, ..Parts::default() })
    }

    #[test]
    fn eight_levels_are_read_and_nine_are_refused() {
        let deepest = (0..MAX).fold(around(None).unwrap(), |body, _| around(Some(body)).unwrap());
        let again = Graph::from_bytes(&deepest.to_bytes().unwrap()).unwrap();
        assert_eq!(Graph::from_json(&again.to_json().unwrap()).unwrap().into_parts(), deepest.clone().into_parts());
        let error = around(Some(deepest)).unwrap_err().to_string();
        assert_eq!(error, "node `branch` (If): graphs nested deeper than 8 levels");
    }

    /// Thousands of levels in a small file once overflowed the stack.
    #[test]
    fn a_deep_file_is_refused() {
        let empty = around(None).unwrap().to_bytes().unwrap()[18..].to_vec();
        let nested = around(Some(around(None).unwrap())).unwrap().to_bytes().unwrap()[18..].to_vec();
        let place = (0..nested.len()).find(|&i| i > 0 && nested[i..].starts_with(&empty)).unwrap();
        let (before, after) = (&nested[..place], &nested[place + empty.len()..]);
        let payload = [before.repeat(20_000), empty, after.repeat(20_000)].concat();
        let mut file = b"TGIR\x01\x00".to_vec();
        file.extend((payload.len() as u64).to_le_bytes());
        file.extend(crc32fast::hash(&payload).to_le_bytes());
        file.extend(payload);
        let error = Graph::from_bytes(&file).unwrap_err().to_string();
        assert!(error.contains("nested deeper than 8"), "{error}");
    }
}
