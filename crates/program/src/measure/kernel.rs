//! Compiled kernels, called from Rust.

use std::path::Path;

use libloading::Library;

use super::{Compiler, Memory, elements};
use crate::{BufferId, CCode, Data, Error, Nest, Result, Target, c};

type Function = unsafe extern "C" fn(*const *mut u8, *mut u8);

/// A nest as code of the machine, with buffers for its arguments.
pub struct Kernel {
    nest: Nest,
    library: Library,
    arguments: Vec<Memory>,
    work: Memory,
    prepared: bool,
    _dir: tempfile::TempDir,
}

impl Kernel {
    /// Compiles and loads a nest. The code runs in this process: take schedules that have been measured, or whose
    /// output was checked.
    ///
    /// # Errors
    /// See [`c()`] and [`Compiler::library`].
    pub fn new(nest: &Nest, compiler: &Compiler) -> Result<Self> {
        let code: CCode = c(nest, Target::native())?;
        let dir = tempfile::tempdir().map_err(Error::io(Path::new("temporary directory")))?;
        let path = dir.path().join("kernel.so");
        compiler.library(&code, &path)?;
        let load = || {
            // SAFETY: the library has no initialisers: it was generated and compiled just now.
            unsafe { Library::new(&path) }.map_err(|error| Error::Compiler {
                compiler: compiler.version().into(),
                message: format!("its library does not load: {error}"),
            })
        };
        let library = load()?;
        if code.parallel {
            // The threads of OpenMP outlive the kernel, and so must its library.
            std::mem::forget(load()?);
        }
        let arguments =
            nest.inputs.iter().chain(&nest.outputs).map(|&id| Memory::new(nest.buffer(id).bytes())).collect();
        let work = Memory::new(code.work_bytes);
        Ok(Self { nest: nest.clone(), library, arguments, work, prepared: false, _dir: dir })
    }

    fn position(&self, id: BufferId) -> Result<usize> {
        let found = self.nest.inputs.iter().chain(&self.nest.outputs).position(|&other| other == id);
        found.ok_or_else(|| Error::data(&format!("{}", id.0), "is neither given nor returned"))
    }

    /// Gives an input or a weight its elements, in row-major order.
    ///
    /// # Errors
    /// No input, or another number of elements.
    pub fn set(&mut self, id: BufferId, data: &[f64]) -> Result<()> {
        let at = self.position(id)?;
        let bytes = elements::packed(self.nest.buffer(id), data)?;
        self.arguments[at].bytes().copy_from_slice(&bytes);
        // What was prepared may depend on it.
        self.prepared = self.prepared && self.nest.buffer(id).storage != crate::Storage::Weight;
        Ok(())
    }

    /// Runs it, after the preparation if that is due.
    ///
    /// # Errors
    /// The library lacks its functions.
    pub fn run(&mut self) -> Result<()> {
        if !self.prepared {
            self.call(b"prepare")?;
            self.prepared = true;
        }
        self.call(b"run")
    }

    fn call(&mut self, name: &[u8]) -> Result<()> {
        let pointers: Vec<*mut u8> = self.arguments.iter().map(|memory| memory.at(0)).collect();
        // SAFETY: generated functions have this signature; arguments and workspace have the sizes that the same nest
        // says, begin at cache lines and outlive the call.
        unsafe {
            let function = self.library.get::<Function>(name).map_err(|error| Error::Compiler {
                compiler: String::from_utf8_lossy(name).into_owned(),
                message: error.to_string(),
            })?;
            function(pointers.as_ptr(), self.work.at(0));
        }
        Ok(())
    }

    /// Elements of an output, in row-major order.
    ///
    /// # Errors
    /// No output.
    pub fn get(&mut self, id: BufferId) -> Result<Vec<f64>> {
        let at = self.position(id)?;
        let buffer = self.nest.buffer(id).clone();
        elements::unpacked(&buffer, self.arguments[at].bytes())
    }

    /// An output as it lies in memory.
    ///
    /// # Errors
    /// No output.
    pub fn bytes(&mut self, id: BufferId) -> Result<&[u8]> {
        let at = self.position(id)?;
        Ok(self.arguments[at].bytes())
    }

    /// Sets all inputs, runs, and gets all outputs.
    ///
    /// # Errors
    /// As [`Kernel::set`] and [`Kernel::run`]; an input that is missing.
    pub fn call_with(&mut self, given: &Data) -> Result<Data> {
        for id in self.nest.inputs.clone() {
            let data = given.get(&id).ok_or_else(|| Error::data(&self.nest.buffer(id).name, "is not given"))?;
            self.set(id, data)?;
        }
        self.run()?;
        self.nest.outputs.clone().into_iter().map(|id| Ok((id, self.get(id)?))).collect()
    }
}
