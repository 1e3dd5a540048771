//! Networks of search spaces against their published code (`golden/nas.py`).

#![cfg(feature = "nas")]

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use serde::Deserialize;
use tachograph_import::nas::{
    fbnet::{self, Images},
    nasbench201::{Cell, Edge, Zeros},
    ofa::{self, Width},
};
use tachograph_ir::{BoundGraph, Graph, TensorId, elements};

/// Multiply–accumulates and trained parameters.
type Counts = (u64, u64);
type OfaRow = (f64, [u64; 20], [u64; 20], [usize; 5], u64, Counts);

#[derive(Deserialize)]
struct Golden {
    nasbench201: HashMap<String, Counts>,
    fbnet: Vec<(Vec<usize>, Counts, Counts)>,
    ofa: Vec<OfaRow>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/nas.json")).unwrap()
}

fn bind(graph: &Graph) -> BoundGraph {
    graph.bind(&Default::default()).unwrap()
}

/// Weights that training learns are all but the statistics of batch normalisation.
fn counts(graph: &Graph) -> Counts {
    let bound = bind(graph);
    assert_eq!(bound.unknown_nodes().count(), 0);
    let normalised = bound.graph().nodes().filter(|(_, node)| node.op.name() == "BatchNormalization");
    let statistics: HashSet<TensorId> =
        normalised.flat_map(|(_, node)| node.inputs[3..5].iter().flatten().copied()).collect();
    let trained = bound.weights().into_iter().filter(|t| !statistics.contains(t));
    let parameters = trained.map(|t| elements(bound.shape(t).unwrap()).unwrap()).sum();
    (bound.cost().unwrap().macs, parameters)
}

#[test]
fn nas_bench_201_networks_cost_what_the_benchmark_says() {
    let golden = golden().nasbench201;
    for (text, expected) in &golden {
        let cell: Cell = text.parse().unwrap();
        assert_eq!(cell.to_string(), *text);
        assert_eq!(counts(&cell.graph(Zeros::Multiplied).unwrap()), *expected, "{text}");
    }
    // Published extremes: 1.531546 M parameters and 220.12 M multiply–accumulates; 0.073306 M and 7.78 M.
    let same = |edge| counts(&Cell([edge; 6]).graph(Zeros::Multiplied).unwrap());
    assert_eq!(same(Edge::Conv3), (220_119_680, 1_531_546));
    assert_eq!(same(Edge::Skip), (7_783_040, 73_306));
}

/// Costs are a function of how many edges have each operation, and the golden file has every such number of
/// convolutions: so it decides all cells.
#[test]
fn all_15_625_networks() {
    let convolutions = |cell: &Cell| {
        let count = |edge| cell.0.iter().filter(|e| **e == edge).count();
        (count(Edge::Conv1), count(Edge::Conv3))
    };
    let mut expected = HashMap::new();
    for (text, counts) in golden().nasbench201 {
        let known = expected.insert(convolutions(&text.parse().unwrap()), counts);
        assert!(known.is_none_or(|known| known == counts), "{text}");
    }
    assert_eq!(expected.len(), 28);
    let (mut building, mut all) = (Duration::ZERO, 0);
    for cell in Cell::all() {
        let start = Instant::now();
        let graph = cell.graph(Zeros::Multiplied).unwrap();
        building += start.elapsed();
        assert_eq!(counts(&graph), expected[&convolutions(&cell)], "{cell}");
        all += 1;
    }
    eprintln!("{all} graphs built in {building:.2?}");
    assert_eq!(all, 15_625);
}

#[test]
fn fbnet_networks_cost_what_hw_nas_bench_builds() {
    let rows = golden().fbnet;
    assert_eq!(rows.len(), 49);
    for (indices, cifar, imagenet) in rows {
        let network = fbnet::Architecture::from_indices(&indices).unwrap();
        assert_eq!(counts(&network.graph(Images::Cifar100).unwrap()), cifar, "{indices:?}");
        assert_eq!(counts(&network.graph(Images::ImageNet).unwrap()), imagenet, "{indices:?}");
    }
}

#[test]
fn once_for_all_networks_cost_what_the_supernet_extracts() {
    let rows = golden().ofa;
    assert_eq!(rows.len(), 40);
    for (width, kernels, expansions, depths, resolution, expected) in rows {
        let width = if width == 1.0 { Width::Times1_0 } else { Width::Times1_2 };
        let network = ofa::Architecture { kernels, expansions, depths, resolution, width };
        assert_eq!(counts(&network.graph().unwrap()), expected, "{network:?}");
    }
}

#[test]
fn networks_follow_the_batch() {
    let graphs = [
        Cell([Edge::AveragePool; 6]).graph(Zeros::Multiplied).unwrap(),
        Cell([Edge::Conv1, Edge::None, Edge::None, Edge::Skip, Edge::None, Edge::Conv3]).graph(Zeros::Folded).unwrap(),
        fbnet::Architecture::from_indices(&[1; 22]).unwrap().graph(Images::Cifar100).unwrap(),
    ];
    for graph in graphs {
        let macs = bind(&graph).cost().unwrap().macs;
        let bound = graph.bind(&[("batch".to_owned(), 256)].into()).unwrap();
        assert_eq!(bound.shape(graph.outputs()[0]).unwrap()[0], 256);
        assert_eq!(bound.cost().unwrap().macs, 256 * macs);
    }
}
