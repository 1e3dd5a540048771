//! What holds for every network that ranks configurations.

use tachograph_features::{FeatureSet, Schema};
use tachograph_gnn::{BatchOptions, ConfiguredGraph, GraphBatch};
use tachograph_models::{Kinds, LayoutResModelConfig, ModelConfig, Network, Reduction, predictors};
use tch::{Device, Kind, Tensor, nn};

use crate::{close, values};

/// Features of a node and columns of a configuration.
pub const WIDTH: usize = 5;
pub const COLUMNS: usize = 4;

/// A graph under configurations, each of its nodes distinct unless it is made repetitive.
#[derive(Clone)]
pub struct Ranked {
    pub features: Vec<f32>,
    pub opcodes: Vec<u8>,
    pub nodes: Vec<u32>,
    pub edges: Vec<(u32, u32)>,
    pub configurable: Vec<u32>,
    pub configurations: Vec<f32>,
    pub count: usize,
    pub segment: Vec<u32>,
}

impl Ranked {
    /// A chain with skips of `n` nodes of which the first third repeat each other.
    fn new(n: usize, count: usize, of_nodes: bool) -> Self {
        let distinct = n - n / 3 + 1;
        let number = |i: usize| ((i * 2_654_435_761) >> 7 & 15) as f32 / 8.0 - 1.0;
        let configurable: Vec<u32> = if of_nodes { (1..n as u32).step_by(4).collect() } else { vec![] };
        let rows = count * configurable.len().max(1);
        let place = |i: usize| if of_nodes { number(i + n).mul_add(3.0, 2.0).round() } else { number(i + n) };
        Self {
            features: (0..distinct * WIDTH).map(number).collect(),
            opcodes: (0..distinct).map(|i| (7 * i % 120) as u8).collect(),
            nodes: (0..n as u32).map(|i| i.saturating_sub(n as u32 / 3 - 1)).collect(),
            edges: (1..n as u32).flat_map(|i| [(i - 1, i), (i.saturating_sub(3), i)]).collect(),
            configurable,
            configurations: (0..rows * COLUMNS).map(place).collect(),
            count,
            segment: vec![],
        }
    }

    pub fn view(&self) -> ConfiguredGraph<'_> {
        ConfiguredGraph {
            features: &self.features,
            width: WIDTH,
            opcodes: &self.opcodes,
            nodes: &self.nodes,
            edges: &self.edges,
            configurable: &self.configurable,
            count: self.count,
            configurations: &self.configurations,
            columns: COLUMNS,
            segment: &self.segment,
            ..ConfiguredGraph::default()
        }
    }

    /// The same graph with its nodes in another order.
    fn permuted(&self) -> Self {
        let n = self.nodes.len();
        let to = |i: u32| (5 * i + 3) % n as u32;
        let mut other = self.clone();
        self.nodes.iter().zip(0..).for_each(|(&node, i)| other.nodes[to(i) as usize] = node);
        other.edges = self.edges.iter().rev().map(|&(s, d)| (to(s), to(d))).collect();
        other.configurable = self.configurable.iter().map(|&node| to(node)).collect();
        other
    }
}

/// A schema of archives.
pub fn schema(of_graph: bool) -> Schema {
    let columns = (0..COLUMNS).map(|i| format!("{} {i:03}", if of_graph { "tile" } else { "layout" }));
    Schema::new(FeatureSet::XLA, (0..WIDTH).map(|i| format!("node {i:03}")).chain(columns).collect())
}

/// Every network that ranks, with the kinds of configuration that it knows.
fn all() -> Vec<(ModelConfig, bool)> {
    let configs = predictors().iter().flat_map(|predictor| predictor.variants());
    let kinds = |config: ModelConfig| {
        let kinds = config.ranking().map_or(vec![], |ranking| match ranking.kinds {
            Kinds::Graph => vec![false],
            Kinds::Nodes => vec![true],
            Kinds::Both => vec![true, false],
        });
        kinds.into_iter().map(move |of_nodes| (config.clone(), of_nodes))
    };
    configs.flat_map(kinds).collect()
}

fn graphs(of_nodes: bool) -> Vec<Ranked> {
    [(14, 3), (11, 4), (6, 1)].map(|(n, count)| Ranked::new(n, count, of_nodes)).to_vec()
}

pub fn build(config: &ModelConfig, graphs: &[Ranked], compressed: bool) -> GraphBatch {
    let ranking = config.ranking().unwrap();
    let listed: Vec<Ranked> = graphs
        .iter()
        .map(|graph| {
            let mut graph = graph.clone();
            if ranking.undirected {
                graph.edges = graph.edges.iter().flat_map(|&(s, d)| [(s, d), (d, s)]).collect();
            }
            graph
        })
        .collect();
    let options = BatchOptions { compressed, ..config.batch_options(false) };
    let views: Vec<_> = listed.iter().map(Ranked::view).collect();
    GraphBatch::configured(&views, ranking.join, &options, Device::Cpu).unwrap()
}

fn network(config: &ModelConfig, of_nodes: bool) -> (nn::VarStore, Box<dyn Network>) {
    let vs = nn::VarStore::new(Device::Cpu);
    let network = config.build(&vs.root(), &schema(!of_nodes), &[tachograph_ir::Quantity::Latency]).unwrap();
    // The same for every call, whatever tests beside this one draw.
    let variables: std::collections::BTreeMap<String, Tensor> = vs.variables().into_iter().collect();
    for (start, mut variable) in variables.into_values().enumerate() {
        let n = variable.numel() as i64;
        let wave = (Tensor::arange(n, (Kind::Float, Device::Cpu)) * 12.9898 + start as f64).sin() * 0.4 + 0.05;
        tch::no_grad(|| variable.copy_(&wave.view_as(&variable)));
    }
    (vs, network)
}

