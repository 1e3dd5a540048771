//! NNLP.

use tachograph_gnn::GraphBatch;
use tachograph_ir::Quantity;
use tachograph_models::{Network, NnlpConfig};
use tch::nn;

use crate::{GLOBALS, WIDTH, batch, values};

fn model(outputs: usize, config: &NnlpConfig) -> (nn::VarStore, Box<dyn Network>) {
    crate::network(config.clone(), [WIDTH, 0, GLOBALS], &vec![Quantity::Latency; outputs])
}

fn forward(model: &dyn Network, batch: &GraphBatch, train: bool) -> tch::Tensor {
    tch::no_grad(|| model.forward(batch, &[0], train).unwrap())
}

#[test]
fn the_published_shape() {
    let (vs, _) = model(1, &NnlpConfig::default());
    let mut found: Vec<(String, Vec<i64>)> = vs.variables().into_iter().map(|(n, t)| (n, t.size())).collect();
    found.sort();
    let expected: [(&str, &[i64]); 12] = [
        ("graph.0.lin_l.bias", &[512]),
        ("graph.0.lin_l.weight", &[512, 44]),
        ("graph.0.lin_r.weight", &[512, 44]),
        ("graph.1.lin_l.bias", &[512]),
        ("graph.1.lin_l.weight", &[512, 512]),
        ("graph.1.lin_r.weight", &[512, 512]),
        ("heads.0.0.bias", &[512]),
        ("heads.0.0.weight", &[512, 516]),
        ("heads.0.1.bias", &[512]),
        ("heads.0.1.weight", &[512, 512]),
        ("heads.0.2.bias", &[1]),
        ("heads.0.2.weight", &[1, 512]),
    ];
    let expected: Vec<(String, Vec<i64>)> = expected.into_iter().map(|(n, s)| (n.into(), s.into())).collect();
    assert_eq!(found, expected);
}

#[test]
fn embedded_globals_widen_the_heads() {
    let (vs, model) = model(1, &NnlpConfig { embed_globals: true, ..NnlpConfig::default() });
    assert_eq!(vs.variables()["globals.weight"].size(), [512, 4]);
    assert_eq!(vs.variables()["heads.0.0.weight"].size(), [512, 1024]);
    assert_eq!(forward(model.as_ref(), &batch(2, false), false).size(), [3, 1]);
}

#[test]
fn predictions_are_positive_and_evaluation_is_deterministic() {
    let (_vs, model) = model(1, &NnlpConfig::default());
    let batch = batch(2, false);
    let y = forward(model.as_ref(), &batch, false);
    assert_eq!(y.size(), [3, 1]);
    assert!(values(&y).iter().all(|&y| y > 0.0));
    assert_eq!(values(&y), values(&forward(model.as_ref(), &batch, false)));
}

#[test]
fn dropout_acts_in_training_only_and_where_it_is_asked_for() {
    let (vs, dropping) = model(1, &NnlpConfig { dropout: 0.5, ..NnlpConfig::default() });
    let (mut other, plain) = model(1, &NnlpConfig { dropout: 0.0, ..NnlpConfig::default() });
    other.copy(&vs).unwrap();
    let batch = batch(2, false);
    let y = values(&forward(dropping.as_ref(), &batch, false));
    assert_ne!(values(&forward(dropping.as_ref(), &batch, true)), y);
    assert_eq!(values(&forward(plain.as_ref(), &batch, true)), y);
    assert_eq!(values(&forward(plain.as_ref(), &batch, false)), y);
}
