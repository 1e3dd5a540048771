//! The blocked layout of ONNX Runtime's optimiser: channels in blocks of as many as fit a vector register of the machine
//! that wrote the file. The file does not say how many; its weights do, which are filled up to whole blocks.

use std::collections::HashMap;

use tachograph_ir::{Attr, Node};

use super::proto::GraphProto;

/// Channels of a block: 16, or 8 where a convolution's weight is no multiple of that.
pub(super) fn block(graph: &GraphProto) -> i64 {
    let stored: HashMap<&str, &[i64]> = graph.initializer.iter().map(|t| (t.name.as_str(), &t.dims[..])).collect();
    let convolutions = graph.node.iter().filter(|n| n.domain == "com.microsoft.nchwc" && n.op_type == "Conv");
    let weights = convolutions.filter_map(|n| stored.get(n.input.get(1)?.as_str())?.first());
    if weights.into_iter().all(|m| m % 16 == 0) { 16 } else { 8 }
}

/// Tells a node that makes blocks how large they are.
pub(super) fn tell(node: &mut Node, block: i64) {
    if node.op.name() == "ReorderInput" {
        node.attrs.insert("block".into(), Attr::Int(block));
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
}
