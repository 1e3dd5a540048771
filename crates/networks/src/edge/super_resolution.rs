//! Super-resolution.

use tachograph_import::nas::layers::{Act, Gate, Net, divisible};
use tachograph_ir::{DType, Result, TensorId};

use super::layer::{Conv, Up, depth_to_space, separable};
use crate::draw::Draw;

/// What a network repeats at the resolution of its input.
#[derive(Clone, Copy, Default)]
enum Body {
    #[default]
    Plain,
    Residual,
    Separable,
    /// Features of all layers, joined.
    Joined,
}

pub(super) fn build(net: &mut Net, draw: &mut Draw) -> Result<Vec<TensorId>> {
    let (channels, factor) = (draw.pick(&[1u64, 3, 3]), draw.pick(&[2u64, 2, 3, 4]));
    let (height, width) = (8 * draw.between(3..=20), 8 * draw.between(3..=20));
    let dims = vec!["batch".into(), channels.into(), height.into(), width.into()];
    let input = net.b.input("input", DType::F32, dims);
    let x = Conv::new(draw.width(8, 64), draw.pick(&[3, 3, 5, 9]), Act::Relu).add(net, input)?;
    let x = body(net, draw, x)?;
    let x = enlarged(net, draw, x, factor, channels)?;
    // The network may say only what the interpolation lacks.
    if draw.chance(0.35) {
        let up = if draw.chance(0.5) { Up::Bilinear } else { Up::Nearest };
        let plain = up.add(net, input, factor, channels)?;
        return Ok(vec![net.b.op("Add", &[x, plain])?]);
    }
    Ok(vec![x])
}

fn body(net: &mut Net, draw: &mut Draw, first: TensorId) -> Result<TensorId> {
    let body = draw.pick(&[Body::Plain, Body::Residual, Body::Residual, Body::Separable, Body::Joined]);
    let (kernel, attention) = (draw.pick(&[3, 3, 3, 5]), draw.chance(0.25));
    let width = match body {
        Body::Residual => net.channels(first),
        _ => draw.width(8, 64),
    };
    let conv = |act| Conv::new(width, kernel, act);
    let (mut x, mut all) = (first, vec![first]);
    for _ in 0..draw.between(1..=8) {
        x = match body {
            Body::Plain | Body::Joined => conv(Act::Relu).add(net, x)?,
            Body::Separable => separable(net, x, conv(Act::Relu), Act::None)?,
            Body::Residual => {
                let y = conv(Act::Relu).add(net, x)?;
                let mut y = conv(Act::None).add(net, y)?;
                if attention {
                    y = net.squeeze_excite(y, divisible(width as f64 / 4.0), Act::Relu, Gate::Sigmoid)?;
                }
                net.b.op("Add", &[y, x])?
            }
        };
        all.push(x);
    }
    match body {
        Body::Joined => {
            let x = net.concat(&all)?;
            Conv::new(width, 1, Act::Relu).add(net, x)
        }
        Body::Residual if draw.chance(0.5) => {
            let y = conv(Act::None).add(net, x)?;
            net.b.op("Add", &[y, first])
        }
        _ => Ok(x),
    }
}

fn enlarged(net: &mut Net, draw: &mut Draw, x: TensorId, factor: u64, channels: u64) -> Result<TensorId> {
    match draw.between(0..=4) {
        0..=2 => {
            let x = Conv::new(channels * factor * factor, 3, Act::None).add(net, x)?;
            depth_to_space(net, x, factor)
        }
        3 if factor == 2 => Up::Transposed.add(net, x, factor, channels),
        _ => {
            let x = Up::Nearest.add(net, x, factor, channels)?;
            Conv::new(channels, 3, Act::None).add(net, x)
        }
    }
}
