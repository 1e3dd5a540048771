//! The same kernels on activations that lie otherwise: tiles, loops and packed weights stay, loads and stores go elsewhere.

use tachograph_ir::TensorId;
use tachograph_program::{Group, Layout, LayoutDim, Machine, Role, Schedule, Step, Target};

/// How the channels of an activation lie, which are its second dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channels {
    /// Outside of pixels: row-major.
    Outside,
    /// Inside of pixels: `NHWC`.
    Inside,
    /// In blocks of a vector inside of pixels, blocks outside: `NCHW16c`.
    Blocked,
}

impl Channels {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Outside, Self::Inside, Self::Blocked];

    /// The layout of an activation; `None` where it has no pixels.
    pub fn layout(self, shape: &[u64]) -> Option<Layout> {
        let rank = shape.len();
        if rank < 3 {
            return None;
        }
        let whole = |axis| LayoutDim { axis, divide: 1, modulo: None };
        let block = Machine::of(Target::native()).block(shape[1]);
        Some(match self {
            Self::Inside => Layout { dims: [0].into_iter().chain(2..rank).chain([1]).map(whole).collect() },
            Self::Blocked if block > 1 => {
                let outer =
                    (0..rank).map(|axis| LayoutDim { divide: if axis == 1 { block } else { 1 }, ..whole(axis) });
                Layout { dims: outer.chain([LayoutDim { modulo: Some(block), ..whole(1) }]).collect() }
            }
            Self::Outside | Self::Blocked => Layout::plain(rank),
        })
    }
}

/// A schedule of a group whose activations lie as said: `data` as the first, what is as large as a result, and results, as the
/// second. What has other extents, such as the gate of channels, stays as it is.
pub fn relaid(schedule: &Schedule, group: &Group, data: TensorId, [read, write]: [Channels; 2]) -> Schedule {
    let workload = &group.workload;
    let results: Vec<&[u64]> = group.outputs.iter().map(|(_, id)| workload.buffer(*id).shape.as_slice()).collect();
    let mut wanted: Vec<(String, Layout)> = Vec::new();
    let mut want = |id, channels: Channels| {
        let buffer = workload.buffer(id);
        wanted.extend(channels.layout(&buffer.shape).map(|layout| (buffer.name.clone(), layout)));
    };
    for (tensor, id) in group.inputs.iter().filter(|(_, id)| workload.buffer(*id).role == Role::Input) {
        let shape = workload.buffer(*id).shape.as_slice();
        if *tensor == data {
            want(*id, read);
        } else if results.contains(&shape) {
            want(*id, write);
        }
    }
    group.outputs.iter().for_each(|(_, id)| want(*id, write));
    let mut schedule = schedule.clone();
    let other =
        |step: &Step| !matches!(step, Step::Layout { buffer, .. } if wanted.iter().any(|(name, _)| name == buffer));
    schedule.steps.retain(other);
    for (buffer, layout) in wanted {
        schedule.steps.push(Step::Layout { buffer, layout: layout.to_string() });
    }
    schedule
}
