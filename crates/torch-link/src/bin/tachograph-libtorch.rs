//! Installs libtorch for crates that use `tch`, and makes it known to them. Needs no checkout of Tachograph.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tachograph_torch_link::install::{self, Commands, Install, InstallError, Project, Source, State, Variant};

/// Installs libtorch and makes it known to packages that use it.
#[derive(Parser)]
#[command(version)]
enum Verb {
    /// Prepare the package in this folder: install libtorch where needed, set LIBTORCH in .cargo/config.toml, and
    /// write a build.rs where there is none.
    Init {
        /// With CUDA and the libraries that it needs (about 5 GB), rather than for the CPU alone.
        #[arg(long)]
        cuda: bool,
    },
    /// Install libtorch in the cache directory and print its folder, which is what LIBTORCH should be.
    Install {
        /// With CUDA and the libraries that it needs (about 5 GB), rather than for the CPU alone.
        #[arg(long)]
        cuda: bool,
    },
    /// Print the folder of an install; fail where there is none.
    Path {
        /// Of the one with CUDA.
        #[arg(long)]
        cuda: bool,
    },
    /// Say what is installed and intact, and the command that mends what is not.
    Doctor,
}

const COMMANDS: Commands =
    Commands { install: "tachograph-libtorch install", cuda: "tachograph-libtorch install --cuda" };

fn main() -> ExitCode {
    let outcome = match Verb::parse() {
        Verb::Init { cuda } => init(variant(cuda)),
        Verb::Install { cuda } => install::ensure(variant(cuda)).map(|install| print(&install)),
        Verb::Path { cuda } => path(variant(cuda)),
        Verb::Doctor => match source() {
            Ok(source) => return doctor(&source),
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", install::whole(&error));
            ExitCode::FAILURE
        }
    }
}

fn variant(cuda: bool) -> Variant {
    if cuda { Variant::Cuda } else { Variant::Cpu }
}

fn print(install: &Install) {
    println!("{}", install.libtorch().display());
}

fn init(variant: Variant) -> install::Result<()> {
    let Project { source, written } = install::init(Path::new("."), variant)?;
    match source {
        Source::Installed(install) => eprintln!("libtorch {} is {}", install.version()?, install.libtorch().display()),
        Source::Own { name, dir } => eprintln!("{name} is set: {} must hold {}", dir.display(), install::VERSION),
        _ => eprintln!("LIBTORCH_USE_PYTORCH is set: your Python's PyTorch must be {}", install::VERSION),
    }
    written.iter().for_each(|file| eprintln!("wrote {}", file.display()));
    Ok(())
}

fn path(variant: Variant) -> install::Result<()> {
    let install = Install::of(variant)?;
    if !install.marker().exists() {
        let cuda = if variant == Variant::Cuda { COMMANDS.cuda } else { COMMANDS.install };
        return Err(InstallError::Own(format!("{} is not there: {cuda}", install.libtorch().display())));
    }
    print(&install);
    Ok(())
}

/// The libtorch of the environment, else of the package in this folder, else one that is installed.
fn source() -> install::Result<Source> {
    const CONFIG: &str = ".cargo/config.toml";
    if let Some(source) = Source::of_environment(None) {
        return Ok(source);
    }
    let config = std::fs::read_to_string(CONFIG).unwrap_or_default();
    let set = config.lines().find_map(|line| line.strip_prefix("LIBTORCH = \"")?.strip_suffix('"').map(PathBuf::from));
    if let Some(dir) = set {
        return Source::of_folder(CONFIG, &dir);
    }
    for variant in [Variant::Cpu, Variant::Cuda] {
        let install = Install::of(variant)?;
        if install.marker().exists() {
            return Ok(Source::Installed(install));
        }
    }
    Ok(Source::Missing("none is installed".into()))
}

fn doctor(source: &Source) -> ExitCode {
    let findings = install::examine(source, COMMANDS);
    findings.iter().for_each(|finding| println!("{finding}"));
    match findings.iter().all(|finding| finding.state != State::Wrong) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
