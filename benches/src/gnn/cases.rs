//! The table of cases.

use serde::Serialize;

/// One row of the comparison.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Case {
    /// What the command line calls it.
    pub name: &'static str,
    /// What is computed.
    pub title: &'static str,
    /// Time of the peer over ours that is aimed at.
    pub goal: f64,
    /// Our time over that of the bare matrix products that is aimed at, if any.
    pub bare_goal: Option<f64>,
    /// Repetitions that one run is the mean of, for work shorter than it takes to refill the caches.
    pub repeat: usize,
    /// Timed runs unless the command line says otherwise.
    pub runs: usize,
    /// The work.
    pub kind: Kind,
}

/// The work of a case.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A network on a batch of graphs, pooled.
    Network(Network),
    /// All of NAS-Bench-201, from names to scores.
    Score(Score),
    /// One aggregation alone.
    Kernel(Kernel),
}

/// A network on a batch of graphs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Network {
    /// Its graphs.
    pub graphs: Graphs,
    /// Its layers.
    pub layer: Layer,
    /// How many.
    pub layers: usize,
    /// Channels after each.
    pub hidden: i64,
    /// What is computed with it.
    pub mode: Mode,
    /// Ours computes equal nodes once.
    pub compressed: bool,
}

/// Where graphs come from.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Graphs {
    /// Random features on graphs with 1.3 edges a node.
    Random {
        /// Graphs.
        graphs: usize,
        /// Nodes of each.
        nodes: usize,
        /// Features of a node.
        width: usize,
    },
    /// A model of `datasets/models` as the extended featuriser sees it.
    Model {
        /// File name without `.onnx.gz`.
        name: &'static str,
    },
    /// Networks drawn from NAS-Bench-201.
    Nb201 {
        /// How many.
        graphs: usize,
    },
    /// One graph in several configurations: copies whose features differ at a few nodes.
    Layout {
        /// Nodes.
        nodes: usize,
        /// Edges.
        edges: usize,
        /// Copies.
        configurations: usize,
        /// Nodes whose features each copy has to itself.
        differing: usize,
        /// Features of a node.
        width: usize,
    },
}

/// A kind of layer, with the defaults of PyTorch Geometric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// `SAGEConv`
    Sage,
    /// `GCNConv`
    Gcn,
    /// `GraphConv`
    GraphConv,
    /// `GATConv` with four heads, concatenated.
    Gat,
}

/// What is computed with a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The pooled output, without gradients.
    Infer,
    /// The squared error of the pooled output and the gradients of all weights.
    Gradient,
    /// And a step of Adam.
    Step,
}

/// All of NAS-Bench-201.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Score {
    /// Networks.
    pub networks: usize,
    /// GraphSAGE layers.
    pub layers: usize,
    /// Channels after each.
    pub hidden: i64,
    /// Networks that we compute at once.
    pub batch: usize,
    /// Networks that the peer computes at once.
    pub peer_batch: usize,
}

/// One aggregation of sorted messages, forward and backward.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Kernel {
    /// Which.
    pub reduction: Reduction,
    /// Messages.
    pub edges: usize,
    /// Destinations.
    pub rows: usize,
    /// Channels.
    pub width: usize,
}

/// An aggregation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduction {
    /// Mean.
    Mean,
    /// Maximum.
    Max,
    /// Σ x · softmax(x).
    Softmax,
}

const fn network(graphs: Graphs, layer: Layer, layers: usize, hidden: i64, mode: Mode, compressed: bool) -> Kind {
    Kind::Network(Network { graphs, layer, layers, hidden, mode, compressed })
}

const fn case(name: &'static str, title: &'static str, goal: f64, kind: Kind) -> Case {
    Case { name, title, goal, bare_goal: None, repeat: 1, runs: 20, kind }
}

const fn predict(name: &'static str, title: &'static str, goal: f64, graphs: Graphs, compressed: bool) -> Case {
    Case { repeat: 50, ..case(name, title, goal, network(graphs, Layer::Sage, 2, 512, Mode::Infer, compressed)) }
}

