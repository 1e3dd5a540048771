//! Compiled networks, called from Rust.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    path::Path,
};

use libloading::Library;
use tachograph_ir::DType;

use crate::{Error, Result, Signature};

type Signed = unsafe extern "C" fn() -> *const c_char;
type Count = unsafe extern "C" fn() -> c_int;
type Bytes = unsafe extern "C" fn() -> u64;
type Open = unsafe extern "C" fn() -> *mut c_void;
type Close = unsafe extern "C" fn(*mut c_void);
type Run = unsafe extern "C" fn(*mut c_void, *const *const c_void, *const *mut c_void) -> c_int;
type Time = unsafe extern "C" fn(*mut c_void, *const *const c_void, *const *mut c_void, *mut f64) -> c_int;

/// A compiled network, with memory for one run at a time.
///
/// ```no_run
/// let mut network = tachograph_compile::Compiled::open("resnet18/network.so".as_ref())?;
/// let image = vec![0f32; 3 * 224 * 224];
/// let logits: Vec<f32> = network.run(&[image.as_slice()])?.remove(0);
/// # Ok::<(), tachograph_compile::Error>(())
/// ```
pub struct Compiled {
    path: String,
    library: Library,
    arena: *mut c_void,
    signature: Signature,
}

// SAFETY: the memory of a run belongs to this value alone, and the library keeps nothing else.
unsafe impl Send for Compiled {}

impl Compiled {
    /// Loads a library that [`compile`](crate::compile) made. Its code runs in this process.
    ///
    /// # Errors
    /// No library, or one of something else; too little memory.
    pub fn open(path: &Path) -> Result<Self> {
        let refuse = |message: String| Error::Model { path: path.display().to_string(), message };
        // Names without a slash would be sought elsewhere.
        let whole = std::fs::canonicalize(path).map_err(Error::io(path))?;
        // SAFETY: the library has no initialisers; that it is one of ours is the caller's word.
        let library = unsafe { Library::new(whole) }.map_err(|error| refuse(error.to_string()))?;
        let missing = |error: libloading::Error| refuse(format!("is no compiled network: {error}"));
        // SAFETY: generated libraries have these functions with these types; the text is theirs and ends with a zero.
        let (signature, arena) = unsafe {
            let signed = library.get::<Signed>(b"tachograph_signature").map_err(missing)?;
            let open = library.get::<Open>(b"tachograph_open").map_err(missing)?;
            (CStr::from_ptr(signed()).to_owned(), open())
        };
        let signature = signature.to_str().ok().and_then(|text| serde_json::from_str(text).ok());
        let signature = signature.ok_or_else(|| refuse("says nothing of what it takes".into()))?;
        if arena.is_null() {
            return Err(refuse("there is not enough memory for a run".into()));
        }
        Ok(Self { path: path.display().to_string(), library, arena, signature })
    }

    /// What it takes and gives.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Bytes that a run needs beside weights, inputs and outputs.
    ///
    /// # Errors
    /// The library does not say.
    pub fn arena_bytes(&self) -> Result<u64> {
        // SAFETY: as in `open`.
        unsafe { Ok(self.function::<Bytes>(b"tachograph_arena_bytes")?()) }
    }

    /// Runs a network of 32-bit floating-point inputs and outputs; the outputs for these inputs, all row-major.
    ///
    /// # Errors
    /// Another number of inputs or of elements than it takes, or of another type.
    pub fn run(&mut self, inputs: &[&[f32]]) -> Result<Vec<Vec<f32>>> {
        let ports = self.signature.inputs.iter().chain(&self.signature.outputs);
        if let Some(port) = ports.into_iter().find(|port| port.dtype != DType::F32) {
            return Err(self.refuse(format!("`{}` is {}: use run_bytes", port.name, port.dtype)));
        }
        let bytes = |data: &&[f32]| data.iter().flat_map(|x| x.to_ne_bytes()).collect::<Vec<u8>>();
        let given: Vec<Vec<u8>> = inputs.iter().map(bytes).collect();
        let outputs = self.run_bytes(&given.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let floats = |bytes: &Vec<u8>| {
            bytes.chunks_exact(4).map(|chunk| f32::from_ne_bytes(chunk.try_into().unwrap_or_default())).collect()
        };
        Ok(outputs.iter().map(floats).collect())
    }

    /// Runs it on elements as they lie in memory.
    ///
    /// # Errors
    /// Another number of inputs or of bytes than it takes.
    pub fn run_bytes(&mut self, inputs: &[&[u8]]) -> Result<Vec<Vec<u8>>> {
        let mut outputs = self.outputs(inputs)?;
        let (given, results) = pointers(inputs, &mut outputs);
        // SAFETY: sizes are those of the signature; buffers outlive the call.
        let code = unsafe { self.function::<Run>(b"tachograph_run")?(self.arena, given.as_ptr(), results.as_ptr()) };
        if code == 0 { Ok(outputs) } else { Err(self.refuse(format!("did not run: {code}"))) }
    }

    /// Milliseconds of each step of one run.
    ///
    /// # Errors
    /// As [`Compiled::run_bytes`].
    pub fn times(&mut self, inputs: &[&[u8]]) -> Result<Vec<f64>> {
        let mut outputs = self.outputs(inputs)?;
        let (given, results) = pointers(inputs, &mut outputs);
        // SAFETY: as in `run_bytes`; there is a number for each step.
        unsafe {
            let steps = self.function::<Count>(b"tachograph_steps")?();
            let mut ms = vec![0.0; usize::try_from(steps).unwrap_or(0)];
            self.function::<Time>(b"tachograph_time")?(self.arena, given.as_ptr(), results.as_ptr(), ms.as_mut_ptr());
            Ok(ms)
        }
    }

    fn outputs(&self, inputs: &[&[u8]]) -> Result<Vec<Vec<u8>>> {
        let wanted: Vec<usize> = self.signature.inputs.iter().map(|port| port.bytes()).collect();
        let given: Vec<usize> = inputs.iter().map(|data| data.len()).collect();
        if given != wanted {
            return Err(self.refuse(format!("takes inputs of {wanted:?} bytes, and got {given:?}")));
        }
        Ok(self.signature.outputs.iter().map(|port| vec![0; port.bytes()]).collect())
    }

    fn refuse(&self, message: String) -> Error {
        Error::Model { path: self.path.clone(), message }
    }

    fn function<F: Copy>(&self, name: &[u8]) -> Result<F> {
        // SAFETY: callers name the type that generated libraries have under this name.
        let found = unsafe { self.library.get::<F>(name) };
        found.map(|function| *function).map_err(|error| self.refuse(format!("is no compiled network: {error}")))
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        if let Ok(close) = self.function::<Close>(b"tachograph_close") {
            // SAFETY: it is the memory that the library gave, and nobody uses it any more.
            unsafe { close(self.arena) };
        }
    }
}

fn pointers(inputs: &[&[u8]], outputs: &mut [Vec<u8>]) -> (Vec<*const c_void>, Vec<*mut c_void>) {
    let given = inputs.iter().map(|data| data.as_ptr().cast()).collect();
    (given, outputs.iter_mut().map(|data| data.as_mut_ptr().cast()).collect())
}
