//! A product of f32 on tensor cores of compute capability 8.0 or later, by PTX's `wmma`: factors are rounded to 10 bits of
//! mantissa, which the definition does not say.

use tachograph_ir::DType;

use super::{Intrinsic, Operand, wmma};

const PRODUCT: wmma::Product =
    wmma::Product { shape: "m16n16k8", factor: "tf32", types: "f32.tf32.tf32.f32", registers: 4, row: 4, round: true };

pub(super) const WMMA_TF32: Intrinsic = Intrinsic {
    name: "wmma_m16n16k8_tf32",
    about: "a product of tiles of tf32 by a warp, added up in f32 (CUDA)",
    extents: &[16, 16, 8],
    spatial: 2,
    operands: &[
        Operand { name: "a", dtype: DType::F32, axes: &[0, 2] },
        Operand { name: "b", dtype: DType::F32, axes: &[2, 1] },
    ],
    result: DType::F32,
    warp: true,
    guard: "",
    code: |place| wmma::product(place, &PRODUCT),
};
