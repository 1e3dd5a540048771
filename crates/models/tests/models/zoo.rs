//! What holds for every registered predictor.

use tachograph_gnn::{BatchOptions, GraphBatch};
use tachograph_ir::Quantity::{self, Energy, Latency, Memory};
use tachograph_models::{ModelConfig, Network, predictors};
use tch::{Device, Kind, Tensor};

use crate::{
    close,
    graphs::{EDGES, GLOBALS, NODES, Sampled, build, model, some},
    schema, values,
};

/// Every predictor, narrow and without dropout.
fn all() -> Vec<ModelConfig> {
    let all = predictors().iter().flat_map(|predictor| predictor.variants());
    // Those that rank read other batches: `rankers.rs`.
    all.filter(|config| config.ranking().is_none()).collect()
}

/// One with a form of its own among them.
const OUTPUTS: [Quantity; 3] = [Latency, Memory, Energy];

fn whole(config: &ModelConfig) -> BatchOptions {
    BatchOptions { compressed: false, ..config.batch_options(false) }
}

fn predict(model: &dyn Network, batch: &GraphBatch) -> Tensor {
    tch::no_grad(|| model.forward(batch, &[0, 1, 2], false).unwrap())
}

#[test]
fn a_batch_equals_its_parts_and_its_compressed_form() {
    for config in all() {
        let (_vs, model) = model(&config, &OUTPUTS);
        let embed = |batch: &GraphBatch| tch::no_grad(|| model.embed(batch).unwrap());
        let batch = build(&some(), &whole(&config));
        let (y, embedding) = (predict(model.as_ref(), &batch), embed(&batch));
        assert_eq!((y.size(), embedding.size()[0]), (vec![3, 3], 3), "{config:?}");
        let parts = some().into_iter().map(|g| predict(model.as_ref(), &build(&[g], &whole(&config))));
        close(&y, &Tensor::cat(&parts.collect::<Vec<_>>(), 0));
        for options in [config.batch_options(false), config.batch_options(true)] {
            let batch = build(&some(), &options);
            close(&y, &predict(model.as_ref(), &batch));
            close(&embedding, &embed(&batch));
        }
    }
}

#[test]
fn the_order_of_nodes_edges_and_groups_does_not_matter() {
    let shuffle = |g: &Sampled| g.permuted(&(0..g.len()).map(|i| (5 * i + 3) % g.len()).collect::<Vec<_>>());
    let shuffled: Vec<Sampled> = some().iter().map(shuffle).collect();
    for config in all() {
        let (_vs, model) = model(&config, &OUTPUTS);
        let [a, b] = [&shuffled, &some()].map(|graphs| predict(model.as_ref(), &build(graphs, &whole(&config))));
        close(&a, &b);
    }
}

#[test]
fn a_gradient_reaches_every_parameter() {
    for config in all() {
        for options in [whole(&config), config.batch_options(true)] {
            let (vs, model) = model(&config, &OUTPUTS);
            let y = model.forward(&build(&some(), &options), &[0, 1, 2], true).unwrap();
            y.square().sum(Kind::Float).backward();
            for (name, parameter) in vs.variables() {
                // SLAPP's edges after the last layer go nowhere.
                let idle = config.kind() == "slapp" && name == format!("graph.{}.update", config.layers() - 1);
                let gradient = parameter.grad();
                let reached = gradient.defined() && values(&gradient).iter().any(|&g| g != 0.0);
                assert!(reached != idle, "{name} of {config:?}");
            }
        }
    }
}

#[test]
fn outputs_are_read_in_the_order_asked_for() {
    for config in all() {
        let (vs, model) = model(&config, &OUTPUTS);
        let batch = build(&some(), &whole(&config));
        let forward = |outputs: &[usize]| tch::no_grad(|| model.forward(&batch, outputs, false).unwrap());
        let (some, all) = (forward(&[2, 0]), forward(&[0, 1, 2]));
        close(&some.select(1, 0), &all.select(1, 2));
        close(&some.select(1, 1), &all.select(1, 0));
        let named = |d: usize| vs.variables().keys().any(|name| name.starts_with(&format!("heads.{d}.")));
        assert!(named(0) && named(2) && !named(3), "{config:?}");
        let error = |outputs: &[usize]| model.forward(&batch, outputs, false).unwrap_err().to_string();
        assert_eq!(error(&[1, 3]), "output 3 of a model with 3 heads", "{config:?}");
        assert_eq!(error(&[]), "no output was asked for", "{config:?}");
    }
}

