//! What is installed and intact, and the command that mends what is not.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use libloading::Library;

use super::error::{At, InstallError, Result, damaged, whole};
use super::layout::stated;
use super::{Depth, Install, Source, VERSION, check, compiler, first_line, pip};

/// The commands that mend things, as the user of a program types them.
#[derive(Clone, Copy, Debug)]
pub struct Commands {
    /// Installs libtorch.
    pub install: &'static str,
    /// The same with CUDA.
    pub cuda: &'static str,
}

/// What was found of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// Absent, and nothing needs it.
    Note,
    /// Builds or programs will fail.
    Wrong,
}

/// A line of the report, and how to mend what it says.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Whether it is as it should be.
    pub state: State,
    /// What was looked at.
    pub thing: &'static str,
    /// What was found.
    pub detail: String,
    /// The command that mends or adds it.
    pub mend: Option<String>,
}

impl Finding {
    fn new(thing: &'static str, state: State, detail: impl Into<String>, mend: Option<&str>) -> Self {
        Self { state, thing, detail: detail.into(), mend: mend.map(str::to_owned) }
    }

    /// Good where `found` is; else wrong, and mended by `mend`.
    fn need(thing: &'static str, found: Result<String>, mend: &str) -> Self {
        match found {
            Ok(detail) => Self::new(thing, State::Ok, detail, None),
            Err(error) => Self::new(thing, State::Wrong, whole(&error), Some(mend)),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Note => "note",
            State::Wrong => "WRONG",
        };
        write!(f, "{state:<6}{:<16}{}", self.thing, self.detail)?;
        if let Some(mend) = &self.mend {
            write!(f, "\n{:<22}{}: {mend}", "", if self.state == State::Wrong { "mend it" } else { "to have it" })?;
        }
        Ok(())
    }
}

/// Looks at all that building and running with `source` needs. Builds and programs will work where no finding is
/// [`State::Wrong`].
pub fn examine(source: &Source, commands: Commands) -> Vec<Finding> {
    let rustc = first_line("rustc", &["--version"]).ok_or_else(|| InstallError::Program("not found".into()));
    let mut findings = vec![
        Finding::need("rustc", rustc, "curl -sSf https://sh.rustup.rs | sh"),
        Finding::need("C++ compiler", compiler(), "sudo apt-get install g++"),
    ];
    let (finding, lib) = libtorch(source, commands);
    if matches!(source, Source::Installed(_) | Source::Missing(_)) {
        findings.push(fetcher(finding.state));
    }
    findings.push(finding);
    if let Some(lib) = lib {
        findings.extend(cuda(&lib, commands));
    }
    findings
}

/// pip fetches libtorch; once that is there, nothing needs it.
fn fetcher(libtorch: State) -> Finding {
    let finding = Finding::need("Python, pip", pip(), "sudo apt-get install python3 python3-pip");
    match (finding.state, libtorch) {
        (State::Wrong, State::Ok) => Finding { state: State::Note, ..finding },
        _ => finding,
    }
}

/// What is said of libtorch, and the folder of its libraries if they can be loaded.
fn libtorch(source: &Source, commands: Commands) -> (Finding, Option<PathBuf>) {
    let unset = format!("unset LIBTORCH && {}", commands.install);
    let (found, mend) = match source {
        Source::Python => (of_python(), "python3 -m pip install torch==2.11.0"),
        Source::Own { name, dir } => {
            (own(name, dir), if name == "LIBTORCH" { unset.as_str() } else { commands.install })
        }
        Source::Installed(install) => (installed(install), commands.install),
        Source::Missing(reason) => (Err(InstallError::Own(reason.clone())), commands.install),
    };
    let loaded = found.and_then(|(detail, lib)| {
        load(&lib.join("libtorch_cpu.so"))?;
        Ok((detail, lib))
    });
    match loaded {
        Ok((detail, lib)) => (Finding::need("libtorch", Ok(detail), mend), Some(lib)),
        Err(error) => (Finding::need("libtorch", Err(error), mend), None),
    }
}

fn installed(install: &Install) -> Result<(String, PathBuf)> {
    let checked = if install.dir.exists() { check(install, Depth::Hashes) } else { damaged(&install.dir, "gone") };
    let files = checked.inspect_err(|_| {
        // Without its marker the next installation trusts nothing and fetches it anew.
        let _ = fs::remove_file(install.marker());
    })?;
    let detail = format!("{}, {} ({files} files intact)", install.version()?, install.libtorch().display());
    Ok((detail, install.libtorch().join("lib")))
}

/// A folder that the user gave, whose version is in one of two files if anywhere.
fn own(name: &str, dir: &Path) -> Result<(String, PathBuf)> {
    let lib = dir.join("lib");
    if !lib.join("libtorch_cpu.so").exists() {
        return Err(InstallError::Own(format!("{name} is {}, which has no lib/libtorch_cpu.so", dir.display())));
    }
    let built = fs::read_to_string(dir.join("build-version")).ok().map(|text| text.trim().to_owned());
    let python = || {
        let library = fs::canonicalize(lib.join("libtorch_cpu.so")).ok()?;
        let text = fs::read_to_string(library.parent()?.with_file_name("version.py")).ok()?;
        stated(&text).map(str::to_owned)
    };
    match built.or_else(python) {
        Some(version) => expected(&version).map(|()| (format!("{version}, {name} is {}", dir.display()), lib)),
        None => Ok((format!("unknown version, {name} is {}", dir.display()), lib)),
    }
}

