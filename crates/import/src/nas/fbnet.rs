//! FBNet: a stem, 22 blocks of nine kinds in seven stages, a 1×1 convolution and a classifier.

use tachograph_ir::{Graph, Result, TensorId};

use super::{
    layers::{Act, Net, Norm},
    refuse,
};
use crate::{Error, nas::BATCH};

/// Blocks of a network.
pub const POSITIONS: usize = 22;
const STEM: u64 = 16;
/// Blocks and channels of each stage.
const STAGES: [(usize, u64); 7] = [(1, 16), (4, 24), (4, 32), (4, 64), (4, 112), (4, 184), (1, 352)];

/// Kind of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// `k{kernel}_e{expansion}` and `k{kernel}_e1_g2`: 1×1 expansion, depthwise convolution, 1×1 projection, with a
    /// residual where shapes allow. 1×1 convolutions have `groups`; with more than one, channels are shuffled.
    Inverted {
        /// Of the depthwise convolution.
        kernel: u64,
        /// Inner over input channels.
        expansion: u64,
        /// Of the 1×1 convolutions.
        groups: u64,
    },
    /// `skip`: the identity; where channels or size change, 1×1 convolution, batch normalisation and ReLU.
    Skip,
}

impl Block {
    /// Every kind; positions are the operator indices of HW-NAS-Bench and HELP.
    pub const ALL: [Self; 9] = [
        Self::new(3, 1, 1),
        Self::new(3, 1, 2),
        Self::new(3, 3, 1),
        Self::new(3, 6, 1),
        Self::new(5, 1, 1),
        Self::new(5, 1, 2),
        Self::new(5, 3, 1),
        Self::new(5, 6, 1),
        Self::Skip,
    ];

    const fn new(kernel: u64, expansion: u64, groups: u64) -> Self {
        Self::Inverted { kernel, expansion, groups }
    }
}

/// The images, which decide size, strides and the width of the last convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Images {
    /// 3×32×32, 100 classes: what HELP measured.
    Cifar100,
    /// 3×224×224, 1,000 classes.
    ImageNet,
}

/// A network of the space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Architecture(pub [Block; POSITIONS]);

impl Architecture {
    /// From operator indices, positions of [`Block::ALL`].
    ///
    /// # Errors
    /// Not [`POSITIONS`] indices, or one out of range.
    pub fn from_indices(indices: &[usize]) -> Result<Self, Error> {
        let refuse = |message: String| refuse("FBNet", format!("{indices:?}"), message);
        let indices: &[usize; POSITIONS] =
            indices.try_into().map_err(|_| refuse(format!("{} blocks, not {POSITIONS}", indices.len())))?;
        let mut blocks = [Block::Skip; POSITIONS];
        for (position, (slot, &index)) in blocks.iter_mut().zip(indices).enumerate() {
            let block = Block::ALL.get(index).copied();
            *slot = block.ok_or_else(|| refuse(format!("block {position}: no operator has index {index}")))?;
        }
        Ok(Self(blocks))
    }

    /// The network.
    ///
    /// # Errors
    /// None but those of a defect: every architecture has a network.
    pub fn graph(&self, images: Images) -> Result<Graph> {
        let (resolution, strides, head, classes) = match images {
            Images::Cifar100 => (32, [1, 1, 1, 2, 2, 1, 2, 1], 1504, 100),
            Images::ImageNet => (224, [2, 1, 2, 2, 2, 1, 2, 1], 1984, 1000),
        };
        let mut net = Net::new("fbnet", 1, BATCH, Norm::Kept);
        let x = net.image(resolution);
        let mut x = net.conv_norm(x, STEM, 3, strides[0], 1, Act::Relu)?;
        let mut blocks = self.0.iter();
        for ((depth, out), stride) in STAGES.into_iter().zip(&strides[1..]) {
            for (i, block) in blocks.by_ref().take(depth).enumerate() {
                x = apply(&mut net, x, *block, out, if i == 0 { *stride } else { 1 })?;
            }
        }
        x = net.conv_norm(x, head, 1, 1, 1, Act::Relu)?;
        let output = net.classify(x, classes)?;
        net.finish(output)
    }
}

fn apply(net: &mut Net, x: TensorId, block: Block, out: u64, stride: u64) -> Result<TensorId> {
    let channels = net.channels(x);
    let same = stride == 1 && channels == out;
    match block {
        Block::Skip if same => Ok(x),
        Block::Skip => net.conv_norm(x, out, 1, stride, 1, Act::Relu),
        Block::Inverted { kernel, expansion, groups } => {
            let inner = channels * expansion;
            let mut y = net.conv_norm(x, inner, 1, 1, groups, Act::Relu)?;
            if groups > 1 {
                y = net.shuffle(y, groups)?;
            }
            let y = net.conv_norm(y, inner, kernel, stride, inner, Act::Relu)?;
            let y = net.conv_norm(y, out, 1, 1, groups, Act::None)?;
            if same { net.b.op("Add", &[y, x]) } else { Ok(y) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_checked() {
        assert!(Architecture::from_indices(&[8; POSITIONS]).is_ok());
        let message = |indices: &[usize]| Architecture::from_indices(indices).unwrap_err().to_string();
        assert!(message(&[8; 21]).contains("21 blocks, not 22"));
        let mut indices = [0; POSITIONS];
        indices[5] = 9;
        assert!(message(&indices).contains("block 5: no operator has index 9"));
    }
}
