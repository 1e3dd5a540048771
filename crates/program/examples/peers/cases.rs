//! What is compared.

use serde_json::{Value, json};
use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, Result, Workload,
    operator::{self, Tile, Window},
};

/// A computation, ours in every form and PyTorch's.
pub struct Case {
    pub group: &'static str,
    pub name: String,
    pub workloads: Vec<(&'static str, Workload)>,
    /// What `torch_peer.py` is told.
    pub peer: Value,
    /// Whether arithmetic is what it takes, and not bandwidth.
    pub flops: bool,
}

pub const GROUPS: [&str; 3] = ["ResNet-18", "depthwise", "products"];

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
        cases.push(Case { group: GROUPS[2], name, workloads, peer, flops: true });
    }
    Ok(cases)
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
    Ok(Case { group, name, workloads, peer, flops: groups == 1 })
}
