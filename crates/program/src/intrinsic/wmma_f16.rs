//! A product of f16 on tensor cores of compute capability 7.0 or later: PTX's `wmma`.

use tachograph_ir::DType;

use super::{Intrinsic, Operand, wmma};

const PRODUCT: wmma::Product =
    wmma::Product { shape: "m16n16k16", factor: "f16", types: "f32.f32", registers: 8, row: 8, round: false };

pub(super) const WMMA_F16: Intrinsic = Intrinsic {
    name: "wmma_m16n16k16_f16",
    about: "a product of tiles of f16 by a warp, added up in f32 (CUDA)",
    extents: &[16, 16, 16],
    spatial: 2,
    operands: &[
        Operand { name: "a", dtype: DType::F16, axes: &[0, 2] },
        Operand { name: "b", dtype: DType::F16, axes: &[2, 1] },
    ],
    result: DType::F32,
    warp: true,
    guard: "",
    code: |place| wmma::product(place, &PRODUCT),
};
