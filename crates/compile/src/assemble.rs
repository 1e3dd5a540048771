//! From the ways that are taken to steps over values in memory.

use std::collections::HashMap;

use tachograph_ir::TensorId;
use tachograph_program::{Group, Layout};

use crate::{
    Network, Result, Work,
    arena::{Block, offsets},
    copy::{self, Copied},
    elements::Elements,
    made::{Made, Packed},
    order,
    pool::ALIGN,
    ways::Way,
};

/// A tensor in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory of its own.
    Own,
    /// Given by the caller.
    Input(usize),
    /// Known beforehand, at this offset of the weights.
    Weight(u64),
    /// In memory of another value, from this byte on.
    Within(usize, u64),
}

/// What is in memory.
#[derive(Clone, Debug)]
pub struct Value {
    /// Size.
    pub bytes: u64,
    /// Where.
    pub place: Place,
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// At this offset of the weights.
    Weight(u64),
    /// A value.
    Value(usize),
}

/// What is run.
#[derive(Clone, Debug)]
pub enum Run {
    /// A unit of code, with bytes of workspace.
    Kernel {
        /// Which.
        unit: usize,
        /// Its arguments.
        args: Vec<Arg>,
        /// Bytes of workspace.
        work: u64,
    },
    /// A copy of bytes as they are.
    Bytes {
        /// From this value.
        from: usize,
        /// To this one.
        to: usize,
    },
}

/// A step of a run.
#[derive(Clone, Debug)]
pub struct Step {
    /// The part that it is of; copies are of the part that reads them.
    pub part: usize,
    /// What it copies, where it is no kernel of the part.
    pub copied: Option<Copied>,
    /// What is run.
    pub run: Run,
}

/// A network as steps over memory.
pub struct Assembly {
    /// The steps in order.
    pub steps: Vec<Step>,
    /// What is in memory.
    pub values: Vec<Value>,
    /// The value of each output of the graph.
    pub outputs: Vec<usize>,
    /// Code and weights.
    pub made: Made,
    threads: u32,
    named: HashMap<(TensorId, Layout), usize>,
    of_tensor: HashMap<TensorId, Vec<(Layout, usize)>>,
}

impl Assembly {
    /// Lays the parts out, with weights as their kernels want them. What is `made` already is taken, and kept for the next.
    ///
    /// # Errors
    /// Elements of weights that cannot be had; code that cannot be written, or that prepares weights and cannot be compiled.
    pub fn of(
        network: &Network<'_>,
        ways: &[Option<Way>],
        elements: &mut Elements<'_>,
        made: Made,
        threads: u32,
    ) -> Result<Self> {
        let mut all = Self {
            steps: Vec::new(),
            values: Vec::new(),
            outputs: Vec::new(),
            made,
            threads,
            named: HashMap::new(),
            of_tensor: HashMap::new(),
        };
        for (i, &id) in network.bound.graph().inputs().iter().enumerate() {
            all.value(network, id, order::plain(network.shape(id)), Place::Input(i));
        }
        for (i, part) in network.parts.iter().enumerate() {
            match (&part.work, &ways[i]) {
                (Work::Constant(group), _) => elements.compute(group)?,
                (Work::View { from, to }, Some(way)) => {
                    let read = all.read(network, i, *from, &way.reads()[0].1)?;
                    all.value(network, *to, way.writes()[0].1.clone(), Place::Within(read, 0));
                }
                (Work::Join { .. }, Some(Way::InPlace { reads, writes })) => all.join(network, i, reads, &writes[0])?,
                (work, Some(Way::Kernel(way))) => {
                    if let Some(group) = work.group(way.form) {
                        all.kernel(network, i, group, way, elements)?;
                    }
                }
                _ => {}
            }
        }
        let last = network.parts.len().saturating_sub(1);
        for &id in network.bound.graph().outputs() {
            let value = match all.of_tensor.contains_key(&id) {
                true => all.read(network, last, id, &order::plain(network.shape(id)))?,
                // It depends on no input.
                false => {
                    let nest =
                        copy::nest(network, id, &order::plain(network.shape(id)), &order::plain(network.shape(id)), 1)?;
                    let packed = nest.buffer(nest.inputs[0]).pack(&elements.of(id)?)?;
                    let place = Place::Weight(all.made.pool.put(&packed));
                    all.value(network, id, order::plain(network.shape(id)), place)
                }
            };
            all.outputs.push(value);
        }
        Ok(all)
    }

    fn value(&mut self, network: &Network<'_>, id: TensorId, order: Layout, place: Place) -> usize {
        let bytes = network.element_bytes(id) * order::elements(&order, network.shape(id));
        self.values.push(Value { bytes, place });
        let at = self.values.len() - 1;
        self.named.insert((id, order.clone()), at);
        self.of_tensor.entry(id).or_default().push((order, at));
        at
    }

