//! Models whose code is not public, again: graph by graph, with matrices of nodes by nodes, in f64.

use std::collections::HashMap;

use tachograph_gnn::{AneeGate, BatchOptions};
use tachograph_ir::Quantity;
use tachograph_models::{
    DnnPerfConfig, GtunerConfig, ModelConfig, NodeGcnConfig, PacmConfig, PerfSageConfig, SlappConfig, TensetMlpConfig,
    TlpConfig,
};
use tch::{Kind, Tensor};

use crate::{
    close,
    graphs::{EDGES, GLOBALS, NODES, Sampled, build, model, some},
};

/// Parameters by name, in f64.
struct Weights(HashMap<String, Tensor>);

impl Weights {
    fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", self.0.keys()))
    }

    fn linear(&self, name: &str, x: &Tensor) -> Tensor {
        let y = x.matmul(&self.get(&format!("{name}.weight")).tr());
        match self.0.get(&format!("{name}.bias")) {
            Some(bias) => y + bias,
            None => y,
        }
    }

    /// x + ReLU(W x + b) for each of the blocks.
    fn residual(&self, x: Tensor) -> Tensor {
        let blocks = (0..).take_while(|l| self.0.contains_key(&format!("residual.{l}.weight"))).count();
        (0..blocks).fold(x, |x, l| &x + self.linear(&format!("residual.{l}"), &x).relu())
    }

    /// Attention of `heads` among the rows of x: (tokens, d), head by head.
    fn attention(&self, name: &str, x: &Tensor, heads: i64) -> Tensor {
        let projected = x.matmul(&self.get(&format!("{name}.in_proj_weight")).tr());
        let projected = projected + self.get(&format!("{name}.in_proj_bias"));
        let d = x.size()[1];
        let width = d / heads;
        let head = |k: i64| {
            let part = |which: i64| projected.narrow(1, which * d + k * width, width);
            let scores = part(0).matmul(&part(1).tr()) / (width as f64).sqrt();
            scores.softmax(1, Kind::Double).matmul(&part(2))
        };
        let all = Tensor::cat(&(0..heads).map(head).collect::<Vec<_>>(), 1);
        self.linear(&format!("{name}.out_proj"), &all)
    }

    /// The head of output 1.
    fn head(&self, x: &Tensor) -> Tensor {
        let layers = (0..).take_while(|l| self.0.contains_key(&format!("heads.1.{l}.weight"))).count();
        (0..layers).fold(x.shallow_clone(), |y, l| {
            let y = if l == 0 { y } else { y.relu() };
            self.linear(&format!("heads.1.{l}"), &y)
        })
    }
}

/// A graph as matrices: nodes (n, w); `hears[i, j]` where j → i; edge features (n, n, w); graph features (1, w).
struct Dense {
    nodes: Tensor,
    globals: Tensor,
    hears: Tensor,
    edges: Tensor,
    groups: Vec<u32>,
}

impl Dense {
    /// With `loops`, every node has a self-loop whose features are the mean of the edges into the node.
    fn new(graph: &Sampled, loops: bool) -> Self {
        let (n, w) = (graph.len(), EDGES);
        let mut hears = vec![0.0; n * n];
        let mut edges = vec![0.0; n * n * w];
        for (&(s, d), row) in graph.edges.iter().zip(graph.edge_features.chunks(w)) {
            let place = d as usize * n + s as usize;
            hears[place] = 1.0;
            row.iter().enumerate().for_each(|(c, &v)| edges[place * w + c] = f64::from(v));
        }
        for i in (0..n).filter(|_| loops) {
            let heard: Vec<usize> = (0..n).filter(|j| hears[i * n + j] == 1.0).collect();
            for c in 0..w {
                let total: f64 = heard.iter().map(|j| edges[(i * n + j) * w + c]).sum();
                edges[(i * n + i) * w + c] = total / heard.len().max(1) as f64;
            }
            hears[i * n + i] = 1.0;
        }
        let n = n as i64;
        Self {
            nodes: Tensor::from_slice(&graph.nodes).to_kind(Kind::Double).reshape([n, NODES as i64]),
            globals: Tensor::from_slice(&graph.globals).to_kind(Kind::Double).reshape([1, GLOBALS as i64]),
            hears: Tensor::from_slice(&hears).reshape([n, n]),
            edges: Tensor::from_slice(&edges).reshape([n, n, EDGES as i64]),
            groups: graph.groups.clone(),
        }
    }

