//! Every error says which file and where; weights are never touched.

use std::io::{Seek, SeekFrom, Write};

use bytes::Bytes;
use prost::encoding::encode_varint;
use tachograph_import::{load, onnx};
use tachograph_ir::Domain;

/// A field of bytes.
fn field(tag: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_varint(tag << 3 | 2, &mut out);
    encode_varint(bytes.len() as u64, &mut out);
    out.extend(bytes);
    out
}

fn number(tag: u64, value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    encode_varint(tag << 3, &mut out);
    encode_varint(value as u64, &mut out);
    out
}

fn node(input: &str, output: &str) -> Vec<u8> {
    field(1, &[field(1, input.as_bytes()), field(2, output.as_bytes()), field(3, b"n"), field(4, b"Relu")].concat())
}

fn initialiser(name: &str, dims: &[i64]) -> Vec<u8> {
    let mut tensor: Vec<u8> = dims.iter().flat_map(|&d| number(1, d)).collect();
    tensor.extend([number(2, 1), field(8, name.as_bytes())].concat());
    field(5, &tensor)
}

fn input(name: &str, dims: &[i64]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|&d| field(1, &number(1, d))).collect();
    let tensor = [number(1, 1), field(2, &dims)].concat();
    field(11, &[field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat())
}

fn output(name: &str) -> Vec<u8> {
    field(12, &field(1, name.as_bytes()))
}

fn error(graph: &[Vec<u8>]) -> String {
    let model = field(7, &graph.concat());
    onnx::read(Bytes::from(model), "m.onnx").map(|m| m.graph.len()).unwrap_err().to_string()
}

#[test]
fn messages_name_file_and_place() {
    let x = input("x", &[1, 4]);
    assert_eq!(error(&[node("y", "z"), node("z", "y"), output("y")]), "m.onnx: the graph has a cycle through node `n`");
    assert_eq!(
        error(&[x.clone(), node("missing", "y"), output("y")]),
        "m.onnx: node `n` (Relu): tensor `missing` is used but neither an input, a parameter nor any node's output"
    );
    assert_eq!(
        error(&[x.clone(), node("x", "x"), output("x")]),
        "m.onnx: tensor `x` is written by node `n` but is already defined"
    );
    assert_eq!(
        error(&[input("x", &[i64::MAX, 4])]),
        "m.onnx: tensor `x`: size of shape [9223372036854775807, 4] exceeds 64 bits"
    );
    assert_eq!(error(&[initialiser("w", &[2, -1])]), "m.onnx: tensor `w`: shape [2, -1] has a negative extent");
    assert_eq!(error(&[initialiser("w", &[2]), initialiser("w", &[2])]), "m.onnx: tensor `w`: is defined twice");
    let none = onnx::read(Bytes::from(number(1, 8)), "m.onnx").map(|m| m.graph.len()).unwrap_err();
    assert_eq!(none.to_string(), "m.onnx: not a model that can be read: it has no graph");
}

/// What binding a graph asks for.
fn open(graph: &[Vec<u8>]) -> Vec<(String, Domain)> {
    let model = onnx::read(Bytes::from(field(7, &graph.concat())), "m.onnx").unwrap();
    model.graph.hyperparameters().iter().map(|(name, free)| (name.clone(), free.domain.clone())).collect()
}

#[test]
fn negative_extents_are_open_and_a_literal_zero_is_empty() {
    let net = |dims: &[i64]| [input("x", dims), node("x", "y"), output("y")];
    let free = |name: &str| vec![(name.to_owned(), Domain::EXTENT)];
    assert_eq!(open(&net(&[1, -3])), free("x_1"));
    assert_eq!(open(&net(&[1, 0, 4])).len(), 1, "the batch alone");
    // Nobody exports a network for nothing: where all of it would be empty, the exporter knew no batch.
    assert_eq!(open(&net(&[0, 3])), free("x_0"));
    assert_eq!(open(&net(&[0])), []);
    let also = [input("p", &[2, 5]), input("x", &[0, 3]), node("x", "y"), output("y")];
    assert_eq!(open(&also), []);
    // Names that the file has are not taken.
    let named = field(
        11,
        &[field(1, b"z"), field(2, &field(1, &[number(1, 1), field(2, &field(1, &field(2, b"x_0")))].concat()))]
            .concat(),
    );
    let both = [input("x", &[-1, 3]), named, node("x", "y"), output("y")];
    assert_eq!(open(&both), [free("x_0"), free("x_0_")].concat());
}

/// 100 GB of weights inside the file, which has a hole in their place: reading them would take minutes and
/// more memory than there is.
#[test]
fn weights_inside_a_file_are_not_touched() {
    const WEIGHTS: u64 = 100_000_000_000;
    let dims = [number(1, 25_000), number(1, 1_000_000), number(2, 1), field(8, b"w")].concat();
    let length = |n: u64| {
        let mut out = Vec::new();
        encode_varint(n, &mut out);
        out
    };
    let raw = [vec![0x4a], length(WEIGHTS)].concat();
    let tensor_length = dims.len() as u64 + raw.len() as u64 + WEIGHTS;
    let tensor = [vec![0x2a], length(tensor_length), dims, raw].concat();
    let rest = [input("x", &[1, 25_000]), node("x", "y"), output("y")].concat();
    let graph_length = (tensor.len() + rest.len()) as u64 + WEIGHTS;
    let head = [vec![0x3a], length(graph_length), rest, tensor].concat();

    let mut file = tempfile::Builder::new().suffix(".onnx").tempfile().unwrap();
    file.write_all(&head).unwrap();
    file.seek(SeekFrom::Start(head.len() as u64 + WEIGHTS - 1)).unwrap();
    file.write_all(&[0]).unwrap();
    let start = std::time::Instant::now();
    let model = load(file.path()).unwrap();
    assert!(start.elapsed().as_millis() < 1000, "{:?}", start.elapsed());
    let weight = model.graph.tensors().iter().find(|t| t.name == "w").unwrap();
    assert_eq!(weight.dims, Some(vec![25_000.into(), 1_000_000.into()]));
}

/// The operands of the node were once made as many as the attribute says.
#[test]
fn a_scan_over_more_inputs_than_its_body_has() {
    let graph = [input("a", &[4]), node("a", "b"), output("b")].concat();
    let body = field(5, &[field(1, b"body"), field(6, &graph), number(20, 5)].concat());
    let count = field(5, &[field(1, b"num_scan_inputs"), number(3, i64::MAX), number(20, 2)].concat());
    let scan = [field(1, b"x"), field(2, b"y"), field(3, b"s"), field(4, b"Scan"), body, count].concat();
    let model = field(7, &[input("x", &[1, 4]), field(1, &scan), output("y")].concat());
    let model = onnx::read(Bytes::from(model), "m.onnx").unwrap();
    assert!(model.graph.nodes().all(|(_, node)| node.inputs.len() == 1));
    let _ = model.graph.bind(&Default::default());
}
