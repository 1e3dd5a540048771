//! Featurisers on small graphs whose numbers are known.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tachograph_features::{
    FeatureGraph, FeatureSet, Featurizer,
    learned_roofline::{BALANCE, PEAK},
    nnlp_flops::NnlpCost,
};
use tachograph_ir::{
    Assignment, Attr, Attrs, BoundGraph, DType, Graph, Node, OpType, Parts, Phase, Tensor, TensorId, attrs,
};

/// Graphs from nodes with declared results, so that any operator name will do.
struct Net(Parts);

impl Net {
    fn new(shape: &[u64]) -> (Self, TensorId) {
        let mut net = Self(Parts::default());
        let x = net.tensor(Tensor::input("x", DType::F32, dims(shape)));
        net.0.inputs.push(x);
        (net, x)
    }

    fn tensor(&mut self, tensor: Tensor) -> TensorId {
        self.0.tensors.push(tensor);
        TensorId(self.0.tensors.len() as u32 - 1)
    }

    fn weight(&mut self, shape: &[u64]) -> TensorId {
        let name = format!("w{}", self.0.tensors.len());
        self.tensor(Tensor::parameter(name, DType::F32, dims(shape)))
    }

    fn node(&mut self, op: &str, inputs: &[TensorId], shape: &[u64], attrs: Attrs) -> TensorId {
        let name = format!("t{}", self.0.tensors.len());
        let out = self.tensor(Tensor { dims: Some(dims(shape)), ..Tensor::activation(name.clone()) });
        self.0.nodes.push(Node {
            name,
            op: OpType::new(op),
            attrs,
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: vec![Some(out)],
            phase: Phase::Forward,
        });
        out
    }

    fn bind(mut self, outputs: &[TensorId]) -> BoundGraph {
        self.0.outputs = outputs.to_vec();
        Graph::new(self.0).unwrap().bind(&Assignment::new()).unwrap()
    }
}

fn dims(shape: &[u64]) -> Vec<tachograph_ir::Dim> {
    shape.iter().map(|&n| n.into()).collect()
}

fn conv_attrs(stride: i64) -> Attrs {
    attrs([
        ("kernel_shape", vec![3, 3].into()),
        ("pads", vec![1, 1, 1, 1].into()),
        ("strides", vec![stride, stride].into()),
        ("dilations", vec![1, 1].into()),
        ("group", Attr::Int(1)),
    ])
}

/// (2, 3, 8, 8) → Conv → Relu → Flatten → Gemm → (2, 10).
fn small() -> BoundGraph {
    let (mut net, x) = Net::new(&[2, 3, 8, 8]);
    let (w, b) = (net.weight(&[16, 3, 3, 3]), net.weight(&[16]));
    let x = net.node("Conv", &[x, w, b], &[2, 16, 4, 4], conv_attrs(2));
    let x = net.node("Relu", &[x], &[2, 16, 4, 4], attrs([]));
    let x = net.node("Flatten", &[x], &[2, 256], attrs([]));
    let (w, b) = (net.weight(&[10, 256]), net.weight(&[10]));
    let x = net.node("Gemm", &[x, w, b], &[2, 10], attrs([("transB", Attr::Int(1))]));
    net.bind(&[x])
}

fn close(found: f32, expected: f64) {
    assert!((f64::from(found) - expected).abs() < 1e-7 * expected.abs().max(1.0), "{found} is not {expected}");
}