    /// exp(z) over its sum along the nodes that are heard: (n, n) → (n, n); 0 for nodes that hear none.
    fn softmax(&self, z: &Tensor) -> Tensor {
        let exp = z.exp() * &self.hears;
        let total = exp.sum_dim_intlist(&[1i64][..], true, Kind::Double);
        &exp / total.clamp_min(1e-300)
    }

    /// Mean over the nodes that are heard.
    fn mean(&self, hears: &Tensor, x: &Tensor) -> Tensor {
        hears.matmul(x) / hears.sum_dim_intlist(&[1i64][..], true, Kind::Double).clamp_min(1.0)
    }
}

fn sum(x: &Tensor) -> Tensor {
    x.sum_dim_intlist(&[0i64][..], true, Kind::Double)
}

fn mean(x: &Tensor) -> Tensor {
    x.mean_dim(&[0i64][..], true, Kind::Double)
}

fn leaky(x: &Tensor, slope: f64) -> Tensor {
    x.clamp_min(0.0) + x.clamp_max(0.0) * slope
}

/// Compares the model of `config` with `dense`, which predicts one graph.
fn compare(config: &ModelConfig, dense: impl Fn(&Weights, &Dense) -> Tensor) {
    let _guard = tch::no_grad_guard();
    let (vs, model) = model(config, &[Quantity::Latency; 2]);
    let weights = Weights(vs.variables().into_iter().map(|(n, t)| (n, t.to_kind(Kind::Double))).collect());
    let options = config.batch_options(false);
    let expected: Vec<Tensor> = some().iter().map(|g| dense(&weights, &Dense::new(g, options.self_loops))).collect();
    let expected = Tensor::cat(&expected, 0).to_kind(Kind::Float);
    let whole = build(&some(), &BatchOptions { compressed: false, ..options });
    close(&model.forward(&whole, &[1], false).unwrap(), &expected);
    close(&model.forward(&build(&some(), &options), &[1], false).unwrap(), &expected);
}

#[test]
fn dnnperf() {
    let small = DnnPerfConfig { width: 8, hidden: vec![8, 4], slope: 0.1, ..DnnPerfConfig::default() };
    let channels = DnnPerfConfig { gate: AneeGate::Channels, ..small.clone() };
    for config in [small, channels, DnnPerfConfig::reimplementation()] {
        compare(&config.clone().into(), |weights, graph| {
            let (mut h, mut e) = match config.width {
                0 => (graph.nodes.shallow_clone(), graph.edges.shallow_clone()),
                _ => (weights.linear("project.nodes", &graph.nodes), weights.linear("project.edges", &graph.edges)),
            };
            for l in 0..config.layers {
                let layer = format!("graph.{}", if config.shared { 0 } else { l });
                let part = |name: &str, x: &Tensor| weights.linear(&format!("{layer}.{name}"), x);
                let heard = leaky(&part("node", &h), config.slope);
                let scores = part("destination", &heard) + part("source", &heard).tr();
                e = (scores.unsqueeze(2) * part("edge", &e)).sigmoid();
                let logits = part("gate", &e);
                let gates = match config.gate {
                    AneeGate::Edges => graph.softmax(&logits.squeeze_dim(2)).unsqueeze(2),
                    AneeGate::Channels => logits.softmax(2, Kind::Double),
                    AneeGate::Sigmoid => logits.sigmoid(),
                };
                let messages = gates * heard.unsqueeze(0) * graph.hears.unsqueeze(2);
                h = leaky(&messages.sum_dim_intlist(&[1i64][..], false, Kind::Double), config.slope);
            }
            let pooled = if config.mean { Tensor::cat(&[sum(&h), mean(&h)], 1) } else { sum(&h) };
            weights.head(&pooled).exp()
        });
    }
}

