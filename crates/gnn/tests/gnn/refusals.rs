//! What layers refuse, and how they say it.

use tachograph_gnn::{
    Anee, AneeConfig, AttentionPool, AttentionPoolConfig, BatchNorm, BatchNormConfig, BatchOptions, Context, Conv,
    EdgeAttention, EdgeAttentionConfig, Error, Gat, GatConfig, GatV2, GatV2Config, Gcn, GcnConfig, Gin, GinConfig,
    GraphBatch, GraphConv, GraphConvConfig, GraphNorm, GraphNormConfig, GraphRef, LayerConfig, MultiHeadAttention,
    MultiHeadAttentionConfig, Pool, ResidualForm, ResidualGcn, ResidualGcnConfig, Sage, SageConfig, VectorAttention,
    check_finite,
};
use tch::{Device, Kind, Tensor, nn};

use crate::zoo::{FEATURES, Graph, WIDTH, batch, cases};

fn graph() -> Graph {
    Graph { nodes: [1.0, 2.0, 3.0].repeat(4), edges: vec![(0, 1), (1, 2)], features: vec![1.0; 4] }
}

fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn wrong_shapes_are_named_with_the_layer() {
    let vs = nn::VarStore::new(Device::Cpu);
    let root = vs.root();
    let batch = batch(&[graph()], &BatchOptions::default(), Device::Cpu);
    let (hop, x) = (batch.layer_edges(0).unwrap(), &batch.nodes);
    let (e, w) = (Tensor::ones([2, 3], (Kind::Float, Device::Cpu)), Tensor::ones([5], (Kind::Float, Device::Cpu)));
    let right = Tensor::ones([2, 1], (Kind::Float, Device::Cpu));

    let none = Context::default();
    let with = |edges| Context { edges: Some(edges), ..Context::default() };
    let gcn = |inputs, edge_features| {
        Gcn::new(&(&root / "gcn"), inputs, 4, GcnConfig { edge_features, ..GcnConfig::default() }).unwrap()
    };
    assert_eq!(message(gcn(5, 0).forward(x, hop, &none)), "GCN: input of shape [4, 3], expected (nodes, 5)");
    assert_eq!(message(gcn(3, 1).forward(x, hop, &with(&w))), "GCN: edge features of shape [5], expected [2, 1]");
    let sage = |inputs, config| Sage::new(&(&root / "sage"), inputs, 4, config).unwrap();
    let wrong = sage(5, SageConfig::default()).forward(x, hop, &none);
    assert_eq!(message(wrong), "GraphSAGE: input of shape [4, 3], expected (nodes, 5)");
    let wrong = sage(3, SageConfig { directed: true, ..SageConfig::default() }).forward(x, hop, &none);
    assert!(message(wrong).contains("built without `reverse`"));
    let gat = Gat::new(&(&root / "gat"), 3, 4, GatConfig { edge_features: 2, ..GatConfig::default() }).unwrap();
    let bare = GraphRef { nodes: &[1.0; 12], width: 3, edges: &[(0, 1), (1, 2)], ..GraphRef::default() };
    let bare = GraphBatch::new(&[bare], 1, Device::Cpu).unwrap();
    let wrong = gat.forward(&bare.nodes, bare.layer_edges(0).unwrap(), &none);
    assert_eq!(message(wrong), "GAT: no edge features, expected [2, 2]");
    assert_eq!(message(gat.forward(x, hop, &with(&e))), "GAT: edge features of shape [2, 3], expected [2, 2]");
    let gat = GatV2::new(&(&root / "gatv2"), 3, 4, GatV2Config::default()).unwrap();
    assert_eq!(message(gat.forward(x, hop, &with(&e))), "GATv2: edge features of shape [2, 3], expected [2, 0]");
    let conv =
        GraphConv::new(&(&root / "conv"), 3, 4, GraphConvConfig { edge_features: 1, ..GraphConvConfig::default() })
            .unwrap();
    assert_eq!(message(conv.forward(x, hop, &with(&w))), "GraphConv: edge features of shape [5], expected [2, 1]");
    let gin = Gin::new(&(&root / "gin"), 4, 4, GinConfig::default()).unwrap();
    assert_eq!(message(gin.forward(x, hop, &none)), "GIN: input of shape [4, 3], expected (nodes, 4)");
    let anee = Anee::new(&(&root / "anee"), 3, 4, AneeConfig::default()).unwrap();
    assert_eq!(message(anee.forward(x, hop, &with(&e))), "ANEE: edge features of shape [2, 3], expected [2, 1]");
    let edge = EdgeAttention::new(&(&root / "edge"), 3, 4, EdgeAttentionConfig::default()).unwrap();
    let wrong = edge.update(x, hop, &right);
    assert_eq!(message(wrong), "edge-aware attention: nodes for edges of shape [4, 3], expected (nodes, 16)");
    let config = ResidualGcnConfig { form: ResidualForm::Layout, context: 2, ..ResidualGcnConfig::default() };
    let residual = ResidualGcn::new(&(&root / "residual"), 3, 3, config).unwrap();
    assert_eq!(message(residual.forward(x, hop, &none)), "residual GCN: no context, expected [4, 2]");
    let norm = BatchNorm::new(&(&root / "norm"), 4, BatchNormConfig::default()).unwrap();
    assert_eq!(message(norm.forward(x, true)), "batch norm: input of shape [4, 3], expected (nodes, 4)");
    let pool = AttentionPool::new(&(&root / "pool"), 4, 4, AttentionPoolConfig::default()).unwrap();
    assert_eq!(message(pool.forward(x, &batch.graph_of_row)), "read-out: input of shape [4, 3], expected (nodes, 4)");
    let wrong = Pool::Mean.apply_to(&batch.graph_of_row, x, &w);
    assert_eq!(message(wrong), "read-out: chosen nodes of shape [5], expected [4]");
    let attention = MultiHeadAttention::new(&(&root / "mha"), 4, MultiHeadAttentionConfig::default()).unwrap();
    let wrong = attention.forward(x, None, false);
    assert_eq!(message(wrong), "multi-head attention: input of shape [4, 3], expected (batch, tokens, 4)");
}

