//! NVIDIA's compiler of CUDA C, which is loaded at run time and needs no GPU.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::PathBuf;

use libloading::Library;

use crate::{Error, GpuCode, Result};

/// A program of NVRTC.
type Program = *mut c_void;
type Create = unsafe extern "C" fn(
    *mut Program,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
    *const *const c_char,
) -> c_int;
type Compile = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int;
type Size = unsafe extern "C" fn(Program, *mut usize) -> c_int;
type Get = unsafe extern "C" fn(Program, *mut c_char) -> c_int;
type Destroy = unsafe extern "C" fn(*mut Program) -> c_int;
type Version = unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int;

/// NVIDIA's run-time compiler, `libnvrtc.so` of CUDA 11.2 or later. It comes with CUDA, and by itself as the Python
/// package `nvidia-cuda-nvrtc-cu12`.
pub struct Nvrtc {
    library: Library,
    path: PathBuf,
    version: String,
}

impl Nvrtc {
    /// The library that `TACHOGRAPH_NVRTC` names, else the system's.
    ///
    /// # Errors
    /// None that loads, or one that is no NVRTC.
    pub fn find() -> Result<Self> {
        let named = std::env::var_os("TACHOGRAPH_NVRTC").filter(|path| !path.is_empty()).map(PathBuf::from);
        let names = ["libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"];
        let candidates = named.map_or_else(|| names.map(PathBuf::from).to_vec(), |path| vec![path]);
        let mut message = String::new();
        for path in candidates {
            // SAFETY: NVRTC's initialisers ask nothing of the process that loads it.
            match unsafe { Library::new(&path) } {
                Ok(library) => return Self { library, path, version: String::new() }.asked(),
                Err(error) => message = error.to_string(),
            }
        }
        let message = format!("{message}; install CUDA, or name libnvrtc.so in TACHOGRAPH_NVRTC");
        Err(Error::Compiler { compiler: "NVRTC".into(), message })
    }

    fn asked(mut self) -> Result<Self> {
        let (mut major, mut minor) = (0, 0);
        // SAFETY: the function has this signature in every version, and writes two numbers.
        let status = unsafe { self.function::<Version>(c"nvrtcVersion")?(&raw mut major, &raw mut minor) };
        self.version = format!("{major}.{minor}");
        if status == 0 { Ok(self) } else { self.refuse(format!("does not say its version ({status})")) }
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn refuse<T>(&self, message: String) -> Result<T> {
        Err(Error::Compiler { compiler: self.path.display().to_string(), message })
    }

    /// # Safety
    /// `T` must be the type of the function of this name.
    unsafe fn function<T: Copy>(&self, name: &CStr) -> Result<T> {
        // SAFETY: the caller's promise.
        match unsafe { self.library.get::<T>(name.to_bytes_with_nul()) } {
            Ok(function) => Ok(*function),
            Err(error) => self.refuse(error.to_string()),
        }
    }

    /// Compiles code for an architecture such as `sm_90`, and gives the image that a driver loads.
    ///
    /// # Errors
    /// What the compiler says; a library without one of the functions.
    pub fn compile(&self, code: &GpuCode, architecture: &str) -> Result<Vec<u8>> {
        let refuse = |message: &str| Error::Compiler { compiler: "NVRTC".into(), message: message.into() };
        let text = CString::new(code.text.as_str()).map_err(|_| refuse("the code has a zero in it"))?;
        let option = CString::new(format!("--gpu-architecture={architecture}"));
        let option = option.map_err(|_| refuse("the architecture has a zero in it"))?;
        let options = [option.as_ptr(), c"--std=c++17".as_ptr()];
        // SAFETY: signatures are those of NVRTC's header; texts end with a zero and outlive the calls; the program is
        // used between its creation and its end alone; buffers have the sizes that NVRTC asks for.
        unsafe {
            let (create, compile) =
                (self.function::<Create>(c"nvrtcCreateProgram")?, self.function::<Compile>(c"nvrtcCompileProgram")?);
            let destroy = self.function::<Destroy>(c"nvrtcDestroyProgram")?;
            let get = |size: &CStr, get: &CStr, program: Program| -> Result<Vec<u8>> {
                let (size, get) = (self.function::<Size>(size)?, self.function::<Get>(get)?);
                let mut bytes = 0;
                let mut status = size(program, &raw mut bytes);
                let mut found = vec![0u8; bytes];
                if status == 0 && bytes > 0 {
                    status = get(program, found.as_mut_ptr().cast());
                }
                if status == 0 { Ok(found) } else { self.refuse(format!("gives no result ({status})")) }
            };
            let mut program: Program = std::ptr::null_mut();
            let none = std::ptr::null();
            let status = create(&raw mut program, text.as_ptr(), c"kernels.cu".as_ptr(), 0, none, none);
            if status != 0 {
                return self.refuse(format!("makes no program ({status})"));
            }
            let status = compile(program, options.len() as c_int, options.as_ptr());
            let result = match status {
                0 => get(c"nvrtcGetCUBINSize", c"nvrtcGetCUBIN", program),
                _ => get(c"nvrtcGetProgramLogSize", c"nvrtcGetProgramLog", program).and_then(|log| {
                    self.refuse(String::from_utf8_lossy(&log).trim_end_matches('\0').chars().take(4000).collect())
                }),
            };
            destroy(&raw mut program);
            result
        }
    }
}
