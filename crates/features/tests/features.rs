//! Featurisers on small graphs whose numbers are known.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tachograph_features::{FeatureGraph, FeatureSet, Featurizer, Schema};
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
    let features = Featurizer::fit(FeatureSet::NNLP, &[]).unwrap().featurize(&small()).unwrap();
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
    let features = Featurizer::fit(FeatureSet::NNLP, &[]).unwrap().featurize(&bound).unwrap();
    assert_eq!(features.unknown, ["MatMul"]);
    let flops = 4.0 * 3136.0 + 8.0 * 49.0 * 4.0 + 8.0 * 7.0 + (3.0 * 2.0 - 1.0);
    // The results of all but the product, which counts nothing, and the weights of the normalisation.
    let accesses = 3136.0 + 784.0 + 16.0 + 16.0 + 16.0 + 32.0;
    for (found, expected) in features.globals.iter().zip([2.0, flops / 1e9, 32.0 / 1e9, accesses / 1e9]) {
        assert!((f64::from(*found) / expected - 1.0).abs() < 1e-6, "{found} is not {expected}");
    }
    assert!(features.nodes.row(5).iter().take(40).all(|&v| v == 0.0));
    let perm = [1.0, 0.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0].map(|p| (p - 1.78) / 4.0);
    perm.iter().zip(features.nodes.row(4).iter().skip(32)).for_each(|(&e, &f)| close(f, e));
}

