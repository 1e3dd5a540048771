//! The sum over operators.

use tachograph_ir::Quantity;
use tachograph_models::{Network, OperatorSumConfig};
use tch::{Kind, nn};

use crate::{WIDTH, batch, close, values};

fn model(layers: usize) -> (nn::VarStore, Box<dyn Network>) {
    crate::network(OperatorSumConfig { hidden: 16, layers }, [WIDTH, 0, 4], &[Quantity::Latency])
}

#[test]
fn a_network_takes_the_sum_of_its_operators() {
    for layers in [0, 1, 3] {
        let (_vs, model) = model(layers);
        let batch = batch(layers, false);
        let times = model.operators(&batch, 0).unwrap().unwrap();
        assert_eq!(times.size(), [24]);
        assert!(values(&times).iter().all(|&t| t > 0.0));
        let sums: Vec<_> = times.split_with_sizes([8, 12, 4], 0).iter().map(|t| t.sum(Kind::Float)).collect();
        close(&model.forward(&batch, &[0], false).unwrap(), &tch::Tensor::stack(&sums, 0).unsqueeze(1));
    }
}

#[test]
fn a_compressed_batch_gives_the_same_with_fewer_rows() {
    for layers in [0, 1, 2, 3] {
        let (_vs, model) = model(layers);
        let (small, whole) = (batch(layers, true), batch(layers, false));
        assert!(model.operators(&small, 0).unwrap().unwrap().size()[0] < 24);
        close(&model.forward(&small, &[0], false).unwrap(), &model.forward(&whole, &[0], false).unwrap());
    }
}
