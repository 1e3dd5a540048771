//! `tachograph program collect-tiles`.

mod nest;
mod nodes;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tachograph_datasets::sets::{Configurations, TimedGraph};
use tachograph_tune::{Collected, live::untuned};

use super::parts::{Folders, family};
use crate::{args, exit, table};

/// Turn measured programs into archives to learn to rank tiles from (docs/ranking.md)
///
/// An archive for each file of `tachograph program collect`: its group as a graph, its programs as configurations. With
/// `collect --templates` these are the tiles and orders that templates choose from.
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Folder that `tachograph program collect` wrote.
    programs: PathBuf,
    #[command(flatten)]
    folders: Folders,
    /// Groups with fewer programs that could be timed are left out.
    #[arg(long, default_value_t = 8, value_parser = args::count)]
    least: usize,
}

pub fn run(args: &Args) -> Result<()> {
    let (mut archives, mut configurations, mut few) = (0, 0, 0);
    let all = Collected::folder(&args.programs)?;
    ensure!(!all.is_empty(), "{}: has no programs (.jsonl.gz)", args.programs.display());
    for (name, set) in all {
        let path = path(args, &name, &set)?;
        let timed = archive(&set).with_context(|| format!("{name} in {}", args.programs.display()))?;
        if timed.run_times.len() < args.least {
            few += 1;
            continue;
        }
        args.folders.write(&timed, &path)?;
        (archives, configurations) = (archives + 1, configurations + timed.run_times.len());
    }
    out!(
        "{} of {configurations} configurations; {} left out, with fewer than {}",
        table::counted(archives, "archive"),
        table::counted(few, "group"),
        args.least
    );
    Ok(())
}

/// Called after the family of the first network that has the group.
fn path(args: &Args, name: &str, set: &Collected) -> Result<PathBuf> {
    let networks: Vec<&str> = set.head.networks.iter().map(String::as_str).collect();
    let folder = args.folders.of(networks.iter().copied())?;
    let first = networks.first().map(|network| family(network)).filter(|family| !family.is_empty());
    Ok(folder.join(Path::new(&format!("{}-{name}.npz", first.unwrap_or_else(|| "group".into())))))
}

fn archive(set: &Collected) -> Result<TimedGraph> {
    let workload = &set.head.workload;
    let default = untuned(workload)?;
    let (mut values, mut run_times, mut spreads, mut default_time) = (Vec::new(), Vec::new(), Vec::new(), None);
    for program in &set.programs {
        let Ok(timed) = &program.outcome else { continue };
        let schedule = set.head.space.schedule(&program.point)?;
        values.extend(nest::configuration(workload, &schedule)?);
        run_times.push(timed.ms * 1e6);
        spreads.push(timed.spread as f32);
        if schedule == default {
            default_time = Some(timed.ms * 1e6);
        }
    }
    Ok(TimedGraph {
        graph: nodes::graph(workload),
        configurations: Configurations::Tile { columns: nest::COLUMNS, values },
        run_times,
        default_time,
        spreads: Some(spreads),
    })
}
