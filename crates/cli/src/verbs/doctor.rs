//! `tachograph doctor`.

use anyhow::{Result, ensure};
use serde_json::json;
use tachograph_datasets::{DATA, SETS, data_root};
use tachograph_ir::Device;
use tachograph_predict::{Bundled, Catalog};

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
    well: bool,
    detail: String,
}

pub fn run(args: &Args) -> Result<()> {
    let mut findings: Vec<Finding> = Bundled::ALL.iter().map(checkpoint).collect();
    findings.push(Finding { thing: "this machine", well: true, detail: machine() });
    findings.push(Finding { thing: "published sets", well: true, detail: sets() });
    findings.push(libtorch());
    if args.json {
        let line = |f: &Finding| json!({ "thing": f.thing, "ok": f.well, "detail": f.detail });
        let (version, torch) = (env!("CARGO_PKG_VERSION"), cfg!(feature = "torch"));
        let findings: Vec<_> = findings.iter().map(line).collect();
        table::json(&json!({ "version": version, "libtorch": torch, "findings": findings }))?;
    } else {
        out!("tachograph {}", env!("CARGO_PKG_VERSION"));
        for Finding { thing, well, detail } in &findings {
            out!("{:<7}{thing:<16}{detail}", if *well { "ok" } else { "WRONG" });
        }
    }
    ensure!(findings.iter().all(|finding| finding.well), "something is wrong");
    Ok(())
}

fn checkpoint(bundled: &Bundled) -> Finding {
    let (well, detail) = match bundled.load() {
        Ok(predictor) => {
            let outputs = predictor.manifest().outputs.len();
            (true, format!("{}, {outputs} outputs, {}", bundled.name, predictor.manifest().training))
        }
        Err(error) => (false, format!("{}: {error}", bundled.name)),
    };
    Finding { thing: "checkpoint", well, detail }
}

/// How many are there.
fn sets() -> String {
    let Ok(root) = data_root(None) else { return format!("none: {DATA} names no folder") };
    let there = SETS.iter().filter(|about| (about.open)(&root).is_ok()).count();
    format!("{there} of {} in {}", SETS.len(), root.display())
}

/// Its processor, and whether a bundled checkpoint knows it.
fn machine() -> String {
    let name = Device::detect_cpu().map_or_else(|error| error.to_string(), |cpu| cpu.name);
    match Catalog::bundled().here() {
        Ok(Some(device)) => format!("{name}, predicted for as {device}"),
        _ => format!("{name}, which no bundled checkpoint knows: `tachograph transfer` predicts for it"),
    }
}

#[cfg(not(feature = "torch"))]
fn libtorch() -> Finding {
    let verbs = "profile, collect, train, evaluate, adapt and predict --measure need it";
    Finding { thing: "libtorch", well: true, detail: format!("not in this build; {verbs}: {}", super::INSTALL) }
}

#[cfg(feature = "torch")]
fn libtorch() -> Finding {
    let cuda = tachograph_profile::device("cuda:0");
    let cuda = cuda
        .map_or_else(|error| format!("no CUDA: {error}"), |_| format!("{} CUDA device(s)", tch::Cuda::device_count()));
    let detail = format!(
        "{}, {} thread(s); {cuda}",
        tachograph_profile::Environment::here(tch::Device::Cpu).library,
        tch::get_num_threads()
    );
    Finding { thing: "libtorch", well: true, detail }
}
