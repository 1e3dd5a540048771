//! What kernels are made of: code, and weights as they read them. Plans of one network that share it have each once.

use std::{collections::HashMap, rc::Rc};

use tachograph_program::{BufferId, Compiler, Data, Group, Nest};

use crate::{Error, Network, Result, candidate::Candidate, elements::Elements, pool::Pool, units::Units};

/// Code and weights.
pub struct Made {
    /// Weights.
    pub pool: Pool,
    /// Code.
    pub units: Units,
    /// By part and schedule.
    kernels: HashMap<(usize, String), Rc<Packed>>,
}

/// A kernel with its weights.
pub struct Packed {
    /// Its code.
    pub unit: usize,
    /// Bytes of workspace.
    pub work: u64,
    /// What it reads, and where that lies among the weights; `None` for what is given anew in each run.
    pub inputs: Vec<(BufferId, Option<u64>)>,
    /// What it writes.
    pub outputs: Vec<BufferId>,
}

impl Made {
    /// Nothing yet.
    pub fn new(compiler: &Compiler) -> Self {
        Self { pool: Pool::default(), units: Units::new(compiler.clone()), kernels: HashMap::new() }
    }

    /// The kernel of a part by this way.
    ///
    /// # Errors
    /// Elements of weights that cannot be had; code that cannot be written, or that prepares weights and cannot be compiled.
    pub fn packed(
        &mut self,
        (part, way): (usize, &Candidate),
        network: &Network<'_>,
        group: &Group,
        elements: &mut Elements<'_>,
    ) -> Result<Rc<Packed>> {
        let key = (part, way.key());
        if let Some(there) = self.kernels.get(&key) {
            return Ok(there.clone());
        }
        let nest = way.schedule.lower(&group.workload)?;
        let (setup, run) = nest.apart();
        let mut prepared = HashMap::new();
        if let Some(setup) = setup {
            prepared = self.units.prepare(&setup, &weights_of(group, &setup, elements)?)?;
        }
        let (unit, work) = self.units.add(&run)?;
        let mut inputs = Vec::new();
        for &id in &run.inputs {
            let place = match (prepared.remove(&id), group.inputs.iter().find(|(_, buffer)| *buffer == id)) {
                (Some(bytes), _) => Some(self.pool.put(&bytes)),
                (None, Some((tensor, _))) if way.reads.iter().any(|(read, _)| read == tensor) => None,
                (None, Some((tensor, _))) => Some(self.pool.put(&run.buffer(id).pack(&elements.of(*tensor)?)?)),
                (None, None) => {
                    let (operators, name) = (&network.parts[part].operators, &run.buffer(id).name);
                    return Err(Error::Network(format!("{operators}: nothing gives `{name}`")));
                }
            };
            inputs.push((id, place));
        }
        let packed = Rc::new(Packed { unit, work, inputs, outputs: run.outputs });
        self.kernels.insert(key, packed.clone());
        Ok(packed)
    }
}

fn weights_of(group: &Group, setup: &Nest, elements: &mut Elements<'_>) -> Result<Data> {
    let read = group.inputs.iter().filter(|(_, buffer)| setup.inputs.contains(buffer));
    read.map(|(tensor, buffer)| Ok((*buffer, elements.of(*tensor)?))).collect()
}
