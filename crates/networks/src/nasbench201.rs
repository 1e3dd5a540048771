//! NAS-Bench-201: random cells in frames of random size.

use tachograph_import::nas::nasbench201::{Cell, Edge, Frame, Zeros};
use tachograph_ir::{Result, TensorId};

use super::{Architecture, Net, draw::Draw};

pub(super) struct NasBench201 {
    cell: Cell,
    frame: Frame,
}

impl NasBench201 {
    /// The benchmark's CIFAR-10 network around `cell`.
    pub fn published(cell: Cell) -> Self {
        Self { cell, frame: Frame::CIFAR10 }
    }
}

impl Architecture for NasBench201 {
    fn sample(draw: &mut Draw) -> Self {
        let cell = loop {
            let cell = Cell(std::array::from_fn(|_| draw.pick(&Edge::ALL)));
            if cell.live().contains(&true) {
                break cell;
            }
        };
        let frame = Frame {
            // Halved twice, by a convolution and a pooling that agree on even extents alone.
            resolution: 4 * draw.between(8..=32),
            width: draw.width(8, 64),
            cells: draw.between(1..=5),
            classes: draw.pick(&[10, 100, 120]),
        };
        Self { cell, frame }
    }

    fn build(&self, net: &mut Net) -> Result<TensorId> {
        self.cell.build(net, self.frame, Zeros::Pruned)
    }
}
