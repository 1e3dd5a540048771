//! Once-for-all MobileNetV3: a stem, a fixed block, five stages of two to four elastic blocks, and the head.

use tachograph_ir::{Graph, Result, TensorId};

use super::{
    layers::{Act, Gate, Net, Norm, divisible},
    refuse,
};
use crate::{Error, nas::BATCH};

/// Elastic stages.
pub const STAGES: usize = 5;
/// Blocks of an elastic stage at its full depth.
pub const DEPTH: usize = 4;
const CLASSES: u64 = 1000;
/// Channels of the stem and of the first block.
const FIRST: u64 = 16;
/// Channels of the last convolution and of the hidden fully connected layer.
const HEAD: [u64; 2] = [960, 1280];

struct Stage {
    out: u64,
    stride: u64,
    act: Act,
    squeeze: bool,
}

const PLAN: [Stage; STAGES] = [
    Stage { out: 24, stride: 2, act: Act::Relu, squeeze: false },
    Stage { out: 40, stride: 2, act: Act::Relu, squeeze: true },
    Stage { out: 80, stride: 2, act: Act::HardSwish, squeeze: false },
    Stage { out: 112, stride: 1, act: Act::HardSwish, squeeze: true },
    Stage { out: 160, stride: 2, act: Act::HardSwish, squeeze: true },
];

/// The two published supernets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// `ofa_mbv3_d234_e346_k357_w1.0`
    Times1_0,
    /// `ofa_mbv3_d234_e346_k357_w1.2`: the one whose weights HELP evaluates.
    Times1_2,
}

impl Width {
    fn scale(self, channels: u64) -> u64 {
        match self {
            Self::Times1_0 => channels,
            Self::Times1_2 => divisible(channels as f64 * 1.2),
        }
    }
}

/// A network of the space. Blocks beyond the depth of their stage do not exist; their entries are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Architecture {
    /// Kernel of each depthwise convolution, stage by stage: odd, published 3, 5, 7.
    pub kernels: [u64; STAGES * DEPTH],
    /// Inner over input channels of each block: published 3, 4, 6.
    pub expansions: [u64; STAGES * DEPTH],
    /// Blocks of each stage: 1 to 4, published 2 to 4.
    pub depths: [usize; STAGES],
    /// Height and width of the image.
    pub resolution: u64,
    /// Multiplier of every width.
    pub width: Width,
}

impl Architecture {
    /// The ImageNet network.
    ///
    /// # Errors
    /// An even kernel, an expansion or an image of size 0, or a depth that no stage has.
    pub fn graph(&self) -> Result<Graph, Error> {
        let refuse = |message: String| refuse("once-for-all MobileNetV3", format!("{self:?}"), message);
        if let Some(depth) = self.depths.iter().find(|d| !(1..=DEPTH).contains(*d)) {
            return Err(refuse(format!("a stage of {depth} blocks")));
        }
        if let Some(kernel) = self.kernels.iter().find(|k| *k % 2 == 0 || **k > 31) {
            return Err(refuse(format!("a kernel of {kernel}")));
        }
        if let Some(expansion) = self.expansions.iter().find(|e| !(1..=64).contains(*e)) {
            return Err(refuse(format!("an expansion of {expansion}")));
        }
        if !(1..=1 << 16).contains(&self.resolution) {
            return Err(refuse(format!("images of {0}×{0}", self.resolution)));
        }
        self.build().map_err(|source| refuse(source.to_string()))
    }

    fn build(&self) -> Result<Graph> {
        let mut net = Net::new("ofa_mobilenet_v3", 1, BATCH, Norm::Kept);
        let x = net.image(self.resolution);
        let first = self.width.scale(FIRST);
        let x = net.conv_norm(x, first, 3, 2, 1, Act::HardSwish)?;
        let y = net.conv_norm(x, first, 3, 1, first, Act::Relu)?;
        let y = net.conv_norm(y, first, 1, 1, 1, Act::None)?;
        let mut x = net.b.op("Add", &[y, x])?;
        let blocks: Vec<(u64, u64)> = self.kernels.into_iter().zip(self.expansions).collect();
        for ((stage, blocks), depth) in PLAN.iter().zip(blocks.chunks(DEPTH)).zip(self.depths) {
            for (i, &(kernel, expansion)) in blocks.iter().take(depth).enumerate() {
                let stride = if i == 0 { stage.stride } else { 1 };
                x = self.block(&mut net, x, stage, kernel, expansion, stride)?;
            }
        }
        let [last, hidden] = HEAD.map(|channels| self.width.scale(channels));
        x = net.conv_norm(x, last, 1, 1, 1, Act::HardSwish)?;
        x = net.b.op("GlobalAveragePool", &[x])?;
        x = net.b.conv(x, hidden, [1; 2], 1, 0, 1, false)?;
        x = net.act(x, Act::HardSwish)?;
        let output = net.dense(x, CLASSES)?;
        net.finish(output)
    }

    fn block(
        &self,
        net: &mut Net,
        x: TensorId,
        stage: &Stage,
        kernel: u64,
        expansion: u64,
        stride: u64,
    ) -> Result<TensorId> {
        let (channels, out) = (net.channels(x), self.width.scale(stage.out));
        let inner = divisible((channels * expansion) as f64);
        let y = net.conv_norm(x, inner, 1, 1, 1, stage.act)?;
        let mut y = net.conv_norm(y, inner, kernel, stride, inner, stage.act)?;
        if stage.squeeze {
            y = net.squeeze_excite(y, divisible((inner / 4) as f64), Act::Relu, Gate::HardSigmoid)?;
        }
        let y = net.conv_norm(y, out, 1, 1, 1, Act::None)?;
        if stride == 1 && channels == out { net.b.op("Add", &[y, x]) } else { Ok(y) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_architectures_are_refused() {
        let fine = Architecture {
            kernels: [3; 20],
            expansions: [3; 20],
            depths: [2; 5],
            resolution: 160,
            width: Width::Times1_0,
        };
        assert!(fine.graph().is_ok());
        for (bad, expected) in [
            (Architecture { kernels: [4; 20], ..fine.clone() }, "a kernel of 4"),
            (Architecture { expansions: [0; 20], ..fine.clone() }, "an expansion of 0"),
            (Architecture { depths: [5; 5], ..fine.clone() }, "a stage of 5 blocks"),
            (Architecture { resolution: u64::MAX, ..fine.clone() }, "images of"),
        ] {
            let error = bad.graph().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
