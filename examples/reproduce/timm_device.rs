//! timm's GPUs, each as one that was never measured: nothing or a few models on it, and all that other cards measured.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::{
    Phase, data_root,
    sets::{Setting, Timm},
};
use tachograph_features::transfer::{
    LogGaussian, Sample,
    rates::{RatePrior, costs},
};
use tachograph_ir::{DType, Device};
use tachograph_metrics::median;
use tachograph_train::{Corpus, Predicted, Query};

use crate::{Args, rows::Rows};

/// What is chosen by the other cards: the standard deviation of the logarithm of a rate relative to other cards.
const DEPARTURES: [f64; 4] = [0.05, 0.1, 0.2, 0.4];
/// Standard deviation of what rates do not explain, in logarithms of times.
const NOISE: f64 = 0.07;
/// Models drawn at random of which the measured are chosen.
const CANDIDATES: usize = 300;
/// Draws of the candidates for every seed.
const DRAWS: u64 = 5;

/// Prints one table for each number of measured models.
pub fn table(args: &Args) -> Result<()> {
    let source = Timm::open(&data_root(args.data.as_deref())?)?;
    let settings: BTreeMap<String, Setting> = source
        .settings()
        .filter(|s| s.phase == Phase::Inference && s.platform != "cpu")
        .map(|s| (s.name.clone(), s.clone()))
        .collect();
    let corpus = Corpus::read(&source, &Query { batch: Some(1), ..Query::latency(settings.keys()) })?;
    let costs = corpus.entries.iter().map(|entry| costs(&entry.bound)).collect::<Result<_, _>>()?;
    let settings = corpus.outputs.iter().map(|o| settings.get(&o.name).cloned().context("a setting without a file"));
    let cards = Cards { settings: settings.collect::<Result<_>>()?, costs, corpus: &corpus };
    for measured in [0, 5, 10, 20] {
        let mut rows = Rows::new(format!("timm-device, {measured} models measured on the card"), "ms an image");
        for (output, setting) in cards.settings.iter().enumerate() {
            let known: Vec<usize> =
                (0..cards.settings.len()).filter(|&o| cards.settings[o].device != setting.device).collect();
            let mut add = |row: &str, seed: u64, of: &[usize], factor: &[f64], copy: &Copy| {
                rows.add(row, seed, &setting.name, cards.predictions(output, of, factor, copy));
            };
            let copy = cards.copy(output, &known)?;
            if measured == 0 {
                add("copy, scaled by device files", 0, &[], &vec![copy.scale; copy.networks.len()], &copy);
                continue;
            }
            let departure = cards.choose(&known, measured)?;
            let gaussian = &cards.gaussians(&copy, &[departure])?[0];
            for seed in 0..args.seeds {
                for draw in 0..DRAWS {
                    let candidates = cards.draw(&copy, CANDIDATES, seed * DRAWS + draw);
                    let drawn = &candidates[..measured.min(candidates.len())];
                    let sample = cards.measure(output, &copy, drawn);
                    let ratios: Vec<f64> = sample.iter().map(|s| s.ms).collect();
                    let median = median(&ratios).unwrap_or(1.0);
                    add("copy, scaled by the median ratio", seed, drawn, &vec![median; copy.networks.len()], &copy);
                    add("tachograph, measured at random", seed, drawn, &gaussian.adapt(&sample)?, &copy);
                    let chosen = gaussian.select(&candidates, measured)?;
                    let sample = cards.measure(output, &copy, &chosen);
                    add("tachograph", seed, &chosen, &gaussian.adapt(&sample)?, &copy);
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

struct Cards<'a> {
    /// In the order of the corpus's outputs.
    settings: Vec<Setting>,
    /// Of each entry.
    costs: Vec<Vec<f64>>,
    corpus: &'a Corpus,
}

/// What other cards say of a setting: the geometric mean of the settings most like it.
struct Copy {
    /// Entries that the setting and all that are copied measured.
    networks: Vec<usize>,
    /// Their times on the other cards.
    times: Vec<f64>,
    /// From there to the new card by the geometric mean of the ratios of peak and of bandwidth.
    scale: f64,
}

impl Cards<'_> {
    /// Copies the settings among `known` that are compiled and laid out alike, with the nearest version of torch.
    fn copy(&self, output: usize, known: &[usize]) -> Result<Copy> {
        let new = &self.settings[output];
        let version = |s: &Setting| s.torch.parse::<i64>().unwrap_or(0);
        let unlike = |o: usize| {
            let s = &self.settings[o];
            (s.compiled != new.compiled, s.layout != new.layout, (version(s) - version(new)).abs())
        };
        let nearest = known.iter().map(|&o| unlike(o)).min().context("one card alone")?;
        let copied: Vec<usize> = known.iter().copied().filter(|&o| unlike(o) == nearest).collect();
        let mut speeds = 0.0;
        for &o in &copied {
            speeds += (speed(&self.settings[o])? / speed(new)?).ln() / copied.len() as f64;
        }
        let time = |entry: usize, o: usize| self.corpus.entries[entry].targets[o];
        let all = |&entry: &usize| copied.iter().chain([&output]).all(|&o| time(entry, o).is_finite());
        let networks: Vec<usize> = (0..self.corpus.entries.len()).filter(all).collect();
        let mean = |&entry: &usize| copied.iter().map(|&o| time(entry, o).ln()).sum::<f64>() / copied.len() as f64;
        Ok(Copy { times: networks.iter().map(|n| mean(n).exp()).collect(), networks, scale: speeds.exp() })
    }

    /// What times relative to the copy may be, for each of `departures`.
    fn gaussians(&self, copy: &Copy, departures: &[f64]) -> Result<Vec<LogGaussian>> {
        let costs: Vec<Vec<f64>> = copy.networks.iter().map(|&n| self.costs[n].clone()).collect();
        let times = copy.times.iter().enumerate().map(|(network, &ms)| Sample { network, ms });
        let rates = RatePrior::gpu().adapt(&times.collect::<Vec<_>>(), &costs)?;
        departures.iter().map(|&departure| Ok(rates.relative(&costs, departure, NOISE)?)).collect()
    }

    /// Some models drawn at random.
    fn draw(&self, copy: &Copy, count: usize, seed: u64) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        index::sample(&mut rng, copy.networks.len(), count.min(copy.networks.len())).into_vec()
    }

    /// Models measured on the new card, relative to the copy.
    fn measure(&self, output: usize, copy: &Copy, models: &[usize]) -> Vec<Sample> {
        let ratio = |i: usize| self.corpus.entries[copy.networks[i]].targets[output] / copy.times[i];
        models.iter().map(|&i| Sample { network: i, ms: ratio(i) }).collect()
    }

    /// The departure that does best where each of the `known` cards is the new one and the others are known.
    fn choose(&self, known: &[usize], measured: usize) -> Result<f64> {
        let mut errors = [0.0; DEPARTURES.len()];
        for &output in known {
            let others: Vec<usize> =
                known.iter().copied().filter(|&o| self.settings[o].device != self.settings[output].device).collect();
            let copy = self.copy(output, &others)?;
            for (error, gaussian) in errors.iter_mut().zip(self.gaussians(&copy, &DEPARTURES)?) {
                for draw in 0..DRAWS {
                    let chosen = gaussian.select(&self.draw(&copy, CANDIDATES, 1_000 + draw), measured)?;
                    let sample = self.measure(output, &copy, &chosen);
                    let rows = self.predictions(output, &chosen, &gaussian.adapt(&sample)?, &copy);
                    let relative = rows.iter().map(|row| (row.predicted / row.measured - 1.0).abs());
                    *error += relative.sum::<f64>() / rows.len().max(1) as f64;
                }
            }
        }
        let best = errors.iter().zip(DEPARTURES).min_by(|a, b| a.0.total_cmp(b.0));
        Ok(best.map_or(DEPARTURES[0], |(_, departure)| departure))
    }

    /// Factors on the copy as predictions, without those for `measured` networks.
    fn predictions(&self, output: usize, measured: &[usize], factors: &[f64], copy: &Copy) -> Vec<Predicted> {
        let left = (0..copy.networks.len()).filter(|i| !measured.contains(i));
        let predicted = left.map(|i| {
            let entry = &self.corpus.entries[copy.networks[i]];
            Predicted {
                name: entry.network.clone(),
                family: entry.family.clone(),
                batch: entry.batch,
                output,
                predicted: factors[i] * copy.times[i],
                measured: entry.targets[output],
            }
        });
        predicted.collect()
    }
}

/// Geometric mean of peak (in f32, which is proportional to the number of cores and their clock) and bandwidth.
fn speed(setting: &Setting) -> Result<f64> {
    let device = Device::builtin(&setting.device)?;
    let peak = device.peak.get(&DType::F32).context("the device file lacks a peak")?;
    let bandwidth = device.bandwidth.context("the device file lacks a bandwidth")?;
    Ok((peak * bandwidth).sqrt())
}
