//! Operators of other domains, said as those known here.
//!
//! The blocked layout of ONNX Runtime's optimiser has channels in blocks of as many as fit a vector register of the
//! machine that wrote the file. The file does not say how many; its weights do, which are filled up to whole blocks.

use std::collections::HashMap;

use tachograph_ir::{Attr, Node, OpType};

use super::proto::GraphProto;

/// Channels of a block: 16, or 8 where a convolution's weight is no multiple of that.
pub(super) fn block(graph: &GraphProto) -> i64 {
    let convolutions = graph.node.iter().filter(|n| n.domain == "com.microsoft.nchwc" && n.op_type == "Conv");
    let mut weights = convolutions.filter_map(|n| n.input.get(1)).peekable();
    if weights.peek().is_none() {
        return 16;
    }
    let stored: HashMap<&str, &[i64]> = graph.initializer.iter().map(|t| (t.name.as_str(), &t.dims[..])).collect();
    let mut filters = weights.filter_map(|name| stored.get(name.as_str())?.first());
    if filters.all(|m| m % 16 == 0) { 16 } else { 8 }
}

/// Rewrites what another domain says otherwise.
pub(super) fn translate(node: &mut Node, block: i64) {
    match node.op.name() {
        "ReorderInput" => {
            node.attrs.insert("block".into(), Attr::Int(block));
        }
        // The blocked layout is scaled by whole numbers alone.
        "Upsample" => {
            if let Some(scales @ Attr::Ints(_)) = node.attrs.get_mut("scales")
                && let Attr::Ints(whole) = scales
            {
                *scales = Attr::Floats(whole.iter().map(|&n| n as f64).collect());
            }
        }
        // What PyTorch's exporter had no operator for; this one ONNX Runtime has under another name.
        "ATen" if node.text("operator") == Some("embedding") => {
            node.op = OpType::new("TorchEmbedding");
            node.inputs.truncate(4);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::{NodeProto, TensorProto};
    use super::*;

    #[test]
    fn weights_are_whole_blocks() {
        let weight = |m| TensorProto { name: "w".into(), dims: vec![m, 8, 3, 3], ..TensorProto::default() };
        let (domain, input) = ("com.microsoft.nchwc".into(), vec!["x".into(), "w".into()]);
        let node = vec![NodeProto { op_type: "Conv".into(), domain, input, ..NodeProto::default() }];
        let graph = |m| GraphProto { initializer: vec![weight(m)], node: node.clone(), ..GraphProto::default() };
        assert_eq!([block(&graph(32)), block(&graph(24))], [16, 8]);
    }

    #[test]
    fn scales_and_embeddings_are_said_otherwise() {
        let node = |op: &str, attr: (&str, Attr)| {
            let attrs = [(attr.0.to_owned(), attr.1)].into_iter().collect();
            let op = OpType::with_domain("org.pytorch.aten", op);
            let mut node = Node {
                name: String::new(),
                op,
                attrs,
                inputs: vec![None; 5],
                outputs: vec![],
                phase: tachograph_ir::Phase::Forward,
            };
            translate(&mut node, 16);
            node
        };
        let upsample = node("Upsample", ("scales", vec![1, 1, 2, 2].into()));
        assert_eq!(upsample.attrs["scales"], Attr::Floats(vec![1.0, 1.0, 2.0, 2.0]));
        let embedding = node("ATen", ("operator", "embedding".into()));
        assert_eq!((embedding.op.name(), embedding.inputs.len()), ("TorchEmbedding", 4));
        assert!(node("ATen", ("operator", "other".into())).op.is_custom());
    }
}
