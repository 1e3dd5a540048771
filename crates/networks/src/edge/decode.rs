//! Detection and segmentation.

use tachograph_import::nas::layers::{Act, Net};
use tachograph_ir::{Result, TensorId};

use super::{
    classify::features,
    layer::{Conv, Up, separable},
};
use crate::draw::Draw;

pub(super) fn build(net: &mut Net, draw: &mut Draw) -> Result<Vec<TensorId>> {
    // A multiple of 32: an image that is halved and doubled must fit the one it is joined to.
    let resolution = 32 * draw.between(1..=8);
    let x = net.image(resolution);
    let (x, levels) = features(net, draw, x)?;
    if draw.chance(0.4) { heads(net, draw, &levels) } else { decoder(net, draw, x, &levels) }
}

/// A U-Net, or what is left of it without its skips: one score a class for each pixel.
fn decoder(net: &mut Net, draw: &mut Draw, x: TensorId, levels: &[TensorId]) -> Result<Vec<TensorId>> {
    let (up, joined, apart) = (draw.pick(&Up::ALL), draw.between(0..=2), draw.chance(0.4));
    let classes = draw.pick(&[1, 2, 4, 19, 21]);
    let mut x = if draw.chance(0.25) { pyramid(net, draw, x)? } else { x };
    // The finest level may be left to an enlargement of the result.
    let finest = usize::from(levels.len() > 2 && draw.chance(0.4));
    for &level in levels.iter().rev().skip(1).take(levels.len().saturating_sub(1 + finest)) {
        if !doubles(net, x, level) {
            continue;
        }
        let width = net.channels(level);
        while net.extent(x, 2) < net.extent(level, 2) {
            x = up.add(net, x, 2, width)?;
        }
        x = match joined {
            0 => net.concat(&[x, level])?,
            1 => {
                let x = Conv::new(width, 1, Act::None).add(net, x)?;
                net.b.op("Add", &[x, level])?
            }
            _ => x,
        };
        for _ in 0..draw.between(1..=2) {
            let conv = Conv::new(width, 3, Act::Relu);
            x = if apart { separable(net, x, conv, Act::Relu)? } else { conv.add(net, x)? };
        }
    }
    let x = Conv::new(classes, 1, Act::None).add(net, x)?;
    let x = if finest == 1 { Up::Bilinear.add(net, x, 2, classes)? } else { x };
    Ok(vec![if draw.chance(0.3) { net.b.op("Sigmoid", &[x])? } else { x }])
}

/// Whether doubling the extents of one image gives those of the other: an odd extent was rounded up when it was halved.
fn doubles(net: &Net, coarse: TensorId, fine: TensorId) -> bool {
    (0..=6).any(|i| [2, 3].iter().all(|&axis| net.extent(coarse, axis) << i == net.extent(fine, axis)))
}

/// Convolutions of several reaches, joined: DeepLab's.
fn pyramid(net: &mut Net, draw: &mut Draw, x: TensorId) -> Result<TensorId> {
    let width = draw.width(16, 96);
    let mut parts = vec![Conv::new(width, 1, Act::Relu).add(net, x)?];
    for dilation in [2, 4] {
        parts.push(Conv { dilation, ..Conv::new(width, 3, Act::Relu) }.add(net, x)?);
    }
    let x = net.concat(&parts)?;
    Conv::new(width, 1, Act::Relu).add(net, x)
}

/// Boxes and classes on up to three levels, with or without a way down from the coarsest.
fn heads(net: &mut Net, draw: &mut Draw, levels: &[TensorId]) -> Result<Vec<TensorId>> {
    let width = draw.width(16, 128);
    let (down, apart, deep) = (draw.chance(0.5), draw.chance(0.6), draw.between(0..=2));
    let (anchors, classes) = (draw.pick(&[1, 3, 6]), draw.pick(&[1, 2, 20, 80]));
    let mut above: Option<TensorId> = None;
    let mut outputs = Vec::new();
    for &level in levels.iter().rev().take(draw.between(1..=3) as usize) {
        let mut x = Conv::new(width, 1, Act::Relu6).add(net, level)?;
        if let Some(mut coarse) = above.filter(|&coarse| down && doubles(net, coarse, x)) {
            while net.extent(coarse, 2) < net.extent(x, 2) {
                coarse = Up::Nearest.add(net, coarse, 2, width)?;
            }
            x = net.b.op("Add", &[x, coarse])?;
        }
        above = Some(x);
        for _ in 0..deep {
            let conv = Conv::new(width, 3, Act::Relu6);
            x = if apart { separable(net, x, conv, Act::Relu6)? } else { conv.add(net, x)? };
        }
        let conv = |out| Conv::new(out, 3, Act::None);
        outputs.push(conv(4 * anchors).add(net, x)?);
        let scores = conv(classes * anchors).add(net, x)?;
        outputs.push(net.b.op("Sigmoid", &[scores])?);
    }
    Ok(outputs)
}
