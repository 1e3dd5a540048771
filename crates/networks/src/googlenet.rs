//! GoogLeNet: inception modules of four branches.

use tachograph_import::nas::layers::{Act, Net};
use tachograph_ir::{Result, TensorId};

use super::{Architecture, draw::Draw};

pub(super) struct GoogLeNet {
    resolution: u64,
    stem: [u64; 3],
    /// Modules between poolings.
    groups: [Vec<Inception>; 3],
    /// Kernel of the third branch: 5 in the paper, 3 in torchvision.
    kernel: u64,
    local_response: bool,
    classes: u64,
}

/// Widths: 1×1 branch; 3×3 branch (reduction, output); larger branch (reduction, output); pooling branch.
#[derive(Clone, Copy)]
struct Inception([u64; 6]);

const PUBLISHED: [&[[u64; 6]]; 3] = [
    &[[64, 96, 128, 16, 32, 32], [128, 128, 192, 32, 96, 64]],
    &[
        [192, 96, 208, 16, 48, 64],
        [160, 112, 224, 24, 64, 64],
        [128, 128, 256, 24, 64, 64],
        [112, 144, 288, 32, 64, 64],
        [256, 160, 320, 32, 128, 128],
    ],
    &[[256, 160, 320, 32, 128, 128], [384, 192, 384, 48, 128, 128]],
];

impl GoogLeNet {
    /// torchvision's shape: batch-normalised, 3×3 in the third branch, no auxiliary heads.
    pub fn published() -> Self {
        Self {
            resolution: 224,
            stem: [64, 64, 192],
            groups: PUBLISHED.map(|group| group.iter().map(|&widths| Inception(widths)).collect()),
            kernel: 3,
            local_response: false,
            classes: 1000,
        }
    }

    fn module(&self, net: &mut Net, x: TensorId, Inception(w): Inception) -> Result<TensorId> {
        let one = net.conv_norm(x, w[0], 1, 1, 1, Act::Relu)?;
        let three = net.conv_norm(x, w[1], 1, 1, 1, Act::Relu)?;
        let three = net.conv_norm(three, w[2], 3, 1, 1, Act::Relu)?;
        let five = net.conv_norm(x, w[3], 1, 1, 1, Act::Relu)?;
        let five = net.conv_norm(five, w[4], self.kernel, 1, 1, Act::Relu)?;
        let pool = net.max_pool_ceil(x, 3, 1, 1)?;
        let pool = net.conv_norm(pool, w[5], 1, 1, 1, Act::Relu)?;
        net.concat(&[one, three, five, pool])
    }
}

impl Architecture for GoogLeNet {
    fn sample(draw: &mut Draw) -> Self {
        let scale = draw.log(0.4, 1.2);
        let near = |draw: &mut Draw, w: u64| draw.near((w as f64 * scale) as u64);
        let groups = PUBLISHED.map(|group| {
            let count = draw.between(1..=group.len() as u64 + 1);
            let rows = group.iter().cycle().take(count as usize);
            rows.map(|widths| Inception(widths.map(|w| near(draw, w)))).collect()
        });
        Self {
            resolution: draw.resolution(32, 256),
            stem: [64, 64, 192].map(|w| near(draw, w)),
            groups,
            kernel: draw.pick(&[3, 5, 5, 7]),
            local_response: draw.chance(0.3),
            classes: draw.classes(),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = net.image(self.resolution);
        let mut x = net.conv_norm(x, self.stem[0], 7, 2, 1, Act::Relu)?;
        x = net.max_pool_ceil(x, 3, 2, 0)?;
        if self.local_response {
            x = net.local_response(x)?;
        }
        x = net.conv_norm(x, self.stem[1], 1, 1, 1, Act::Relu)?;
        x = net.conv_norm(x, self.stem[2], 3, 1, 1, Act::Relu)?;
        if self.local_response {
            x = net.local_response(x)?;
        }
        for (group, kernel) in self.groups.iter().zip([3, 3, 2]) {
            x = net.max_pool_ceil(x, kernel, 2, 0)?;
            for &module in group {
                x = self.module(net, x, module)?;
            }
        }
        net.classify(x, self.classes)
    }
}
