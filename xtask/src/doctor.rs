//! `cargo xtask doctor`: what is installed, and the command that mends what is not.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};

use crate::libtorch::{self, Depth, Source, VERSION};
use crate::tools;

/// What was found of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As it should be.
    Ok,
    /// Absent, and nothing needs it.
    Note,
    /// Builds or programs will fail.
    Wrong,
}

/// A line of the report.
struct Finding {
    state: State,
    thing: &'static str,
    detail: String,
    mend: Option<&'static str>,
}

impl Finding {
    fn new(thing: &'static str, state: State, detail: impl Into<String>, mend: Option<&'static str>) -> Self {
        Self { state, thing, detail: detail.into(), mend }
    }

    /// Good where `found` is; else wrong, and mended by `mend`.
    fn need(thing: &'static str, found: Result<String>, mend: &'static str) -> Self {
        match found {
            Ok(detail) => Self::new(thing, State::Ok, detail, None),
            Err(error) => Self::new(thing, State::Wrong, format!("{error:#}"), Some(mend)),
        }
    }

    fn print(&self) {
        let state = match self.state {
            State::Ok => "ok",
            State::Note => "note",
            State::Wrong => "WRONG",
        };
        println!("{state:<6}{:<16}{}", self.thing, self.detail);
        if let Some(mend) = self.mend {
            println!("{:<22}{}: {mend}", "", if self.state == State::Wrong { "mend it" } else { "to have it" });
        }
    }
}

/// Prints the report. Returns whether builds and programs will work.
pub fn report() -> Result<bool> {
    let mut findings = vec![
        Finding::need(
            "rustc",
            tools::first_line("rustc", &["--version"]).context("not found"),
            "curl -sSf https://sh.rustup.rs | sh",
        ),
        Finding::need("C++ compiler", tools::compiler(), "sudo apt-get install g++"),
    ];
    let source = Source::of_environment()?;
    let fetched = matches!(source, Source::Checkout);
    let (finding, lib) = libtorch(source);
    if fetched {
        findings.push(pip(finding.state));
    }
    findings.push(finding);
    if let Some(lib) = lib {
        findings.extend(cuda(&lib));
    }
    findings.iter().for_each(Finding::print);
    Ok(findings.iter().all(|finding| finding.state != State::Wrong))
}

/// pip fetches libtorch; once that is there, nothing needs it.
fn pip(libtorch: State) -> Finding {
    let finding = Finding::need("Python, pip", tools::pip(), "sudo apt-get install python3 python3-pip");
    match (finding.state, libtorch) {
        (State::Wrong, State::Ok) => Finding { state: State::Note, ..finding },
        _ => finding,
    }
}

/// What is said of libtorch, and the folder of its libraries if they can be loaded.
fn libtorch(source: Source) -> (Finding, Option<PathBuf>) {
    let (found, mend) = match source {
        Source::Python => (of_python(), "python3 -m pip install torch==2.11.0"),
        Source::Own(dir) => (own("LIBTORCH", &dir), "unset LIBTORCH && cargo xtask libtorch"),
        Source::Checkout => (checkout(), "cargo xtask libtorch"),
    };
    let found = found.and_then(|(detail, lib)| {
        load(&lib.join("libtorch_cpu.so")).context("it does not load")?;
        Ok((detail, lib))
    });
    match found {
        Ok((detail, lib)) => (Finding::need("libtorch", Ok(detail), mend), Some(lib)),
        Err(error) => (Finding::need("libtorch", Err(error), mend), None),
    }
}

fn checkout() -> Result<(String, PathBuf)> {
    let link = libtorch::link()?;
    let Some(install) = libtorch::linked()? else {
        if fs::symlink_metadata(&link).is_err() {
            bail!("none is linked as {}", link.display());
        }
        return own(".libtorch", &link);
    };
    let checked = if install.dir.exists() { libtorch::check(&install, Depth::Hashes) } else { Err(anyhow!("gone")) };
    let files = match checked {
        Ok(files) => files,
        Err(error) => {
            // Without its marker the next `cargo xtask libtorch` trusts nothing and fetches it anew.
            let _ = fs::remove_file(install.marker());
            return Err(error.context(format!("{} is damaged", install.dir.display())));
        }
    };
    let detail = format!("{}, {} ({files} files intact)", install.version()?, install.libtorch().display());
    Ok((detail, install.libtorch().join("lib")))
}

