//! Agreement with the features that NNLP's released extractor makes; `golden/nnlp.py` made the numbers.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;
use tachograph_features::{FeatureSet, Featurizer};

#[derive(Deserialize)]
struct Golden {
    model: String,
    nodes: Vec<Node>,
    edges: Vec<(String, String)>,
    globals: Vec<f64>,
}

#[derive(Deserialize)]
struct Node {
    /// Its first result.
    name: String,
    features: Vec<f64>,
}

#[track_caller]
fn close(found: f32, expected: f64, what: &str) {
    assert!((f64::from(found) - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{what}: {found}, not {expected}");
}

#[test]
fn features_are_the_released_ones() {
    let golden: Vec<Golden> = serde_json::from_str(include_str!("golden/nnlp.json")).unwrap();
    assert_eq!(golden.len(), 2);
    for golden in golden {
        let file = format!("../../datasets/models/{}.onnx.gz", golden.model);
        let graph = tachograph_import::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap().graph;
        let bound = graph.bind(&[("batch".to_owned(), 2)].into()).unwrap();
        let ours = Featurizer::fit(FeatureSet::NNLP, &[]).unwrap().featurize(&bound).unwrap();
        let name = |row: usize| {
            let result = bound.graph().node(ours.node_ids[row]).outputs[0].unwrap();
            bound.graph().tensor(result).name.clone()
        };
        let names: Vec<String> = (0..ours.nodes.nrows()).map(name).collect();
        let rows: BTreeMap<&str, _> = names.iter().map(String::as_str).zip(ours.nodes.rows()).collect();
        assert_eq!(rows.len(), golden.nodes.len(), "{}", golden.model);
        for node in &golden.nodes {
            let row = rows.get(node.name.as_str()).unwrap_or_else(|| panic!("no node `{}`", node.name));
            assert_eq!(row.len(), 44);
            for (&found, &expected) in row.iter().zip(&node.features) {
                close(found, expected, &node.name);
            }
        }
        let named = |&(s, d): &(u32, u32)| (names[s as usize].as_str(), names[d as usize].as_str());
        let edges: BTreeSet<(&str, &str)> = ours.edges.iter().map(named).collect();
        let both = golden.edges.iter().flat_map(|(s, d)| [(s.as_str(), d.as_str()), (d.as_str(), s.as_str())]);
        assert_eq!(edges, both.collect(), "{}", golden.model);
        for (&found, &expected) in ours.globals.iter().zip(&golden.globals) {
            assert!((f64::from(found) / expected - 1.0).abs() < 1e-5, "{}: {found}, not {expected}", golden.model);
        }
    }
}
