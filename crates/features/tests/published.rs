//! Featurisers of published predictors, by hand.

use tachograph_features::{FeatureSet, Featurizer};
use tachograph_ir::{Assignment, Attr, BoundGraph, Builder, DType, attrs};

/// (2, 3, 8, 8) → Conv with bias → Relu → Conv without → Add with the Relu → GlobalAveragePool → Flatten → Gemm.
fn residual() -> BoundGraph {
    let mut b = Builder::new("residual");
    let x = b.input("x", DType::F32, vec![2.into(), 3.into(), 8.into(), 8.into()]);
    let x = b.conv(x, 16, [3, 3], 2, 1, 1, true).unwrap();
    let r = b.op("Relu", &[x]).unwrap();
    let y = b.conv(r, 16, [3, 3], 1, 1, 1, false).unwrap();
    let y = b.op("Add", &[y, r]).unwrap();
    let y = b.op("GlobalAveragePool", &[y]).unwrap();
    let y = b.op_with("Flatten", &[y], attrs([("axis", Attr::Int(1))])).unwrap();
    let y = b.gemm(y, 10).unwrap();
    b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap()
}

fn fit(kind: FeatureSet) -> Featurizer {
    Featurizer::fit(kind, &[&residual()]).unwrap()
}

#[test]
fn dippm_keeps_calls_with_variables() {
    let bound = residual();
    let chain = fit(FeatureSet::DIPPM).featurize(&bound).unwrap();
    // conv2d, bias_add, conv2d, dense, bias_add: slot = code.
    let slots: Vec<_> = chain.nodes.rows().into_iter().map(|r| r.iter().position(|&v| v == 1.0)).collect();
    assert_eq!(slots, [1, 5, 1, 3, 5].map(Some));
    assert_eq!(chain.nodes.dim(), (5, 32));
    assert_eq!(chain.edges, [(0, 1), (1, 2), (2, 3), (3, 4)]);
    let conv = [2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 16.0, 3.0, 3.0, 16.0, 3.0, 3.0, 3.0];
    assert_eq!(chain.nodes.row(0).to_vec()[16..], conv);
    assert_eq!(chain.nodes.row(1).to_vec()[28..], [16.0, 0.0, 0.0, 0.0]);
    assert_eq!(chain.nodes.row(3).to_vec()[16..28], [0.0; 12]);
    let macs = 2.0 * (16.0 * 16.0 * 27.0 + 16.0 * 16.0 * 144.0 + 160.0) / 1e9;
    let expected = [2.0, macs, 2.0, 1.0, 1.0];
    chain.globals.iter().zip(expected).for_each(|(&f, e)| assert!((f64::from(f) - e).abs() < 1e-9, "{f}, not {e}"));
    // The skip connection reaches the dense layer too.
    let edges = fit(FeatureSet::DIPPM_EDGES).featurize(&bound).unwrap();
    assert_eq!(edges.edges, [(0, 1), (1, 2), (1, 3), (2, 3), (3, 4)]);
    assert_eq!(edges.nodes, chain.nodes);
    assert_eq!(bound.graph().node(chain.node_ids[3]).op.name(), "Gemm");
}

#[test]
fn dippm_has_no_column_for_its_last_code() {
    let mut b = Builder::new("pool");
    let x = b.input("x", DType::F32, vec![1.into(), 3.into(), 8.into(), 8.into()]);
    let y = b.pool("MaxPool", x, 2, 2, 0).unwrap();
    let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    let features = fit(FeatureSet::DIPPM).featurize(&bound).unwrap();
    assert_eq!(features.nodes.row(0).to_vec()[..28], [0.0; 28]);
    assert_eq!(features.nodes.row(0).to_vec()[28..], [1.0, 3.0, 8.0, 8.0]);
    assert_eq!(features.unknown, [""; 0]);
}

#[test]
fn dnnperf_sees_the_training_step() {
    let bound = residual();
    let (training, forward) = (fit(FeatureSet::DNNPERF), fit(FeatureSet::DNNPERF_FORWARD));
    let (t, f) = (training.featurize(&bound).unwrap(), forward.featurize(&bound).unwrap());
    assert_eq!(f.nodes.nrows(), 7);
    // Seven twins and an update for each of five parameters.
    assert_eq!(t.nodes.nrows(), 7 + 7 + 5);
    assert_eq!(t.unknown, [""; 0]);
    let schema = training.schema();
    let column = |name: &str| schema.node_column(name).unwrap();
    let count = |name: &str| t.nodes.column(column(name)).sum();
    assert_eq!([count("forward"), count("backward"), count("update")], [7.0, 7.0, 5.0]);
    assert_eq!(count("op=tachograph::Momentum"), 5.0);
    let within = |v: &f32| (0.0..=1.0).contains(v);
    assert_eq!(schema.edge_columns, ["backward", "bytes"]);
    assert_eq!(t.edge_features.dim(), (t.edges.len(), 2));
    let largest = t.edge_features.column(1).iter().fold(0f32, |a, &b| a.max(b));
    assert!(t.edge_features.iter().all(within) && largest == 1.0);
    let scaled: Vec<usize> = ["flops", "output_bytes", "input_bytes"].map(column).to_vec();
    assert!(scaled.iter().all(|&c| t.nodes.column(c).iter().all(within)));
    // Edges within the forward graph are not backward.
    assert!(f.edge_features.column(0).iter().all(|&v| v == 0.0));
    assert!(t.edge_features.column(0).iter().any(|&v| v == 1.0));
    assert_eq!(t.globals.len(), 0);
}

