//! Every way to run every part, and which is taken: times of kernels, and of copies where two disagree on an order.

use std::{cmp::Ordering, collections::HashMap};

use tachograph_ir::TensorId;
use tachograph_program::{Form, Group, Layout, Machine, Target, WorkloadHash};
use tachograph_tune::live::Known;

use crate::{
    Network, Part, Result, Work,
    assign::{Pair, assign},
    candidate::{Candidate, candidates},
    copy::Copies,
    order::{self, Orders},
};

/// A way to run a part.
#[derive(Clone, Debug)]
pub enum Way {
    /// Nothing is run: operands and results are the same memory, in these orders.
    InPlace {
        /// Orders of the operands.
        reads: Orders,
        /// Order of the result.
        writes: Orders,
    },
    /// A kernel.
    Kernel(Box<Candidate>),
}

impl Way {
    /// Tensors and the orders in which they are read.
    pub fn reads(&self) -> &[(TensorId, Layout)] {
        match self {
            Self::InPlace { reads, .. } => reads,
            Self::Kernel(candidate) => &candidate.reads,
        }
    }

    /// Tensors and the orders in which they are written.
    pub fn writes(&self) -> &[(TensorId, Layout)] {
        match self {
            Self::InPlace { writes, .. } => writes,
            Self::Kernel(candidate) => &candidate.writes,
        }
    }

    /// What it takes, in milliseconds.
    pub fn ms(&self) -> f64 {
        self.kernel().map_or(0.0, |kernel| kernel.ms)
    }

    /// The kernel, where there is one.
    pub fn kernel(&self) -> Option<&Candidate> {
        match self {
            Self::InPlace { .. } => None,
            Self::Kernel(candidate) => Some(candidate),
        }
    }

    /// Which of two that do the same is taken.
    fn believed(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Kernel(a), Self::Kernel(b)) => a.order(b),
            _ => self.ms().total_cmp(&other.ms()),
        }
    }
}

/// What was measured, by workload.
pub type Measured = HashMap<WorkloadHash, Vec<Known>>;

/// The ways to run each part of a network, and what copies between them take.
#[derive(Clone, Debug)]
pub struct Ways {
    /// Of each part.
    pub parts: Vec<Vec<Way>>,
    /// What copies take.
    pub copies: Copies,
}

/// The ways of each part: every form, in every combination of orders.
///
/// # Errors
/// A schedule that a workload refuses.
pub fn ways(network: &Network<'_>, measured: &Measured) -> Result<Ways> {
    let kernels = |forms: &[(Form, Group)]| -> Result<Vec<Way>> {
        let known = |(form, group): &(Form, Group)| Some((*form, measured.get(&group.workload.hash())?.clone()));
        let known = forms.iter().filter_map(known).collect();
        Ok(candidates(forms, &known)?.into_iter().map(|candidate| Way::Kernel(Box::new(candidate))).collect())
    };
    let each = |part: &Part| match &part.work {
        Work::Constant(_) => Ok(Vec::new()),
        Work::View { from, to } => {
            let plain = |id: &TensorId| vec![(*id, order::plain(network.shape(*id)))];
            Ok(vec![Way::InPlace { reads: plain(from), writes: plain(to) }])
        }
        Work::Join { from, to, axis, copy } => {
            let mut all = joins(network, from, *to, *axis);
            all.extend(kernels(&[(Form::Direct, copy.clone())])?);
            Ok(all)
        }
        Work::Kernel(forms) => kernels(forms),
    };
    Ok(Ways { parts: network.parts.iter().map(each).collect::<Result<_>>()?, copies: Copies::default() })
}

impl Ways {
    /// Those that are taken, alone, with what others know of the same kernels.
    #[must_use]
    pub fn taken(&self, network: &Network<'_>, known: &Self) -> Self {
        let same = |part: usize, way: &Way| {
            let own = way.kernel()?;
            let mut kernels = known.parts.get(part)?.iter().filter_map(Way::kernel);
            kernels.find(|other| other.is(own)).cloned()
        };
        let told = |part, way: Way| same(part, &way).map_or(way, |kernel| Way::Kernel(Box::new(kernel)));
        let part = |(part, way): (usize, Option<Way>)| way.map(|way| told(part, way)).into_iter().collect();
        Self { parts: chosen(network, self).into_iter().enumerate().map(part).collect(), copies: known.copies.clone() }
    }

    /// The same with the loops of kernels shared among threads.
    ///
    /// # Errors
    /// A schedule that a workload refuses.
    pub fn among(mut self, network: &Network<'_>, threads: u32) -> Result<Self> {
        for (part, ways) in network.parts.iter().zip(&mut self.parts) {
            for way in ways {
                let Way::Kernel(candidate) = way else { continue };
                if let Some(group) = part.work.group(candidate.form) {
                    **candidate = candidate.clone().among(group, threads)?;
                }
            }
        }
        Ok(self)
    }
}

/// The fastest way for each combination of orders.
fn fastest(ways: &[Way]) -> Vec<&Way> {
    let mut found: Vec<&Way> = Vec::new();
    for way in ways {
        let same = |other: &&mut &Way| other.reads() == way.reads() && other.writes() == way.writes();
        match found.iter_mut().find(same) {
            Some(other) if way.believed(other).is_lt() => *other = way,
            Some(_) => {}
            None => found.push(way),
        }
    }
    found
}

