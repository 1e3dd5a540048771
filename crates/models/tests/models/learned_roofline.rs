//! The corrected roofline.

use tachograph_models::{LearnedRoofline, LearnedRooflineConfig};
use tch::{Device, Kind, Tensor, nn};

use crate::{WIDTH, batch, close, values};

fn model(outputs: usize, layers: usize) -> (nn::VarStore, LearnedRoofline) {
    let vs = nn::VarStore::new(Device::Cpu);
    let config = LearnedRooflineConfig { hidden: 16, layers, ..LearnedRooflineConfig::default() };
    let model = LearnedRoofline::new(&vs.root(), WIDTH as i64, outputs, &config).unwrap();
    (vs, model)
}

/// Heads start at 0; these do not.
fn trained(outputs: usize, layers: usize) -> (nn::VarStore, LearnedRoofline) {
    let (vs, model) = model(outputs, layers);
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
        let (_vs, model) = model(2, layers);
        let batch = batch(layers, false);
        let roofline = batch.nodes.narrow(1, 0, 3).exp().sum_dim_intlist(1, true, Kind::Float);
        let image: Vec<_> = roofline.split_with_sizes([8, 12, 4], 0).iter().map(|t| t.sum(Kind::Float)).collect();
        let expected = Tensor::stack(&image, 0).unsqueeze(1) * batch.globals.narrow(1, 0, 1);
        close(&model.forward(&batch, &[0, 1]).unwrap(), &expected.expand([3, 2], false).contiguous());
    }
}

#[test]
fn untrained_memory_is_that_of_the_worst_moment() {
    let (_vs, mut model) = model(2, 0);
    model.set_memory(&[0]);
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
        close(&model.forward(&batch, &[1, 0]).unwrap(), &Tensor::cat(&[&time, &memory], 1));
        close(&model.forward(&batch, &[0]).unwrap(), &memory);
    }
}

#[test]
fn a_compressed_batch_gives_the_same_with_fewer_rows() {
    for layers in [0, 1, 2] {
        let (_vs, model) = trained(2, layers);
        let (small, whole) = (batch(layers, true), batch(layers, false));
        assert!(model.operators(&small, &[1]).unwrap().size()[0] < 24);
        close(&model.forward(&small, &[0, 1]).unwrap(), &model.forward(&whole, &[0, 1]).unwrap());
        close(&model.embed(&small).unwrap(), &model.embed(&whole).unwrap());
    }
}

#[test]
fn a_speed_divides_its_time_and_heads_differ() {
    let (vs, model) = model(2, 0);
    let batch = batch(0, false);
    let before = model.forward(&batch, &[0, 1]).unwrap();
    let _ = tch::no_grad(|| vs.variables()["heads.1.speeds"].shallow_clone().fill_(2f64.ln()));
    let after = model.forward(&batch, &[1, 0]).unwrap();
    close(&(after.narrow(1, 0, 1) * 2.0), &before.narrow(1, 1, 1));
    assert_eq!(values(&after.narrow(1, 1, 1)), values(&before.narrow(1, 0, 1)));
}

#[test]
fn beyond_what_training_had_a_column_says_no_more() {
    let (_vs, model) = trained(2, 0);
    let with = |value: f64| {
        let batch = batch(0, false);
        let _ = batch.nodes.narrow(1, 4, 1).fill_(value);
        values(&model.forward(&batch, &[0, 1]).unwrap())
    };
    assert_eq!(with(50.0), with(11.0));
    assert_ne!(with(11.0), with(9.0));
}

#[test]
fn every_parameter_learns() {
    let (vs, mut model) = trained(2, 1);
    model.set_memory(&[1]);
    model.forward(&batch(1, true), &[0, 1]).unwrap().log().sum(Kind::Float).backward();
    for (name, variable) in vs.variables() {
        assert!(variable.grad().abs().max().double_value(&[]) > 0.0, "{name}");
    }
}

#[test]
fn an_output_without_a_head_is_an_error() {
    let (_vs, model) = model(2, 0);
    let error = model.forward(&batch(0, false), &[7]).unwrap_err().to_string();
    assert_eq!(error, "output 7 of a model with 2 heads");
}
