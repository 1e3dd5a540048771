//! MobileNetV3: inverted residual blocks with hard swish, some with squeeze-and-excite.

use tachograph_import::nas::layers::{Act, Gate, Net, divisible};
use tachograph_ir::{Result, TensorId};

use super::{
    Architecture,
    draw::Draw,
    inverted::{Inverted, Style},
};

pub(super) struct MobileNetV3 {
    resolution: u64,
    stem: u64,
    blocks: Vec<Inverted>,
    /// Widths of the last convolution and of the hidden fully connected layer.
    head: [u64; 2],
    classes: u64,
}

/// Kernel, expanded width, output width, squeeze-and-excite, hard swish (else ReLU), stride.
type Row = (u64, u64, u64, bool, bool, u64);

const LARGE: [Row; 15] = [
    (3, 16, 16, false, false, 1),
    (3, 64, 24, false, false, 2),
    (3, 72, 24, false, false, 1),
    (5, 72, 40, true, false, 2),
    (5, 120, 40, true, false, 1),
    (5, 120, 40, true, false, 1),
    (3, 240, 80, false, true, 2),
    (3, 200, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 480, 112, true, true, 1),
    (3, 672, 112, true, true, 1),
    (5, 672, 160, true, true, 2),
    (5, 960, 160, true, true, 1),
    (5, 960, 160, true, true, 1),
];

const SMALL: [Row; 11] = [
    (3, 16, 16, true, false, 2),
    (3, 72, 24, false, false, 2),
    (3, 88, 24, false, false, 1),
    (5, 96, 40, true, true, 2),
    (5, 240, 40, true, true, 1),
    (5, 240, 40, true, true, 1),
    (5, 120, 48, true, true, 1),
    (5, 144, 48, true, true, 1),
    (5, 288, 96, true, true, 2),
    (5, 576, 96, true, true, 1),
    (5, 576, 96, true, true, 1),
];

fn block((kernel, expanded, out, squeeze, swish, stride): Row) -> Inverted {
    let act = if swish { Act::HardSwish } else { Act::Relu };
    let style = Style { act, squeeze_act: Act::Relu, gate: Gate::HardSigmoid };
    let squeezed = squeeze.then(|| divisible((expanded / 4) as f64));
    Inverted { expanded, out, kernel, stride, squeezed, style }
}

impl MobileNetV3 {
    /// MobileNetV3-Large.
    pub fn large() -> Self {
        Self { resolution: 224, stem: 16, blocks: LARGE.map(block).into(), head: [960, 1280], classes: 1000 }
    }

    /// MobileNetV3-Small.
    pub fn small() -> Self {
        Self { resolution: 224, stem: 16, blocks: SMALL.map(block).into(), head: [576, 1024], classes: 1000 }
    }
}

impl Architecture for MobileNetV3 {
    fn sample(draw: &mut Draw) -> Self {
        let scale = draw.log(0.5, 2.0);
        let rows: &[Row] = if draw.chance(0.6) { &LARGE } else { &SMALL };
        let (mut blocks, mut out, mut last) = (Vec::new(), 0, 0);
        for &(_, expanded, published, squeeze, swish, stride) in rows {
            if stride == 1 && !blocks.is_empty() && draw.chance(0.15) {
                continue;
            }
            // Blocks of one published width keep a common width, so that residuals stay.
            if published != last {
                (last, out) = (published, draw.near((published as f64 * scale) as u64));
            }
            let expanded = draw.near((expanded as f64 * scale) as u64);
            let squeeze = squeeze != draw.chance(0.1);
            blocks.push(block((draw.pick(&[3, 3, 5, 5, 7]), expanded, out, squeeze, swish, stride)));
        }
        Self {
            resolution: draw.resolution(32, 256),
            stem: draw.near((16.0 * scale) as u64),
            blocks,
            head: [6 * out, draw.near(1152)],
            classes: draw.classes(),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = net.image(self.resolution);
        let mut x = net.conv_norm(x, self.stem, 3, 2, 1, Act::HardSwish)?;
        for block in &self.blocks {
            x = block.build(net, x)?;
        }
        x = net.conv_norm(x, self.head[0], 1, 1, 1, Act::HardSwish)?;
        x = net.classify(x, self.head[1])?;
        x = net.act(x, Act::HardSwish)?;
        net.b.gemm(x, self.classes)
    }
}