#[test]
fn nnlp_by_hand() {
    let features = Featurizer::nnlp().featurize(&small()).unwrap();
    assert_eq!(features.nodes.dim(), (4, 44));
    assert_eq!(features.edges, [(1, 0), (0, 1), (2, 1), (1, 2), (3, 2), (2, 3)]);
    assert_eq!(features.unknown, [""; 0]);
    for (row, code) in [0, 1, 14, 8].into_iter().enumerate() {
        let one_hot: Vec<f32> = (0..32).map(|i| f32::from(i == code)).collect();
        assert_eq!(features.nodes.row(row).to_vec()[..32], one_hot);
    }
    let conv = [0.47 / 56.0, 0.84 / 56.0, 0.25 / 6.0, 0.0, -14.08 / 6144.0, 0.23, 0.0, 0.0];
    let shape = [-10.25 / 1024.0, -270.96 / 2496.0, -28.62 / 256.0, -27.8 / 256.0];
    conv.iter().chain(&shape).zip(features.nodes.row(0).iter().skip(32)).for_each(|(&e, &f)| close(f, e));
    let gemm = [0.23, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let shape = [-10.25 / 1024.0, -276.96 / 2496.0, -32.62 / 256.0, -31.8 / 256.0];
    gemm.iter().chain(&shape).zip(features.nodes.row(3).iter().skip(32)).for_each(|(&e, &f)| close(f, e));
    // One image: 16·4·4·(2·27) + 10·(2·256); weights 16·28 + 10·257; results of the batch 3·512 + 20.
    let globals = [2.0, (13_824.0 + 5_120.0) / 1e9, 3_018.0 / 1e9, (1_556.0 + 3_018.0) / 1e9];
    globals.iter().zip(&features.globals).for_each(|(&e, &f)| close(f * 1e3, e * 1e3));
}

#[test]
fn nnlp_quirks() {
    let (mut net, x) = Net::new(&[2, 8, 14, 14]);
    let w = net.weight(&[8]);
    let x = net.node("BatchNormalization", &[x, w, w, w, w], &[2, 8, 14, 14], attrs([]));
    let kernel = attrs([("kernel_shape", vec![2, 2].into()), ("strides", vec![2, 2].into())]);
    let x = net.node("AveragePool", &[x], &[2, 8, 7, 7], kernel);
    let x = net.node("GlobalAveragePool", &[x], &[2, 8, 1, 1], attrs([]));
    let x = net.node("Softmax", &[x], &[2, 8, 1, 1], attrs([]));
    let x = net.node("Transpose", &[x], &[8, 2, 1, 1], attrs([("perm", vec![1, 0, 2, 3].into())]));
    let w = net.weight(&[1, 5]);
    let x = net.node("MatMul", &[x, w], &[8, 2, 1, 5], attrs([]));
    let bound = net.bind(&[x]);
    let cost: Vec<NnlpCost> =
        bound.live().iter().map(|&id| NnlpCost::of_node(&bound, bound.graph().node(id))).collect();
    let flops: Vec<f64> = cost.iter().map(|c| c.flops).collect();
    assert_eq!(flops, [4.0 * 3136.0, 8.0 * 49.0 * 4.0, 8.0 * 7.0, 3.0 * 2.0 - 1.0, 0.0, 0.0]);
    assert_eq!(cost[0].parameters, 32.0);
    assert_eq!(cost[5].memory_access, 0.0);

    let features = Featurizer::nnlp().featurize(&bound).unwrap();
    assert_eq!(features.unknown, ["MatMul"]);
    assert!(features.nodes.row(5).iter().take(40).all(|&v| v == 0.0));
    let perm = [1.0, 0.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0].map(|p| (p - 1.78) / 4.0);
    perm.iter().zip(features.nodes.row(4).iter().skip(32)).for_each(|(&e, &f)| close(f, e));
}

#[test]
fn extended_reports_what_it_never_saw() {
    let featurizer = Featurizer::fit(FeatureSet::Costs, &[&small()]).unwrap();
    assert_eq!(featurizer.schema().operators, ["Conv", "Flatten", "Gemm", "Relu"]);
    let (mut net, x) = Net::new(&[2, 3, 8, 8]);
    let x = net.node("Relu", &[x], &[2, 3, 8, 8], attrs([]));
    let x = net.node("Swirl", &[x], &[2, 3, 8, 8], attrs([]));
    let features = featurizer.featurize(&net.bind(&[x])).unwrap();
    assert_eq!(features.unknown, ["Swirl"]);
    assert_eq!(features.nodes.row(1).to_vec()[..5], [0.0, 0.0, 0.0, 0.0, 1.0]);
    assert!(features.nodes.iter().chain(&features.globals).all(|v| v.is_finite()));
}

#[test]
fn extended_columns_by_hand() {
    let bound = small();
    let raw = raw(&bound);
    let of = |row: usize, name: &str| raw[&(row, name.to_owned())];
    for (name, value) in [
        ("kernel_h", 4f64.log2()),
        ("stride_w", 3f64.log2()),
        ("pad_h", 3f64.log2()),
        ("group", 1.0),
        ("channels_per_group", 2.0),
        ("operands", 3.0),
        ("weights", 1.0),
        ("output_1", 17f64.log2()),
        ("input_2", 9f64.log2()),
        ("reduction", 28f64.log2()),
        ("flops", f64::from(2 * 27 * 512 + 512 + 1).log10()),
        ("read", f64::from(4 * (384 + 432 + 16) + 1).log10()),
        ("written", 2049f64.log10()),
        ("parameters", 449f64.log10()),
        ("view", 0.0),
        ("width", 0.0),
    ] {
        assert!((of(0, name) - value).abs() < 1e-5, "{name}: {} is not {value}", of(0, name));
    }
    assert_eq!(of(1, "kernel_h"), 0.0);
    assert_eq!(of(1, "group"), 0.0);
}

/// Columns by (row, name) before normalisation, which is undone through the stored form.
fn raw(bound: &BoundGraph) -> BTreeMap<(usize, String), f64> {
    let featurizer = Featurizer::fit(FeatureSet::Costs, &[bound]).unwrap();
    let mut json = serde_json::to_value(&featurizer).unwrap();
    json["nodes"] = serde_json::Value::Null;
    json["globals"] = serde_json::Value::Null;
    let raw: Featurizer = serde_json::from_value(json).unwrap();
    let features = raw.featurize(bound).unwrap();
    let columns = raw.schema().node_columns.clone();
    let cells = features.nodes.indexed_iter();
    cells.map(|((row, column), &v)| ((row, columns[column].clone()), f64::from(v))).collect()
}

#[test]
fn a_stored_featurizer_predicts_the_same() {
    let bound = small();
    for kind in FeatureSet::ALL.into_iter().filter(|&kind| kind != FeatureSet::Cell) {
        let featurizer = Featurizer::fit(kind, &[&bound]).unwrap();
        let json = serde_json::to_string(&featurizer).unwrap();
        let stored: Featurizer = serde_json::from_str(&json).unwrap();
        assert_eq!(stored.featurize(&bound).unwrap(), featurizer.featurize(&bound).unwrap());
        let columns = featurizer.schema().node_columns.len();
        assert_eq!(featurizer.featurize(&bound).unwrap().nodes.ncols(), columns);
        let altered = json.replacen("op=", "op=x", 1);
        assert!(serde_json::from_str::<Featurizer>(&altered).is_err());
    }
}

#[test]
fn folded_nodes_are_no_nodes() {
    let (mut net, x) = Net::new(&[1, 4, 8, 8]);
    let w = net.weight(&[1, 4, 8, 8]);
    let folded = net.node("Relu", &[w], &[1, 4, 8, 8], attrs([]));
    let x = net.node("Relu", &[x], &[1, 4, 8, 8], attrs([]));
    let _dead = net.node("Sigmoid", &[x], &[1, 4, 8, 8], attrs([]));
    let y = net.node("Swirl", &[x, folded, x], &[1, 4, 8, 8], attrs([]));
    let features = Featurizer::nnlp().featurize(&net.bind(&[y])).unwrap();
    assert_eq!(features.nodes.nrows(), 2);
    assert_eq!(features.edges, [(1, 0), (0, 1)], "two uses of a tensor are one edge each way");
}

#[test]
fn a_graph_where_nothing_runs_is_an_error() {
    let (net, x) = Net::new(&[1, 4]);
    let error = Featurizer::nnlp().featurize(&net.bind(&[x])).unwrap_err();
    assert!(error.to_string().contains("no node that runs"));
    assert!(Featurizer::fit(FeatureSet::Costs, &[]).is_err());
}

/// A network of random wiring; `links[i]` picks the operands of node i among earlier results.
fn random(links: &[(u8, u8, u8)]) -> Parts {
    let (mut net, x) = Net::new(&[2, 8, 8, 8]);
    let mut results = vec![x];
    for &(op, a, b) in links {
        let pick = |i: u8| results[i as usize % results.len()];
        let shape = [2, 8, 8, 8];
        let result = match op % 3 {
            0 => net.node("Relu", &[pick(a)], &shape, attrs([])),
            1 => net.node("Swirl", &[pick(a), pick(b)], &shape, attrs([])),
            _ => {
                let w = net.weight(&[8, 8, 3, 3]);
                net.node("Conv", &[pick(a), w], &shape, conv_attrs(1))
            }
        };
        results.push(result);
    }
    net.0.outputs = results[1..].to_vec();
    net.0
}

type ByName = (BTreeMap<String, Vec<f32>>, BTreeSet<(String, String)>, Vec<f32>);

fn by_name(bound: &BoundGraph, features: &FeatureGraph) -> ByName {
    let name = |row: usize| bound.graph().node(features.node_ids[row]).name.clone();
    let rows = features.nodes.rows().into_iter().enumerate();
    (
        rows.map(|(i, row)| (name(i), row.to_vec())).collect(),
        features.edges.iter().map(|&(a, b)| (name(a as usize), name(b as usize))).collect(),
        features.globals.clone(),
    )
}

proptest! {
    #[test]
    fn node_order_does_not_matter(
        links in prop::collection::vec(any::<(u8, u8, u8)>(), 1..20),
        keys in prop::collection::vec(any::<u32>(), 20),
    ) {
        let parts = random(&links);
        let mut shuffled = parts.clone();
        let mut order: Vec<usize> = (0..parts.nodes.len()).collect();
        order.sort_by_key(|&i| keys[i]);
        shuffled.nodes = order.iter().map(|&i| parts.nodes[i].clone()).collect();
        let bind = |parts| Graph::new(parts).unwrap().bind(&Assignment::new()).unwrap();
        let (a, b) = (bind(parts), bind(shuffled));
        for kind in [FeatureSet::Nnlp, FeatureSet::Costs, FeatureSet::Slapp, FeatureSet::PerfSage, FeatureSet::DnnPerfForward] {
            let featurizer = Featurizer::fit(kind, &[&a]).unwrap();
            let (fa, fb) = (featurizer.featurize(&a).unwrap(), featurizer.featurize(&b).unwrap());
            prop_assert_eq!(by_name(&a, &fa), by_name(&b, &fb));
            let both = matches!(kind, FeatureSet::Nnlp | FeatureSet::Costs);
            prop_assert!(fa.edges.iter().all(|&(s, d)| s != d && (!both || fa.edges.contains(&(d, s)))));
        }
    }
}

#[test]
fn tachograph_sees_one_image_and_its_neighbours() {
    let chain = |batch: u64| {
        let (mut net, x) = Net::new(&[batch, 4, 8, 8]);
        let y = net.node("Relu", &[x], &[batch, 4, 8, 8], attrs([]));
        let z = net.node("Sigmoid", &[y], &[batch, 4, 8, 8], attrs([]));
        net.bind(&[z])
    };
    let (one, many) = (chain(1), chain(4));
    let featurizer = Featurizer::fit(FeatureSet::LearnedRoofline, &[&one]).unwrap();
    let (one, many) = (featurizer.featurize(&one).unwrap(), featurizer.featurize(&many).unwrap());
    let columns = &featurizer.schema().node_columns;
    let at = |name: &str| columns.iter().position(|c| c == name).unwrap();
    // The batch itself is all that tells them apart.
    let mut same = many.nodes.clone();
    same.column_mut(at("batch")).assign(&one.nodes.column(at("batch")));
    assert!(one.nodes == same && one.nodes != many.nodes);
    assert_eq!((one.globals[0], many.globals[0]), (1.0, 4.0));
    let [one_ms, many_ms] = [&one, &many].map(|f| featurizer.roofline(f).unwrap());
    assert!((many_ms / one_ms - 4.0).abs() < 1e-6, "{many_ms} is four times {one_ms}");
    // 1 KiB read and 1 KiB written.
    let traffic = 2048.0 * BALANCE * 1e3 / PEAK;
    assert!((f64::from(one.nodes[[0, 1]]).exp() / traffic - 1.0).abs() < 1e-5);
    // At the second operator its operand and its result are alive, 1 KiB each, and there are no weights.
    let alive = |features: &FeatureGraph| featurizer.resident(features).unwrap();
    assert!((alive(&one) / traffic - 1.0).abs() < 1e-5 && (alive(&many) / traffic / 4.0 - 1.0).abs() < 1e-5);
    let value = |row: usize, name: &str| one.nodes[[row, at(name)]];
    assert_eq!((value(1, "from=Relu"), value(0, "from=Relu")), (1.0, 0.0));
    assert_eq!((value(0, "to=Sigmoid"), value(1, "to=Sigmoid")), (1.0, 0.0));
}
