//! ncnn's benchmark: real networks on the community's machines; a network, or a machine, that was never seen.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::{DeviceSplit, Source, data_root, sets::Ncnn};
use tachograph_features::{
    baseline::{self, Baseline, StaticRow},
    kind_costs,
    transfer::{
        LogGaussian, Sample, Scales,
        rates::{self, RatePrior},
    },
};
use tachograph_ir::Config;
use tachograph_train::Predicted;

use crate::{Args, rows::Rows};

const FOLDS: usize = 5;
/// Networks measured on a new machine.
const MEASURED: usize = 5;
/// A row whose slowest run took longer than this many times its fastest is left out of the tables of steady rows.
const STEADY: f64 = 1.5;

/// What networks have beyond their sums, as far as similar ones have it too.
const LIKENESS: Scales = Scales { linear: 0.0, smooth: 0.3, length: 0.5, noise: 0.2 };

/// A machine with threads, power saving and Vulkan device: what it measured, one row a network.
struct Setting {
    machine: String,
    vulkan: bool,
    samples: Vec<Sample>,
    /// Of each sample.
    steady: Vec<bool>,
}

/// The set, with networks by number.
struct Measured {
    networks: Vec<String>,
    statics: Vec<StaticRow>,
    /// What makes networks similar.
    columns: Vec<Vec<f64>>,
    /// What their times are sums of.
    costs: Vec<Vec<f64>>,
    settings: Vec<Setting>,
}

/// Both halves of the table.
pub fn table(args: &Args) -> Result<()> {
    let set = Ncnn::open(&data_root(args.data.as_deref()))?;
    let measured = Measured::read(&set)?;
    let rows: usize = measured.settings.iter().map(|s| s.samples.len()).sum();
    println!(
        "{} rows after the rule for repeated keys, {} settings of {} machines, {} networks; none is left out.",
        rows,
        measured.settings.len(),
        measured.settings.iter().map(|s| &s.machine).collect::<BTreeSet<_>>().len(),
        measured.networks.len()
    );
    for families in [false, true] {
        measured.networks_held_out(args, families)?;
    }
    measured.machines_held_out(args)
}

