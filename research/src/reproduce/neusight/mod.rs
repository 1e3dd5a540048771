//! The table `neusight`: language models end to end on GPUs.

mod measured;
mod operators;
mod traced;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;
use tachograph_datasets::{
    Mode, data_root,
    sets::{Method, NeuSight, Prediction},
};
use tachograph_ir::Device;
use tachograph_transfer::{
    operator_model::{Machine, Operator, OperatorModel, OperatorTrees, Settings},
    transformer::Transformer,
};

use crate::reproduce::Args;

/// One of the published cases, with its graph.
pub struct Case {
    pub published: Prediction,
    pub device: &'static Device,
    transformer: Transformer,
}

impl Case {
    /// Time of the run, ms, from that of every operator.
    fn total(&self, time: impl Fn(&Operator) -> Result<f64>) -> Result<f64> {
        Ok(self.transformer.time(self.device, time)?.0)
    }
}

fn cases(set: &NeuSight, root: &std::path::Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for published in set.predictions()? {
        let phase = if published.phase == Mode::Training { "train" } else { "inf" };
        let mut name = format!("{}-{phase}-{}-{}", published.model, published.sequence, published.batch);
        if !published.option.is_empty() {
            name = format!("{name}-{}", published.option);
        }
        let nodes = set.op_graph(&name)?.into_iter().map(traced::node).collect::<Result<Vec<_>>>()?;
        let config = root.join(format!("neusight/data/DLmodel_configs/{}.json", published.model));
        let config: Value = serde_json::from_str(&std::fs::read_to_string(config)?)?;
        let layers = ["n_layer", "num_hidden_layers", "num_layers"].iter().find_map(|key| config[key].as_u64());
        let (layers, run) = (layers.unwrap_or(1) as usize, traced::run(&published));
        let training = published.phase == Mode::Training;
        cases.push(Case {
            transformer: Transformer::new(&published.model, layers, run, nodes, training)?,
            device: measured::device(&published.device)?,
            published,
        });
    }
    Ok(cases)
}

/// Relative errors, signed, of one predictor on the cases it has.
type Errors = Vec<Option<f64>>;

fn errors(cases: &[Case], predict: impl Fn(&Case) -> Result<Option<f64>>) -> Result<Errors> {
    let error = |case: &Case| Ok(predict(case)?.map(|ms| ms / case.published.measured - 1.0));
    cases.iter().map(error).collect()
}

fn of_operators(cases: &[Case], time: impl Fn(&Operator, &Device) -> Result<f64>) -> Result<Errors> {
    errors(cases, |case| case.total(|operator| time(operator, case.device)).map(Some))
}

/// Mean absolute error in per cent over the cases where `keep` holds, and their number.
fn mape(cases: &[Case], errors: &[Option<f64>], keep: impl Fn(&Prediction) -> bool) -> Option<(f64, usize)> {
    let kept = cases.iter().zip(errors).filter(|(case, _)| keep(&case.published));
    let kept: Vec<f64> = kept.filter_map(|(_, error)| error.map(f64::abs)).collect();
    (!kept.is_empty()).then(|| (100.0 * kept.iter().sum::<f64>() / kept.len() as f64, kept.len()))
}

type Keep = fn(&Prediction) -> bool;

/// Groups of cases.
const GROUPS: [(&str, Keep); 6] = [
    ("all", |_| true),
    ("NVIDIA", |p| !p.device.starts_with("AMD")),
    ("AMD", |p| p.device.starts_with("AMD")),
    ("in distribution", |p| !p.out_of_distribution),
    ("out of distribution", |p| p.out_of_distribution),
    ("unseen NVIDIA GPUs", |p| {
        ["NVIDIA_L4", "NVIDIA_A100_80GB_PCIe", "NVIDIA_H100_80GB_HBM3"].contains(&p.device.as_str())
    }),
];

/// The row of the figures that NeuSight gives of itself.
const PUBLISHED: &str = "NeuSight, published";

