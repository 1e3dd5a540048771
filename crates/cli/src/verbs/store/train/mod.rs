//! `tachograph store train`.

#[cfg_attr(not(feature = "torch"), path = "no_make.rs")]
mod make;
mod part;
mod rivals;

use std::{iter::once, path::PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tachograph_ir::{BoundGraph, Plain};
use tachograph_predict::{Checkpoint, Predictor};
use tachograph_store::{Contents, NewCheckpoint};

use crate::{args, store::Place, table, wanted::Wanted};
use part::{Part, Predict};

/// Make or adapt a checkpoint for a device when enough was measured there since the last, and install it if it is not worse
/// on measurements that it has not seen
#[derive(clap::Args)]
#[command(after_help = crate::verbs::after_help())]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Args {
    /// The device.
    #[arg(long, default_value = crate::here::CPU, value_parser = args::name)]
    device: String,
    #[command(flatten)]
    place: Place,
    /// Do nothing unless so many networks and batches were measured that the installed checkpoint does not know.
    #[arg(long, default_value_t = 20, value_parser = args::count)]
    at_least: usize,
    /// From so many measurements on a predictor is trained, with fewer a checkpoint is adapted.
    #[arg(long, default_value_t = 500, value_parser = args::count)]
    train_from: usize,
    /// Networks held out, of a hundred: by their hash and the seed, so that a network is always on the same side.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=90))]
    held_out: u8,
    /// Of what is held out, and of the training.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The checkpoint to adapt, a file or the name of a bundled one; `cpu`, or `timm` for a GPU.
    #[arg(long, value_parser = args::name)]
    checkpoint: Option<String>,
    /// How to train, as TOML for `tachograph train`; its data, device and split are set. The sum over operators, if absent.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Passes over the measurements, when one trains.
    #[arg(long)]
    epochs: Option<u32>,
    /// Threads of libtorch, at most as many as the machine has cores.
    #[arg(long, default_value_t = 1, value_parser = args::threads)]
    threads: i32,
    /// The outcome as a JSON object.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Outcome {
    device: String,
    /// `adapted`, `trained`, or `nothing` where too little is new.
    made: &'static str,
    new: u64,
    learned: usize,
    held_out: usize,
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<i64>,
    /// Its error on what was held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    mape_percent: Option<f64>,
    /// Those that it is compared with, and theirs.
    rivals: Vec<rivals::Rival>,
    installed: bool,
}

/// Fewer say too little of how good a checkpoint is.
const FEWEST: usize = 3;

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.open()?;
    let wanted = Wanted::new(&args.device)?;
    let name = wanted.in_store(&store)?;
    let part = Part::of(&wanted, &store, args.held_out, args.seed)?;
    let installed = store.installed(&name)?;
    let learned = part.fingerprint();
    let known = installed.as_ref().map_or(0, |checkpoint| checkpoint.learned.measurements);
    let mut outcome = Outcome {
        device: name.clone(),
        made: "nothing",
        new: learned.measurements.saturating_sub(known),
        learned: part.learned.len(),
        held_out: part.held_out.len(),
        seed: args.seed,
        checkpoint: None,
        mape_percent: None,
        rivals: Vec::new(),
        installed: false,
    };
    if outcome.new < args.at_least as u64 {
        return say(args, &outcome);
    }
    ensure!(
        part.held_out.len() >= FEWEST && part.learned.len() >= FEWEST,
        "{name}: {} to learn from and {} held out; each must be at least {FEWEST}",
        part.learned.len(),
        part.held_out.len()
    );
    let rivals = rivals::all(&wanted, &store, &part, installed.as_ref())?;
    let (made, bytes) = make::checkpoint(args, &wanted, &store, &name, &part)?;
    let predictor = Predictor::new(Checkpoint::parse(&bytes, "the new checkpoint".as_ref())?)?;
    let output = predictor.output(None, tachograph_ir::Quantity::Latency)?;
    let predict = |bound: &BoundGraph| Ok(predictor.predict(bound, output)?.value.value());
    let all: Vec<_> = once(&predict as &Predict<'_>).chain(rivals.iter().map(|(_, predict)| &**predict)).collect();
    let mut errors = part.errors(|timed| timed.bound(&store), &all)?.into_iter();
    let score = errors.next().context("no error of the new checkpoint")?;
    let rival = |((name, _), error): (&rivals::Predicts, f64)| rivals::Rival {
        name: name.clone(),
        mape_percent: 100.0 * error,
    };
    outcome.rivals = rivals.iter().zip(errors).map(rival).collect();
    let contents = Contents::Bytes(bytes);
    let new = NewCheckpoint { name: name.clone(), device: name.clone(), contents, learned, score };
    let id = store.put_checkpoint(&new)?;
    (outcome.made, outcome.checkpoint, outcome.mape_percent) = (made, Some(id), Some(100.0 * score));
    outcome.installed = outcome.rivals.iter().all(|rival| 100.0 * score <= rival.mape_percent);
    if outcome.installed {
        store.install(id)?;
    }
    say(args, &outcome)
}

fn say(args: &Args, outcome: &Outcome) -> Result<()> {
    if args.json {
        return table::json(outcome);
    }
    let device = Plain(&outcome.device);
    let Outcome { new, learned, held_out, seed, .. } = outcome;
    let Some((id, mape)) = outcome.checkpoint.zip(outcome.mape_percent) else {
        out!("{device}: {new} new; nothing to do before there are {} (--at-least)", args.at_least);
        return Ok(());
    };
    out!("{device}: {} checkpoint {id} on {learned} networks and batches, {new} of them new", outcome.made);
    out!("on {held_out} held out (seed {seed}): {mape:.1} % off");
    outcome.rivals.iter().for_each(|rival| out!("  {:.1} % by {}", rival.mape_percent, Plain(&rival.name)));
    match outcome.installed {
        true => out!("installed; `tachograph store rollback` takes it back"),
        false => out!("not installed, since it is worse; it is kept"),
    }
    Ok(())
}
