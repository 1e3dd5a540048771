//! What a device file says of a network before anything is learned: terms that need no training.

use std::collections::{BTreeSet, HashSet};

use tachograph_ir::{BoundGraph, Class, DType, Device, DeviceKind, FusionRule, Node, NodeId, Role};

use crate::{Output, Result};

/// Operations and bytes a second of a machine without a device file: about an accelerator of today in f32. What a network
/// says beside the physical terms was learned against it as well as against a real one.
const UNKNOWN: (f64, f64) = (30e12, 1e12);

/// A machine as an output of a checkpoint ran it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// The file of its hardware, where one is bundled.
    pub device: Option<&'static Device>,
    /// Part of the processor that works: threads over cores, where both are known.
    share: f64,
    /// What f32 is computed in.
    arithmetic: DType,
    /// Whether operators that fuse are one kernel.
    compiled: bool,
}

/// Physical terms, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    /// What no run beats: all arithmetic at the highest speed that the device could have, or the start of every kernel.
    pub floor: Floor,
    /// Kernels one after the other, each the longer of its arithmetic and its traffic, and its start.
    pub roofline: f64,
}

/// Parts of a lower bound, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Floor {
    arithmetic: f64,
    starts: f64,
}

impl Floor {
    /// The lower bound.
    pub fn ms(self) -> f64 {
        self.arithmetic.max(self.starts)
    }
}

impl std::iter::Sum for Terms {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::default(), |a, b| Self {
            floor: Floor {
                arithmetic: a.floor.arithmetic + b.floor.arithmetic,
                starts: a.floor.starts + b.floor.starts,
            },
            roofline: a.roofline + b.roofline,
        })
    }
}

/// What an operator does, on any machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub id: NodeId,
    dtype: DType,
    flops: f64,
    bytes: f64,
    convolves: bool,
    /// Whether it is the first of a kernel, where those that fuse are one.
    first: bool,
}

impl Work {
    /// Of each operator that runs.
    ///
    /// # Errors
    /// An operation count that exceeds 64 bits.
    pub fn of(bound: &BoundGraph) -> Result<Vec<Self>> {
        let groups = bound.fuse(&FusionRule::default());
        let firsts: HashSet<NodeId> = groups.iter().filter_map(|group| group.nodes.first().copied()).collect();
        let work = |&id: &NodeId| {
            let (node, cost) = (bound.graph().node(id), bound.node_cost(id)?);
            Ok(Self {
                id,
                dtype: data_type(bound, node),
                flops: cost.flops as f64,
                bytes: cost.bytes() as f64,
                convolves: matches!(node.class(), Class::Convolution | Class::GroupedConvolution),
                first: firsts.contains(&id),
            })
        };
        bound.live().iter().map(work).collect()
    }
}

/// What a network asks of any machine.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    /// Of each operator that runs.
    pub work: Vec<Work>,
    /// Megabytes that are resident.
    pub resident: f64,
    /// Those that are even where every operator writes its result over an operand: weights, and the largest tensor.
    pub least_resident: f64,
}

impl Demand {
    /// # Errors
    /// An operation count that exceeds 64 bits.
    pub fn of(bound: &BoundGraph) -> Result<Self> {
        let residency = bound.residency()?;
        let results = bound.live().iter().flat_map(|&id| bound.graph().node(id).outputs.iter().flatten());
        let largest = results.filter_map(|&t| bound.fact(t).bytes()).max().unwrap_or(0);
        let least_resident = (residency.weights.0 as f64 + largest as f64) / 1e6;
        Ok(Self { work: Work::of(bound)?, resident: residency.peak.0 as f64 / 1e6, least_resident })
    }
}

impl Machine {
    /// The machine of an output.
    pub fn of(output: &Output) -> Self {
        let device = output.device_file();
        let words: HashSet<&str> = output.library.split([',', ' ']).collect();
        let arithmetic = match () {
            () if words.contains("amp") || words.contains("fp16") => DType::F16,
            () if words.contains("amp_bf16") || words.contains("bf16") => DType::BF16,
            () => DType::F32,
        };
        let share = match device.map(|device| (device.kind, device.units)) {
            Some((DeviceKind::Cpu, Some(units))) if output.threads > 0 => {
                (f64::from(output.threads) / f64::from(units)).min(1.0)
            }
            _ => 1.0,
        };
        Self { device, share, arithmetic, compiled: words.contains("torch.compile") }
    }