/// Whatever the layer: wrong widths, a batch without what it needs, and settings that it does not have.
#[test]
fn every_layer_refuses_what_does_not_fit_it() {
    let whole = BatchOptions { self_loops: true, reverse: true, ..BatchOptions::default() };
    let ones = |shape: [i64; 2]| Tensor::ones(shape, (Kind::Float, Device::Cpu));
    for case in cases() {
        let (vs, kind) = (nn::VarStore::new(Device::Cpu), case.config.kind());
        let layer = case.config.layer(&vs.root(), WIDTH, WIDTH).unwrap();
        let full = batch(&[graph()], &whole, Device::Cpu);
        let edges = full.layer_edges(0).unwrap();
        let wrong = message(layer.forward(&ones([4, WIDTH + 1]), edges, &Context::default()));
        assert!(wrong.ends_with("input of shape [4, 4], expected (nodes, 3)"), "{kind}: {wrong}");
        if layer.edge_features() > 0 {
            let e = ones([edges.edges.len(), FEATURES + 1]);
            let wrong = message(layer.forward(&full.nodes, edges, &Context { edges: Some(&e), ..Context::default() }));
            assert!(wrong.contains("edge features of shape"), "{kind}: {wrong}");
        }
        if case.options.reverse {
            let plain = batch(&[graph()], &BatchOptions::default(), Device::Cpu);
            let wrong = layer.forward(&plain.nodes, plain.layer_edges(0).unwrap(), &Context::default());
            assert!(message(wrong).contains("built without `reverse`"), "{kind}");
        }
    }
}