    /// The value of a tensor in an order; copied into it where it is not there.
    fn read(&mut self, network: &Network<'_>, part: usize, id: TensorId, order: &Layout) -> Result<usize> {
        if let Some(there) = self.named.get(&(id, order.clone())) {
            return Ok(*there);
        }
        let Some((from, at)) = self.of_tensor.get(&id).and_then(|all| all.first()).cloned() else {
            let name = &network.bound.graph().tensor(id).name;
            return Err(crate::Error::Network(format!("`{name}` is read before it is made")));
        };
        let to = self.value(network, id, order.clone(), Place::Own);
        let (unit, work) = self.made.units.add(&copy::nest(network, id, &from, order, self.threads)?)?;
        let run = Run::Kernel { unit, args: vec![Arg::Value(at), Arg::Value(to)], work };
        let copied = Some(Copied { from, to: order.clone(), bytes: self.values[to].bytes });
        self.steps.push(Step { part, copied, run });
        Ok(to)
    }

    /// Operands are made where they lie in the result; those that lie elsewhere already are copied there, and those whose place
    /// does not begin where kernels suppose that buffers do.
    fn join(
        &mut self,
        network: &Network<'_>,
        part: usize,
        reads: &[(TensorId, Layout)],
        (to, order): &(TensorId, Layout),
    ) -> Result<()> {
        let result = self.value(network, *to, order.clone(), Place::Own);
        let mut offset = 0u64;
        for (id, order) in reads {
            let operand = self.read(network, part, *id, order)?;
            let bytes = self.values[operand].bytes;
            if self.values[operand].place == Place::Own && offset.is_multiple_of(ALIGN) {
                self.values[operand].place = Place::Within(result, offset);
            } else {
                // Nobody reads the copy by itself.
                self.values.push(Value { bytes, place: Place::Within(result, offset) });
                let run = Run::Bytes { from: operand, to: self.values.len() - 1 };
                let copied = Some(Copied { from: order.clone(), to: order.clone(), bytes });
                self.steps.push(Step { part, copied, run });
            }
            offset += bytes;
        }
        Ok(())
    }

    fn kernel(
        &mut self,
        network: &Network<'_>,
        part: usize,
        group: &Group,
        way: &crate::candidate::Candidate,
        elements: &mut Elements<'_>,
    ) -> Result<()> {
        let packed = self.made.packed((part, way), network, group, elements)?;
        let Packed { unit, work, inputs, outputs } = &*packed;
        let mut args = Vec::new();
        for (id, weight) in inputs {
            args.push(match weight {
                Some(offset) => Arg::Weight(*offset),
                None => {
                    let of = group.inputs.iter().find(|(_, buffer)| buffer == id);
                    let read = of.and_then(|(tensor, _)| way.reads.iter().find(|(read, _)| read == tensor));
                    // What is no weight is read: `packed` says so.
                    let Some((tensor, order)) = read else { continue };
                    Arg::Value(self.read(network, part, *tensor, order)?)
                }
            });
        }
        for id in outputs {
            let of = group.outputs.iter().find(|(_, buffer)| buffer == id);
            let write = of.and_then(|(tensor, _)| way.writes.iter().find(|(write, _)| write == tensor));
            let Some((tensor, order)) = write.cloned() else { continue };
            args.push(Arg::Value(self.value(network, tensor, order, Place::Own)));
        }
        self.steps.push(Step { part, copied: None, run: Run::Kernel { unit: *unit, args, work: *work } });
        Ok(())
    }

    /// The value that has memory, and where in it this one lies.
    pub fn root(&self, mut value: usize) -> (usize, u64) {
        let mut offset = 0;
        while let Place::Within(of, at) = self.values[value].place {
            (value, offset) = (of, offset + at);
        }
        (value, offset)
    }

    /// Where values and workspaces lie: an offset for each value with memory of its own, one for each step's workspace, and
    /// bytes of all.
    pub fn memory(&self) -> (Vec<u64>, Vec<u64>, u64) {
        let mut blocks: Vec<Block> =
            self.values.iter().map(|_| Block { bytes: 0, first: usize::MAX, last: 0 }).collect();
        let mut touch = |value: usize, step: usize| {
            let (root, _) = self.root(value);
            let block = &mut blocks[root];
            if matches!(self.values[root].place, Place::Own | Place::Input(_)) {
                *block =
                    Block { bytes: self.values[root].bytes, first: block.first.min(step), last: block.last.max(step) };
            }
        };
        for (at, step) in self.steps.iter().enumerate() {
            match &step.run {
                Run::Kernel { args, .. } => args.iter().for_each(|arg| {
                    if let Arg::Value(value) = arg {
                        touch(*value, at);
                    }
                }),
                Run::Bytes { from, to } => {
                    touch(*from, at);
                    touch(*to, at);
                }
            }
        }
        for &output in &self.outputs {
            touch(output, self.steps.len());
        }
        // Inputs that are not aligned are copied before the first step.
        for (value, block) in self.values.iter().zip(&mut blocks) {
            if matches!(value.place, Place::Input(_)) {
                block.first = 0;
            }
        }
        let work = self.steps.iter().enumerate().map(|(at, step)| match step.run {
            Run::Kernel { work, .. } => Block { bytes: work, first: at, last: at },
            Run::Bytes { .. } => Block { bytes: 0, first: at, last: at },
        });
        blocks.extend(work);
        let (mut offsets, bytes) = offsets(&blocks);
        let work = offsets.split_off(self.values.len());
        (offsets, work, bytes)
    }
}
