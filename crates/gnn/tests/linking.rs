//! A test process starts and computes without `LD_LIBRARY_PATH`.

use tch::{Cuda, Kind, Tensor};

#[test]
fn computes() {
    println!("CUDA linked: {}, available: {}", Cuda::cudnn_is_available(), Cuda::is_available());
    let sum = Tensor::arange(5, (Kind::Float, tch::Device::Cpu)).sum(Kind::Float);
    assert_eq!(sum.double_value(&[]), 10.0);
}