    /// Whether its file says how fast it computes in `dtype`; then it is taken to do so.
    pub fn computes(&self, dtype: DType) -> bool {
        self.device.is_some_and(|device| device.peak.contains_key(&dtype))
    }

    /// Terms of an operator.
    pub fn terms(&self, Work { dtype, flops, bytes, convolves, first, .. }: &Work) -> Terms {
        // A view is no kernel.
        let start = if *bytes > 0.0 && (*first || !self.compiled) { self.start() } else { 0.0 };
        Terms {
            floor: Floor { arithmetic: 1e3 * flops / self.highest(*dtype, *convolves), starts: start },
            roofline: (1e3 * flops / self.usual(*dtype)).max(1e3 * bytes / self.bandwidth()) + start,
        }
    }

    /// Their sum.
    pub fn total(&self, work: &[Work]) -> Terms {
        work.iter().map(|work| self.terms(work)).sum()
    }

    /// Least time between the starts of two kernels, in ms. On the H100 of `datasets/gpu` no network took less than 9 µs a
    /// kernel; what starts with the framework's interpreter out of the way (`torch.compile`) or on a CPU takes less.
    fn start(&self) -> f64 {
        match self.device.map(|device| device.kind) {
            Some(DeviceKind::Gpu) if self.compiled => 1e-3,
            Some(DeviceKind::Gpu) => 5e-3,
            _ => 5e-4,
        }
    }

    fn bandwidth(&self) -> f64 {
        self.device.map_or(UNKNOWN.1, |device| device.bandwidth.unwrap_or(f64::INFINITY))
    }

    fn peak(&self, dtype: DType) -> Option<f64> {
        let peak = match self.device {
            Some(device) => *device.peak.get(&dtype)?,
            None => UNKNOWN.0 * 32.0 / dtype.bits() as f64,
        };
        Some(self.share * peak)
    }

    /// Operations a second on data of `dtype`: what the device file says of it, else as f32, to which it is converted.
    fn usual(&self, dtype: DType) -> f64 {
        let own = if dtype == DType::F32 { self.arithmetic } else { dtype };
        self.peak(own).or_else(|| self.peak(DType::F32)).unwrap_or(f64::INFINITY)
    }

    /// The most that it could do: where the file does not say, no device does more narrow operations at once than fit where
    /// it does wide ones.
    fn highest(&self, dtype: DType, convolves: bool) -> f64 {
        let own = if dtype == DType::F32 { self.arithmetic } else { dtype };
        let narrow = || self.peak(DType::F32).map_or(f64::INFINITY, |peak| peak * 32.0 / own.bits() as f64);
        let highest = self.peak(own).unwrap_or_else(narrow);
        // PyTorch lets cuDNN convolve f32 in TF32, at half the speed of f16.
        let tensor_cores = self.device.is_some_and(|device| device.kind == DeviceKind::Gpu) && convolves;
        match self.peak(DType::F16).filter(|_| own == DType::F32 && tensor_cores) {
            Some(f16) => highest.max(f16 / 2.0),
            None => highest,
        }
    }
}

/// Types that the operators of a network compute in, indices and extents apart.
pub fn data_types(bound: &BoundGraph) -> BTreeSet<DType> {
    let types = bound.live().iter().map(|&id| data_type(bound, bound.graph().node(id)));
    types.filter(|&dtype| computed(dtype)).collect()
}

/// True for types of data; the others are those of indices, extents, truth values and texts.
pub(crate) fn computed(dtype: DType) -> bool {
    dtype.is_float() || (dtype.is_integer() && dtype.bits() <= 16 && dtype != DType::Bool)
}

/// The type that an operator computes in: the narrowest of what it works on, indices and settings apart.
pub(crate) fn data_type(bound: &BoundGraph, node: &Node) -> DType {
    let works_on = |role| {
        matches!(role, Role::Data | Role::Term | Role::Factor | Role::Matrix | Role::Weight | Role::State)
    };
    let operands = node.inputs.iter().enumerate().filter(|&(i, _)| works_on(node.role(i)));
    let types = operands.filter_map(|(_, t)| Some(bound.fact((*t)?).dtype));
    types.min_by_key(|dtype| dtype.bits()).unwrap_or(DType::F32)
}
