//! One binary, since linking libtorch is slow.

/// Each function of a device as a test on the CPU, and as one on a GPU, which is ignored until it is asked for.
macro_rules! on_devices {
    ($($test:ident),*) => {
        mod on_the_cpu {
            $(#[test] fn $test() { super::$test(tch::Device::Cpu) })*
        }

        mod on_a_gpu {
            $(#[test] #[ignore = "needs a GPU"] fn $test() { super::$test(tachograph_gnn::device("cuda").unwrap()) })*
        }
    };
}

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

use tch::{Device, Kind, Tensor};

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
    let sum = Tensor::arange(5, (Kind::Float, Device::Cpu)).sum(Kind::Float);
    assert_eq!(sum.double_value(&[]), 10.0);
}