fn of_python() -> Result<(String, PathBuf)> {
    // The interpreter that torch-sys asks.
    let python = if std::env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" };
    let program = "import torch; print(torch.__version__, torch.__path__[0])";
    let none = || InstallError::Own(format!("LIBTORCH_USE_PYTORCH is set, but {python} cannot import torch"));
    let line = first_line(python, &["-c", program]).ok_or_else(none)?;
    let (version, dir) = line.split_once(' ').ok_or_else(none)?;
    expected(version)?;
    Ok((format!("{version}, {dir} (LIBTORCH_USE_PYTORCH)"), Path::new(dir).join("lib")))
}

fn expected(version: &str) -> Result<()> {
    if version.split('+').next() != Some(VERSION) {
        return Err(InstallError::Own(format!("version {version}, expected {VERSION}")));
    }
    Ok(())
}

/// Whether CUDA is linked, can be loaded, and has something to run on.
fn cuda(lib: &Path, commands: Commands) -> Vec<Finding> {
    let linked = lib.join("libtorch_cuda.so").exists();
    let cpu = lib.join("libtorch_cpu.so");
    let loadable = fs::canonicalize(&cpu).at("read", &cpu).and_then(|cpu| {
        load(&if linked { lib.join("libtorch_cuda.so") } else { cpu.with_file_name("libtorch_cuda.so") })
    });
    let driver = driver();
    // Without a GPU there is nothing to gain by CUDA.
    let wanted = driver.is_ok().then_some(commands.cuda);
    let reason = |error: &InstallError| format!("no: {}", whole(error));
    vec![
        match linked {
            true => Finding::new("CUDA linked", State::Ok, "yes", None),
            false => Finding::new("CUDA linked", State::Note, "no: programs are linked for the CPU alone", wanted),
        },
        match &loadable {
            Ok(()) => Finding::new("CUDA loadable", State::Ok, "yes", None),
            Err(error) if linked => Finding::new("CUDA loadable", State::Wrong, reason(error), Some(commands.cuda)),
            Err(error) => Finding::new("CUDA loadable", State::Note, reason(error), wanted),
        },
        match driver {
            Ok(detail) => Finding::new("CUDA device", State::Ok, detail, None),
            Err(error) => Finding::new("CUDA device", State::Note, format!("none: {}", whole(&error)), None),
        },
    ]
}

/// The NVIDIA driver and its devices.
///
/// # Errors
/// Where the driver's library does not load or there is no device.
pub fn driver() -> Result<String> {
    load(Path::new("libcuda.so.1"))?;
    let names = fs::read_dir("/dev").at("read", Path::new("/dev"))?;
    let devices = names.filter_map(|item| item.ok()?.file_name().into_string().ok());
    let mut gpus: Vec<_> = devices.filter(|name| is_gpu(name)).map(|name| format!("/dev/{name}")).collect();
    gpus.sort();
    if gpus.is_empty() {
        return Err(InstallError::Own("the driver's library is there, but no /dev/nvidia0".into()));
    }
    Ok(format!("driver loaded, {}", gpus.join(" ")))
}

fn is_gpu(name: &str) -> bool {
    name.strip_prefix("nvidia").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Loads a library into this process, where it stays.
fn load(library: &Path) -> Result<()> {
    // SAFETY: what is loaded is libtorch or the driver; their initialisers touch nothing of this program.
    let library = unsafe { Library::new(library) }.map_err(|error| InstallError::Load(whole(&error)))?;
    std::mem::forget(library);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_told_from_other_devices() {
        assert!(is_gpu("nvidia0") && is_gpu("nvidia12"));
        assert!(!is_gpu("nvidiactl") && !is_gpu("nvidia-uvm") && !is_gpu("nvidia") && !is_gpu("null"));
    }

    #[test]
    fn a_folder_without_libtorch_is_named() {
        let message = own("LIBTORCH", Path::new("/nowhere")).unwrap_err().to_string();
        assert_eq!(message, "LIBTORCH is /nowhere, which has no lib/libtorch_cpu.so");
    }

    #[test]
    fn what_is_missing_is_wrong_and_has_a_command() {
        let commands = Commands { install: "get it", cuda: "get it all" };
        let findings = examine(&Source::Missing("none is there".into()), commands);
        let finding = findings.iter().find(|finding| finding.thing == "libtorch").unwrap();
        assert_eq!(finding.state, State::Wrong);
        assert!(finding.to_string().ends_with("none is there\n                      mend it: get it"), "{finding}");
    }

    #[test]
    fn another_version_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("lib")).unwrap();
        fs::write(dir.path().join("lib/libtorch_cpu.so"), "").unwrap();
        assert!(own("LIBTORCH", dir.path()).unwrap().0.starts_with("unknown version"));
        fs::write(dir.path().join("build-version"), "2.10.0+cpu\n").unwrap();
        assert_eq!(own("LIBTORCH", dir.path()).unwrap_err().to_string(), "version 2.10.0+cpu, expected 2.11.0");
        fs::write(dir.path().join("build-version"), "2.11.0+cpu\n").unwrap();
        assert!(own("LIBTORCH", dir.path()).unwrap().0.starts_with("2.11.0+cpu"));
        fs::remove_file(dir.path().join("build-version")).unwrap();
        fs::write(dir.path().join("version.py"), "__version__ = '2.12.0+cu130'\n").unwrap();
        assert_eq!(own("LIBTORCH", dir.path()).unwrap_err().to_string(), "version 2.12.0+cu130, expected 2.11.0");
    }
}
