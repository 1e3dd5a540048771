//! Networks for accelerators at the edge, labelled by Arm's compiler: an estimate, no measurement.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result};
use tachograph_datasets::Part;
use tachograph_ir::Quantity;
use tachograph_train::{Corpus, Predicted, Query, SplitConfig, fit_baseline, static_rows};
use tachograph_transfer::baseline::{self, Baseline, Resident, StaticRow};

use super::{Args, intervals::HeldOut, networks, networks::OURS, own, rows::Rows};

const SET: &str = "edge";
/// 80/20 at random: the first of five folds.
const FOLDS: usize = 5;

/// Tables of an output each: all spaces together ("generalised") at random; the real files of `--files`, which nothing here
/// has seen; each space alone ("specialised"); and all spaces with one held out.
pub fn tables(args: &Args) -> Result<()> {
    let corpus = corpus()?;
    let spaces: BTreeSet<String> = corpus.entries.iter().map(|entry| entry.family.clone()).collect();
    let random = SplitConfig::Fold { folds: FOLDS, fold: 0, families: false, seed: args.division };
    division(args, &corpus, "all spaces, random 80/20", std::slice::from_ref(&random))?;
    if let Some(files) = &args.files {
        real(args, files, &corpus, &random)?;
    }
    for space in &spaces {
        let mut alone = self::corpus()?;
        alone.entries.retain(|entry| entry.family == *space);
        division(args, &alone, &format!("{space} alone, random 80/20"), std::slice::from_ref(&random))?;
    }
    let held = |family: &String| SplitConfig::Family { family: family.clone(), seed: args.division };
    let apart = division(args, &corpus, "each space held out", &spaces.iter().map(held).collect::<Vec<_>>())?;
    args.intervals.as_ref().map_or(Ok(()), |file| apart.calibrate(OURS, &corpus.outputs, file))
}

/// The accelerators of the recipes: a CPU is a device of the set, too.
fn corpus() -> Result<Corpus> {
    let recipes = networks::of_edge()?;
    let devices = recipes.first().map_or(&[][..], |(_, config)| config.device.names()).to_vec();
    let query = Query { devices, quantities: vec![Quantity::Latency, Quantity::Memory], batch: None };
    Ok(Corpus::open(&own::path(SET), None, &query)?)
}

/// The tables of one way to divide a corpus, and what networks predict in them.
fn division(args: &Args, corpus: &Corpus, name: &str, splits: &[SplitConfig]) -> Result<HeldOut> {
    let mut held_out = HeldOut::default();
    let statics = static_rows(corpus)?;
    let title = |output: &tachograph_predict::Output| format!("{SET}, {}, {name}", output.title());
    let mut tables: Vec<Rows> =
        corpus.outputs.iter().map(|output| Rows::new(title(output), output.quantity.unit())).collect();
    for (fold, split) in splits.iter().enumerate() {
        let division = split.divide(corpus)?;
        let what = match split {
            SplitConfig::Family { family, .. } => format!("without {family}"),
            _ => name.to_owned(),
        };
        tables.iter_mut().for_each(|rows| rows.split(what.clone(), &division.hash));
        for (output, manifest) in corpus.outputs.iter().enumerate() {
            for mut model in baselines(manifest.quantity).into_iter().filter(|m| args.wants(m.name())) {
                for row in fit_baseline(&mut *model, corpus, &statics, &division, output)? {
                    tables[output].add(model.name(), 0, &row.family.clone(), [row]);
                }
            }
        }
        networks::fold(args, networks::of_edge()?, corpus, split, |name, seed, row| {
            held_out.add(name, seed, fold, row.clone());
            tables[row.output].add(name, seed, &row.family.clone(), [row]);
        })?;
    }
    for rows in &mut tables {
        // The rows' own names say what the recipes do.
        if let Some(epochs) = args.epochs {
            rows.note(format!("Networks: {epochs} epochs, whatever their rows say."));
        }
        rows.print()?;
        if args.columns {
            rows.print_each_column()?;
        }
    }
    Ok(held_out)
}

fn baselines(quantity: Quantity) -> Vec<Box<dyn Baseline>> {
    let mut models = baseline::all();
    if quantity == Quantity::Memory {
        models.push(Box::new(Resident::default()));
    }
    models
}

/// The set `files` on the configurations of ours: trained on the 80 % of the first table.
fn real(args: &Args, files: &Path, corpus: &Corpus, split: &SplitConfig) -> Result<()> {
    let division = split.divide(corpus)?;
    let statics = static_rows(corpus)?;
    let devices = corpus.outputs.iter().map(|output| output.name.clone()).collect::<BTreeSet<_>>();
    let quantities = corpus.outputs.iter().map(|output| output.quantity).collect::<BTreeSet<_>>();
    let query =
        Query { devices: devices.into_iter().collect(), quantities: quantities.into_iter().collect(), batch: None };
    let set = Corpus::open(files, None, &query)?;
    let file_rows = static_rows(&set)?;
    for (output, manifest) in corpus.outputs.iter().enumerate() {
        let same =
            |other: &tachograph_predict::Output| other.name == manifest.name && other.quantity == manifest.quantity;
        let column = set.outputs.iter().position(same).context("a configuration that the files have no labels of")?;
        let mut rows = Rows::new(format!("real files, {}", manifest.title()), manifest.quantity.unit());
        let training: Vec<usize> =
            corpus.measured(output).filter(|&i| division.parts.get(i) == Some(&Part::Train)).collect();
        let (seen, values): (Vec<StaticRow>, Vec<f64>) =
            training.iter().map(|&i| (statics[i].clone(), corpus.entries[i].targets[output])).unzip();
        for mut model in baselines(manifest.quantity).into_iter().filter(|m| args.wants(m.name())) {
            model.fit(&seen, &values)?;
            for i in set.measured(column) {
                let entry = &set.entries[i];
                let row = Predicted {
                    name: entry.network.clone(),
                    family: entry.family.clone(),
                    batch: entry.batch,
                    output,
                    predicted: model.predict(&file_rows[i])?,
                    measured: entry.targets[column],
                };
                rows.add(model.name(), 0, "", [row]);
            }
        }
        for (name, seed, checkpoint) in networks::trained(args, networks::of_edge()?, &division.hash)? {
            let done = tachograph_train::extrapolate(&checkpoint, files, None, &[], None)?;
            rows.add(name, seed, "", done.evaluation.predictions.into_iter().filter(|row| row.output == output));
        }
        rows.print()?;
    }
    Ok(())
}
