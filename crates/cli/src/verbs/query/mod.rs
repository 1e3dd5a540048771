//! `tachograph query`: what was measured, else what lies between measurements, else a prediction; and a measurement where
//! that is asked for.

mod line;
#[cfg_attr(not(feature = "torch"), path = "no_measure.rs")]
mod measure;
mod predict;
mod said;
mod work;

use anyhow::Result;
use tachograph_ir::Quantity;
use tachograph_store::{Network, Question, Store};

use crate::{
    args, exit,
    models::{Model, Models},
    store::Place,
    wanted::Wanted,
};
use line::{KnownBy, Line};
pub use said::ago;

/// Ask what a model takes on a device: measured, else interpolated between batches, else predicted; --measure measures
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    models: Models,
    /// A device by any of its names, as `predict` takes them; `cpu` is this machine's processor, as `profile` stores it.
    /// Give it again for several. Without it, this machine; where nothing is known of that, what `predict` says.
    #[arg(long, value_parser = args::name)]
    device: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// Only what was measured with so many threads; else whatever was measured last.
    #[arg(long)]
    threads: Option<u32>,
    #[command(flatten)]
    work: work::Work,
    /// One JSON object for each model and device, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let store = if args.work.measure { Some(args.place.open()?) } else { args.place.ask()? };
    let named = args.device.iter().map(String::as_str);
    let names = named.chain(args.device.is_empty().then_some(crate::here::CPU));
    let devices = names.map(Wanted::new).collect::<Result<Vec<_>>>()?;
    let predictors: Vec<_> = devices.iter().map(predict::Predictors::new).collect();
    let pairs = args.models.models.len() * devices.len();
    let mut lines = Vec::new();
    let done = exit::each(&args.models.models, |path| {
        let model = Model::among(path, &args.models.models, &args.models.bind)?;
        let network = Network::new(&model.bound)?;
        exit::each(devices.iter().zip(&predictors), |(wanted, predictors)| {
            let ask = Ask { args, store: store.as_ref(), model: &model, network: &network, wanted };
            lines.push(ask.answer(predictors)?);
            Ok(())
        })
    });
    said::print(&lines, pairs, args.json)?;
    done
}

/// A model on a device.
struct Ask<'a> {
    args: &'a Args,
    store: Option<&'a Store>,
    model: &'a Model,
    network: &'a Network,
    wanted: &'a Wanted,
}

impl Ask<'_> {
    fn answer(&self, predictors: &predict::Predictors) -> Result<Line> {
        let mut line = Line {
            model: self.model.path.clone(),
            batch: self.network.batch(),
            device: self.wanted.name.clone(),
            warnings: self.model.warnings.clone(),
            ..Line::default()
        };
        self.recall(&mut line)?;
        if line.known_by != KnownBy::Measured
            && let (true, Some(store)) = (self.args.work.measure, self.store)
        {
            // A job that is not waited for leaves what is known already.
            if self.args.work.done(store, self, &mut line)? {
                self.recall(&mut line)?;
            }
        }
        if line.latency_ms.is_none() {
            match predictors.predict(self, &mut line) {
                // The job will tell.
                Err(_) if line.job.is_some() => {}
                done => done?,
            }
        }
        Ok(line)
    }

    /// What a store is asked, but for the device.
    fn question(&self) -> Question {
        Question { threads: self.args.threads, ..Question::latency("", self.network.batch()) }
    }

    /// What the store knows.
    fn recall(&self, line: &mut Line) -> Result<()> {
        let Some(store) = self.store else { return Ok(()) };
        let Some(key) = store.find(self.network)? else { return Ok(()) };
        let mut question = self.question();
        let Some(answer) = self.wanted.recall(store, &key, &question)? else { return Ok(()) };
        line.recalled(answer);
        for quantity in [Quantity::Memory, Quantity::Energy] {
            question.quantity = quantity;
            line.also(quantity, self.wanted.recall(store, &key, &question)?);
        }
        Ok(())
    }
}
