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

    /// Elements of a tensor that depends on no input.
    ///
    /// # Errors
    /// The model says that it has them, and they cannot be read, or are not as many as the shape says.
    pub fn of(&mut self, id: TensorId) -> Result<Vec<f64>> {
        if let Some(computed) = self.computed.get(&id) {
            return Ok(computed.clone());
        }
        let bound = self.network.bound;
        let fact = bound.fact(id);
        match &fact.value {
            Some(Value::Ints(ints)) => return Ok(ints.iter().map(|&n| n as f64).collect()),
            Some(Value::Floats(floats)) => return Ok(floats.clone()),
            None => {}
        }
        if let Some(node) = bound.graph().producer(id).filter(|_| self.has(id)) {
            // Nodes that depend on weights alone need not be parts.
            let alone = FusionGroup { nodes: vec![node] };
            let name = bound.graph().node(node).name.clone();
            let operators = bound.graph().node(node).op.name().to_owned();
            let made = group(bound, &alone).map_err(|source| Error::Group { operators, node: name, source })?;
            self.compute(&made)?;
            if let Some(computed) = self.computed.get(&id) {
                return Ok(computed.clone());
            }
        }
        let n = self.network.shape(id).iter().product::<u64>() as usize;
        let refuse = |message: String| Error::Weight { tensor: bound.graph().tensor(id).name.clone(), message };
        match (self.weights)(id).map_err(refuse)? {
            Some(one) if one.len() == 1 => Ok(vec![one[0]; n]),
            Some(all) if all.len() == n => Ok(all),
            Some(all) => Err(refuse(format!("{} elements for a shape of {n}", all.len()))),
            None => {
                self.stand_ins.insert(bound.graph().tensor(id).name.clone());
                let fill = Fill::of(bound, id);
                Ok(match fact.dtype.is_integer() {
                    true => fill.integers(id.0, n).into_iter().map(|n| n as f64).collect(),
                    false => fill.floats(id.0, n).into_iter().map(f64::from).collect(),
                })
            }
        }
    }

    /// Whether the model has all that this is made of; what it lacks something of is a stand-in as a whole.
    fn has(&self, id: TensorId) -> bool {
        let graph = self.network.bound.graph();
        let known = self.computed.contains_key(&id) || self.network.bound.fact(id).value.is_some();
        known
            || match graph.producer(id) {
                Some(node) => graph.node(node).inputs.iter().flatten().all(|&operand| self.has(operand)),
                None => !matches!((self.weights)(id), Ok(None)),
            }
    }

    /// Computes the results of a group that depends on weights alone.
    ///
    /// # Errors
    /// As [`Elements::of`]; its program does not compile.
    pub fn compute(&mut self, group: &Group) -> Result<()> {
        let data = self.operands(group)?;
        let results = match group.workload.flops().max(group.workload.bytes()) <= INTERPRETED {
            true => group.workload.run(&data)?,
            false => Kernel::new(&Schedule::new().lower(&group.workload)?, self.compiler)?.call_with(&data)?,
        };
        for (tensor, buffer) in &group.outputs {
            if let Some(result) = results.get(buffer) {
                self.computed.insert(*tensor, result.clone());
            }
        }
        Ok(())
    }

    fn operands(&mut self, group: &Group) -> Result<Data> {
        let read: Vec<(TensorId, BufferId)> =
            group.inputs.iter().copied().filter(|(_, buffer)| !group.workload.readers(*buffer).is_empty()).collect();
        read.into_iter().map(|(tensor, buffer)| Ok((buffer, self.of(tensor)?))).collect()
    }
}
