//! Measures one job.

use std::io;

use anyhow::{Context, Result};
use tachograph_datasets::Mode;
use tachograph_profile::{Error, Protocol, device, measure};
use tachograph_store::{Report, Sheet};

use super::Args;
use crate::{here::machine, measured::reading, table};

/// Ends the process while it measures a graph of this name, as a network that crashes the library does; for tests.
const CRASH: &str = "TACHOGRAPH_TEST_CRASH";

pub fn run(args: &Args) -> Result<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let sheet: Sheet = serde_json::from_str(&line).context("what to measure")?;
    if std::env::var(CRASH).is_ok_and(|name| name == sheet.graph.name()) {
        std::process::abort();
    }
    table::json(&report(args, &sheet))
}

fn report(args: &Args, sheet: &Sheet) -> Report {
    tch::set_num_threads(args.threads);
    if sheet.mode != Mode::Inference {
        return Report::Refused(format!("{} is not measured here, only inference", sheet.mode));
    }
    let bound = match sheet.bound() {
        Ok(bound) => bound,
        Err(error) => return Report::Refused(error.to_string()),
    };
    let device = match device(&args.device) {
        Ok(device) => device,
        Err(error) => return Report::Passing(error.to_string()),
    };
    match measure(&bound, device, &Protocol::default()) {
        Ok(profile) => Report::Reading(Box::new(reading(&profile, &bound, &args.name, &machine()))),
        // Such as a lack of memory, which may pass.
        Err(error @ Error::Torch { .. }) => Report::Passing(error.to_string()),
        Err(error) => Report::Refused(error.to_string()),
    }
}