/// Prints the table.
///
/// # Errors
/// Data that are missing or damaged.
pub fn table(args: &Args) -> Result<()> {
    let root = data_root(args.data.as_deref())?;
    let set = NeuSight::open(&root)?;
    let cases = cases(&set, &root)?;
    let training = measured::training(&set)?;
    println!("{} cases; fitted on {} operators of {}.", cases.len(), training.len(), measured::SEEN.join(", "));

    let fit = |settings: Settings| Ok::<_, anyhow::Error>(OperatorModel::fit(&training, settings)?);
    let quoted = |method: Method| errors(&cases, |case| Ok(case.published.predicted.get(&method).copied()));
    // Launching runs ahead of the kernels, so that the slower of the two queues decides.
    let queues = |model: &OperatorModel| {
        errors(&cases, |case| {
            let kernels = case.total(|o| Ok(model.kernel(o, case.device)?.0))?;
            let launches = case.total(|o| Ok(model.launch(o, case.device)?.0))?;
            Ok(Some(kernels.max(launches)))
        })
    };
    let trees = |seed| {
        let trees = OperatorTrees::fit(&training, seed)?;
        of_operators(&cases, |o, d| Ok(if o.is_empty() { 0.0 } else { trees.predict(o, d)?.0 }))
    };
    const OURS: [&str; 4] =
        ["ours", "  kernels alone", "  every operator waits for its launch", "  all seen GPUs weigh the same"];
    let seeds = if OURS.iter().any(|row| args.wants(row)) { args.seeds } else { 0 };
    let models = (0..seeds).map(|seed| fit(Settings { seed, ..Settings::default() })).collect::<Result<Vec<_>>>()?;
    // The variants of ours are those of seed 0.
    let model = || models.first().context("no seeds");
    let mut rows: Vec<(&str, Vec<Errors>)> = Vec::new();
    let mut add = |name, errors: &dyn Fn() -> Result<Vec<Errors>>| {
        if args.wants(name) {
            rows.push((name, errors()?));
        }
        Ok::<_, anyhow::Error>(())
    };
    add(PUBLISHED, &|| Ok(vec![quoted(Method::NeuSight)?]))?;
    add("Habitat, published", &|| Ok(vec![quoted(Method::Habitat)?]))?;
    add("Li et al., published", &|| Ok(vec![quoted(Method::Li)?]))?;
    add("roofline, published", &|| Ok(vec![quoted(Method::Roofline)?]))?;
    add("roofline of the device file", &|| {
        Ok(vec![of_operators(&cases, |o, d| Ok(Machine::new(d, 0.0)?.roofline_ms(o)))?])
    })?;
    add("boosted trees on logarithms", &|| (0..args.seeds).map(trees).collect())?;
    add(OURS[0], &|| models.iter().map(queues).collect())?;
    add(OURS[1], &|| Ok(vec![of_operators(&cases, |o, d| Ok(model()?.kernel(o, d)?.0))?]))?;
    add(OURS[2], &|| Ok(vec![of_operators(&cases, |o, d| Ok(model()?.predict(o, d)?.0))?]))?;
    add("  no law of power", &|| Ok(vec![queues(&fit(Settings { energy: 0.0, ..Settings::default() })?)?]))?;
    add(OURS[3], &|| Ok(vec![queues(&model()?.clone().with_kinship(1e9))?]))?;

    println!("\n### Mean absolute error of the whole run, %\n");
    println!("| predictor | {} |", GROUPS.map(|(name, _)| name).join(" | "));
    println!("|---{}|", "|---".repeat(GROUPS.len()));
    for (name, runs) in &rows {
        let cells = GROUPS.map(|(_, keep)| cell(&cases, runs, keep));
        println!("| {name} | {} |", cells.join(" | "));
    }
    let of = |name| rows.iter().find(|row| row.0 == name).map(|row| &row.1);
    if let (Some(published), Some(ours)) = (of(PUBLISHED), of(OURS[0])) {
        by(&cases, "GPU", |p| p.device.clone(), published, ours);
        by(&cases, "model", |p| p.model.clone(), published, ours);
        by(&cases, "kind of run", kind_of_run, published, ours);
        operators::by_class(&measured::test(&set)?, model()?)?;
    }
    println!("\nSeeds 0 to {}. The split is NeuSight's: by GPU and by model.", args.seeds.saturating_sub(1));
    Ok(())
}

/// Prints how the settings were chosen: nothing of a test GPU and no time of a run is looked at.
///
/// # Errors
/// Data that are missing or damaged.
pub fn settings(args: &Args) -> Result<()> {
    let root = data_root(args.data.as_deref())?;
    let set = NeuSight::open(&root)?;
    let mut shares = BTreeMap::new();
    for case in cases(&set, &root)? {
        let machine = Machine::new(case.device, 0.0)?;
        let total: f64 = case.transformer.operators().map(|operator| machine.roofline_ms(operator)).sum();
        for operator in case.transformer.operators() {
            *shares.entry(operator.class).or_insert(0.0) += machine.roofline_ms(operator) / total;
        }
    }
    let all: f64 = shares.values().sum();
    shares.values_mut().for_each(|share| *share /= all);
    let training = measured::training(&set)?;
    operators::leave_one_out(&training, &shares, &|settings| Ok(OperatorModel::fit(&training, settings)?))
}

fn kind_of_run(p: &Prediction) -> String {
    let phase = if p.phase == Mode::Training { "training" } else { "inference" };
    let option: String = p.option.chars().take_while(|c| c.is_alphabetic()).collect();
    if option.is_empty() { phase.into() } else { format!("{phase}, {option}") }
}

/// Mean over seeds, ± half the range, and the number of cases.
fn cell(cases: &[Case], runs: &[Errors], keep: impl Fn(&Prediction) -> bool) -> String {
    let values: Vec<(f64, usize)> = runs.iter().filter_map(|errors| mape(cases, errors, &keep)).collect();
    let Some(&(_, n)) = values.first() else { return "–".into() };
    let mean = values.iter().map(|v| v.0).sum::<f64>() / values.len() as f64;
    let low = values.iter().map(|v| v.0).fold(f64::INFINITY, f64::min);
    let high = values.iter().map(|v| v.0).fold(0.0, f64::max);
    let spread = if values.len() > 1 { format!(" ± {:.2}", (high - low) / 2.0) } else { String::new() };
    format!("{mean:.2}{spread} ({n})")
}

fn by(cases: &[Case], what: &str, key: impl Fn(&Prediction) -> String, published: &[Errors], ours: &[Errors]) {
    let keys: std::collections::BTreeSet<String> = cases.iter().map(|case| key(&case.published)).collect();
    println!("\n| {what} | NeuSight, published | ours | ours, signed mean |\n|---|---|---|---|");
    for group in keys {
        let keep = |p: &Prediction| key(p) == group;
        let signed = cases.iter().zip(&ours[0]).filter(|(case, _)| keep(&case.published)).filter_map(|(_, e)| *e);
        let signed: Vec<f64> = signed.collect();
        let mean = 100.0 * signed.iter().sum::<f64>() / signed.len().max(1) as f64;
        println!("| {group} | {} | {} | {mean:+.1} |", cell(cases, published, keep), cell(cases, ours, keep));
    }
}
