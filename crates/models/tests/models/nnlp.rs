//! NNLP.

use tachograph_gnn::GraphBatch;
use tachograph_models::{Nnlp, NnlpConfig};
use tch::{Device, nn};

use crate::{GLOBALS, WIDTH, batch, close, values};

fn model(outputs: usize, config: &NnlpConfig) -> (nn::VarStore, Nnlp) {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = Nnlp::new(&vs.root(), WIDTH as i64, GLOBALS as i64, outputs, config).unwrap();
    (vs, model)
}

fn forward(model: &Nnlp, batch: &GraphBatch, train: bool) -> tch::Tensor {
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
    assert_eq!(forward(&model, &batch(2, false), false).size(), [3, 1]);
}

#[test]
fn predictions_are_positive_and_evaluation_is_deterministic() {
    let (_vs, model) = model(1, &NnlpConfig::default());
    let batch = batch(2, false);
    let y = forward(&model, &batch, false);
    assert_eq!(y.size(), [3, 1]);
    assert!(values(&y).iter().all(|&y| y > 0.0));
    assert_eq!(values(&y), values(&forward(&model, &batch, false)));
}

#[test]
fn dropout_acts_in_training_only_and_where_it_is_asked_for() {
    let (vs, dropping) = model(1, &NnlpConfig { dropout: 0.5, ..NnlpConfig::default() });
    let (mut other, plain) = model(1, &NnlpConfig { dropout: 0.0, ..NnlpConfig::default() });
    other.copy(&vs).unwrap();
    let batch = batch(2, false);
    let y = values(&forward(&dropping, &batch, false));
    assert_ne!(values(&forward(&dropping, &batch, true)), y);
    assert_eq!(values(&forward(&plain, &batch, true)), y);
    assert_eq!(values(&forward(&plain, &batch, false)), y);
}

#[test]
fn a_compressed_batch_gives_the_same() {
    let (_vs, model) = model(1, &NnlpConfig::default());
    close(&forward(&model, &batch(2, true), false), &forward(&model, &batch(2, false), false));
}

#[test]
fn an_output_without_a_head_and_a_short_batch_are_errors() {
    let (_vs, model) = model(2, &NnlpConfig::default());
    assert!(model.forward(&batch(2, false), &[1], false).is_ok());
    let error = model.forward(&batch(2, false), &[1, 2], false).unwrap_err().to_string();
    assert_eq!(error, "output 2 of a model with 2 heads");
    assert_eq!(model.forward(&batch(2, false), &[], false).unwrap_err().to_string(), "no output was asked for");
    let error = model.forward(&batch(1, false), &[0], false).unwrap_err().to_string();
    assert!(error.contains("layer 1 of a batch built for 1 layers"), "{error}");
}

#[test]
fn heads_side_by_side_give_what_each_gives_alone() {
    let (_vs, model) = model(3, &NnlpConfig { hidden: 32, ..NnlpConfig::default() });
    let batch = batch(2, false);
    let together = model.forward(&batch, &[2, 0], false).unwrap();
    assert_eq!(together.size(), [3, 2]);
    for (column, head) in [(0, 2), (1, 0)] {
        assert_eq!(values(&together.narrow(1, column, 1)), values(&model.forward(&batch, &[head], false).unwrap()));
    }
}
