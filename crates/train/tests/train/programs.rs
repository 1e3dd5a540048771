//! Runs on tensor programs.

use ndarray::Array2;
use tachograph_features::{FeatureGraph, FeatureSet};
use tachograph_models::{GtunerConfig, ModelConfig, TensetMlpConfig, TlpConfig};
use tachograph_train::{BEST, Learning, Loss, Metric, Observer, ProgramScorer, ProgramTask, RunConfig, train_programs};
use tch::Device;

use crate::child;

struct Quiet;
impl Observer for Quiet {}

/// Numbers from 0 to 1 that repeat.
fn number(i: usize) -> f32 {
    (i.wrapping_mul(2_654_435_761) >> 7 & 1023) as f32 / 1023.0
}

/// Programs of one to three rows, whose times are what stands in them by a factor of the task; every third was not measured
/// on the second platform, which is twice as slow.
fn task(t: usize) -> ProgramTask {
    let (mut task, factor) = (ProgramTask { name: format!("task {t}"), ..ProgramTask::default() }, 1.0 + t as f64);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for p in 0..40 {
        let rows = 1 + p % 3;
        let values: Vec<f32> = (0..3 * rows).map(|i| number(1000 * t + 50 * p + i)).collect();
        let cost: f32 = values.chunks(3).map(|row| row[0] + 0.3 * row[1]).sum();
        let edges = (1..rows as u32).map(|i| (i - 1, i)).collect();
        first.push(factor * f64::from(0.1 + cost));
        second.push(if p % 3 == 0 { f64::NAN } else { 2.0 * factor * f64::from(0.1 + cost) });
        task.programs.push(FeatureGraph {
            nodes: Array2::from_shape_vec((rows, 3), values).unwrap(),
            edges,
            globals: vec![cost, number(p)],
            ..FeatureGraph::default()
        });
    }
    task.formula_ms = vec![factor; 40];
    task.ms = vec![first, second];
    task
}

#[test]
fn programs_are_ordered_and_timed() {
    let (training, validation): (Vec<_>, Vec<_>) = ((0..6).map(task).collect(), (6..8).map(task).collect());
    let tlp = TlpConfig { steps: vec![16, 16], heads: 2, hidden: vec![16], ..TlpConfig::default() };
    let gtuner = GtunerConfig { hidden: 8, width: 32, mlp: vec![16], heads: 4, ..GtunerConfig::default() };
    let models: [(ModelConfig, FeatureSet); 3] = [
        (TensetMlpConfig { hidden: 16, ..TensetMlpConfig::default() }.into(), FeatureSet::PROGRAM_STORES),
        (tlp.into(), FeatureSet::PROGRAM_STEPS),
        (gtuner.into(), FeatureSet::PROGRAM_GRAPH),
    ];
    for (model, set) in models {
        for loss in ["lambda-rank", "squared"] {
            let dir = tempfile::tempdir().unwrap();
            let config = RunConfig {
                model: model.clone(),
                loss: Loss::named(loss).unwrap(),
                metric: Metric::Opa,
                rate: 0.01,
                batch: 48,
                epochs: 30,
                ..toml::from_str("data = 'made up'").unwrap()
            };
            let outcome = train_programs(&config, set, [&training, &validation], dir.path(), &mut Quiet).unwrap();
            let what = format!("{} by {loss}", model.kind());
            let opa = outcome.validation.mean.opa.unwrap();
            assert!(opa > 0.9, "{what}: {opa}");
            // The checkpoint says the same, and knows whether it gives times.
            let scorer = ProgramScorer::load(&dir.path().join(BEST), Device::Cpu).unwrap();
            assert_eq!((scorer.gives_times(), scorer.features()), (loss == "squared", set));
            for task in &validation {
                let found = scorer.score(&task.programs, &task.formula_ms, 0).unwrap();
                let order = tachograph_metrics::ordered_pair_accuracy(&found, &task.ms[0]).unwrap();
                assert!((order - outcome.validation.graphs[&task.name].opa.unwrap()).abs() < 1e-9, "{what}");
                let second = scorer.score(&task.programs, &task.formula_ms, 1).unwrap();
                if scorer.gives_times() {
                    let error = tachograph_metrics::mape(&found, &task.ms[0]).unwrap();
                    // Weights were chosen by the order.
                    assert!(error < 0.5, "{what}: {error}");
                    let factor = second.iter().sum::<f64>() / found.iter().sum::<f64>();
                    assert!((1.5..2.5).contains(&factor), "{what}: {factor}");
                }
            }
            assert!(scorer.score(&validation[0].programs, &validation[0].formula_ms, 2).is_err());
        }
    }
}

#[test]
fn a_scorer_goes_on_learning() {
    if !child::alone("programs::a_scorer_goes_on_learning") {
        return;
    }
    let (mut known, new) = (task(0), task(1));
    known.ms.truncate(1);
    let model: ModelConfig = TensetMlpConfig { hidden: 16, ..TensetMlpConfig::default() }.into();
    let run = |epochs: u32, loss: &str| {
        tch::manual_seed(1);
        let set = FeatureSet::PROGRAM_STORES;
        let mut scorer = ProgramScorer::untrained(&model, set, &[known.clone()], Device::Cpu).unwrap();
        let loss = Loss::named(loss).unwrap();
        let learned = scorer.learn(&[known.clone()], &Learning { epochs, rate: 0.01, loss, ..Learning::default() })?;
        Ok::<_, tachograph_train::Error>((learned, scorer.score(&new.programs, &new.formula_ms, 0)?))
    };
    let order = |scores: &[f64]| tachograph_metrics::ordered_pair_accuracy(scores, &new.ms[0]).unwrap();
    let (first, few) = run(1, "lambda-rank").unwrap();
    let (last, many) = run(60, "lambda-rank").unwrap();
    assert!(last < 0.7 * first && order(&many) > 0.85 && order(&many) > order(&few), "{first} {last} {many:?}");
    assert_eq!(run(60, "lambda-rank").unwrap(), (last, many), "the seed says everything");
    assert!(run(1, "squared").unwrap_err().to_string().starts_with("setting `loss`"));
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = RunConfig {
        metric: Metric::Opa,
        ..toml::from_str("data = 'made up'\nmodel = { kind = 'tenset-mlp' }").unwrap()
    };
    let refused = |config: &RunConfig, task: ProgramTask| {
        let set = FeatureSet::PROGRAM_STORES;
        train_programs(config, set, [&[task], &[]], dir.path(), &mut Quiet).unwrap_err().to_string()
    };
    let mut short = task(0);
    short.ms[1].pop();
    assert_eq!(refused(&config, short), "task task 0, some of its 40 programs: nothing was measured");
    assert!(refused(&config, ProgramTask::default()).contains("nothing was measured"));
    let other = RunConfig { metric: Metric::Mape, ..config.clone() };
    assert!(refused(&other, task(0)).starts_with("setting `metric`"));
    let ranker = RunConfig { model: toml::from_str("kind = 'tile-sage'").unwrap(), ..config };
    assert!(refused(&ranker, task(0)).contains("ranks configurations"));
}
