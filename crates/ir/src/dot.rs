//! Graphviz DOT: `dot -Tsvg model.dot -o model.svg`.

use std::fmt::Write;

use crate::{BoundGraph, Bytes, Dim, Graph, Node, NodeId, Phase, Plain, Result, TensorId};

impl Graph {
    /// Every node with its name, and every tensor with its declared shape.
    pub fn to_dot(&self) -> String {
        let tensor = |id: TensorId| match &self.tensor(id).dims {
            Some(dims) => dims.iter().map(dim).collect::<Vec<_>>().join("×"),
            None => String::new(),
        };
        render(self, &self.node_ids().collect::<Vec<_>>(), |_, _| String::new(), tensor)
    }
}

impl BoundGraph {
    /// Live nodes with their costs, and tensors with types and shapes.
    ///
    /// # Errors
    /// As [`BoundGraph::node_cost`].
    pub fn to_dot(&self) -> Result<String> {
        let costs = self.live().iter().map(|&id| self.node_cost(id)).collect::<Result<Vec<_>>>()?;
        let cost = |i: usize, _: &Node| {
            let c = &costs[i];
            format!("\n{:.3} MFLOP, {}, {} parameters", c.flops as f64 / 1e6, Bytes(c.bytes()), c.parameters)
        };
        let tensor = |id: TensorId| {
            let fact = self.fact(id);
            let extents = fact.shape.as_ref().map(|s| s.iter().map(u64::to_string).collect::<Vec<_>>().join("×"));
            format!("{} {}", fact.dtype, extents.unwrap_or("?".into()))
        };
        Ok(render(self.graph(), self.live(), cost, tensor))
    }
}

fn dim(dim: &Dim) -> String {
    match dim {
        Dim::Fixed(n) => n.to_string(),
        Dim::Free(name) => name.clone(),
    }
}

fn render(
    graph: &Graph,
    nodes: &[NodeId],
    detail: impl Fn(usize, &Node) -> String,
    tensor: impl Fn(TensorId) -> String,
) -> String {
    let mut out = format!("digraph {} {{\n  node [shape=box, fontname=\"sans-serif\"];\n", quote(graph.name()));
    let drawn: std::collections::HashSet<NodeId> = nodes.iter().copied().collect();
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "  {text};").unwrap_or(());
    for &id in graph.inputs() {
        line(format_args!("t{} [shape=ellipse, label={}]", id.0, quote(&graph.tensor(id).name)));
    }
    for (i, &id) in nodes.iter().enumerate() {
        let node = graph.node(id);
        let colour = match node.phase {
            Phase::Forward => "black",
            Phase::Backward => "blue",
            Phase::Update => "darkgreen",
        };
        let label = format!("{}\n{}{}", node.op, node.name, detail(i, node));
        line(format_args!("n{} [color={colour}, label={}]", id.index(), quote(&label)));
        for operand in node.inputs.iter().flatten() {
            let label = quote(&tensor(*operand));
            match graph.producer(*operand) {
                Some(producer) if drawn.contains(&producer) => {
                    line(format_args!("n{} -> n{} [label={label}]", producer.index(), id.index()));
                }
                None if graph.inputs().contains(operand) => {
                    line(format_args!("t{} -> n{} [label={label}]", operand.0, id.index()));
                }
                _ => {}
            }
        }
    }
    for (i, &id) in graph.outputs().iter().enumerate() {
        line(format_args!("o{i} [shape=ellipse, label={}]", quote(&graph.tensor(id).name)));
        let label = quote(&tensor(id));
        match graph.producer(id) {
            Some(producer) if drawn.contains(&producer) => {
                line(format_args!("n{} -> o{i} [label={label}]", producer.index()))
            }
            None if graph.inputs().contains(&id) => line(format_args!("t{} -> o{i} [label={label}]", id.0)),
            _ => {}
        }
    }
    out.push_str("}\n");
    out
}

/// A quoted DOT string: quotes and backslashes escaped, line ends as `\n`, nothing that a terminal obeys.
fn quote(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "").replace('\n', "\\n");
    format!("\"{}\"", Plain(&escaped))
}

#[cfg(test)]
mod tests {
    use crate::{Assignment, Builder, DType};

    #[test]
    fn shapes_costs_and_escapes() {
        let mut b = Builder::new("say \"hi\" \\ bye");
        let x = b.input("in\nput", DType::F32, vec![2.into(), 3.into(), 8.into(), 8.into()]);
        let y = b.conv(x, 4, [1, 1], 1, 0, 1, false).unwrap();
        let y = b.op("Relu", &[y]).unwrap();
        let graph = b.finish(&[y]).unwrap();
        let dot = graph.bind(&Assignment::new()).unwrap().to_dot().unwrap();
        assert!(dot.starts_with(r#"digraph "say \"hi\" \\ bye" {"#), "{dot}");
        assert!(dot.contains(r#"t0 [shape=ellipse, label="in\nput"]"#), "{dot}");
        assert!(dot.contains(r#"n0 -> n1 [label="f32 2×4×8×8"]"#), "{dot}");
        assert!(dot.contains("0.003 MFLOP, 3.55 KiB, 12 parameters"), "{dot}");
        assert_eq!(graph.to_dot().matches(" -> ").count(), 3);
    }
}