impl Measured {
    fn read(set: &Ncnn) -> Result<Self> {
        let resolved = set.resolved()?;
        let networks: Vec<String> =
            resolved.keys().map(|key| key.network.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let (mut statics, mut columns, mut costs) = (vec![], vec![], vec![]);
        for name in &networks {
            let bound = set.graph(name)?.bind(&image(name)).with_context(|| name.clone())?;
            let row = StaticRow::new(&bound)?;
            let total = [row.total.flops, row.total.bytes(), row.total.parameters, row.nodes.len() as u64];
            let mut column: Vec<f64> = total.iter().map(|&v| (v as f64).ln_1p()).collect();
            let int8 = f64::from(name.ends_with("_int8"));
            // Twice as wide as a share, since the totals decide.
            column.extend_from_within(..);
            column.extend([int8; 4]);
            for cost in kind_costs(&bound)? {
                column
                    .extend([cost.flops / row.total.flops.max(1) as f64, cost.bytes / row.total.bytes().max(1) as f64]);
            }
            statics.push(row);
            columns.push(column);
            costs.push(rates::costs(&bound)?);
        }
        let mut settings: BTreeMap<_, Setting> = BTreeMap::new();
        for (key, row) in resolved {
            let network = networks.binary_search(&key.network).ok().context("a network without a number")?;
            let name = (key.device.clone(), key.num_threads, key.powersave, key.vulkan);
            let new = Setting { machine: key.device, vulkan: key.vulkan.is_some(), samples: vec![], steady: vec![] };
            let setting = settings.entry(name).or_insert(new);
            setting.samples.push(Sample { network, ms: row.avg_ms });
            setting.steady.push(row.max_ms <= STEADY * row.min_ms);
        }
        Ok(Self { networks, statics, columns, costs, settings: settings.into_values().collect() })
    }

    /// Part of each of `keys`, drawn at random, the same for equal keys.
    fn folds<'a>(keys: impl Iterator<Item = &'a str>, seed: u64) -> BTreeMap<&'a str, usize> {
        let mut keys: Vec<&str> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        keys.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        keys.into_iter().enumerate().map(|(i, key)| (key, i % FOLDS)).collect()
    }

    /// Networks held out; with `families`, the int8 and the float form of one together.
    fn networks_held_out(&self, args: &Args, families: bool) -> Result<()> {
        let key = |n: usize| match families {
            true => self.networks[n].trim_end_matches("_int8"),
            false => self.networks[n].as_str(),
        };
        let what = if families { "networks held out with their int8 or float form" } else { "networks held out" };
        let mut tables = Tables::new(&format!("ncnn, {what}, {FOLDS} folds"));
        let likeness = LogGaussian::from_columns(&self.columns, LIKENESS)?;
        for seed in 0..args.seeds {
            let folds = Self::folds((0..self.networks.len()).map(key), seed);
            tables.split(seed, &folds);
            for fold in 0..FOLDS {
                let test = |n: usize| folds[key(n)] == fold;
                // On a GPU rates are others.
                let prior = |vulkan: bool| {
                    let of_kind = self.settings.iter().filter(|s| s.vulkan == vulkan);
                    let known = of_kind.map(|s| s.samples.iter().copied().filter(|s| !test(s.network)).collect());
                    RatePrior::learn(&known.collect::<Vec<Vec<Sample>>>(), &self.costs)
                };
                let (cpu, gpu) = (prior(false)?, prior(true)?);
                for setting in &self.settings {
                    let (held, known): (Vec<_>, Vec<_>) =
                        setting.samples.iter().copied().partition(|s| test(s.network));
                    if held.is_empty() || known.len() < 10 {
                        continue;
                    }
                    let rates = if setting.vulkan { &gpu } else { &cpu }.adapt(&known, &self.costs)?;
                    let rest = known.iter().map(|s| Sample { ms: s.ms / rates[s.network], ..*s });
                    let rest = likeness.adapt(&rest.collect::<Vec<_>>())?;
                    let both: Vec<f64> = rates.iter().zip(rest).map(|(time, ratio)| time * ratio).collect();
                    tables.add("tachograph rates", seed, setting, &held, &both);
                    tables.add("– without what similar networks have beyond them", seed, setting, &held, &rates);
                    // They have no randomness but the folds.
                    let models = if seed == 0 { baseline::all() } else { vec![] };
                    for mut model in models {
                        let predicted = self.baseline(&mut *model, &known)?;
                        tables.add(model.name(), seed, setting, &held, &predicted);
                    }
                }
            }
        }
        tables.print()
    }

    fn baseline(&self, model: &mut dyn Baseline, known: &[Sample]) -> Result<Vec<f64>> {
        let rows: Vec<StaticRow> = known.iter().map(|s| self.statics[s.network].clone()).collect();
        model.fit(&rows, &known.iter().map(|s| s.ms).collect::<Vec<_>>())?;
        Ok(self.statics.iter().map(|row| model.predict(row)).collect::<Result<_, _>>()?)
    }

    /// Machines held out, with [`MEASURED`] networks measured in each of their settings.
    fn machines_held_out(&self, args: &Args) -> Result<()> {
        let mut tables = Tables::new(&format!("ncnn, machines held out, {MEASURED} networks measured, {FOLDS} folds"));
        for seed in 0..args.seeds {
            let folds = Self::folds(self.settings.iter().map(|s| s.machine.as_str()), seed);
            tables.split(seed, &folds);
            for fold in 0..FOLDS {
                for vulkan in [false, true] {
                    let of_kind = self.settings.iter().filter(|s| s.vulkan == vulkan);
                    let (test, train): (Vec<&Setting>, Vec<&Setting>) =
                        of_kind.partition(|s| folds[s.machine.as_str()] == fold);
                    let noise = self.choose_noise(&train, &folds)?;
                    eprintln!("seed {seed}, fold {}, Vulkan {vulkan}: noise {noise}", fold + 1);
                    let gaussian = self.fit(&train, noise)?;
                    for setting in test {
                        self.machine(&gaussian, &train, setting, seed, &mut tables)?;
                    }
                }
            }
        }
        tables.print()
    }

    fn fit(&self, settings: &[&Setting], noise: f64) -> Result<LogGaussian> {
        let devices: Vec<Vec<Sample>> = settings.iter().map(|s| s.samples.clone()).collect();
        Ok(LogGaussian::from_devices(&devices, self.networks.len(), noise)?)
    }

    /// The noise with the smallest mean error when one training fold is predicted from the others.
    fn choose_noise(&self, train: &[&Setting], folds: &BTreeMap<&str, usize>) -> Result<f64> {
        let inner = folds[train.first().context("no training machines")?.machine.as_str()];
        let (held, rest): (Vec<&Setting>, Vec<&Setting>) =
            train.iter().copied().partition(|s| folds[s.machine.as_str()] == inner);
        let mut best = (f64::INFINITY, 0.05);
        for noise in [0.02, 0.05, 0.1, 0.2] {
            let gaussian = self.fit(&rest, noise)?;
            let mut sum = 0.0;
            for setting in &held {
                let (known, left) = measure(&gaussian, setting)?;
                let predicted = gaussian.adapt(&known)?;
                sum += left.iter().map(|s| (predicted[s.network] / s.ms - 1.0).abs()).sum::<f64>();
            }
            best = if sum < best.0 { (sum, noise) } else { best };
        }
        Ok(best.1)
    }

    fn machine(
        &self,
        gaussian: &LogGaussian,
        train: &[&Setting],
        setting: &Setting,
        seed: u64,
        tables: &mut Tables,
    ) -> Result<()> {
        let (known, left) = measure(gaussian, setting)?;
        tables.add("tachograph transfer", seed, setting, &left, &gaussian.adapt(&known)?);
        let mut order: Vec<usize> = (0..setting.samples.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let random: Vec<Sample> = order.iter().take(MEASURED).map(|&i| setting.samples[i]).collect();
        let others: Vec<Sample> = order.iter().skip(MEASURED).map(|&i| setting.samples[i]).collect();
        tables.add("– measured at random", seed, setting, &others, &gaussian.adapt(&random)?);
        // The others have as many coefficients as there are measurements.
        let mut model = baseline::FlopsLine::default();
        tables.add(model.name(), seed, setting, &left, &self.baseline(&mut model, &known)?);
        let copy =
            nearest(train, &known, self.networks.len()).context("no training setting measured these networks")?;
        tables.add("nearest training setting, scaled", seed, setting, &left, &copy);
        Ok(())
    }
}

