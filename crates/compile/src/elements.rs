//! Elements of what is known before a network runs.

use std::collections::{BTreeSet, HashMap};

use tachograph_ir::{Fill, FusionGroup, TensorId, Value};
use tachograph_program::{BufferId, Compiler, Data, Group, Kernel, Schedule, group};

use crate::{Error, Network, Result};

/// Gives the elements of a weight, row-major; `None` where the model has none, and stand-ins are taken.
pub type Weights<'a> = dyn Fn(TensorId) -> Result<Option<Vec<f64>>, String> + 'a;

/// Points of a stage up to which the interpreter is faster than compiling.
const INTERPRETED: u64 = 200_000;

/// Elements of weights, and of what is computed from them.
pub struct Elements<'a> {
    network: &'a Network<'a>,
    weights: &'a Weights<'a>,
    compiler: &'a Compiler,
    computed: HashMap<TensorId, Vec<f64>>,
    /// Weights that stand-ins took the place of.
    stand_ins: BTreeSet<String>,
}

impl<'a> Elements<'a> {
    pub fn new(network: &'a Network<'a>, weights: &'a Weights<'a>, compiler: &'a Compiler) -> Self {
        Self { network, weights, compiler, computed: HashMap::new(), stand_ins: BTreeSet::new() }
    }

    /// Weights that stand-ins took the place of.
    pub fn stand_ins(self) -> Vec<String> {
        self.stand_ins.into_iter().collect()
    }

    /// Elements of a tensor that depends on no input. What the model lacks something of is a stand-in as a whole.
    ///
    /// # Errors
    /// The model says that it has them, and they cannot be read, or are not as many as the shape says.
    pub fn of(&mut self, id: TensorId) -> Result<Vec<f64>> {
        if let Some(found) = self.given(id)? {
            return Ok(found);
        }
        let bound = self.network.bound;
        self.stand_ins.insert(bound.graph().tensor(id).name.clone());
        let (fill, n) = (Fill::of(bound, id), self.count(id));
        Ok(match bound.fact(id).dtype.is_integer() {
            true => fill.integers(id.0, n).into_iter().map(|n| n as f64).collect(),
            false => fill.floats(id.0, n).into_iter().map(f64::from).collect(),
        })
    }

    fn count(&self, id: TensorId) -> usize {
        self.network.shape(id).iter().product::<u64>() as usize
    }

    /// What the model says of a tensor: its elements, or those of all that it is made of.
    fn given(&mut self, id: TensorId) -> Result<Option<Vec<f64>>> {
        if let Some(computed) = self.computed.get(&id) {
            return Ok(Some(computed.clone()));
        }
        let bound = self.network.bound;
        match &bound.fact(id).value {
            Some(Value::Ints(ints)) => return Ok(Some(ints.iter().map(|&n| n as f64).collect())),
            Some(Value::Floats(floats)) => return Ok(Some(floats.clone())),
            None => {}
        }
        if let Some(node) = bound.graph().producer(id) {
            // Nodes that depend on weights alone need not be parts.
            let (node, alone) = (bound.graph().node(node), FusionGroup { nodes: vec![node] });
            let refuse = |source| Error::Group { operators: node.op.name().into(), node: node.name.clone(), source };
            let made = group(bound, &alone).map_err(refuse)?;
            let mut data = Data::new();
            for (tensor, buffer) in operands(&made) {
                let Some(elements) = self.given(tensor)? else { return Ok(None) };
                data.insert(buffer, elements);
            }
            self.run(&made, &data)?;
            return Ok(self.computed.get(&id).cloned());
        }
        let refuse = |message: String| Error::Weight { tensor: bound.graph().tensor(id).name.clone(), message };
        match (self.weights)(id).map_err(refuse)? {
            Some(one) if one.len() == 1 => Ok(Some(vec![one[0]; self.count(id)])),
            Some(all) if all.len() != self.count(id) => {
                Err(refuse(format!("{} elements for a shape of {}", all.len(), self.count(id))))
            }
            all => Ok(all),
        }
    }

    /// Computes the results of a group that depends on weights alone.
    ///
    /// # Errors
    /// As [`Elements::of`]; its program does not compile.
    pub fn compute(&mut self, group: &Group) -> Result<()> {
        if group.outputs.iter().all(|(tensor, _)| self.computed.contains_key(tensor)) {
            return Ok(());
        }
        let data = operands(group).map(|(tensor, buffer)| Ok((buffer, self.of(tensor)?))).collect::<Result<Data>>()?;
        self.run(group, &data)
    }

    fn run(&mut self, group: &Group, data: &Data) -> Result<()> {
        let results = match group.workload.flops().max(group.workload.bytes()) <= INTERPRETED {
            true => group.workload.run(data)?,
            false => Kernel::new(&Schedule::new().lower(&group.workload)?, self.compiler)?.call_with(data)?,
        };
        for (tensor, buffer) in &group.outputs {
            if let Some(result) = results.get(buffer) {
                self.computed.insert(*tensor, result.clone());
            }
        }
        Ok(())
    }
}

/// What a group reads.
fn operands(group: &Group) -> impl Iterator<Item = (TensorId, BufferId)> + '_ {
    group.inputs.iter().copied().filter(|(_, buffer)| !group.workload.readers(*buffer).is_empty())
}
