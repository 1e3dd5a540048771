//! What layers refuse, and how they say it.

use tachograph_gnn::{
    Anee, AneeConfig, AttentionPool, AttentionPoolConfig, BatchNorm, BatchNormConfig, BatchOptions, EdgeAttention,
    EdgeAttentionConfig, Error, Gat, GatConfig, GatV2, GatV2Config, Gcn, GcnConfig, Gin, GinConfig, GraphConv,
    GraphConvConfig, GraphNorm, GraphNormConfig, MultiHeadAttention, MultiHeadAttentionConfig, Pool, ResidualForm,
    ResidualGcn, ResidualGcnConfig, Sage, SageConfig, VectorAttention, check_finite,
};
use tch::{Device, Kind, Tensor, nn};

use crate::zoo::{Graph, batch};

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

    let gcn = |inputs| Gcn::new(&(&root / "gcn"), inputs, 4, GcnConfig::default()).unwrap();
    assert_eq!(message(gcn(5).forward(x, hop, None)), "GCN: input of shape [4, 3], expected (nodes, 5)");
    assert_eq!(message(gcn(3).forward(x, hop, Some(&w))), "GCN: edge weights of shape [5], expected [2]");
    let sage = |inputs, config| Sage::new(&(&root / "sage"), inputs, 4, config).unwrap();
    let wrong = sage(5, SageConfig::default()).forward(x, hop);
    assert_eq!(message(wrong), "GraphSAGE: input of shape [4, 3], expected (nodes, 5)");
    let wrong = sage(3, SageConfig { directed: true, ..SageConfig::default() }).forward(x, hop);
    assert!(message(wrong).contains("built without `reverse`"));
    let gat = Gat::new(&(&root / "gat"), 3, 4, GatConfig { edge_features: 2, ..GatConfig::default() }).unwrap();
    assert_eq!(message(gat.forward(x, hop, None, false)), "GAT: no edge features, expected (2, 2)");
    assert_eq!(message(gat.forward(x, hop, Some(&e), false)), "GAT: edge features of shape [2, 3], expected [2, 2]");
    let gat = GatV2::new(&(&root / "gatv2"), 3, 4, GatV2Config::default()).unwrap();
    assert_eq!(message(gat.forward(x, hop, Some(&e), false)), "GATv2: edge features of shape [2, 3], expected [2, 0]");
    let conv = GraphConv::new(&(&root / "conv"), 3, 4, GraphConvConfig::default()).unwrap();
    assert_eq!(message(conv.forward(x, hop, Some(&w))), "GraphConv: edge weights of shape [5], expected [2]");
    let gin = Gin::new(&(&root / "gin"), 4, 4, GinConfig::default()).unwrap();
    assert_eq!(message(gin.forward(x, hop)), "GIN: input of shape [4, 3], expected (nodes, 4)");
    let anee = Anee::new(&(&root / "anee"), 3, 4, AneeConfig::default()).unwrap();
    assert_eq!(message(anee.forward(x, hop, &e)), "ANEE: edge features of shape [2, 3], expected [2, 1]");
    let edge = EdgeAttention::new(&(&root / "edge"), 3, 4, EdgeAttentionConfig::default()).unwrap();
    let wrong = edge.update(x, hop, &right);
    assert_eq!(message(wrong), "edge-aware attention: nodes for edges of shape [4, 3], expected (nodes, 16)");
    let config = ResidualGcnConfig { form: ResidualForm::Layout, context: 2, ..ResidualGcnConfig::default() };
    let residual = ResidualGcn::new(&(&root / "residual"), 3, config).unwrap();
    assert_eq!(message(residual.forward(x, hop, None)), "residual GCN: no context, expected (4, 2)");
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
    assert_eq!(message(ResidualGcn::new(&root, 3, config)), "residual GCN: a context of width 2 in Tile");
    assert!(serde_json::from_str::<GatConfig>(r#"{"head": 2}"#).is_err());
}

#[test]
fn statistics_of_whole_graphs_refuse_compressed_batches() {
    let vs = nn::VarStore::new(Device::Cpu);
    let options = BatchOptions { compressed: true, ..BatchOptions::default() };
    let batch = batch(&[graph(), graph()], &options, Device::Cpu);
    let norm = GraphNorm::new(&vs.root(), 3, GraphNormConfig::default()).unwrap();
    let rows = Tensor::ones([batch.graph_of_row.columns(), 3], (Kind::Float, Device::Cpu));
    assert!(message(norm.forward(&rows, &batch.graph_of_row)).contains("every node must be there once"));
    let gcn = Gcn::new(&vs.root(), 3, 4, GcnConfig::default()).unwrap();
    let hop = batch.layer_edges(0).unwrap();
    let weights = Tensor::ones([hop.edges.len()], (Kind::Float, Device::Cpu));
    let wrong = message(gcn.forward(&batch.nodes, hop, Some(&weights)));
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