/// Size of the image where the file leaves it free, as ncnn's benchmark runs it.
fn image(network: &str) -> Config {
    let side = match network {
        "FastestDet" => 352,
        "vision_transformer" => 384,
        _ => return Config::new(),
    };
    ["height", "width"].map(|axis| (axis.to_owned(), side)).into()
}

/// The networks worth measuring on a machine, among those it measured, and the rest.
fn measure(gaussian: &LogGaussian, setting: &Setting) -> Result<(Vec<Sample>, Vec<Sample>)> {
    let candidates: Vec<usize> = setting.samples.iter().map(|s| s.network).collect();
    let chosen = gaussian.select(&candidates, MEASURED)?;
    Ok(setting.samples.iter().copied().partition(|s| chosen.contains(&s.network)))
}

/// Times of the training setting that is nearest to the samples after scaling by the geometric mean ratio, scaled. Where
/// it lacks a network, the next nearest one stands in.
fn nearest(train: &[&Setting], known: &[Sample], networks: usize) -> Option<Vec<f64>> {
    let mut ranked: Vec<(f64, f64, &Setting)> = train
        .iter()
        .filter_map(|setting| {
            let of = |network: usize| setting.samples.iter().find(|s| s.network == network).map(|s| s.ms);
            let logs = known.iter().map(|s| of(s.network).map(|ms| (s.ms / ms).ln())).collect::<Option<Vec<f64>>>()?;
            let mean = logs.iter().sum::<f64>() / logs.len() as f64;
            Some((logs.iter().map(|log| (log - mean).powi(2)).sum(), mean, *setting))
        })
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let time = |network: usize| {
        let found = |(_, scale, setting): &(f64, f64, &Setting)| {
            setting.samples.iter().find(|s| s.network == network).map(|s| s.ms * scale.exp())
        };
        ranked.iter().find_map(found)
    };
    if ranked.is_empty() {
        return None;
    }
    Some((0..networks).map(|network| time(network).unwrap_or(f64::MIN_POSITIVE)).collect())
}

/// All rows, and steady ones only.
struct Tables([Rows; 2]);

impl Tables {
    fn new(title: &str) -> Self {
        let steady = format!("{title}, rows whose slowest run took at most {STEADY} times the fastest");
        Self([Rows::new(format!("{title}, all rows"), "ms"), Rows::new(steady, "ms")])
    }

    fn split(&mut self, seed: u64, folds: &BTreeMap<&str, usize>) {
        let part = |fold: usize| -> Vec<String> {
            folds.iter().filter(|(_, f)| **f == fold).map(|(key, _)| (*key).to_owned()).collect()
        };
        let hashes: Vec<String> = (0..FOLDS).map(|f| DeviceSplit::new("", vec![], vec![], part(f)).hash()).collect();
        self.0.iter_mut().for_each(|rows| rows.split(format!("seed {seed}"), hashes.join(" ")));
    }

    /// `predicted` by network.
    fn add(&mut self, row: &str, seed: u64, setting: &Setting, held: &[Sample], predicted: &[f64]) {
        let [all, steady] = &mut self.0;
        for sample in held {
            let at = setting.samples.iter().position(|s| s.network == sample.network);
            let value = || Predicted {
                name: String::new(),
                family: String::new(),
                batch: 1,
                output: 0,
                predicted: predicted[sample.network],
                measured: sample.ms,
            };
            all.add(row, seed, "all", [value()]);
            if at.is_some_and(|at| setting.steady[at]) {
                steady.add(row, seed, "all", [value()]);
            }
        }
    }

    fn print(&self) -> Result<()> {
        self.0.iter().try_for_each(Rows::print)
    }
}