#[test]
fn the_config_of_every_layer_round_trips_and_refuses_what_it_does_not_know() {
    for case in cases() {
        let json = serde_json::to_string(&case.config).unwrap();
        assert_eq!(serde_json::from_str::<LayerConfig>(&json).unwrap(), case.config);
        let text = toml::to_string(&case.config).unwrap();
        assert_eq!(toml::from_str::<LayerConfig>(&text).unwrap(), case.config);
        let wrong = toml::from_str::<LayerConfig>(&format!("{text}\nnonsense = 1")).unwrap_err();
        let expected = format!("layer `{}`: unknown field `nonsense`", case.config.kind());
        assert!(wrong.message().starts_with(&expected), "{wrong}");
    }
    let wrong = |text| toml::from_str::<LayerConfig>(text).unwrap_err().message().to_owned();
    assert!(wrong("kind = 'gnc'").starts_with("no layer `gnc`; there are anee, "));
    assert_eq!(wrong("heads = 2"), "missing field `kind`");
}

#[test]
fn impossible_settings_are_refused() {
    let vs = nn::VarStore::new(Device::Cpu);
    let root = vs.root();
    let heads = MultiHeadAttentionConfig { heads: 3, ..MultiHeadAttentionConfig::default() };
    let wrong = message(MultiHeadAttention::new(&root, 8, heads));
    assert_eq!(wrong, "multi-head attention: 3 heads do not divide a width of 8");
    let wrong = message(VectorAttention::new(&root, 8, heads));
    assert_eq!(wrong, "multi-head attention: 3 tokens do not divide a vector of length 8");
    let wrong = message(Gat::new(&root, 3, 4, GatConfig { heads: 0, ..GatConfig::default() }));
    assert_eq!(wrong, "GAT: number of heads is 0, expected at least 1");
    let wrong = message(AttentionPool::new(&root, 3, 4, AttentionPoolConfig::default()));
    assert_eq!(wrong, "read-out: 3 channels cannot become 4 without a projection");
    let config = ResidualGcnConfig { context: 2, ..ResidualGcnConfig::default() };
    assert_eq!(message(ResidualGcn::new(&root, 3, 3, config)), "residual GCN: a context of width 2 in Tile");
    let wrong = message(ResidualGcn::new(&root, 3, 4, ResidualGcnConfig::default()));
    assert_eq!(wrong, "residual GCN: 3 channels in and 4 out: a residual block keeps the width");
}

#[test]
fn statistics_of_whole_graphs_refuse_compressed_batches() {
    let vs = nn::VarStore::new(Device::Cpu);
    let options = BatchOptions { compressed: true, ..BatchOptions::default() };
    let batch = batch(&[graph(), graph()], &options, Device::Cpu);
    let norm = GraphNorm::new(&vs.root(), 3, GraphNormConfig::default()).unwrap();
    let rows = Tensor::ones([batch.graph_of_row.columns(), 3], (Kind::Float, Device::Cpu));
    assert!(message(norm.forward(&rows, &batch.graph_of_row)).contains("every node must be there once"));
    let gcn = Gcn::new(&vs.root(), 3, 4, GcnConfig { edge_features: 2, ..GcnConfig::default() }).unwrap();
    let hop = batch.layer_edges(0).unwrap();
    let wrong = message(gcn.forward(&batch.nodes, hop, &Context::default()));
    assert_eq!(wrong, "GCN: weighted degrees are not known to a compressed batch");
}

#[test]
fn a_checkpoint_with_nan_is_refused_by_parameter() {
    let vs = nn::VarStore::new(Device::Cpu);
    let _layer = Sage::new(&(vs.root() / "first"), 3, 4, SageConfig::default()).unwrap();
    check_finite(&vs).unwrap();
    let mut weight = vs.variables()["first.lin_r.weight"].shallow_clone();
    tch::no_grad(|| _ = weight.get(1).fill_(f64::NAN));
    assert_eq!(message(check_finite(&vs)), "parameter first.lin_r.weight: 3 of 12 numbers are not finite");
    tch::no_grad(|| _ = weight.fill_(f64::INFINITY));
    assert_eq!(message(check_finite(&vs)), "parameter first.lin_r.weight: 12 of 12 numbers are not finite");
}