const fn train(name: &'static str, title: &'static str, goal: f64, layer: Layer) -> Case {
    let graphs = Graphs::Random { graphs: 64, nodes: 200, width: 512 };
    Case { bare_goal: Some(1.3), ..case(name, title, goal, network(graphs, layer, 2, 512, Mode::Step, false)) }
}

const fn kernel(name: &'static str, title: &'static str, reduction: Reduction) -> Case {
    case(name, title, 3.0, Kind::Kernel(Kernel { reduction, edges: 500_000, rows: 50_000, width: 128 }))
}

const ONE: Graphs = Graphs::Random { graphs: 1, nodes: 100, width: 512 };
const RESNET: Graphs = Graphs::Model { name: "light_resnet50" };
const VIT: Graphs = Graphs::Model { name: "deit_tiny_patch16_224" };
const NB201: Graphs = Graphs::Nb201 { graphs: 64 };
const LAYOUT: Graphs = Graphs::Layout { nodes: 14_000, edges: 20_000, configurations: 16, differing: 300, width: 128 };
const SCORE: Score = Score { networks: 15_625, layers: 3, hidden: 256, batch: 512, peer_batch: 128 };

/// Every case.
pub const CASES: [Case; 16] = [
    predict("single", "one graph of 100 nodes, 512 random features, 2 × 512 SAGE, inference", 2.0, ONE, false),
    predict("resnet50", "the graph of ResNet-50, 2 × 512 SAGE, inference, compressed", 5.0, RESNET, true),
    predict(
        "vit",
        "the graph of a vision transformer (DeiT-Ti/16), 2 × 512 SAGE, inference, compressed",
        5.0,
        VIT,
        true,
    ),
    train("train-sage", "64 graphs × 200 nodes, 512 random features, 2 × 512 SAGE, training step", 1.3, Layer::Sage),
    train("train-gcn", "the same, GCN", 1.3, Layer::Gcn),
    train("train-graphconv", "the same, GraphConv", 1.3, Layer::GraphConv),
    train("train-gat", "the same, GAT with 4 heads × 128", 2.0, Layer::Gat),
    case(
        "nb201-train",
        "64 networks of NAS-Bench-201, 2 × 512 SAGE, training step, compressed",
        4.0,
        network(NB201, Layer::Sage, 2, 512, Mode::Step, true),
    ),
    case(
        "layout",
        "14,000 nodes, 20,000 edges × 16 configurations, 3 × 128 SAGE, forward and backward",
        3.0,
        network(LAYOUT, Layer::Sage, 3, 128, Mode::Gradient, false),
    ),
    case("layout-compressed", "the same, compressed", 6.0, network(LAYOUT, Layer::Sage, 3, 128, Mode::Gradient, true)),
    Case {
        runs: 5,
        ..case(
            "nb201-score",
            "all 15,625 networks of NAS-Bench-201 (3.3 M nodes), 3 × 256 SAGE, names to scores, compressed",
            15.0,
            Kind::Score(SCORE),
        )
    },
    kernel("kernels-mean", "mean of 500,000 × 128 messages into 50,000 rows, forward and backward", Reduction::Mean),
    kernel("kernels-max", "the same, maximum", Reduction::Max),
    kernel("kernels-softmax", "the same, softmax aggregation", Reduction::Softmax),
    case(
        "tiny",
        "four small graphs, for a test of the comparison itself",
        0.0,
        network(TINY, Layer::Sage, 2, 16, Mode::Step, true),
    ),
    case(
        "tiny-score",
        "the first networks of NAS-Bench-201, for a test of the comparison itself",
        0.0,
        Kind::Score(Score { networks: 300, layers: 3, hidden: 16, batch: 128, peer_batch: 128 }),
    ),
];

const TINY: Graphs = Graphs::Random { graphs: 4, nodes: 20, width: 8 };
