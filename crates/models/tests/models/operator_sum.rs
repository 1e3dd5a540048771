//! The sum over operators.

use tachograph_models::{OperatorSum, OperatorSumConfig};
use tch::{Device, Kind, nn};

use crate::{WIDTH, batch, close, values};

fn model(outputs: usize, layers: usize) -> (nn::VarStore, OperatorSum) {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = OperatorSum::new(&vs.root(), WIDTH as i64, outputs, &OperatorSumConfig { hidden: 16, layers }).unwrap();
    (vs, model)
}

#[test]
fn a_network_takes_the_sum_of_its_operators() {
    for layers in [0, 1, 3] {
        let (_vs, model) = model(1, layers);
        let batch = batch(layers, false);
        let times = model.operators(&batch, &[0]).unwrap();
        assert_eq!(times.size(), [24, 1]);
        assert!(values(&times).iter().all(|&t| t > 0.0));
        let sums: Vec<_> = times.split_with_sizes([8, 12, 4], 0).iter().map(|t| t.sum(Kind::Float)).collect();
        close(&model.forward(&batch, &[0]).unwrap(), &tch::Tensor::stack(&sums, 0).unsqueeze(1));
    }
}

#[test]
fn a_compressed_batch_gives_the_same_with_fewer_rows() {
    for layers in [0, 1, 2, 3] {
        let (_vs, model) = model(1, layers);
        let (small, whole) = (batch(layers, true), batch(layers, false));
        assert!(model.operators(&small, &[0]).unwrap().size()[0] < 24);
        close(&model.forward(&small, &[0]).unwrap(), &model.forward(&whole, &[0]).unwrap());
    }
}

#[test]
fn an_output_without_a_head_is_an_error() {
    let (_vs, model) = model(2, 1);
    let error = model.forward(&batch(1, false), &[7]).unwrap_err().to_string();
    assert_eq!(error, "output 7 of a model with 2 heads");
}

#[test]
fn heads_side_by_side_give_what_each_gives_alone() {
    let (_vs, model) = model(3, 2);
    let batch = batch(2, false);
    let together = model.forward(&batch, &[2, 0]).unwrap();
    assert_eq!(together.size(), [3, 2]);
    for (column, head) in [(0, 2), (1, 0)] {
        let alone = model.forward(&batch, &[head]).unwrap();
        assert_eq!(values(&together.narrow(1, column, 1)), values(&alone));
    }
}