#[test]
fn the_time_of_a_network_is_the_sum_of_its_operators_where_they_have_one() {
    let mut with = vec![];
    for config in all() {
        let (_vs, model) = model(&config, &OUTPUTS);
        for graph in some() {
            let nodes = graph.len() as i64;
            let batch = build(&[graph], &whole(&config));
            let Some(times) = tch::no_grad(|| model.operators(&batch, 2).unwrap()) else { continue };
            with.push(config.kind());
            assert_eq!(times.size(), [nodes], "{config:?}");
            assert!(values(&times).iter().all(|&t| t > 0.0), "{config:?}");
            let total = batch.graph_of_row.sum(&times.unsqueeze(1), None).unwrap();
            close(&total, &predict(model.as_ref(), &batch).narrow(1, 2, 1));
        }
    }
    with.dedup();
    assert_eq!(with, ["learned-roofline", "node-gcn", "operator-sum"]);
}

/// Whether a network reads a thing is seen by whether it misses it.
#[test]
fn what_a_batch_lacks_is_named() {
    let bare = |g: Sampled| Sampled { edge_features: vec![], groups: vec![], ..g };
    let graphs: Vec<Sampled> = some().into_iter().map(bare).collect();
    let mut refused = vec![];
    for config in all() {
        let (_vs, model) = model(&config, &OUTPUTS);
        let options = BatchOptions { layers: config.layers(), ..BatchOptions::default() };
        if let Err(error) = model.forward(&build(&graphs, &options), &[0], false) {
            refused.push(format!("{}: {error}", config.kind()));
        }
        if config.layers() > 0 {
            let short = BatchOptions { layers: config.layers() - 1, ..whole(&config) };
            let error = model.forward(&build(&some(), &short), &[0], false).unwrap_err().to_string();
            assert!(error.contains(&format!("of a batch built for {} layers", config.layers() - 1)), "{error}");
        }
    }
    refused.dedup();
    assert_eq!(
        refused,
        [
            "dnnperf: DNNPerf reads edge features, which the batch lacks",
            "perfsage: layer edges: the batch was built without `reverse`",
            "slapp: SLAPP reads groups, which the batch lacks",
        ]
    );
}

#[test]
fn features_of_other_widths_are_refused() {
    for config in all() {
        let (_vs, model) = crate::network(config.clone(), [NODES + 1, EDGES, GLOBALS], &OUTPUTS);
        assert!(model.forward(&build(&some(), &whole(&config)), &[0], false).is_err(), "{config:?}");
    }
}

#[test]
fn a_column_that_is_missing_is_named() {
    let widths = [NODES, EDGES, GLOBALS];
    let lacks = |config: &ModelConfig, schema: &tachograph_features::Schema| {
        let vs = tch::nn::VarStore::new(Device::Cpu);
        config.build(&vs.root(), schema, &OUTPUTS).err().map(|error| error.to_string())
    };
    let mut read = vec![];
    for config in all() {
        assert_eq!(lacks(&config, &schema(widths)), None);
        for c in 0..NODES + GLOBALS {
            let mut other = schema(widths);
            let columns = if c < NODES { &mut other.node_columns[c] } else { &mut other.global_columns[c - NODES] };
            let name = std::mem::replace(columns, "renamed".into());
            if let Some(error) = lacks(&config, &other) {
                assert!(error.ends_with(&format!("reads the column `{name}`, which the features lack")), "{error}");
                read.push(name);
            }
        }
    }
    read.sort();
    read.dedup();
    assert_eq!(read, ["alive", "batch", "compute", "global", "resident", "traffic", "weights"]);
}
