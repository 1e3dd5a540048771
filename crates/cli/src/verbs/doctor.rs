//! `tachograph doctor`.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::json;
use tachograph_datasets::{DATA, SETS, data_root};
use tachograph_ir::{Device, Plain};
use tachograph_predict::{Bundled, Catalog};
use tachograph_program::Compiler;

use crate::{exit, table};

/// Say what this build can do, which checkpoints it has, what this machine is, and whether libtorch is there
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// A line of the report.
struct Finding {
    thing: &'static str,
    state: State,
    detail: String,
}

/// How it is with a thing.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Well,
    /// Not there, and not needed either.
    Absent,
    Wrong,
}

pub fn run(args: &Args) -> Result<()> {
    let mut findings: Vec<Finding> = Bundled::ALL.iter().map(checkpoint).collect();
    findings.push(machine());
    findings.push(sets());
    findings.push(compiler());
    findings.push(libtorch());
    if args.json {
        let line = |f: &Finding| json!({ "thing": f.thing, "ok": f.state.ok(), "detail": f.detail });
        let (version, torch) = (env!("CARGO_PKG_VERSION"), cfg!(feature = "torch"));
        let findings: Vec<_> = findings.iter().map(line).collect();
        table::json(&json!({ "version": version, "libtorch": torch, "findings": findings }))?;
    } else {
        out!("tachograph {}", env!("CARGO_PKG_VERSION"));
        for Finding { thing, state, detail } in &findings {
            let state = match state {
                State::Well => "ok",
                State::Absent => "absent",
                State::Wrong => "WRONG",
            };
            out!("{state:<8}{thing:<16}{}", Plain(detail));
        }
    }
    ensure!(findings.iter().all(|finding| finding.state != State::Wrong), "something is wrong");
    Ok(())
}

impl State {
    /// For machines: null where a thing is not there and not needed.
    fn ok(self) -> Option<bool> {
        (self != Self::Absent).then_some(self == Self::Well)
    }
}

fn checkpoint(bundled: &Bundled) -> Finding {
    let (state, detail) = match bundled.load() {
        Ok(predictor) => {
            let outputs = table::counted(predictor.manifest().outputs.len(), "output");
            (State::Well, format!("{}, {outputs}, {}", bundled.name, predictor.manifest().training))
        }
        Err(error) => (State::Wrong, format!("{}: {error}", bundled.name)),
    };
    Finding { thing: "checkpoint", state, detail }
}

/// How many are there.
fn sets() -> Finding {
    let there = |root: &PathBuf| SETS.iter().filter(|about| (about.open)(root).is_ok()).count();
    let (state, detail) = match data_root(None).map(|root| (there(&root), root)) {
        Err(_) => (State::Absent, format!("none: {DATA} names no folder; only `data` and `transfer` read them")),
        Ok((0, root)) => (State::Absent, format!("none of {} in {}", SETS.len(), root.display())),
        Ok((there, root)) => (State::Well, format!("{there} of {} in {}", SETS.len(), root.display())),
    };
    Finding { thing: "published sets", state, detail }
}

/// Its processor, and whether a bundled checkpoint knows it.
fn machine() -> Finding {
    let name = Device::detect_cpu().map_or_else(|error| error.to_string(), |cpu| cpu.name);
    let (state, detail) = match Catalog::bundled().here() {
        Ok(Some(device)) => (State::Well, format!("{name}, predicted for as {device}")),
        _ => {
            (State::Absent, format!("{name}, which no bundled checkpoint knows: `tachograph transfer` predicts for it"))
        }
    };
    Finding { thing: "this machine", state, detail }
}

/// What compiles kernels.
fn compiler() -> Finding {
    let (state, detail) = match Compiler::find() {
        Ok(compiler) if compiler.has_openmp() => (State::Well, compiler.version().to_owned()),
        Ok(compiler) => {
            (State::Well, format!("{}, without OpenMP: parallel loops run on one thread", compiler.version()))
        }
        Err(error) => (State::Absent, format!("{error}; only `program measure` needs it")),
    };
    Finding { thing: "C compiler", state, detail }
}

#[cfg(not(feature = "torch"))]
fn libtorch() -> Finding {
    let verbs = "profile, collect, train, evaluate, adapt and predict --measure need it";
    let detail = format!("not in this build; {verbs}: {}", super::INSTALL);
    Finding { thing: "libtorch", state: State::Absent, detail }
}

#[cfg(feature = "torch")]
fn libtorch() -> Finding {
    let cuda = tachograph_profile::device("cuda:0");
    let cuda = cuda.map_or_else(
        |error| format!("no CUDA: {error}"),
        |_| table::counted(usize::try_from(tch::Cuda::device_count()).unwrap_or_default(), "CUDA device"),
    );
    let threads = table::counted(usize::try_from(tch::get_num_threads()).unwrap_or_default(), "thread");
    let detail = format!("{}, {threads}; {cuda}", tachograph_profile::Environment::here(tch::Device::Cpu).library);
    Finding { thing: "libtorch", state: State::Well, detail }
}
