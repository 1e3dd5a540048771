//! What devices share: what is told of them, and how they are told what to launch.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{
    Failure, Limits,
    bench::Bench,
    child::{self, Ended},
};
use crate::{BufferId, Error, GpuCode, GpuTarget, Nest, Result};

/// A device, and the program that runs candidates on it.
pub(super) struct Device {
    pub runner: PathBuf,
    pub name: String,
    /// The driver's version, or the architecture.
    pub version: String,
    pub target: GpuTarget,
}

impl Device {
    /// Compiles the program and asks it what there is.
    pub fn ask(bench: &Bench, language: &str, special: &str, environment: &[(&str, String)]) -> Result<Self> {
        let runner = bench.program(language, &[include_str!("launch.c"), special])?;
        let refuse = |message: String| Error::Compiler { compiler: language.into(), message };
        let text = match child::run(&runner, &[], environment, Limits { seconds: 60, mebibytes: 0 }) {
            Ended::Well(text) => text,
            Ended::Badly(message) => return Err(refuse(message)),
            Ended::Late => return Err(refuse("its library does not answer".into())),
        };
        let mut lines = text.lines().map(str::to_owned);
        let (name, version) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let numbers: Vec<u64> = lines.filter_map(|line| line.trim().parse().ok()).collect();
        let [threads, shared_bytes] = numbers[..] else { return Err(refuse(format!("it says {text}"))) };
        let target = GpuTarget { threads, shared_bytes, ..GpuTarget::default() };
        Ok(Self { runner, name, version, target })
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), (Failure, String)> {
    std::fs::write(path, bytes).map_err(|error| (Failure::Code, format!("{}: {error}", path.display())))
}

/// Writes beside a candidate what is launched, and with what.
pub(super) fn plan(nest: &Nest, code: &GpuCode, path: &Path) -> Result<(), (Failure, String)> {
    // Arguments by their numbers: inputs and outputs as the runner has them, then what nobody gives.
    let owned: Vec<BufferId> = nest.owned().collect();
    let all: Vec<BufferId> = nest.inputs.iter().chain(&nest.outputs).chain(&owned).copied().collect();
    let mut text = format!("{}", owned.len());
    owned.iter().for_each(|&id| text += &format!(" {}", nest.buffer(id).bytes()));
    let kernels: Vec<_> = code.kernels.iter().filter(|k| !k.launch.blocks.contains(&0)).collect();
    let _ = writeln!(text, "\n{}", kernels.len());
    for kernel in kernels {
        let ([bx, by, bz], [tx, ty, tz]) = (kernel.launch.blocks, kernel.launch.threads);
        let _ = write!(text, "{} {} {bx} {by} {bz} {tx} {ty} {tz}", kernel.name, u8::from(kernel.prepare));
        let _ = write!(text, " {} {}", kernel.shared_bytes, kernel.arguments.len());
        for id in &kernel.arguments {
            let _ = write!(text, " {}", all.iter().position(|other| other == id).unwrap_or(0));
        }
        text.push('\n');
    }
    write(&path.with_extension("launch"), text.as_bytes())
}