#[test]
fn costs_report_what_they_never_saw() {
    let featurizer = Featurizer::fit(FeatureSet::COSTS, &[&small()]).unwrap();
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
fn columns_of_costs_by_hand() {
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
    let featurizer = Featurizer::fit(FeatureSet::COSTS, &[bound]).unwrap();
    let mut json = serde_json::to_value(&featurizer).unwrap();
    json["nodes"] = serde_json::Value::Null;
    json["globals"] = serde_json::Value::Null;
    let raw: Featurizer = serde_json::from_value(json).unwrap();
    let features = raw.featurize(bound).unwrap();
    let columns = raw.schema().node_columns.clone();
    let cells = features.nodes.indexed_iter();
    cells.map(|((row, column), &v)| ((row, columns[column].clone()), f64::from(v))).collect()
}

/// A small network for `set`: any, but for cells, which are told by the name of a network.
fn network(set: FeatureSet) -> BoundGraph {
    let cell = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|";
    let bound = small();
    if set == FeatureSet::CELL { renamed(&bound, cell) } else { bound }
}

fn renamed(bound: &BoundGraph, name: &str) -> BoundGraph {
    let mut parts = bound.graph().clone().into_parts();
    parts.name = name.to_owned();
    Graph::new(parts).unwrap().bind(&Assignment::new()).unwrap()
}

#[test]
fn every_set_is_found_by_its_names() {
    let mut seen = BTreeSet::new();
    for &set in FeatureSet::all().iter().filter(|set| !set.of_archives()) {
        for name in [set.name()].iter().chain(set.aliases()) {
            assert!(seen.insert(*name), "{name} is the name of two sets");
            let stored: FeatureSet = serde_json::from_str(&format!("\"{name}\"")).unwrap();
            assert_eq!(stored, set);
        }
        assert_eq!(serde_json::to_string(&set).unwrap(), format!("\"{}\"", set.name()));
    }
    // As checkpoints and run configurations of earlier versions have it.
    assert_eq!(FeatureSet::named("extended").unwrap(), FeatureSet::COSTS);
    assert_eq!(FeatureSet::named("tachograph").unwrap(), FeatureSet::LEARNED_ROOFLINE);
    let error = FeatureSet::named("nlp").unwrap_err().to_string();
    assert!(error.contains("`nlp`") && error.contains("learned-roofline"), "{error}");
}

#[test]
fn every_set_fills_the_columns_it_names() {
    for &set in FeatureSet::all().iter().filter(|set| !set.of_archives()) {
        let bound = network(set);
        let featurizer = Featurizer::fit(set, &[&bound]).unwrap();
        let (schema, features) = (featurizer.schema(), featurizer.featurize(&bound).unwrap());
        assert_eq!(features.nodes.ncols(), schema.node_columns.len(), "{set}");
        assert_eq!(features.globals.len(), schema.global_columns.len(), "{set}");
        let edges =
            if schema.edge_columns.is_empty() { (0, 0) } else { (features.edges.len(), schema.edge_columns.len()) };
        assert_eq!(features.edge_features.dim(), edges, "{set}");
        assert!(features.nodes.iter().chain(&features.globals).all(|v| v.is_finite()), "{set}");
        assert!(features.nodes.nrows() > 1 && features.nodes.iter().any(|&v| v != 0.0), "{set}");
        assert!(features.edges.iter().all(|&(a, b)| (a.max(b) as usize) < features.nodes.nrows()), "{set}");
        assert!(features.edges.is_sorted_by_key(|&(from, to)| (to, from)), "{set}");
        assert_eq!(features.unknown, [""; 0], "{set}");
        for names in [&schema.node_columns, &schema.edge_columns, &schema.global_columns] {
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{set} has a column twice");
        }
    }
}

#[test]
fn every_set_predicts_the_same_when_it_is_stored() {
    for &set in FeatureSet::all().iter().filter(|set| !set.of_archives()) {
        let bound = network(set);
        let featurizer = Featurizer::fit(set, &[&bound]).unwrap();
        let json = serde_json::to_string(&featurizer).unwrap();
        let stored: Featurizer = serde_json::from_str(&json).unwrap();
        assert_eq!(stored, featurizer);
        assert_eq!(stored.featurize(&bound).unwrap(), featurizer.featurize(&bound).unwrap(), "{set}");
        let altered = json.replacen("op=", "op=x", 1);
        assert!(serde_json::from_str::<Featurizer>(&altered).is_err(), "{set}");
    }
}

#[test]
fn columns_are_found_by_name() {
    let schema = Schema::new(FeatureSet::LEARNED_ROOFLINE, vec!["Relu".into(), "Conv".into()]);
    let place = |name: &str| schema.node_column(name);
    assert_eq!(
        ["compute", "alive", "op=Conv", "op=Relu", "op=?", "from=Conv"].map(place),
        [0, 3, 4, 5, 6, 7].map(Some)
    );
    assert_eq!((place("nothing"), schema.global_column("weights")), (None, Some(1)));
    let schema = Schema::new(FeatureSet::SLAPP, vec![]);
    assert_eq!(schema.edge_column("weight"), Some(2));
}

#[test]
fn folded_nodes_are_no_nodes() {
    let (mut net, x) = Net::new(&[1, 4, 8, 8]);
    let w = net.weight(&[1, 4, 8, 8]);
    let folded = net.node("Relu", &[w], &[1, 4, 8, 8], attrs([]));
    let x = net.node("Relu", &[x], &[1, 4, 8, 8], attrs([]));
    let _dead = net.node("Sigmoid", &[x], &[1, 4, 8, 8], attrs([]));
    let y = net.node("Swirl", &[x, folded, x], &[1, 4, 8, 8], attrs([]));
    let features = Featurizer::fit(FeatureSet::NNLP, &[]).unwrap().featurize(&net.bind(&[y])).unwrap();
    assert_eq!(features.nodes.nrows(), 2);
    assert_eq!(features.edges, [(1, 0), (0, 1)], "two uses of a tensor are one edge each way");
}

#[test]
fn a_graph_where_nothing_runs_is_an_error() {
    let (net, x) = Net::new(&[1, 4]);
    let error = Featurizer::fit(FeatureSet::NNLP, &[]).unwrap().featurize(&net.bind(&[x])).unwrap_err();
    assert!(error.to_string().contains("no node that runs"));
    assert!(Featurizer::fit(FeatureSet::COSTS, &[]).is_err());
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

type Row = Vec<u32>;
type Unordered = (Vec<Row>, Vec<(Row, Row, Row)>, Vec<Vec<Row>>, Row);

/// What features say whatever the order of their rows: rows, edges and groups by what stands in them, and the rest.
fn unordered(features: &FeatureGraph) -> Unordered {
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Row>();
    let rows: Vec<Row> = features.nodes.rows().into_iter().map(|row| bits(&row.to_vec())).collect();
    let edge = |(i, &(from, to)): (usize, &(u32, u32))| {
        let columns = if features.edge_features.is_empty() { vec![] } else { features.edge_features.row(i).to_vec() };
        (rows[from as usize].clone(), rows[to as usize].clone(), bits(&columns))
    };
    let mut edges: Vec<_> = features.edges.iter().enumerate().map(edge).collect();
    let mut groups: BTreeMap<u32, Vec<Row>> = BTreeMap::new();
    features.groups.iter().zip(&rows).for_each(|(&group, row)| groups.entry(group).or_default().push(row.clone()));
    let mut groups: Vec<Vec<Row>> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    let mut sorted = rows.clone();
    sorted.sort_unstable();
    edges.sort_unstable();
    groups.sort_unstable();
    (sorted, edges, groups, bits(&features.globals))
}

/// Blanks the columns that say what is resident when, and whose weights are whose, which follow the order of execution and
/// so that of nodes.
fn without_order(schema: &Schema, mut features: FeatureGraph) -> FeatureGraph {
    let names = ["resident", "alive", "peak", "held", "own_weights", "own_weights_before", "own_weights_after"];
    for column in names.iter().filter_map(|name| schema.node_column(name)) {
        features.nodes.column_mut(column).fill(0.0);
    }
    features
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
        for &set in FeatureSet::all().iter().filter(|&&set| set != FeatureSet::CELL && !set.of_archives()) {
            let featurizer = Featurizer::fit(set, &[&a]).unwrap();
            let (fa, fb) = (featurizer.featurize(&a), featurizer.featurize(&b));
            let [fa, fb] = [fa, fb].map(|features| Some(without_order(featurizer.schema(), features.ok()?)));
            // A network without any call that DIPPM keeps has no features, in either order.
            let (Some(fa), Some(fb)) = (&fa, &fb) else {
                prop_assert!(fa.is_none() && fb.is_none());
                continue;
            };
            prop_assert!(unordered(fa) == unordered(fb), "{set}");
        }
    }
}