/// A folder that the user gave, whose version is in one of two files if anywhere.
fn own(name: &str, dir: &Path) -> Result<(String, PathBuf)> {
    let lib = dir.join("lib");
    if !lib.join("libtorch_cpu.so").exists() {
        bail!("{name} is {}, which has no lib/libtorch_cpu.so", dir.display());
    }
    let built = fs::read_to_string(dir.join("build-version")).ok().map(|text| text.trim().to_owned());
    let python = || {
        let library = fs::canonicalize(lib.join("libtorch_cpu.so")).ok()?;
        let text = fs::read_to_string(library.parent()?.with_file_name("version.py")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("__version__ = ")).map(|v| v.trim_matches('\'').to_owned())
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
    let line = tools::first_line(python, &["-c", program])
        .with_context(|| format!("LIBTORCH_USE_PYTORCH is set, but {python} cannot import torch"))?;
    let (version, dir) = line.split_once(' ').context("torch states no version")?;
    expected(version)?;
    Ok((format!("{version}, {dir} (LIBTORCH_USE_PYTORCH)"), Path::new(dir).join("lib")))
}

fn expected(version: &str) -> Result<()> {
    if version.split('+').next() != Some(VERSION) {
        bail!("version {version}, expected {VERSION}");
    }
    Ok(())
}

/// Whether CUDA is linked, can be loaded, and has something to run on.
fn cuda(lib: &Path) -> Vec<Finding> {
    const GET: &str = "cargo xtask libtorch --cuda";
    let linked = lib.join("libtorch_cuda.so").exists();
    let loadable = fs::canonicalize(lib.join("libtorch_cpu.so")).map_err(Into::into).and_then(|cpu| {
        load(&if linked { lib.join("libtorch_cuda.so") } else { cpu.with_file_name("libtorch_cuda.so") })
    });
    let driver = driver();
    // Without a GPU there is nothing to gain by CUDA.
    let wanted = driver.is_ok().then_some(GET);
    vec![
        match linked {
            true => Finding::new("CUDA linked", State::Ok, "yes", None),
            false => Finding::new("CUDA linked", State::Note, "no: programs are linked for the CPU alone", wanted),
        },
        match loadable {
            Ok(()) => Finding::new("CUDA loadable", State::Ok, "yes", None),
            Err(error) if linked => Finding::new("CUDA loadable", State::Wrong, format!("no: {error:#}"), Some(GET)),
            Err(error) => Finding::new("CUDA loadable", State::Note, format!("no: {error:#}"), wanted),
        },
        match driver {
            Ok(detail) => Finding::new("CUDA device", State::Ok, detail, None),
            Err(error) => Finding::new("CUDA device", State::Note, format!("none: {error:#}"), None),
        },
    ]
}

/// The NVIDIA driver: its library and its devices.
fn driver() -> Result<String> {
    load(Path::new("libcuda.so.1")).context("no driver")?;
    let devices = fs::read_dir("/dev")?.filter_map(|item| item.ok()?.file_name().into_string().ok());
    let mut gpus: Vec<_> = devices.filter(|name| is_gpu(name)).map(|name| format!("/dev/{name}")).collect();
    gpus.sort();
    if gpus.is_empty() {
        bail!("the driver's library is there, but no /dev/nvidia0");
    }
    Ok(format!("driver loaded, {}", gpus.join(" ")))
}

fn is_gpu(name: &str) -> bool {
    name.strip_prefix("nvidia").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Loads a library into this process, where it stays.
fn load(library: &Path) -> Result<()> {
    // SAFETY: what is loaded is libtorch or the driver; their initialisers touch nothing of this program.
    std::mem::forget(unsafe { Library::open(Some(library), RTLD_LAZY | RTLD_LOCAL) }?);
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
