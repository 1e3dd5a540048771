//! Records hold times of code, so that its generation is part of what they are known by.

use sha2::{Digest, Sha256};
use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, GENERATION, Machine, Schedule, Space, Target, Workload, c,
    operator::{self, Activation, Window},
};

/// Of the code below, in this generation.
const CODE: (u32, &str) = (4, "9030c351c45f7256");

fn workloads() -> Vec<Workload> {
    let mut b = Builder::new("conv");
    let (x, w) = (b.input("x", F32, &[1, 32, 14, 14]).unwrap(), b.weight("w", F32, &[48, 32, 3, 3]).unwrap());
    let y = operator::conv(&mut b, x, w, &Window::square(2, 1, 1)).unwrap();
    let y = operator::activation(&mut b, y, Activation::Relu).unwrap();
    let conv = b.finish(&[y]).unwrap();
    let mut b = Builder::new("dense");
    let (x, w) = (b.input("x", F32, &[20, 96]).unwrap(), b.weight("w", F32, &[96, 72]).unwrap());
    let y = operator::matmul(&mut b, x, w).unwrap();
    let dense = b.finish(&[y]).unwrap();
    let mut b = Builder::new("softmax");
    let x = b.input("x", F32, &[8, 100]).unwrap();
    let y = operator::softmax(&mut b, x, 1, false).unwrap();
    vec![conv, dense, b.finish(&[y]).unwrap()]
}

#[test]
fn another_code_is_another_generation() {
    let target = Target { vector_bytes: 64 };
    let mut hash = Sha256::new();
    for workload in workloads() {
        let space = Space::templates(&workload, Machine::of(target)).unwrap();
        let point = space.nth(0).map(|point| space.schedule(&point).unwrap());
        let point = point.unwrap_or_default();
        let shared = point.among(&workload, 2).unwrap().schedule;
        for schedule in [Schedule::new(), point, shared] {
            hash.update(c(&schedule.lower(&workload).unwrap(), target).unwrap().text);
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    let found: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (GENERATION, found.as_str()),
        CODE,
        "the code of programs is another: where its time may be too, raise GENERATION; then say here what is found"
    );
}
