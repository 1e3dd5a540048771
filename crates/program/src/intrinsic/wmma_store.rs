//! A tile that a warp holds, written to memory: PTX's `wmma.store`. All shapes of products have the same tiles.

use tachograph_ir::DType;

use super::{Intrinsic, Operand, wmma};

pub(super) const WMMA_STORE: Intrinsic = Intrinsic {
    name: "wmma_store_f32",
    about: "a tile of f32 from the registers of a warp to memory (CUDA)",
    extents: &[16, 16],
    spatial: 2,
    operands: &[Operand { name: "a", dtype: DType::F32, axes: &[0, 1] }],
    result: DType::F32,
    warp: true,
    guard: "",
    code: |place| wmma::store(place, "m16n16k16"),
};
