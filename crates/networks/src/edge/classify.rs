//! Image classification.

use tachograph_import::nas::layers::{Act, Net};
use tachograph_ir::{Result, TensorId};

use super::{
    blocks::{Kind, Stage, act},
    layer::{Conv, pool},
};
use crate::draw::Draw;

pub(super) fn build(net: &mut Net, draw: &mut Draw) -> Result<Vec<TensorId>> {
    let resolution = draw.resolution(32, 224);
    let x = net.image(resolution);
    let (mut x, _) = features(net, draw, x)?;
    if draw.chance(0.3) {
        x = Conv::new(draw.width(64, 1280), 1, Act::Relu6).add(net, x)?;
    }
    let classes = draw.classes();
    let x = if draw.chance(0.15) && net.extent(x, 2) <= 8 {
        let hidden = draw.width(32, 512);
        let x = net.dense(x, hidden)?;
        let x = net.act(x, Act::Relu)?;
        net.b.gemm(x, classes)?
    } else {
        net.classify(x, classes)?
    };
    Ok(vec![if draw.chance(0.6) { net.b.op("Softmax", &[x])? } else { x }])
}

/// A stem and stages; all that one may come back to, from the finest image to the coarsest, which is the first result.
pub(super) fn features(net: &mut Net, draw: &mut Draw, x: TensorId) -> Result<(TensorId, Vec<TensorId>)> {
    let act = act(draw);
    // Half of the networks repeat one kind of block, the others mix three.
    let one = draw.pick(&Kind::ALL);
    let kinds = if draw.chance(0.5) { [one; 3] } else { [one, draw.pick(&Kind::ALL), draw.pick(&Kind::ALL)] };
    let base = draw.width(8, 64);
    let mut width = base;
    let stride = draw.pick(&[1, 2, 2, 2]);
    let mut x = Conv::new(base, draw.pick(&[3, 3, 3, 5, 7]), act).stride(stride).add(net, x)?;
    if draw.chance(0.25) {
        x = pool(net, "MaxPool", x, 3, 2)?;
    }
    let mut levels = vec![x];
    for i in 0..draw.between(2..=5) {
        if net.extent(x, 2) < 4 {
            break;
        }
        let stride = if i == 0 { draw.pick(&[1, 1, 2]) } else { draw.pick(&[1, 2, 2, 2]) };
        let stage = {
            let kind = draw.pick(&kinds);
            Stage::draw(draw, kind, width, stride, act)
        };
        x = stage.add(net, draw, x)?;
        match (stride, levels.last_mut()) {
            (1, Some(last)) => *last = x,
            _ => levels.push(x),
        }
        width = draw.near(width * if stride > 1 { 2 } else { 1 }).clamp(8, 640);
    }
    Ok((x, levels))
}