/// The orders in which operands that lie one after the other are the result.
fn joins(network: &Network<'_>, from: &[TensorId], to: TensorId, axis: usize) -> Vec<Way> {
    let lanes = Machine::of(Target::native()).lanes;
    let shape = network.shape(to);
    let extents: Vec<u64> = from.iter().map(|&id| network.shape(id)[axis]).collect();
    let mut orders = vec![Layout::plain(shape.len())];
    // Blocks of channels that all of them have.
    if shape.len() >= 3 && axis == 1 {
        let fits = |block: &u64| extents.iter().all(|n| n.is_multiple_of(*block));
        orders.extend((2..=lanes).rev().filter(fits).map(|block| {
            let part = |axis, divide, modulo| tachograph_program::LayoutDim { axis, divide, modulo };
            let outer = (0..shape.len()).map(|a| part(a, if a == 1 { block } else { 1 }, None));
            Layout { dims: outer.chain([part(1, 1, Some(block))]).collect() }
        }));
    }
    let outermost = |layout: &&Layout| {
        let first = order::canonical(layout, shape).dims.first().map(|dim| dim.axis);
        first == Some(axis) || shape.iter().all(|&n| n <= 1)
    };
    let way = |layout: &Layout| {
        let ordered = |id: TensorId| (id, order::canonical(layout, network.shape(id)));
        Way::InPlace { reads: from.iter().map(|&id| ordered(id)).collect(), writes: vec![ordered(to)] }
    };
    orders.iter().filter(outermost).map(way).collect()
}

/// The way that is taken of each part; parts without ways have none.
pub fn chosen(network: &Network<'_>, ways: &Ways) -> Vec<Option<Way>> {
    let copy = |id: TensorId, from: &Layout, to: &Layout| {
        ways.copies.ms([from, to], network.element_bytes(id) * order::elements(to, network.shape(id)))
    };
    let ways: Vec<Vec<&Way>> = ways.parts.iter().map(|ways| fastest(ways)).collect();
    let mut producer: HashMap<TensorId, usize> = HashMap::new();
    for (i, ways) in ways.iter().enumerate() {
        for (id, _) in ways.first().map_or(&[][..], |way| way.writes()) {
            producer.insert(*id, i);
        }
    }
    let variables: Vec<usize> = (0..ways.len()).filter(|&i| !ways[i].is_empty()).collect();
    let position: HashMap<usize, usize> = variables.iter().enumerate().map(|(at, &i)| (i, at)).collect();
    let outputs = network.bound.graph().outputs();
    // What is given and what is returned is row-major.
    let outside = |way: &Way| -> f64 {
        let given = way.reads().iter().filter(|(id, _)| !producer.contains_key(id));
        let returned = way.writes().iter().filter(|(id, _)| outputs.contains(id));
        let plain = |id: TensorId| order::plain(network.shape(id));
        let cost = |id: TensorId, [from, to]: [&Layout; 2]| if from == to { 0.0 } else { copy(id, from, to) };
        given.map(|(id, order)| cost(*id, [&plain(*id), order])).sum::<f64>()
            + returned.map(|(id, order)| cost(*id, [order, &plain(*id)])).sum::<f64>()
    };
    let alone: Vec<Vec<f64>> =
        variables.iter().map(|&i| ways[i].iter().map(|way| way.ms() + outside(way)).collect()).collect();
    let mut pairs = Vec::new();
    for (at, &reader) in variables.iter().enumerate() {
        let mut makers: Vec<usize> =
            ways[reader][0].reads().iter().filter_map(|(id, _)| producer.get(id).copied()).collect();
        makers.sort_unstable();
        makers.dedup();
        for maker in makers {
            let cost = |write: &Way, read: &Way| {
                let each = |(id, order): &(TensorId, Layout)| {
                    let written = write.writes().iter().find(|(written, other)| written == id && other != order);
                    written.map_or(0.0, |(_, other)| copy(*id, other, order))
                };
                read.reads().iter().map(each).sum()
            };
            let row = |write: &&Way| ways[reader].iter().map(|read| cost(write, read)).collect();
            pairs.push(Pair { of: [position[&maker], at], costs: ways[maker].iter().map(row).collect() });
        }
    }
    let choices = assign(&alone, &pairs);
    let mut taken: Vec<Option<Way>> = vec![None; ways.len()];
    for (&i, choice) in variables.iter().zip(choices) {
        taken[i] = ways[i].get(choice).map(|way| (*way).clone());
    }
    taken
}

/// A kernel by plain loops, for where the compiler refuses every other way.
///
/// # Errors
/// The workload cannot be lowered at all.
pub fn plain(work: &Work) -> Result<Option<Way>> {
    let group = match work {
        Work::Kernel(forms) => forms.first().map(|(_, group)| group),
        Work::Join { copy, .. } => Some(copy),
        Work::View { .. } | Work::Constant(_) => None,
    };
    let plain = |group| Candidate::new(Form::Direct, group, tachograph_program::Schedule::new());
    group.map(|group| Ok(Way::Kernel(Box::new(plain(group)?)))).transpose()
}
