//! What holds for every model.

use tachograph_gnn::BatchOptions;
use tachograph_models::{
    BrpNasConfig, DippmConfig, DnnPerfConfig, Model, ModelConfig, NnlpConfig, NodeGcnConfig, OperatorSumConfig,
    PerfSageConfig, SlappConfig,
};
use tch::Tensor;

use crate::{
    close,
    graphs::{Sampled, build, model, some},
    values,
};

/// Every model, narrow and without dropout.
pub fn all() -> Vec<ModelConfig> {
    let dnnperf = DnnPerfConfig { width: 8, hidden: vec![8, 4], ..DnnPerfConfig::default() };
    let channels = DnnPerfConfig { gate: tachograph_gnn::AneeGate::Channels, ..dnnperf.clone() };
    vec![
        ModelConfig::Nnlp(NnlpConfig { hidden: 8, dropout: 0.0, ..NnlpConfig::default() }),
        ModelConfig::OperatorSum(OperatorSumConfig { hidden: 8, layers: 2 }),
        ModelConfig::Dippm(DippmConfig { hidden: 8, dropout: 0.0, ..DippmConfig::default() }),
        ModelConfig::DnnPerf(dnnperf),
        ModelConfig::DnnPerf(channels),
        ModelConfig::DnnPerf(DnnPerfConfig::reimplementation()),
        ModelConfig::Slapp(SlappConfig { width: 4, hidden: vec![8], ..SlappConfig::default() }),
        ModelConfig::NodeGcn(NodeGcnConfig { hidden: 8, ..NodeGcnConfig::default() }),
        ModelConfig::BrpNas(BrpNasConfig { hidden: 8, dropout: 0.0, ..BrpNasConfig::default() }),
        ModelConfig::PerfSage(PerfSageConfig { width: 8, hidden: vec![8], ..PerfSageConfig::default() }),
    ]
}

fn whole(config: &ModelConfig) -> BatchOptions {
    BatchOptions { compressed: false, ..config.batch_options(false) }
}

fn predict(model: &Model, graphs: &[Sampled], options: &BatchOptions) -> Tensor {
    tch::no_grad(|| model.forward(&build(graphs, options), &[0, 1], false).unwrap())
}

#[test]
fn a_batch_equals_its_parts_and_its_compressed_form() {
    for config in all() {
        let (_vs, model) = model(&config, 2);
        let y = predict(&model, &some(), &whole(&config));
        assert_eq!(y.size(), [3, 2], "{config:?}");
        let parts: Vec<Tensor> = some().into_iter().map(|g| predict(&model, &[g], &whole(&config))).collect();
        close(&y, &Tensor::cat(&parts, 0));
        close(&y, &predict(&model, &some(), &config.batch_options(false)));
        close(&y, &predict(&model, &some(), &config.batch_options(true)));
        let embedding = tch::no_grad(|| model.embed(&build(&some(), &whole(&config))).unwrap());
        assert_eq!(embedding.size()[0], 3, "{config:?}");
    }
}

#[test]
fn the_order_of_nodes_edges_and_groups_does_not_matter() {
    let shuffle = |g: &Sampled| g.permuted(&(0..g.len()).map(|i| (5 * i + 3) % g.len()).collect::<Vec<_>>());
    let shuffled: Vec<Sampled> = some().iter().map(shuffle).collect();
    for config in all() {
        let (_vs, model) = model(&config, 2);
        close(&predict(&model, &shuffled, &whole(&config)), &predict(&model, &some(), &whole(&config)));
    }
}

#[test]
fn a_gradient_reaches_every_parameter() {
    for config in all() {
        let (vs, model) = model(&config, 2);
        let y = model.forward(&build(&some(), &whole(&config)), &[0, 1], true).unwrap();
        y.square().sum(tch::Kind::Float).backward();
        for (name, parameter) in vs.variables() {
            // SLAPP's edges after the last layer go nowhere.
            let idle = matches!(config, ModelConfig::Slapp(_)) && name == "graph.2.update";
            let gradient = parameter.grad();
            let reached = gradient.defined() && values(&gradient).iter().any(|&g| g != 0.0);
            assert!(reached != idle, "{name} of {config:?}");
        }
    }
}

#[test]
fn heads_are_read_in_the_order_asked_for() {
    for config in all() {
        let (vs, model) = model(&config, 3);
        let batch = build(&some(), &whole(&config));
        let forward = |heads: &[usize]| tch::no_grad(|| model.forward(&batch, heads, false).unwrap());
        let (one, two) = (forward(&[2, 0]), forward(&[0, 1, 2]));
        close(&one.select(1, 0), &two.select(1, 2));
        close(&one.select(1, 1), &two.select(1, 0));
        let named = |d: usize| vs.variables().keys().any(|name| name.starts_with(&format!("heads.{d}.")));
        assert!(named(0) && named(2) && !named(3), "{config:?}");
        assert!(model.forward(&batch, &[3], false).is_err() && model.forward(&batch, &[], false).is_err());
    }
}

#[test]
fn the_time_of_a_network_is_the_sum_of_its_operators_where_they_have_one() {
    let mut with = 0;
    for config in all() {
        let (_vs, model) = model(&config, 2);
        let batch = build(&some(), &whole(&config));
        let Some(times) = tch::no_grad(|| model.operators(&batch, 1).unwrap()) else { continue };
        with += 1;
        assert_eq!(times.size(), [20]);
        close(
            &batch.graph_of_row.sum(&times.unsqueeze(1), None).unwrap(),
            &tch::no_grad(|| model.forward(&batch, &[1], false).unwrap()),
        );
    }
    assert_eq!(with, 2);
}

#[test]
fn what_a_batch_lacks_is_named() {
    let plain = BatchOptions { layers: 3, ..BatchOptions::default() };
    for (config, message) in [
        (&all()[7], None),
        (&all()[9], Some("the batch was built without `reverse`")),
        (&all()[6], Some("SLAPP reads groups, which the batch lacks")),
        (&all()[3], Some("DNNPerf reads edge features, which the batch lacks")),
    ] {
        let (_vs, model) = model(config, 1);
        let bare = |g: Sampled| Sampled { edge_features: vec![], groups: vec![], ..g };
        let graphs: Vec<Sampled> = some().into_iter().map(bare).collect();
        let views: Vec<_> = graphs.iter().map(Sampled::plain).collect();
        let batch = tachograph_gnn::GraphBatch::build(&views, &plain, tch::Device::Cpu).unwrap();
        let found = model.forward(&batch, &[0], false).err().map(|e| e.to_string());
        match message {
            Some(message) => assert!(found.as_ref().is_some_and(|f| f.contains(message)), "{found:?}"),
            None => assert_eq!(found, None),
        }
    }
}
