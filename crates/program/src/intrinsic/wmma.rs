//! What the instructions of tensor cores have in common: PTX's `wmma`, by inline assembly, since NVRTC comes without the
//! headers that have it in C++.
//!
//! A warp holds a tile of the result as eight numbers in each thread, and its factors for as long as one product takes.

use super::{Place, Tensor};

/// How a product is written.
pub(super) struct Product {
    /// PTX's name of the shape.
    pub shape: &'static str,
    /// PTX's name of the factors' type.
    pub factor: &'static str,
    /// The types of all four: result, factors, addend.
    pub types: &'static str,
    /// Registers of 32 bits that each factor takes.
    pub registers: usize,
    /// Elements of a factor in 16 bytes, of which a row begins at a multiple.
    pub row: u64,
    /// Whether factors are rounded to the format first.
    pub round: bool,
}

fn list(name: &str, count: usize) -> String {
    (0..count).map(|i| format!("%{i}")).collect::<Vec<_>>().join(", ").replace('%', name)
}

/// `row` or `col`, and elements from one row or column to the next.
fn order(tensor: &Tensor, name: &str, [outer, inner]: [usize; 2], row: u64) -> Result<(&'static str, i64), String> {
    let at = |axis: usize| tensor.strides.get(axis).copied().unwrap_or(0);
    let (order, stride) = match (at(outer), at(inner)) {
        (stride, 1) => ("row", stride),
        (1, stride) => ("col", stride),
        (a, b) => return Err(format!("`{name}` has strides of {a} and {b}, and neither is 1")),
    };
    let even = u64::try_from(stride).is_ok_and(|stride| stride > 0 && stride.is_multiple_of(row));
    if !even || !tensor.aligned.is_multiple_of(2 * row) {
        let what = format!("rows {stride} elements apart, from a multiple of {}", tensor.aligned);
        return Err(format!("`{name}` has {what}: multiples of {row} and {} are needed", 2 * row));
    }
    Ok((order, stride))
}

/// Sets a tile to 0, or adds a product to it.
pub(super) fn product(place: &Place, p: &Product) -> Result<Vec<String>, String> {
    let c = &place.result.first;
    if place.result_in_memory {
        return Err("the result is to be in registers".into());
    }
    if place.clears {
        return Ok(vec![format!("for (int i = 0; i < 8; ++i) {c}[i] = 0.0f;")]);
    }
    let [a, b] = place.operands.as_slice() else { return Err("two factors are needed".into()) };
    let (rows, lda) = order(a, "a", [0, 2], p.row)?;
    let (columns, ldb) = order(b, "b", [2, 1], p.row)?;
    let (shape, n) = (p.shape, p.registers);
    let load = |letter: &str, order: &str, tensor: &Tensor, stride: i64| {
        let names: Vec<String> = (0..n).map(|i| format!("\"=r\"({letter}[{i}])")).collect();
        let registers = list("%", n);
        format!(
            "asm volatile(\"wmma.load.{letter}.sync.aligned.{order}.{shape}.{} {{{registers}}}, [%{n}], %{};\" : {} : \
             \"l\"(&{}), \"r\"({stride}) : \"memory\");",
            p.factor,
            n + 1,
            names.join(", "),
            tensor.first
        )
    };
    let mut lines = vec![format!("{{ unsigned a[{n}], b[{n}]; float *c = {c};")];
    lines.push(load("a", rows, a, lda));
    lines.push(load("b", columns, b, ldb));
    if p.round {
        for letter in ["a", "b"] {
            lines.push(format!(
                "for (int i = 0; i < {n}; ++i) asm(\"cvt.rna.tf32.f32 %0, %1;\" : \"=r\"({letter}[i]) : \
                 \"f\"(__uint_as_float({letter}[i])));"
            ));
        }
    }
    let numbers =
        |from: usize, count: usize| (from..from + count).map(|i| format!("%{i}")).collect::<Vec<_>>().join(", ");
    let bound = |letter: &str, count: usize, kind: &str| {
        (0..count).map(|i| format!("\"{kind}\"({letter}[{i}])")).collect::<Vec<_>>().join(", ")
    };
    let c = numbers(0, 8);
    lines.push(format!(
        "asm volatile(\"wmma.mma.sync.aligned.{rows}.{columns}.{shape}.{} {{{c}}}, {{{}}}, {{{}}}, {{{c}}};\" : {} : {}, \
         {}); }}",
        p.types,
        numbers(8, n),
        numbers(8 + n, n),
        bound("c", 8, "+f"),
        bound("a", n, "r"),
        bound("b", n, "r"),
    ));
    Ok(lines)
}

/// Writes a tile to memory.
pub(super) fn store(place: &Place, shape: &str) -> Result<Vec<String>, String> {
    let [tile] = place.operands.as_slice() else { return Err("one tile is needed".into()) };
    if !place.result_in_memory {
        return Err("the result is to be in memory".into());
    }
    let (order, stride) = order(&place.result, "c", [0, 1], 4)?;
    let values: Vec<String> = (0..8).map(|i| format!("\"f\"({}[{i}])", tile.first)).collect();
    let registers = (1..9).map(|i| format!("%{i}")).collect::<Vec<_>>().join(", ");
    Ok(vec![format!(
        "asm volatile(\"wmma.store.d.sync.aligned.{order}.{shape}.f32 [%0], {{{registers}}}, %9;\" :: \"l\"(&{}), {}, \
         \"r\"({stride}) : \"memory\");",
        place.result.first,
        values.join(", ")
    )])
}