#[test]
fn slapp() {
    let config = SlappConfig { layers: 2, attention: 2, width: 4, hidden: vec![8, 4] };
    compare(&config.clone().into(), |weights, graph| {
        let (mut h, mut e) = (graph.nodes.shallow_clone(), graph.edges.shallow_clone());
        for l in 0..config.layers {
            let name = |part: &str| format!("graph.{l}.{part}");
            let (nodes, scored) = (weights.linear(&name("node"), &h), weights.linear(&name("edge_score"), &e));
            let valued = weights.linear(&name("edge_value"), &e);
            let head = |k: i64| {
                let of = |t: &Tensor, dim: i64| t.narrow(dim, k * config.width, config.width);
                let vector = |part: &str| weights.get(&name(part)).select(0, 0).narrow(0, k, 1).tr();
                let (x, scored, valued) = (of(&nodes, 1), of(&scored, 2), of(&valued, 2));
                let logits = x.matmul(&vector("att_dst")) + x.matmul(&vector("att_src")).tr();
                let logits = logits + scored.matmul(&vector("att_edge")).squeeze_dim(2);
                let alpha = graph.softmax(&leaky(&logits, 0.2));
                (alpha.unsqueeze(2) * (x.unsqueeze(0) + valued)).sum_dim_intlist(&[1i64][..], false, Kind::Double)
            };
            h = Tensor::cat(&(0..config.attention).map(head).collect::<Vec<_>>(), 1).elu();
            let (n, width) = h.size2().unwrap();
            let here = h.unsqueeze(1).expand([n, n, width], false);
            let there = h.unsqueeze(0).expand([n, n, width], false);
            e = Tensor::cat(&[here, there, e], 2).matmul(&weights.get(&name("update")).tr()).relu();
        }
        let count = graph.groups.iter().max().unwrap() + 1;
        let time = |g: u32| {
            let rows: Vec<i64> = (0..).zip(&graph.groups).filter(|(_, of)| **of == g).map(|(i, _)| i).collect();
            let rows = h.index_select(0, &Tensor::from_slice(&rows));
            weights.head(&Tensor::cat(&[mean(&rows), rows.amax(&[0i64][..], true)], 1)).softplus()
        };
        (0..count).map(time).reduce(|a, b| a + b).unwrap()
    });
}

#[test]
fn perfsage() {
    let config = PerfSageConfig { width: 8, hidden: vec![8, 4], ..PerfSageConfig::default() };
    compare(&config.clone().into(), |weights, graph| {
        let mut h = graph.nodes.shallow_clone();
        for l in 0..config.layers {
            let part = |name: &str, x: &Tensor| weights.linear(&format!("graph.{l}.{name}"), x);
            let before = part("lin_l", &graph.mean(&graph.hears, &h));
            let after = part("lin_t", &graph.mean(&graph.hears.tr(), &h));
            h = (before + after + part("lin_r", &h)).relu();
        }
        weights.head(&Tensor::cat(&[sum(&h), mean(&h)], 1)).softplus()
    });
}

#[test]
fn node_gcn() {
    let config = NodeGcnConfig { hidden: 8, ..NodeGcnConfig::default() };
    compare(&config.clone().into(), |weights, graph| {
        let root = graph.hears.sum_dim_intlist(&[1i64][..], true, Kind::Double).rsqrt();
        let matrix = &root * &graph.hears * root.tr();
        let layer = |h: Tensor, l: usize| {
            let part = |name: &str| weights.get(&format!("graph.{l}.{name}"));
            (matrix.matmul(&h).matmul(&part("lin.weight").tr()) + part("bias")).relu()
        };
        let h = (0..config.layers).fold(graph.nodes.shallow_clone(), layer);
        sum(&weights.head(&h).softplus())
    });
}

