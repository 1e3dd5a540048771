//! What is compared.

use serde_json::{Value, json};
use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, Expr, Index, Result, Workload,
    operator::{self, Tile, Window},
};

/// A computation, ours in every form and PyTorch's.
pub struct Case {
    pub group: &'static str,
    pub name: String,
    pub workloads: Vec<(&'static str, Workload)>,
    /// What `torch_peer.py` is told.
    pub peer: Value,
    pub bound: Bound,
}

/// What it is held to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The core's arithmetic.
    Peak,
    /// A copy of as much memory.
    Copy,
    Nothing,
}

pub const GROUPS: [&str; 4] = ["ResNet-18", "depthwise", "products", "memory"];

/// Input channels, output channels, extent of the input, kernel, stride of ResNet-18's distinct convolutions.
const RESNET: [(u64, u64, u64, u64, u64); 11] = [
    (3, 64, 224, 7, 2),
    (64, 64, 56, 3, 1),
    (64, 128, 56, 3, 2),
    (64, 128, 56, 1, 2),
    (128, 128, 28, 3, 1),
    (128, 256, 28, 3, 2),
    (128, 256, 28, 1, 2),
    (256, 256, 14, 3, 1),
    (256, 512, 14, 3, 2),
    (256, 512, 14, 1, 2),
    (512, 512, 7, 3, 1),
];

/// Channels, extent, kernel, stride: of MobileNetV2 (3×3) and EfficientNet-B0 (5×5).
const DEPTHWISE: [(u64, u64, u64, u64); 9] = [
    (32, 112, 3, 1),
    (96, 112, 3, 2),
    (144, 56, 3, 1),
    (192, 28, 3, 1),
    (384, 14, 3, 1),
    (960, 7, 3, 1),
    (240, 28, 5, 1),
    (480, 14, 5, 1),
    (1152, 7, 5, 1),
];

/// Rows of 1,024 numbers: 1 MB and 64 MB.
const ROWS: [u64; 2] = [256, 16384];

const PRODUCTS: [(u64, u64, u64); 3] = [(512, 512, 512), (1024, 1024, 1024), (128, 768, 3072)];

pub fn all() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (c, o, n, k, stride) in RESNET {
        cases.push(conv(GROUPS[0], format!("{k}×{k}, {c} → {o}, {n}²{}", by(stride)), (c, o, n, k), stride, 1)?);
    }
    for (c, n, k, stride) in DEPTHWISE {
        cases.push(conv(GROUPS[1], format!("depthwise {k}×{k}, {c}, {n}²{}", by(stride)), (c, c, n, k), stride, c)?);
    }
    for (m, k, n) in PRODUCTS {
        let mut b = Builder::new("matmul");
        let (x, w) = (b.input("x", F32, &[m, k])?, b.weight("w", F32, &[k, n])?);
        let y = operator::matmul(&mut b, x, w)?;
        let workloads = vec![("product", b.finish(&[y])?)];
        let (name, peer) = (format!("{m} × {k} × {n}"), json!({ "op": "matmul", "m": m, "k": k, "n": n }));
        cases.push(Case { group: GROUPS[2], name, workloads, peer, bound: Bound::Peak });
    }
    for (k, n) in [(64, 128), (128, 64)] {
        let mut b = Builder::new("attention");
        let (x, y) = (b.input("x", F32, &[12, 128, k])?, b.input("y", F32, &[12, k, n])?);
        let y = operator::matmul(&mut b, x, y)?;
        let (workloads, peer) = (vec![("product", b.finish(&[y])?)], json!({ "op": "bmm", "k": k, "n": n }));
        let name = format!("attention, 12 × (128 × {k} × {n})");
        cases.push(Case { group: GROUPS[2], name, workloads, peer, bound: Bound::Peak });
    }
    for rows in ROWS {
        // The copy comes first: the others are held to it.
        for (op, name) in [
            ("copy", "copy"),
            ("softmax", "softmax"),
            ("layer_norm", "layer norm"),
            ("gelu", "bias, GELU"),
            ("chain", "scale, shift, add, ReLU"),
        ] {
            let name = format!("{name}, {} MB", rows / 256);
            let (workloads, peer) = (vec![("rows", rowwise(op, rows)?)], json!({ "op": op, "rows": rows }));
            cases.push(Case { group: GROUPS[3], name, workloads, peer, bound: Bound::Copy });
        }
    }
    Ok(cases)
}

/// What goes over memory once.
fn rowwise(op: &str, rows: u64) -> Result<Workload> {
    let mut b = Builder::new(op);
    let x = b.input("x", F32, &[rows, 1024])?;
    let column = |id, i: &[Index]| Expr::Load(id, vec![i[1].clone()]);
    let y = match op {
        "copy" => b.apply("copy", x, |x, _| x)?,
        "softmax" => operator::softmax(&mut b, x, 1, false)?,
        "layer_norm" => {
            let (scale, shift) = (b.weight("scale", F32, &[1024])?, b.weight("shift", F32, &[1024])?);
            operator::layer_norm(&mut b, x, 1, 1e-5, Some(scale), Some(shift))?
        }
        "gelu" => {
            let bias = b.weight("bias", F32, &[1024])?;
            let y = b.apply("biased", x, |x, i| x + column(bias, i))?;
            operator::activation(&mut b, y, operator::Activation::Gelu)?
        }
        _ => {
            let (scale, shift) = (b.weight("scale", F32, &[1024])?, b.weight("shift", F32, &[1024])?);
            let other = b.input("other", F32, &[rows, 1024])?;
            let y = b.apply("scaled", x, |x, i| x * column(scale, i) + column(shift, i))?;
            let y = b.apply("sum", y, |y, i| y + Expr::Load(other, i.to_vec()))?;
            operator::activation(&mut b, y, operator::Activation::Relu)?
        }
    };
    b.finish(&[y])
}

fn by(stride: u64) -> &'static str {
    if stride > 1 { ", stride 2" } else { "" }
}

fn conv(
    group: &'static str,
    name: String,
    (c, o, n, k): (u64, u64, u64, u64),
    stride: u64,
    groups: u64,
) -> Result<Case> {
    let window = Window::square(2, stride, k as i64 / 2).grouped(groups);
    let build = |tile: Option<Tile>| {
        let mut b = Builder::new("conv");
        let x = b.input("x", F32, &[1, c, n, n])?;
        let w = b.weight("w", F32, &[o, c / groups, k, k])?;
        let y = match tile {
            None => operator::conv(&mut b, x, w, &window)?,
            Some(tile) => operator::winograd(&mut b, x, w, &window, tile)?,
        };
        b.finish(&[y])
    };
    let mut workloads = vec![("direct", build(None)?)];
    if (k, stride, groups) == (3, 1, 1) {
        workloads.push(("Winograd F(2,3)", build(Some(Tile::F2))?));
        workloads.push(("Winograd F(4,3)", build(Some(Tile::F4))?));
    }
    let peer = json!({ "op": "conv", "c": c, "o": o, "n": n, "k": k, "stride": stride, "groups": groups });
    let bound = if groups == 1 { Bound::Peak } else { Bound::Nothing };
    Ok(Case { group, name, workloads, peer, bound })
}
