//! Units of code: each file of C once, however many kernels of a network it is.

use std::collections::HashMap;

use tachograph_program::{BufferId, CCode, Compiler, Data, Kernel, Nest, Target, c};

use crate::Result;

/// The code of a network.
pub struct Units {
    /// The files.
    pub files: Vec<CCode>,
    compiler: Compiler,
    known: HashMap<String, usize>,
    /// What prepares weights, compiled.
    setups: HashMap<String, Kernel>,
}

impl Units {
    pub fn new(compiler: Compiler) -> Self {
        Self { files: Vec::new(), compiler, known: HashMap::new(), setups: HashMap::new() }
    }

    /// The unit of a nest, and bytes of its workspace.
    ///
    /// # Errors
    /// A nest that has no code.
    pub fn add(&mut self, nest: &Nest) -> Result<(usize, u64)> {
        let code = c(nest, Target::native())?;
        let work = code.work_bytes;
        let next = self.files.len();
        let unit = *self.known.entry(code.text.clone()).or_insert(next);
        if unit == next {
            self.files.push(code);
        }
        Ok((unit, work))
    }

    /// Runs a nest that prepares weights; gives its results as they lie in memory.
    ///
    /// # Errors
    /// It has no code, or that does not compile; data that does not fit it.
    pub fn prepare(&mut self, setup: &Nest, given: &Data) -> Result<HashMap<BufferId, Vec<u8>>> {
        let text = c(setup, Target::native())?.text;
        let kernel = match self.setups.entry(text) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => place.insert(Kernel::new(setup, &self.compiler)?),
        };
        for (id, data) in given {
            kernel.set(*id, data)?;
        }
        kernel.run()?;
        setup.outputs.iter().map(|&id| Ok((id, kernel.bytes(id)?.to_vec()))).collect()
    }
}