#[test]
fn slapp_groups_what_is_fused() {
    let bound = residual();
    let features = fit(FeatureSet::SLAPP).featurize(&bound).unwrap();
    let ops: Vec<&str> = bound.live().iter().map(|&id| bound.graph().node(id).op.name()).collect();
    assert_eq!(ops, ["Conv", "Relu", "Conv", "Add", "GlobalAveragePool", "Flatten", "Gemm"]);
    assert_eq!(features.groups, [0, 0, 1, 1, 2, 3, 4]);
    assert_eq!(features.nodes, Featurizer::fit(FeatureSet::NNLP, &[]).unwrap().featurize(&bound).unwrap().nodes);
    assert_eq!(features.edges, [(0, 1), (1, 2), (1, 3), (2, 3), (3, 4), (4, 5), (5, 6)]);
    let bytes = f64::from(4 * 2 * 16 * 4 * 4 + 1).log2() / 32.0;
    assert!((f64::from(features.edge_features[[0, 0]]) - bytes).abs() < 1e-6);
    assert!(features.edge_features.column(2).iter().all(|&v| v == 0.0));
    let mut b = Builder::new("product");
    let x = b.input("x", DType::F32, vec![4.into(), 4.into()]);
    let (p, q) = (b.op("Relu", &[x]).unwrap(), b.op("Sigmoid", &[x]).unwrap());
    let y = b.op("MatMul", &[p, q]).unwrap();
    let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    assert_eq!(fit(FeatureSet::SLAPP).featurize(&bound).unwrap().edge_features.column(2).to_vec(), [0.0, 1.0]);
}

#[test]
fn perfsage_knows_which_results_are_activated() {
    let bound = residual();
    let featurizer = fit(FeatureSet::PERFSAGE);
    let features = featurizer.featurize(&bound).unwrap();
    let column = featurizer.schema().node_column("activation").unwrap();
    let values: Vec<bool> = features.nodes.column(column).iter().map(|&v| v > 0.0).collect();
    assert_eq!(values, [true, false, false, false, false, false, false]);
    assert_eq!(features.edges, [(0, 1), (1, 2), (1, 3), (2, 3), (3, 4), (4, 5), (5, 6)]);
}

#[test]
fn a_global_node_hears_all_and_messages_go_to_producers() {
    let bound = residual();
    let (with, without) = (fit(FeatureSet::GLOBAL_NODE), fit(FeatureSet::COSTS));
    let (g, e) = (with.featurize(&bound).unwrap(), without.featurize(&bound).unwrap());
    let (n, w) = e.nodes.dim();
    assert_eq!(g.nodes.dim(), (n + 1, w + 1));
    assert_eq!(g.nodes.slice(ndarray::s![..n, ..w]), e.nodes);
    assert_eq!(g.nodes.column(w).to_vec(), [vec![0.0; n], vec![1.0]].concat());
    for i in 0..=n as u32 {
        assert!(g.edges.contains(&(i, i)) && g.edges.contains(&(i, n as u32)));
    }
    assert!(g.edges.contains(&(1, 0)) && !g.edges.contains(&(0, 1)));
    assert_eq!(g.edges.len(), 7 + 2 * (n + 1) - 1);
    let json = serde_json::to_string(&with).unwrap();
    assert_eq!(serde_json::from_str::<Featurizer>(&json).unwrap().featurize(&bound).unwrap(), g);
}

#[test]
fn a_cell_is_read_from_the_name_of_its_network() {
    let cell = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|";
    let named = |name: &str| {
        let mut b = Builder::new(name);
        let x = b.input("x", DType::F32, vec![1.into()]);
        let y = b.op("Relu", &[x]).unwrap();
        b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap()
    };
    let features = fit(FeatureSet::CELL).featurize(&named(cell)).unwrap();
    // The global node, the input, the six operations, of which 1 and 3 are no nodes, the output.
    let marked: Vec<_> = features.nodes.rows().into_iter().map(|r| r.iter().position(|&v| v == 1.0)).collect();
    assert_eq!(marked, [Some(5), Some(3), Some(1), None, Some(0), None, Some(2), Some(1), Some(4)]);
    let hears = |from: u32, to: u32| features.edges.contains(&(from, to));
    // Messages flow from consumer to producer: 0→1 to 1→2 and 1→3, and the input through the skip connection.
    assert!(hears(4, 2) && hears(6, 2) && hears(8, 1) && hears(2, 1) && !hears(2, 4) && !hears(1, 2));
    for bad in ["resnet18", "|none~0|", "|none~0|+|none~0|none~1|+|none~0|none~1|dense~2|", ""] {
        let error = fit(FeatureSet::CELL).featurize(&named(bad)).unwrap_err().to_string();
        assert!(error.contains("is not named after one"), "{error}");
    }
}
