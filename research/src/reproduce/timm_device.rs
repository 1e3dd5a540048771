//! timm's GPUs, each as one that was never measured: nothing or a few models on it, and all that other cards measured.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::{
    Mode, data_root,
    sets::{self, Timm},
};
use tachograph_ir::Device;
use tachograph_train::{Corpus, Predicted, Query};
use tachograph_transfer::{
    MedianRatio, Transfer,
    cards::{Cards, Reference, Setting},
    rates::costs,
};

use super::{Args, rows::Rows};

/// Models drawn at random of which the measured are chosen.
const CANDIDATES: usize = 300;
/// Draws of the candidates for every seed.
const DRAWS: u64 = 5;
/// First seed of the draws by which a method is set up, apart from those of the table.
const INNER: u64 = 1_000;

/// Prints one table for each number of measured models.
pub fn table(args: &Args) -> Result<()> {
    let source = Timm::open(&data_root(args.data.as_deref())?)?;
    let settings: BTreeMap<String, sets::Setting> = source
        .settings()
        .filter(|s| s.phase == Mode::Inference && s.platform != "cpu")
        .map(|s| (s.name.clone(), s.clone()))
        .collect();
    let corpus = Corpus::read(&source, &Query { batch: Some(1), ..Query::latency(settings.keys()) })?;
    let cards = cards(&corpus, &settings)?;
    let all: Vec<usize> = (0..corpus.outputs.len()).collect();
    for measured in [0, 5, 10, 20] {
        let mut rows = Rows::new(format!("timm-device, {measured} models measured on the card"), "ms an image");
        for (output, setting) in corpus.outputs.iter().enumerate() {
            let known = cards.others(output, &all);
            let reference = cards.reference(output, &known)?;
            let mut add = |row: &str, seed: u64, of: &[usize], times: &[f64]| {
                rows.add(row, seed, &setting.name, predictions(&corpus, output, of, times, &reference));
            };
            if measured == 0 {
                let scaled: Vec<f64> = reference.times.iter().map(|ms| reference.scale * ms).collect();
                add("copy, scaled by device files", 0, &[], &scaled);
                continue;
            }
            let inner = |networks: usize, draw: u64| candidates(networks, INNER + draw);
            let prior = cards.relative(&reference, cards.choose_deviation(&known, measured, DRAWS, inner)?)?;
            let median = MedianRatio::new(reference.times.clone())?;
            for seed in 0..args.seeds {
                for draw in 0..DRAWS {
                    let candidates = candidates(reference.networks.len(), seed * DRAWS + draw);
                    let drawn = &candidates[..measured.min(candidates.len())];
                    let observed = cards.observe(output, &reference, drawn);
                    let scaled = median.adapt(&observed)?.predict_all();
                    add("copy, scaled by the median ratio", seed, drawn, &scaled);
                    let random = prior.adapt(&observed)?.predict_all();
                    add("tachograph, measured at random", seed, drawn, &random);
                    let chosen = prior.select(&candidates, measured)?;
                    let device = prior.adapt(&cards.observe(output, &reference, &chosen))?;
                    add("tachograph", seed, &chosen, &device.predict_all());
                }
            }
        }
        rows.note(format!(
            "{} networks; {DRAWS} draws of {CANDIDATES} candidates for every seed.",
            corpus.entries.len()
        ));
        rows.print()?;
        if args.columns {
            rows.print_each_column()?;
        }
    }
    Ok(())
}

/// The outputs of the corpus, in their order.
fn cards(corpus: &Corpus, settings: &BTreeMap<String, sets::Setting>) -> Result<Cards> {
    let setting = |(output, name): (usize, &String)| {
        let setting = settings.get(name).context("a setting without a file")?;
        Ok(Setting {
            device: Device::builtin(&setting.device)?,
            compiled: setting.compiled,
            layout: setting.layout.clone(),
            version: setting.torch.parse().unwrap_or(0),
            times: corpus.entries.iter().map(|entry| entry.targets[output]).collect(),
        })
    };
    let names = corpus.outputs.iter().map(|output| &output.name);
    let settings = names.enumerate().map(setting).collect::<Result<Vec<_>>>()?;
    let costs = corpus.entries.iter().map(|entry| costs(&entry.bound)).collect::<Result<_, _>>()?;
    Ok(Cards::new(settings, costs)?)
}

/// Some networks drawn at random.
fn candidates(networks: usize, seed: u64) -> Vec<usize> {
    index::sample(&mut ChaCha8Rng::seed_from_u64(seed), networks, CANDIDATES.min(networks)).into_vec()
}

/// Times as predictions, without those for `measured` networks.
fn predictions(
    corpus: &Corpus,
    output: usize,
    measured: &[usize],
    times: &[f64],
    reference: &Reference,
) -> Vec<Predicted> {
    let others = (0..times.len()).filter(|place| !measured.contains(place));
    let predicted = others.map(|place| {
        let entry = &corpus.entries[reference.networks[place]];
        Predicted {
            name: entry.network.clone(),
            family: entry.family.clone(),
            batch: entry.batch,
            output,
            predicted: times[place],
            measured: entry.targets[output],
        }
    });
    predicted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_from_the_seed_and_are_no_more_than_there_are() {
        let drawn = candidates(1000, 3);
        assert_eq!((drawn.len(), &drawn), (CANDIDATES, &candidates(1000, 3)));
        assert_ne!(drawn, candidates(1000, 4));
        let mut few = candidates(7, 0);
        few.sort_unstable();
        assert_eq!(few, [0, 1, 2, 3, 4, 5, 6]);
    }
}