fn scores(network: &dyn Network, batch: &GraphBatch) -> Tensor {
    tch::no_grad(|| network.forward(batch, &[0], false).unwrap())
}

#[test]
fn a_batch_equals_its_parts_and_its_compressed_form() {
    let mut smaller = 0;
    for (config, of_nodes) in all() {
        let (_vs, network) = network(&config, of_nodes);
        let graphs = graphs(of_nodes);
        let whole = build(&config, &graphs, false);
        let y = scores(network.as_ref(), &whole);
        assert_eq!(y.size(), [8, 1], "{config:?}");
        let spread = f64::try_from(y.narrow(0, 0, 3).std(false)).unwrap();
        assert!(spread > 1e-6, "{config:?} tells no configurations apart");
        let parts: Vec<Tensor> =
            graphs.iter().map(|g| scores(network.as_ref(), &build(&config, std::slice::from_ref(g), false))).collect();
        close(&y, &Tensor::cat(&parts, 0));
        assert_eq!(network.embed(&whole).unwrap().size()[0], 8);
        if config.batch_options(false).compressed {
            let small = build(&config, &graphs, true);
            assert!(small.nodes.size()[0] < whole.nodes.size()[0]);
            close(&scores(network.as_ref(), &small), &y);
            smaller += 1;
        }
    }
    assert!(smaller > 10, "{smaller}");
}

#[test]
fn the_order_of_nodes_and_edges_does_not_matter() {
    for (config, of_nodes) in all() {
        // An LSTM reads them in their order.
        let ordered = config.downcast_ref::<tachograph_models::KaufmanConfig>().map(|k| k.reduction);
        let (_vs, network) = network(&config, of_nodes);
        let graphs = graphs(of_nodes);
        let permuted: Vec<Ranked> = graphs.iter().map(Ranked::permuted).collect();
        let [a, b] = [graphs, permuted].map(|graphs| scores(network.as_ref(), &build(&config, &graphs, false)));
        if ordered != Some(Reduction::Lstm) {
            close(&a, &b);
        } else {
            assert_ne!(values(&a), values(&b));
        }
    }
}

#[test]
fn a_gradient_reaches_every_parameter_and_compression_does_not_change_it() {
    for (config, of_nodes) in all() {
        let run = |compressed: bool| {
            let (vs, network) = network(&config, of_nodes);
            let y = network.forward(&build(&config, &graphs(of_nodes), compressed), &[0], true).unwrap();
            y.square().sum(Kind::Float).backward();
            let variables: std::collections::BTreeMap<String, Tensor> = vs.variables().into_iter().collect();
            variables.into_iter().map(|(name, v)| (name, v.grad())).collect::<Vec<_>>()
        };
        let whole = run(false);
        for (name, gradient) in &whole {
            assert!(
                gradient.defined() && values(gradient).iter().any(|&g| g != 0.0),
                "{name} of {config:?}, of nodes: {of_nodes}"
            );
        }
        if config.batch_options(true).compressed {
            for ((name, a), (_, b)) in run(true).iter().zip(&whole) {
                let (difference, norm) = ((a - b).norm(), b.norm());
                let relative = f64::try_from(difference / norm).unwrap();
                assert!(relative < 1e-4, "{name} of {config:?}: {relative}");
            }
        }
    }
}

#[test]
fn what_is_no_ranking_is_refused() {
    for (config, of_nodes) in all() {
        let (_vs, network) = network(&config, of_nodes);
        let batch = build(&config, &graphs(of_nodes), false);
        let error = network.forward(&batch, &[1], false).unwrap_err().to_string();
        assert_eq!(error, "output 1 of a model with 1 heads");
        assert_eq!(network.forward(&batch, &[], false).unwrap_err().to_string(), "no output was asked for");
        let plain = crate::batch(config.layers(), false);
        let error = network.forward(&plain, &[0], false).unwrap_err().to_string();
        assert!(error.ends_with("reads configurations, which the batch lacks"), "{error}");
    }
}

/// ResModel with one block that is all: the same scores and gradients; with a smaller one: the scores of a mixture.
#[test]
fn blocks_get_the_gradients() {
    let config = ModelConfig::from(LayoutResModelConfig { hidden: 8, embedding: 4, ..LayoutResModelConfig::default() });
    let gradients = |segment: fn(usize) -> Vec<u32>, train: bool| {
        let (vs, network) = network(&config, true);
        let graphs: Vec<Ranked> =
            graphs(true).into_iter().map(|g| Ranked { segment: segment(g.nodes.len()), ..g }).collect();
        let y = network.forward(&build(&config, &graphs, true), &[0], train).unwrap();
        y.square().sum(Kind::Float).backward();
        (y.detach(), vs.variables()["first.0.weight"].grad())
    };
    let whole = gradients(|_| vec![], true);
    let all = gradients(|n| (0..n as u32).collect(), true);
    close(&all.0, &whole.0);
    close(&all.1, &whole.1);
    let half = gradients(|n| (0..n as u32 / 2).collect(), true);
    assert_ne!(values(&half.0), values(&whole.0));
    assert_ne!(values(&half.1), values(&whole.1));
    // What is predicted knows no blocks.
    close(&gradients(|n| (0..n as u32 / 2).collect(), false).0, &whole.0);
}
