//! A product of bf16 on tensor cores of compute capability 8.0 or later: PTX's `wmma`.

use tachograph_ir::DType;

use super::{Intrinsic, Operand, wmma};

const PRODUCT: wmma::Product = wmma::Product {
    shape: "m16n16k16",
    factor: "bf16",
    types: "f32.bf16.bf16.f32",
    registers: 4,
    row: 8,
    round: false,
};

pub(super) const WMMA_BF16: Intrinsic = Intrinsic {
    name: "wmma_m16n16k16_bf16",
    about: "a product of tiles of bf16 by a warp, added up in f32 (CUDA)",
    extents: &[16, 16, 16],
    spatial: 2,
    operands: &[
        Operand { name: "a", dtype: DType::BF16, axes: &[0, 2] },
        Operand { name: "b", dtype: DType::BF16, axes: &[2, 1] },
    ],
    result: DType::F32,
    warp: true,
    guard: "",
    code: |place| wmma::product(place, &PRODUCT),
};
