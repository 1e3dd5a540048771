//! One binary, since linking libtorch is slow.

mod batch;
mod compression;
mod dropout;
mod golden;
mod graphs;
mod layers;
mod products;
mod reference;
mod refusals;
mod segments;
mod whole_graph;
mod zoo;

use tch::{Cuda, Device, Kind, Tensor};

/// Every kind of device of this machine; says when there is no CUDA.
fn devices() -> Vec<Device> {
    if tachograph_torch_link::load_cuda().is_ok() && Cuda::is_available() {
        return vec![Device::Cpu, Device::Cuda(0)];
    }
    eprintln!("skipped on CUDA: no device");
    vec![Device::Cpu]
}

/// Largest difference in units of the largest expected magnitude, or of 0.01 where all are smaller: a gradient that is 0
/// but for rounding, such as that of a bias under a softmax, has no units of its own.
fn relative(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.size(), expected.size());
    if expected.numel() == 0 {
        return 0.0;
    }
    let largest = expected.abs().max().double_value(&[]);
    let difference = (found.to_device(Device::Cpu) - expected.to_device(Device::Cpu)).abs().max().double_value(&[]);
    difference / largest.max(0.01)
}

#[test]
fn a_test_process_starts_without_ld_library_path() {
    println!("devices: {:?}", devices());
    let sum = Tensor::arange(5, (Kind::Float, Device::Cpu)).sum(Kind::Float);
    assert_eq!(sum.double_value(&[]), 10.0);
}