#[test]
fn tenset_mlp() {
    let config = TensetMlpConfig { hidden: 8, ..TensetMlpConfig::default() };
    compare(&config.into(), |weights, graph| {
        let rows = weights.linear("rows.1", &weights.linear("rows.0", &graph.nodes).relu()).relu();
        weights.head(&weights.residual(sum(&rows)))
    });
}

#[test]
fn tlp() {
    let config = TlpConfig { steps: vec![6, 8], heads: 2, hidden: vec![8, 4], ..TlpConfig::default() };
    compare(&config.clone().into(), |weights, graph| {
        let x = weights.linear("steps.1", &weights.linear("steps.0", &graph.nodes).relu()).relu();
        let x = &x + weights.attention("attention", &x, config.heads);
        sum(&weights.head(&weights.residual(x)))
    });
}

#[test]
fn pacm() {
    // Flows of three numbers: the last is not whole where there are not as many.
    let config = PacmConfig { hidden: 8, flow: 3, flows: vec![6, 8], heads: 2, ..PacmConfig::default() };
    compare(&config.clone().into(), |weights, graph| {
        let s = sum(&weights.linear("rows.1", &weights.linear("rows.0", &graph.nodes).relu()).relu());
        let count = (GLOBALS as i64 + 2) / 3;
        let zeros = Tensor::zeros([1, 3 * count - GLOBALS as i64], (Kind::Double, graph.globals.device()));
        let flows = Tensor::cat(&[&graph.globals, &zeros], 1).reshape([count, 3]);
        let f = weights.linear("flows.1", &weights.linear("flows.0", &flows).relu()).relu();
        let f = &f + weights.attention("attention", &f, config.heads);
        weights.head(&weights.residual(weights.linear("join", &Tensor::cat(&[&s, &sum(&f)], 1)).relu()))
    });
}

#[test]
fn gtuner() {
    let narrow = GtunerConfig { hidden: 8, width: 16, heads: 2, mlp: vec![8, 4], ..GtunerConfig::default() };
    let (bare, plain) =
        (GtunerConfig { layers: 0, ..narrow.clone() }, GtunerConfig { attention: false, ..narrow.clone() });
    for config in [narrow, bare, plain] {
        compare(&config.clone().into(), |weights, graph| {
            let layer = |h: Tensor, l: usize| {
                let part = |name: &str, x: &Tensor| weights.linear(&format!("graph.{l}.{name}"), x);
                (part("lin_rel", &graph.hears.matmul(&h)) + part("lin_root", &h)).relu()
            };
            let joined = match config.layers {
                0 => graph.globals.shallow_clone(),
                layers => {
                    let h = (0..layers).fold(graph.nodes.shallow_clone(), layer);
                    Tensor::cat(&[&mean(&h), &graph.globals], 1)
                }
            };
            let z = weights.linear("join", &joined).relu();
            let tokens = || z.reshape([config.heads, config.width / config.heads]);
            let a = if config.attention {
                weights.attention("attention", &tokens(), config.heads)
            } else {
                z.shallow_clone()
            };
            weights.head(&a.reshape([1, config.width]))
        });
    }
}

#[test]
fn gtuner_has_its_published_sizes() {
    let (vs, _) = model(&GtunerConfig::default().into(), &[Quantity::Latency]);
    let size = |name: &str| vs.variables().get(name).map(Tensor::size).unwrap_or_default();
    assert_eq!(size("join.weight"), [512, 64 + GLOBALS as i64]);
    // Four heads see four parts of 128 numbers.
    assert_eq!(size("attention.in_proj_weight"), [3 * 128, 128]);
    let mlp = (0..4).map(|l| size(&format!("heads.0.{l}.weight")));
    assert_eq!(mlp.collect::<Vec<_>>(), [[200, 512], [100, 200], [20, 100], [1, 20]]);
    assert_eq!(size("graph.1.lin_rel.weight"), [64, 64]);
}
