//! Tensor programs for the targets.

use serde::Serialize;
use tachograph_ir::DType::F32;
use tachograph_program::{Builder, Result, Workload, operator};

/// Small workloads for schedules to be taken on: a product with an epilogue, a convolution, a softmax.
pub fn workloads() -> Vec<Workload> {
    [product(), convolution(), softmax()].into_iter().map(|workload| workload.expect("it is one")).collect()
}

fn product() -> Result<Workload> {
    let mut b = Builder::new("product");
    let (x, w) = (b.input("x", F32, &[16, 24])?, b.weight("w", F32, &[24, 32])?);
    let y = operator::matmul(&mut b, x, w)?;
    let y = operator::activation(&mut b, y, operator::Activation::Relu)?;
    b.finish(&[y])
}

fn convolution() -> Result<Workload> {
    let mut b = Builder::new("convolution");
    let (x, w) = (b.input("x", F32, &[1, 4, 7, 7])?, b.weight("w", F32, &[8, 4, 3, 3])?);
    let y = operator::conv(&mut b, x, w, &operator::Window::square(2, 1, 1))?;
    b.finish(&[y])
}

fn softmax() -> Result<Workload> {
    let mut b = Builder::new("softmax");
    let x = b.input("x", F32, &[5, 13])?;
    let y = operator::softmax(&mut b, x, 1, false)?;
    b.finish(&[y])
}

/// As JSON.
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it can be written")
}
