//! AlexNet: five convolutions, three poolings, three fully connected layers.

use tachograph_import::nas::layers::{Act, Net};
use tachograph_ir::{Result, TensorId};

use super::{Architecture, draw::Draw};

pub(super) struct AlexNet {
    resolution: u64,
    kernels: [u64; 2],
    stride: u64,
    widths: [u64; 5],
    /// Groups of the second, fourth and fifth convolution: 2 in the two-column original.
    groups: u64,
    local_response: bool,
    hidden: [u64; 2],
    classes: u64,
}

impl AlexNet {
    /// The shape of Krizhevsky, 2014, as torchvision has it.
    pub fn published() -> Self {
        Self {
            resolution: 224,
            kernels: [11, 5],
            stride: 4,
            widths: [64, 192, 384, 256, 256],
            groups: 1,
            local_response: false,
            hidden: [4096, 4096],
            classes: 1000,
        }
    }
}

impl Architecture for AlexNet {
    fn sample(draw: &mut Draw) -> Self {
        let groups = draw.pick(&[1, 1, 1, 2]);
        let base = Self::published();
        Self {
            resolution: draw.resolution(64, 256),
            kernels: [draw.pick(&[7, 9, 11]), draw.pick(&[3, 5])],
            stride: draw.pick(&[2, 4, 4]),
            // Grouped convolutions need divisible widths.
            widths: base.widths.map(|w| draw.near(w).next_multiple_of(groups)),
            groups,
            local_response: draw.chance(0.4),
            hidden: base.hidden.map(|_| draw.width(128, 4096)),
            classes: draw.classes(),
        }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        let x = net.image(self.resolution);
        let mut x = net.b.conv(x, self.widths[0], [self.kernels[0]; 2], self.stride, 2, 1, true)?;
        x = self.close(net, x)?;
        let kernel = self.kernels[1];
        x = net.b.conv(x, self.widths[1], [kernel; 2], 1, kernel / 2, self.groups, true)?;
        x = self.close(net, x)?;
        for (&width, groups) in self.widths[2..].iter().zip([1, self.groups, self.groups]) {
            x = net.b.conv(x, width, [3; 2], 1, 1, groups, true)?;
            x = net.act(x, Act::Relu)?;
        }
        x = net.b.pool("MaxPool", x, 3, 2, 0)?;
        x = net.flatten(x)?;
        for hidden in self.hidden {
            x = net.b.gemm(x, hidden)?;
            x = net.act(x, Act::Relu)?;
        }
        net.b.gemm(x, self.classes)
    }
}

impl AlexNet {
    fn close(&self, net: &mut Net, x: TensorId) -> Result<TensorId> {
        let mut x = net.act(x, Act::Relu)?;
        if self.local_response {
            x = net.local_response(x)?;
        }
        net.b.pool("MaxPool", x, 3, 2, 0)
    }
}
