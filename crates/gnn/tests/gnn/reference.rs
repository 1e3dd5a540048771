//! Layers that PyTorch Geometric does not have, beside a second implementation that follows the equations node by
//! node and edge by edge; outputs and all gradients.

use std::collections::HashMap;

use serde_json::json;
use tachograph_gnn::{
    Anee, BatchOptions, Context, Conv, EdgeAttention, MultiHeadAttention, MultiHeadAttentionConfig, Pool, ResidualGcn,
    VectorAttention, key_padding, same_segment,
};
use tch::{Device, Kind, Tensor, nn};

use crate::{
    relative,
    zoo::{FEATURES, Graph, WIDTH, batch},
};

type Parameters = HashMap<String, Tensor>;

fn example() -> Graph {
    let edges = vec![(0, 1), (1, 2), (0, 2), (0, 2), (3, 3), (4, 0), (2, 4), (4, 2)];
    let number = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
    Graph {
        nodes: (0..6 * 3).map(number).collect(),
        features: (0..2 * edges.len()).map(|i| number(i + 100)).collect(),
        edges,
    }
}

/// The gradients of Σ sin(y) in all leaves.
fn gradients(outputs: &[Tensor], leaves: &mut [(String, Tensor)]) -> Vec<Tensor> {
    leaves.iter_mut().for_each(|(_, l)| l.zero_grad());
    let loss: Tensor = outputs.iter().map(|y| y.sin().sum(Kind::Double)).sum();
    loss.backward();
    leaves.iter().map(|(_, l)| if l.grad().defined() { l.grad().copy() } else { l.zeros_like() }).collect()
}

fn check(name: &str, found: &[Tensor], expected: &[Tensor], vs: &nn::VarStore, inputs: &[&Tensor]) {
    let mut leaves: Vec<(String, Tensor)> = vs.variables().into_iter().collect();
    leaves.extend(inputs.iter().map(|t| ("input".to_string(), t.shallow_clone())));
    for (a, b) in found.iter().zip(expected) {
        let error = relative(&a.detach(), &b.detach());
        assert!(error < 1e-12, "{name}: {error:e}");
    }
    let (found, expected) = (gradients(found, &mut leaves), gradients(expected, &mut leaves));
    for (((leaf, _), a), b) in leaves.iter().zip(found).zip(expected) {
        let error = (a - b).abs().max().double_value(&[]);
        assert!(error < 1e-12, "{name}: {leaf} {error:e}");
    }
}

fn leaky(x: &Tensor, slope: f64) -> Tensor {
    x.clamp_min(0.0) + x.clamp_max(0.0) * slope
}

fn linear(p: &Parameters, name: &str, x: &Tensor) -> Tensor {
    let y = x.matmul(&p[&format!("{name}.weight")].tr());
    match p.get(&format!("{name}.bias")) {
        Some(bias) => y + bias,
        None => y,
    }
}

/// For each node, the sum of `message(edge, source, destination)` over the edges into it.
fn gather(edges: &[(i64, i64)], nodes: i64, width: i64, message: impl Fn(i64, i64, i64) -> Tensor) -> Tensor {
    let row = |i: i64| {
        let into = edges.iter().zip(0..).filter(|((_, d), _)| *d == i);
        into.fold(Tensor::zeros([width], (Kind::Double, Device::Cpu)), |sum, (&(s, d), k)| sum + message(k, s, d))
    };
    Tensor::stack(&(0..nodes).map(row).collect::<Vec<_>>(), 0)
}

/// exp over its sum along the edges with the same destination, column by column.
fn softmax(edges: &[(i64, i64)], logits: &Tensor) -> Tensor {
    let rows = edges.iter().zip(0..).map(|(&(_, d), k)| {
        let same = edges.iter().zip(0..).filter(|((_, other), _)| *other == d);
        let total: Tensor = same.map(|(_, other)| logits.get(other).exp()).sum();
        logits.get(k).exp() / total
    });
    Tensor::stack(&rows.collect::<Vec<_>>(), 0)
}

struct Setting {
    vs: nn::VarStore,
    batch: tachograph_gnn::GraphBatch,
    edges: Vec<(i64, i64)>,
    x: Tensor,
    e: Tensor,
}

