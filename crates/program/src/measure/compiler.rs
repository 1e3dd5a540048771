//! The system's C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::child::{self, Ended, Limits};
use crate::{CCode, Error, GENERATION, Result};

/// A C compiler: GCC or Clang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    command: PathBuf,
    version: String,
    flags: Vec<String>,
    limits: Limits,
    openmp: bool,
}

/// No `-ffast-math`: it would set the flags of the process that loads the code, and do away with infinities, which
/// maxima start from.
const FLAGS: [&str; 10] = [
    "-O2",
    "-march=native",
    "-ftree-vectorize",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fassociative-math",
    "-freciprocal-math",
    "-ffp-contract=fast",
    "-w",
];

impl Compiler {
    /// The compiler that `CC` names, else `cc`, `gcc` or `clang`, whichever is there first.
    ///
    /// # Errors
    /// None of them.
    pub fn find() -> Result<Self> {
        let named = std::env::var_os("CC").filter(|cc| !cc.is_empty()).map(PathBuf::from);
        let candidates = named.map_or_else(|| ["cc", "gcc", "clang"].map(PathBuf::from).to_vec(), |cc| vec![cc]);
        let mut last = None;
        for candidate in candidates {
            match Self::named(&candidate) {
                Ok(compiler) => return Ok(compiler),
                Err(error) => last = Some(error),
            }
        }
        let message = "there is none; install gcc or clang, or name one in CC".to_owned();
        Err(last.unwrap_or(Error::Compiler { compiler: "cc".into(), message }))
    }

    /// The compiler with this command.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn named(command: &Path) -> Result<Self> {
        let refuse = |message: String| Error::Compiler { compiler: command.display().to_string(), message };
        let output = Command::new(command)
            .arg("--version")
            .output()
            .map_err(|error| refuse(format!("cannot be started ({error}); install gcc or clang, or name one in CC")))?;
        let version = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
        let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
        if version.contains("clang") {
            flags.push("-Wno-everything".into());
        } else {
            flags.push("-fvect-cost-model=dynamic".into());
            if cfg!(target_arch = "x86_64") {
                flags.push("-mprefer-vector-width=512".into());
            }
        }
        let limits = Limits { seconds: 10, mebibytes: 4096 };
        let mut compiler = Self { command: command.into(), version, flags, limits, openmp: true };
        compiler.openmp = !compiler.version.contains("clang") || compiler.links_openmp();
        Ok(compiler)
    }

    /// Clang may come without the library of OpenMP.
    fn links_openmp(&self) -> bool {
        let Ok(dir) = tempfile::tempdir() else { return false };
        let code = CCode { text: "int one(void) { return 1; }\n".into(), work_bytes: 0, parallel: true };
        self.library(&code, &dir.path().join("openmp.so")).is_ok()
    }

    /// False if parallel loops run on one thread, because the compiler has no OpenMP.
    pub fn has_openmp(&self) -> bool {
        self.openmp
    }

    /// The first line of what it says of itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What records call it: its version, its flags, and the generation of the code that it is given.
    pub fn name(&self) -> String {
        format!("code {GENERATION}, {} {}", self.version, self.flags.join(" "))
    }

    /// The flags that it is given.
    pub fn flags(&self) -> &[String] {
        &self.flags
    }

    /// The same with other limits for its process; 10 s and 4 GiB where nothing is said.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Compiles a file of generated code to a library.
    ///
    /// # Errors
    /// The file cannot be written; the compiler refuses, or takes too long.
    pub fn library(&self, code: &CCode, library: &Path) -> Result<()> {
        let source = library.with_extension("c");
        std::fs::write(&source, &code.text).map_err(Error::io(&source))?;
        self.call(&self.args(&["-shared"], &[source], code.parallel, library))
    }

    /// Compiles a file of generated code to an object file, for [`Compiler::link`].
    ///
    /// # Errors
    /// As [`Compiler::library`].
    pub fn object(&self, code: &CCode, object: &Path) -> Result<()> {
        let source = object.with_extension("c");
        std::fs::write(&source, &code.text).map_err(Error::io(&source))?;
        self.call(&self.args(&["-c"], &[source], code.parallel, object))
    }

    /// Links object files, and what else the compiler takes, to a library; `parallel` where any of it shares loops among
    /// threads.
    ///
    /// # Errors
    /// The compiler refuses, or takes too long.
    pub fn link(&self, files: &[PathBuf], parallel: bool, library: &Path) -> Result<()> {
        // What is linked against it looks for this name, wherever it lay then.
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        let named = format!("-Wl,-soname,{name}");
        let mut how = vec!["-shared"];
        if cfg!(target_os = "linux") {
            how.push(&named);
            if parallel {
                // The threads of OpenMP outlive a library that is closed, and run code that would be gone.
                how.push("-Wl,-z,nodelete");
            }
        }
        self.call(&self.args(&how, files, parallel, library))
    }

    fn args(&self, how: &[&str], from: &[PathBuf], parallel: bool, to: &Path) -> Vec<String> {
        let mut args = self.flags.clone();
        args.extend(how.iter().chain(&["-fPIC", "-o"]).map(|&arg| arg.to_owned()));
        args.push(to.display().to_string());
        args.extend(from.iter().map(|file| file.display().to_string()));
        args.push("-lm".into());
        if parallel && self.openmp {
            args.push("-fopenmp".into());
        }
        args
    }

    /// Compiles a program.
    pub(super) fn program(&self, source: &Path, program: &Path) -> Result<()> {
        let args = ["-O2", "-w", "-o"].map(String::from).into_iter();
        let paths = [program.display().to_string(), source.display().to_string(), "-ldl".into()];
        self.call(&args.chain(paths).collect::<Vec<_>>())
    }

    fn call(&self, args: &[String]) -> Result<()> {
        let refuse = |message: String| Error::Compiler { compiler: self.command.display().to_string(), message };
        match child::run(&self.command, args, &[], self.limits) {
            Ended::Well(_) => Ok(()),
            Ended::Badly(message) => Err(refuse(message)),
            Ended::Late => Err(refuse(format!("took more than {} s", self.limits.seconds))),
        }
    }
}
