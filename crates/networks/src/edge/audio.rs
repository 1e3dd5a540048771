//! Keyword spotting and audio.

use tachograph_import::nas::layers::{Act, Net};
use tachograph_ir::{DType, Result, TensorId};

use super::layer::{Conv, pool, separable};
use crate::draw::Draw;

pub(super) fn build(net: &mut Net, draw: &mut Draw) -> Result<Vec<TensorId>> {
    let (steps, bands) = (draw.pick(&[25, 49, 49, 61, 98, 101]), draw.pick(&[10, 10, 20, 40, 64]));
    let kind = draw.between(0..=9);
    let x = match kind {
        0 | 1 => return connected(net, draw),
        2..=4 => over_time(net, draw, steps, bands)?,
        _ => spectrum(net, draw, steps, bands, kind >= 7)?,
    };
    let classes = draw.pick(&[2, 10, 12, 35]);
    let x = if draw.chance(0.3) { net.dense(x, classes)? } else { net.classify(x, classes)? };
    Ok(vec![if draw.chance(0.6) { net.b.op("Softmax", &[x])? } else { x }])
}

/// Fully connected: a classifier, or an autoencoder of anomalies.
fn connected(net: &mut Net, draw: &mut Draw) -> Result<Vec<TensorId>> {
    let inputs = draw.pick(&[250, 392, 490, 640, 1960]);
    let mut x = net.b.input("input", DType::F32, vec!["batch".into(), inputs.into()]);
    let (width, depth) = (draw.width(32, 512), draw.between(1..=4));
    for _ in 0..depth {
        x = net.b.gemm(x, width)?;
        x = net.act(x, Act::Relu)?;
    }
    if draw.chance(0.5) {
        for out in [draw.pick(&[4, 8, 16]), width, width] {
            x = net.b.gemm(x, out)?;
            x = net.act(x, Act::Relu)?;
        }
        return Ok(vec![net.b.gemm(x, inputs)?]);
    }
    let x = net.b.gemm(x, draw.pick(&[2, 10, 12, 35]))?;
    Ok(vec![net.b.op("Softmax", &[x])?])
}

/// Bands are channels, and convolutions go over time alone: TC-ResNet's.
fn over_time(net: &mut Net, draw: &mut Draw, steps: u64, bands: u64) -> Result<TensorId> {
    let x = net.b.input("input", DType::F32, vec!["batch".into(), bands.into(), steps.into(), 1u64.into()]);
    let along = |out, kernel, stride, act| Conv { kernel: [kernel, 1], stride: [stride, 1], ..Conv::new(out, 1, act) };
    let kernel = draw.pick(&[3, 5, 9, 9, 15]);
    let mut width = draw.width(8, 64);
    let mut x = along(width, draw.pick(&[3, 5]), 1, Act::Relu).add(net, x)?;
    for _ in 0..draw.between(1..=5) {
        let stride = draw.pick(&[1, 2, 2]);
        let y = along(width, kernel, stride, Act::Relu).add(net, x)?;
        let y = along(width, kernel, 1, Act::None).add(net, y)?;
        let same = stride == 1 && net.channels(x) == width;
        let x1 = if same { x } else { along(width, 1, stride, Act::Relu).add(net, x)? };
        let sum = net.b.op("Add", &[y, x1])?;
        x = net.act(sum, Act::Relu)?;
        width = draw.near(width + width / 2).clamp(8, 192);
    }
    Ok(x)
}

/// A spectrum as an image: DS-CNN's, or whole convolutions.
fn spectrum(net: &mut Net, draw: &mut Draw, steps: u64, bands: u64, whole: bool) -> Result<TensorId> {
    let x = net.b.input("input", DType::F32, vec!["batch".into(), 1u64.into(), steps.into(), bands.into()]);
    let mut width = draw.width(8, 128);
    let kernel = [draw.pick(&[3, 8, 10, 20]), draw.pick(&[3, 4, 8])];
    let stride = [draw.pick(&[1, 2, 2]), draw.pick(&[1, 2])];
    let mut x = Conv { kernel, stride, ..Conv::new(width, 3, Act::Relu) }.add(net, x)?;
    let residual = draw.chance(0.25);
    for _ in 0..draw.between(1..=6) {
        let before = x;
        let stride = if net.extent(x, 2).min(net.extent(x, 3)) > 5 { draw.pick(&[1, 1, 1, 2]) } else { 1 };
        let conv = Conv::new(width, draw.pick(&[3, 3, 5]), Act::Relu).stride(stride);
        x = if whole { conv.add(net, x)? } else { separable(net, x, conv, Act::Relu)? };
        if residual && stride == 1 && net.channels(before) == width {
            x = net.b.op("Add", &[x, before])?;
        }
        if draw.chance(0.3) {
            width = draw.near(width).clamp(8, 192);
        }
    }
    if draw.chance(0.2) && net.extent(x, 2).min(net.extent(x, 3)) >= 4 {
        x = pool(net, "MaxPool", x, 2, 2)?;
    }
    Ok(x)
}
