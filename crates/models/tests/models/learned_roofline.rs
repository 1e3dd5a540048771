//! The corrected roofline.

use tachograph_ir::Quantity::{self, Latency, Memory};
use tachograph_models::{LearnedRooflineConfig, ModelConfig, Network};
use tch::{Device, Kind, Tensor, nn};

use crate::{GLOBALS, WIDTH, batch, close, values};

fn model(outputs: &[Quantity], layers: usize) -> (nn::VarStore, Box<dyn Network>) {
    let config = LearnedRooflineConfig { hidden: 16, layers, ..LearnedRooflineConfig::default() };
    crate::network(config, [WIDTH, 0, GLOBALS], outputs)
}

/// Heads start at 0; these do not.
fn trained(layers: usize) -> (nn::VarStore, Box<dyn Network>) {
    let (vs, model) = model(&[Latency; 2], layers);
    let _guard = tch::no_grad_guard();
    for (name, mut variable) in vs.variables().into_iter().collect::<std::collections::BTreeMap<_, _>>() {
        if name.starts_with("heads") {
            let numbers = Tensor::arange(variable.numel() as i64, (Kind::Float, Device::Cpu)).reshape(variable.size());
            variable.copy_(&((numbers + name.len() as f64).sin() * 0.3));
        }
    }
    (vs, model)
}

#[test]
fn untrained_it_is_the_roofline_times_the_batch() {
    for layers in [0, 2] {
        let (_vs, model) = model(&[Latency; 2], layers);
        let batch = batch(layers, false);
        let roofline = batch.nodes.narrow(1, 0, 3).exp().sum_dim_intlist(1, true, Kind::Float);
        let image: Vec<_> = roofline.split_with_sizes([8, 12, 4], 0).iter().map(|t| t.sum(Kind::Float)).collect();
        let expected = Tensor::stack(&image, 0).unsqueeze(1) * batch.globals.narrow(1, 0, 1);
        close(&model.forward(&batch, &[0, 1], false).unwrap(), &expected.expand([3, 2], false).contiguous());
    }
}

#[test]
fn untrained_memory_is_that_of_the_worst_moment() {
    let (_vs, model) = model(&[Memory, Latency], 0);
    for compressed in [false, true] {
        let batch = batch(0, compressed);
        let whole = crate::batch(0, false);
        let images = whole.globals.narrow(1, 0, 1);
        let of_graphs = |rows: Tensor, reduce: fn(&Tensor) -> Tensor| {
            Tensor::stack(&rows.split_with_sizes([8, 12, 4], 0).iter().map(reduce).collect::<Vec<_>>(), 0).unsqueeze(1)
        };
        let column = |from: i64, n: i64| whole.nodes.narrow(1, from, n).exp().sum_dim_intlist(1, false, Kind::Float);
        let moments = column(3, 1) + column(1, 1) * (-3f64).exp();
        let memory = (of_graphs(moments, |rows| rows.max()) + whole.globals.narrow(1, 1, 1)) * &images;
        let time = of_graphs(column(0, 3), |rows| rows.sum(Kind::Float)) * &images;
        close(&model.forward(&batch, &[1, 0], false).unwrap(), &Tensor::cat(&[&time, &memory], 1));
        close(&model.forward(&batch, &[0], false).unwrap(), &memory);
    }
}

#[test]
fn a_compressed_batch_gives_the_same_with_fewer_rows() {
    for layers in [0, 1, 2] {
        let (_vs, model) = trained(layers);
        let (small, whole) = (batch(layers, true), batch(layers, false));
        assert!(small.graph_of_row.columns() < 24);
        close(&model.forward(&small, &[0, 1], false).unwrap(), &model.forward(&whole, &[0, 1], false).unwrap());
        close(&model.embed(&small).unwrap(), &model.embed(&whole).unwrap());
    }
}

#[test]
fn a_speed_divides_its_time_and_heads_differ() {
    let (vs, model) = model(&[Latency; 2], 0);
    let batch = batch(0, false);
    let before = model.forward(&batch, &[0, 1], false).unwrap();
    let _ = tch::no_grad(|| vs.variables()["heads.1.speeds"].shallow_clone().fill_(2f64.ln()));
    let after = model.forward(&batch, &[1, 0], false).unwrap();
    close(&(after.narrow(1, 0, 1) * 2.0), &before.narrow(1, 1, 1));
    assert_eq!(values(&after.narrow(1, 1, 1)), values(&before.narrow(1, 0, 1)));
}

#[test]
fn beyond_what_training_had_a_column_says_no_more() {
    let (_vs, model) = trained(0);
    let with = |value: f64| {
        let batch = batch(0, false);
        let _ = batch.nodes.narrow(1, 4, 1).fill_(value);
        values(&model.forward(&batch, &[0, 1], false).unwrap())
    };
    assert_eq!(with(50.0), with(11.0));
    assert_ne!(with(11.0), with(9.0));
}

#[test]
fn weights_that_are_known_operator_by_operator_have_factors() {
    let mut schema = crate::schema([WIDTH, 0, GLOBALS]);
    schema.node_columns[4] = "own_weights".into();
    let vs = nn::VarStore::new(Device::Cpu);
    let config = LearnedRooflineConfig { hidden: 16, ..LearnedRooflineConfig::default() };
    let model = ModelConfig::from(config).build(&vs.root(), &schema, &[Latency, Memory]).unwrap();
    let batch = batch(0, false);
    let memory = || model.forward(&batch, &[1], false).unwrap();
    let column = |c: i64| batch.nodes.narrow(1, c, 1).exp();
    let of_graphs = |rows: Tensor, reduce: fn(&Tensor) -> Tensor| {
        Tensor::stack(&rows.split_with_sizes([8, 12, 4], 0).iter().map(reduce).collect::<Vec<_>>(), 0).unsqueeze(1)
    };
    let expected = |packing: f64, holding: f64| {
        let most = of_graphs(column(3) * holding + column(1) * (-3f64).exp(), |rows| rows.max());
        let weights = of_graphs(column(4) * packing, |rows| rows.sum(Kind::Float));
        (most + weights) * batch.globals.narrow(1, 0, 1)
    };
    close(&memory(), &expected(1.0, 1.0));
    let set = |name: &str, factor: f64| tch::no_grad(|| drop(vs.variables()[name].shallow_clone().fill_(factor.ln())));
    set("heads.1.packing_bias", 2.0);
    close(&memory(), &expected(2.0, 1.0));
    set("heads.1.holding_bias", 3.0);
    close(&memory(), &expected(2.0, 3.0));
}
