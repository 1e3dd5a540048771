//! Sixteen dot products of four bytes each: AVX-512 VNNI's `vpdpbusd`.

use tachograph_ir::DType;

use super::{Intrinsic, Operand, Place};

pub(super) const VNNI: Intrinsic = Intrinsic {
    name: "vnni_16x4",
    about: "c[16] += a[4] · b[16, 4], of u8 and i8 in i32 (C, for processors with AVX-512 VNNI)",
    extents: &[16, 4],
    spatial: 1,
    operands: &[
        Operand { name: "a", dtype: DType::U8, axes: &[1] },
        Operand { name: "b", dtype: DType::I8, axes: &[0, 1] },
    ],
    result: DType::I32,
    warp: false,
    guard: "__AVX512VNNI__",
    code: |place| write(place),
};

fn write(place: &Place) -> Result<Vec<String>, String> {
    let [a, b] = place.operands.as_slice() else { return Err("two factors are needed".into()) };
    for (name, tensor, strides) in [("c", &place.result, [1, 0]), ("a", a, [0, 1]), ("b", b, [4, 1])] {
        if tensor.strides != strides {
            return Err(format!("`{name}` has strides {:?}, and {strides:?} are needed", tensor.strides));
        }
    }
    let (c, a, b) = (&place.result.first, &a.first, &b.first);
    Ok(vec![
        "{ int four;".into(),
        format!("__builtin_memcpy(&four, &{a}, 4);"),
        format!(
            "_mm512_storeu_si512(&{c}, _mm512_dpbusd_epi32(_mm512_loadu_si512(&{c}), _mm512_set1_epi32(four), \
             _mm512_loadu_si512(&{b}))); }}"
        ),
    ])
}