/// The example in f64, and its edges in the order of the batch.
fn setting<T>(options: BatchOptions, build: impl Fn(&nn::Path<'_>) -> T) -> (Setting, T) {
    tch::manual_seed(2);
    let mut vs = nn::VarStore::new(Device::Cpu);
    let layer = build(&vs.root());
    vs.double();
    let batch = batch(&[example()], &options, Device::Cpu);
    let hop = batch.layer_edges(0).unwrap();
    let ends = |t: &Tensor| Vec::<i64>::try_from(t).unwrap();
    let edges = ends(hop.edges.sources()).into_iter().zip(ends(hop.edges.destinations().unwrap())).collect();
    let x = batch.nodes.to_kind(Kind::Double).set_requires_grad(true);
    let e = hop.features.as_ref().unwrap().to_kind(Kind::Double).set_requires_grad(true);
    (Setting { vs, batch, edges, x, e }, layer)
}

#[test]
fn anee_follows_its_equations() {
    for gate in ["edges", "channels"] {
        let config = serde_json::from_value(json!({"edge_features": FEATURES, "gate": gate})).unwrap();
        let (s, layer) = setting(BatchOptions::default(), |vs| Anee::new(vs, WIDTH, 4, config).unwrap());
        let context = Context { edges: Some(&s.e), ..Context::default() };
        let (nodes, edges) = layer.encode(&s.x, s.batch.layer_edges(0).unwrap(), &context).unwrap();

        let p = s.vs.variables();
        let h = leaky(&linear(&p, "node", &s.x), 0.01);
        let edge = |(&(from, to), k): (&(i64, i64), i64)| {
            let attention = linear(&p, "source", &h.get(from)) + linear(&p, "destination", &h.get(to));
            (attention * linear(&p, "edge", &s.e.get(k))).sigmoid()
        };
        let expected_edges = Tensor::stack(&s.edges.iter().zip(0..).map(edge).collect::<Vec<_>>(), 0);
        let logits = linear(&p, "gate", &expected_edges);
        let share = if gate == "edges" { softmax(&s.edges, &logits) } else { logits.softmax(1, Kind::Double) };
        let sums = gather(&s.edges, 6, 4, |k, from, _| share.get(k) * h.get(from));
        check(gate, &[nodes, edges], &[leaky(&sums, 0.01), expected_edges], &s.vs, &[&s.x, &s.e]);
    }
}

#[test]
fn edge_aware_attention_follows_its_equations() {
    let config = serde_json::from_value(json!({"edge_features": FEATURES, "heads": 2})).unwrap();
    let (s, layer) = setting(BatchOptions::default(), |vs| EdgeAttention::new(vs, WIDTH, 4, config).unwrap());
    let hop = s.batch.layer_edges(0).unwrap();
    let nodes = layer.forward(&s.x, hop, &Context { edges: Some(&s.e), ..Context::default() }).unwrap();
    let edges = layer.update(&nodes, hop, &s.e).unwrap();

    let p = s.vs.variables();
    let h = linear(&p, "node", &s.x).view([6, 2, 4]);
    let (u, v) = (linear(&p, "edge_score", &s.e).view([-1, 2, 4]), linear(&p, "edge_value", &s.e).view([-1, 2, 4]));
    let score = |(&(from, to), k): (&(i64, i64), i64)| {
        let mixed =
            p["att_src"].get(0) * h.get(from) + p["att_dst"].get(0) * h.get(to) + p["att_edge"].get(0) * u.get(k);
        leaky(&mixed.sum_dim_intlist(1i64, false, None), 0.2)
    };
    let share = softmax(&s.edges, &Tensor::stack(&s.edges.iter().zip(0..).map(score).collect::<Vec<_>>(), 0));
    let message = |k, from, _| (share.get(k).unsqueeze(1) * (h.get(from) + v.get(k))).flatten(0, 1);
    let expected = gather(&s.edges, 6, 8, message).elu();
    let edge = |(&(from, to), k): (&(i64, i64), i64)| {
        Tensor::cat(&[expected.get(to), expected.get(from), s.e.get(k)], 0).matmul(&p["update"].tr()).relu()
    };
    let expected_edges = Tensor::stack(&s.edges.iter().zip(0..).map(edge).collect::<Vec<_>>(), 0);
    check("edge-aware attention", &[nodes, edges], &[expected, expected_edges], &s.vs, &[&s.x, &s.e]);
}

/// (destinations, sources), counting repeated edges.
fn dense(edges: &[(u32, u32)], self_loops: bool) -> Tensor {
    let a = Tensor::zeros([6, 6], (Kind::Double, Device::Cpu));
    for &(s, d) in edges {
        _ = a.get(d.into()).get(s.into()).g_add_scalar_(1.0);
    }
    if self_loops { &a - a.diag(0).diag(0) + Tensor::eye(6, (Kind::Double, Device::Cpu)) } else { a }
}

#[test]
fn residual_gcns_follow_their_equations() {
    let mlp = |p: &Parameters, k: i64, x: &Tensor| {
        linear(p, &format!("{k}.1"), &leaky(&linear(p, &format!("{k}.0"), x), 0.2))
    };
    let options = BatchOptions { self_loops: true, reverse: true, ..BatchOptions::default() };
    let rows = |a: &Tensor| a / a.sum_dim_intlist(1i64, true, None).clamp_min(1.0);
    let a = dense(&example().edges, true);
    let (mean, reverse) = (rows(&a), rows(&a.tr()));
    let degrees = a.sum_dim_intlist(1i64, true, None);
    let symmetric = &a / (&degrees * degrees.tr()).sqrt();
    for (form, context) in [("tile", 0), ("tile_directed", 0), ("layout", 0), ("layout", 2), ("layout_asymmetric", 2)] {
        let config = serde_json::from_value(json!({"form": form, "context": context})).unwrap();
        let (s, layer) = setting(options, |vs| ResidualGcn::new(vs, WIDTH, WIDTH, config).unwrap());
        let c = (context > 0).then(|| (s.x.detach().narrow(1, 0, 2) * 3.0).set_requires_grad(true));
        let context = Context { nodes: c.as_ref(), ..Context::default() };
        let y = layer.forward(&s.x, s.batch.layer_edges(0).unwrap(), &context).unwrap();

        let p = s.vs.variables();
        let h = leaky(&s.x, 0.2);
        let beside = c.as_ref().map_or(s.x.shallow_clone(), |c| Tensor::cat(&[c, &s.x], 1));
        let update = match form {
            "tile" => mlp(&p, 0, &(mean.matmul(&h) + mean.tr().matmul(&h) + &h)),
            "tile_directed" => mlp(&p, 0, &mean.matmul(&h)) + mlp(&p, 1, &mean.tr().matmul(&h)) + mlp(&p, 2, &h),
            "layout" => leaky(&mlp(&p, 0, &symmetric.matmul(&beside)), 0.2),
            _ => leaky(&mlp(&p, 0, &Tensor::cat(&[mean.matmul(&beside), reverse.matmul(&beside)], 1)), 0.2),
        };
        let inputs: Vec<&Tensor> = std::iter::once(&s.x).chain(&c).collect();
        check(form, &[y], &[&s.x + update], &s.vs, &inputs);
    }
}

/// One head after the other, one row after the other.
fn attend(p: &Parameters, x: &Tensor, heads: i64, sees: impl Fn(i64, i64) -> bool) -> Tensor {
    let (tokens, width) = x.size2().unwrap();
    let bias = |name: &str| p.get(name).map_or(Tensor::zeros([1], (Kind::Double, Device::Cpu)), Tensor::shallow_clone);
    let qkv = x.matmul(&p["in_proj_weight"].tr()) + bias("in_proj_bias");
    let d = width / heads;
    let part = |which: i64, head: i64| qkv.narrow(1, which * width + head * d, d);
    let row = |i: i64| {
        let head = |h: i64| {
            let seen: Vec<i64> = (0..tokens).filter(|&j| sees(i, j)).collect();
            let seen = Tensor::from_slice(&seen);
            let scores = part(1, h).index_select(0, &seen).matmul(&part(0, h).get(i)) / (d as f64).sqrt();
            scores.softmax(0, Kind::Double).matmul(&part(2, h).index_select(0, &seen))
        };
        Tensor::cat(&(0..heads).map(head).collect::<Vec<_>>(), 0)
    };
    let y = Tensor::stack(&(0..tokens).map(row).collect::<Vec<_>>(), 0);
    y.matmul(&p["out_proj.weight"].tr()) + bias("out_proj.bias")
}

#[test]
fn masks_hide_what_they_say() {
    tch::manual_seed(4);
    let mut vs = nn::VarStore::new(Device::Cpu);
    let config = MultiHeadAttentionConfig { heads: 2, ..MultiHeadAttentionConfig::default() };
    let layer = MultiHeadAttention::new(&vs.root(), 6, config).unwrap();
    vs.double();
    let x = Tensor::randn([2, 5, 6], (Kind::Double, Device::Cpu)).set_requires_grad(true);
    let p = vs.variables();

    let lengths = [3i64, 5];
    let mask = key_padding(&Tensor::from_slice(&lengths), 5).unwrap();
    let found = layer.forward(&x, Some(&mask), false).unwrap();
    let rows: Vec<Tensor> = (0..2).map(|b| attend(&p, &x.get(b), 2, |_, j| j < lengths[b as usize])).collect();
    check("key padding", &[found], &[Tensor::stack(&rows, 0)], &vs, &[&x]);

    let segments = [[0i64, 0, 1, 1, 1], [2, 3, 2, 3, 2]];
    let mask = same_segment(&Tensor::from_slice(&segments.concat()).view([2, 5])).unwrap();
    let found = layer.forward(&x, Some(&mask), false).unwrap();
    let same = |b: i64, i: i64, j: i64| segments[b as usize][i as usize] == segments[b as usize][j as usize];
    let rows: Vec<Tensor> = (0..2).map(|b| attend(&p, &x.get(b), 2, |i, j| same(b, i, j))).collect();
    check("segments", &[found], &[Tensor::stack(&rows, 0)], &vs, &[&x]);
}

#[test]
fn gtuner_attention_cuts_the_vector_into_tokens() {
    tch::manual_seed(4);
    let mut vs = nn::VarStore::new(Device::Cpu);
    let config = MultiHeadAttentionConfig { heads: 4, bias: false, dropout: 0.0 };
    let layer = VectorAttention::new(&vs.root(), 32, config).unwrap();
    vs.double();
    let x = Tensor::randn([3, 32], (Kind::Double, Device::Cpu)).set_requires_grad(true);
    let p = vs.variables();
    let row = |b| attend(&p, &x.get(b).view([4, 8]), 4, |_, _| true).flatten(0, 1);
    let expected = Tensor::stack(&(0..3).map(row).collect::<Vec<_>>(), 0);
    check("GTuner", &[layer.forward(&x, false).unwrap()], &[expected], &vs, &[&x]);
}

#[test]
fn attention_over_nodes_skips_graphs_without_any() {
    tch::manual_seed(4);
    let mut vs = nn::VarStore::new(Device::Cpu);
    let layer = MultiHeadAttention::new(&vs.root(), WIDTH, MultiHeadAttentionConfig::default()).unwrap();
    vs.double();
    let nothing = Graph { nodes: vec![], edges: vec![], features: vec![] };
    let all = [nothing.clone(), example(), nothing.clone(), example(), nothing];
    let batch = batch(&all, &BatchOptions::default(), Device::Cpu);
    let x = (batch.nodes.to_kind(Kind::Double) * Tensor::arange(12, (Kind::Double, Device::Cpu)).unsqueeze(1))
        .set_requires_grad(true);
    let found = layer.forward_nodes(&x, &batch.graph_of_row, true).unwrap();
    let p = vs.variables();
    let parts = [0, 6].map(|start| attend(&p, &x.narrow(0, start, 6), 1, |_, _| true));
    check("nodes", &[found], &[Tensor::cat(&parts, 0)], &vs, &[&x]);
}

#[test]
fn pools_over_some_nodes_are_pools_of_those() {
    let graphs = [example(), example()];
    let whole = batch(&graphs, &BatchOptions::default(), Device::Cpu);
    let x = whole.nodes.to_kind(Kind::Double);
    let chosen: Vec<bool> = (0..12).map(|i| [0, 3, 4].contains(&i)).collect();
    for pool in [Pool::Sum, Pool::Mean, Pool::Max, Pool::NormalizedSum] {
        let found = pool.apply_to(&whole.graph_of_row, &x, &Tensor::from_slice(&chosen)).unwrap();
        let rows = x.index_select(0, &Tensor::from_slice(&[0i64, 3, 4]));
        let sum = rows.sum_dim_intlist(0i64, false, None);
        let expected = match pool {
            Pool::Sum => sum,
            Pool::Mean => sum / 3.0,
            Pool::Max => rows.amax([0i64].as_slice(), false),
            Pool::NormalizedSum => &sum / sum.norm(),
        };
        assert!(relative(&found.get(0), &expected) < 1e-12, "{pool:?}");
        assert_eq!(found.get(1).abs().max().double_value(&[]), 0.0, "{pool:?}");
    }
}
