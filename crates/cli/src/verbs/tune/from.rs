//! `--from` of a live tuning: what was measured elsewhere.

use std::{collections::HashSet, path::Path};

use anyhow::{Context, Result, bail, ensure};
use tachograph_tune::{
    Collected,
    live::{Elsewhere, Journal, Like, Task},
};

use super::Args;
use crate::{here::Here, tuned::Kept};

/// What `--from` calls the store.
const STORE: &str = "store";

/// Gives the tasks what `--from` names, as far as it is of their operators.
pub fn start(args: &Args, tasks: &mut [Task], here: &Here) -> Result<()> {
    let mut elsewhere = Vec::new();
    for from in &args.from {
        match from.strip_prefix(STORE).map(|rest| rest.strip_prefix(':').unwrap_or(rest)) {
            Some("") => of_store(args, tasks, here, true, &mut elsewhere)?,
            Some(device) if from.starts_with("store:") => {
                let there = Here { name: device.into(), hardware: String::new() };
                of_store(args, tasks, &there, false, &mut elsewhere)?;
            }
            _ => elsewhere.extend(of_files(from.as_ref())?.into_iter().map(Elsewhere::collected)),
        }
    }
    let records: usize = tasks.iter_mut().map(|task| task.start_from(&elsewhere)).sum();
    ensure!(
        args.from.is_empty() || records > 0,
        "--from {}: nothing that ran in there is of the operators of a group that is tuned",
        args.from.join(" --from ")
    );
    Ok(())
}

/// What the store knows of a device: of this one other shapes, as its own are known anyway.
fn of_store(args: &Args, tasks: &[Task], of: &Here, this: bool, found: &mut Vec<Elsewhere>) -> Result<()> {
    let Some(store) = args.record.ask()? else { bail!("--from {STORE}: there is no store yet") };
    let devices: Vec<String> = store.device_names()?.into_iter().map(|(name, ..)| name).collect();
    ensure!(
        this || devices.contains(&of.name),
        "--from {STORE}:{}: the store does not know this device; it knows {}",
        of.name,
        devices.join(", ")
    );
    let mut kept = Kept::new(store, of.clone(), None);
    // Tasks of one operator have the same others.
    let mut seen = HashSet::new();
    for task in tasks {
        let mut likes = kept.like(&task.workload).map_err(anyhow::Error::msg)?;
        if !this {
            let known = kept.known(&task.workload).map_err(anyhow::Error::msg)?;
            likes.push(Like { workload: task.workload.clone(), known });
        }
        likes.retain(|like| seen.insert(like.workload.hash()));
        for like in likes {
            found.push(Elsewhere::known(&of.name, &like)?);
        }
    }
    Ok(())
}

/// A file of measured programs, or a folder of such.
fn of_files(path: &Path) -> Result<Vec<Collected>> {
    if path.is_dir() {
        let files = Collected::folder(path).with_context(|| format!("--from {}", path.display()))?;
        return Ok(files.into_iter().map(|(_, file)| file).collect());
    }
    Ok(vec![Collected::read(path).context("--from")?])
}
