//! Runs that rank configurations.

use std::path::Path;

use tachograph_models::{Kinds, predictors};
use tachograph_train::{
    BEST, CheckpointConfig, Error, Loss, Metric, Observer, Ranker, RankingConfig, RankingSplit, RunConfig, Sampling,
    Step, train_ranker,
};
use tch::Device;

use crate::{
    child,
    npz::{Shape, graph},
    record,
    runs::weights,
};

/// Five graphs, three to learn from.
fn archives(folder: &Path, of_nodes: bool) {
    for (i, part) in ["train", "train", "train", "valid", "test"].into_iter().enumerate() {
        let shape = Shape { nodes: 20 + 3 * i, configurations: 40, columns: 4, every: if of_nodes { 5 } else { 0 } };
        graph(&folder.join(part).join(format!("graph{i}.npz")), shape, i);
    }
}

fn config(data: &Path, model: &str) -> RunConfig {
    let text = format!(
        "data = '{}'\nmetric = 'kendall'\nloss = 'list-mle'\nrate = 0.01\nbatch = 2\nruns = 8\n{model}",
        data.display()
    );
    RunConfig { epochs: 3, ..toml::from_str(&text).unwrap() }
}

struct Quiet;
impl Observer for Quiet {}

/// Every network that ranks learns both kinds that it knows, is stored, and scores an archive as it was tested.
#[test]
fn every_ranker_learns_and_is_stored() {
    let mut seen = 0;
    for of_nodes in [true, false] {
        let data = tempfile::tempdir().unwrap();
        archives(data.path(), of_nodes);
        for model in predictors().iter().flat_map(|predictor| predictor.variants()) {
            let fits = model.ranking().is_some_and(|ranking| match ranking.kinds {
                Kinds::Both => true,
                Kinds::Nodes => of_nodes,
                Kinds::Graph => !of_nodes,
            });
            if !fits {
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            let run = RunConfig { model: model.clone(), ..config(data.path(), "") };
            let outcome = train_ranker(&run, dir.path(), &mut Quiet).unwrap_or_else(|e| panic!("{model:?}: {e}"));
            assert_eq!((outcome.epochs, outcome.test.mean.n, outcome.validation.mean.n), (3, 40, 40), "{model:?}");
            let ranker = Ranker::load(&dir.path().join(BEST), Device::Cpu).unwrap();
            let scored = ranker.score(&data.path().join("test/graph4.npz")).unwrap();
            let tau = tau_by_definition(&scored.scores, scored.times.as_ref().unwrap());
            let tested = outcome.test.graphs["test/graph4"].kendall;
            assert!((tau - tested.unwrap()).abs() < 1e-9, "{model:?}: {tau}, {tested:?}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// τ by its definition; no two run times or scores of the test are equal often enough to matter.
fn tau_by_definition(scores: &[f64], times: &[f64]) -> f64 {
    let (mut sum, mut scores_apart, mut times_apart) = (0.0, 0.0f64, 0.0f64);
    for i in 0..scores.len() {
        for j in 0..i {
            let (a, b) =
                ((scores[i] - scores[j]).partial_cmp(&0.0).unwrap(), (times[i] - times[j]).partial_cmp(&0.0).unwrap());
            sum += f64::from(a as i8) * f64::from(b as i8);
            scores_apart += f64::from(u8::from(a.is_ne()));
            times_apart += f64::from(u8::from(b.is_ne()));
        }
    }
    sum / (scores_apart * times_apart).sqrt()
}

/// An order that can be learned is learned: of layouts by ours, held out by configuration, and by segments.
#[test]
fn orders_are_learned() {
    let data = tempfile::tempdir().unwrap();
    graph(&data.path().join("one.npz"), Shape { nodes: 24, configurations: 400, columns: 4, every: 6 }, 1);
    let split = RankingSplit::Configurations { seed: 3 };
    for (model, least) in [
        ("[model]\nkind = 'choice-attention'\nhidden = 16\nheads = 2", 0.6),
        ("[model]\nkind = 'gst'\ninput = 16\nhidden = 16\nembedding = 8\nsegment = 9", 0.3),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ranking = RankingConfig { split, draws: 40, ..RankingConfig::default() };
        let run = RunConfig { ranking, batch: 1, runs: 32, epochs: 8, ..config(data.path(), model) };
        let outcome = train_ranker(&run, dir.path(), &mut Quiet).unwrap();
        let tau = outcome.test.mean.kendall.unwrap();
        assert!(tau > least, "{model}: {tau}");
        assert_eq!(outcome.test.mean.n, 40);
    }
}

/// The modules of a tuning record are graphs like others.
#[test]
fn tuning_records_are_learned_and_ranked() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = data.path().join("kernels.pb");
    record::tiles(&path, 10, 16);
    let ranking = RankingConfig { split: RankingSplit::Graphs { seed: 0 }, ..RankingConfig::default() };
    let model = "[model]\nkind = 'tile-sage'\nhidden = 16\nembedding = 8";
    for source in [path.as_path(), data.path()] {
        let run = RunConfig { ranking: ranking.clone(), ..config(source, model) };
        let dir = dir.path().join(source.file_name().unwrap());
        let outcome = train_ranker(&run, &dir, &mut Quiet).unwrap();
        assert_eq!(outcome.test.mean.n, 16);
        let (name, tested) = outcome.test.graphs.iter().next().unwrap();
        assert!(name.starts_with("kernels.pb/00000000000000"), "{name}");
        let scored = Ranker::load(&dir.join(BEST), Device::Cpu).unwrap().score(&data.path().join(name)).unwrap();
        let tau = tau_by_definition(&scored.scores, scored.times.as_ref().unwrap());
        assert!((tau - tested.kendall.unwrap()).abs() < 1e-9, "{tau}, {tested:?}");
    }
}

/// Stops after some steps.
struct Stop(u64);
impl Observer for Stop {
    fn step(&mut self, step: &Step) -> bool {
        step.step < self.0
    }
}

/// With what is remembered of segments, whatever step it stops at.
#[test]
fn a_run_that_was_stopped_ends_with_the_same_weights() {
    if !child::alone("ranking::a_run_that_was_stopped_ends_with_the_same_weights") {
        return;
    }
    let (data, dirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    archives(data.path(), true);
    for (place, model) in ["[model]\nkind = 'gst'\ninput = 8\nhidden = 8\nembedding = 4\nsegment = 7",
        "[model]\nkind = 'layout-first'\nhidden = 16\nembedding = 4",
        "[model]\nkind = 'layout-resmodel'\nhidden = 8\nembedding = 4\nkeep_nodes = 6\n[ranking]\nsampling = 'fast'\ndeduplicate = true\nmax_configurations = 30"]
    .into_iter()
    .enumerate()
    {
        let [whole, stopped] = ["whole", "stopped"].map(|name| dirs.path().join(format!("{name}{place}")));
        let checkpoint = CheckpointConfig { steps: 2, ..CheckpointConfig::default() };
        let run = RunConfig { epochs: 6, checkpoint, ..config(data.path(), model) };
        let expected = train_ranker(&run, &whole, &mut Quiet).unwrap();
        for step in [1, 4, 5, 9] {
            let error = train_ranker(&run, &stopped, &mut Stop(step)).unwrap_err();
            assert!(matches!(error, Error::Interrupted { .. }), "{error}");
        }
        let found = train_ranker(&run, &stopped, &mut Quiet).unwrap();
        assert_eq!(found.test, expected.test, "{model}");
        assert!(weights(&whole.join(BEST)) == weights(&stopped.join(BEST)), "{model}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    archives(data.path(), true);
    let refuse = |run: RunConfig, says: &str| {
        let error = train_ranker(&run, dir.path(), &mut Quiet).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    let ours = "[model]\nkind = 'choice-attention'";
    let run = || config(data.path(), ours);
    refuse(RunConfig { metric: Metric::Mape, ..run() }, "setting `metric`: is of amounts");
    refuse(config(data.path(), "[model]\nkind = 'nnlp'"), "`nnlp` ranks no configurations");
    refuse(config(data.path(), "[model]\nkind = 'tile-mlp'"), "does not rank layouts of nodes");
    let ranking = |ranking| RunConfig { ranking, ..run() };
    refuse(ranking(RankingConfig { stale: 2.0, ..RankingConfig::default() }), "setting `ranking.stale`");
    let lists = dir.path().join("lists.json");
    std::fs::write(&lists, "{\"graph3\": [1, 99]}").unwrap();
    refuse(
        ranking(RankingConfig { lists: Some(lists.clone()), ..RankingConfig::default() }),
        "configuration 99 of the list",
    );
    std::fs::write(&lists, "{\"graph3\": [1, 3, 9]}").unwrap();
    let fixed = ranking(RankingConfig { lists: Some(lists), ..RankingConfig::default() });
    assert_eq!(train_ranker(&fixed, &dir.path().join("fixed"), &mut Quiet).unwrap().validation.mean.n, 3);
    graph(&data.path().join("train/other.npz"), Shape { nodes: 9, configurations: 4, columns: 7, every: 3 }, 9);
    refuse(run(), "columns");
    graph(&data.path().join("train/other.npz"), Shape { nodes: 9, configurations: 4, columns: 4, every: 0 }, 9);
    refuse(run(), "has tiles and layouts");
    let error = tachograph_train::train(&run(), dir.path(), |_| ()).unwrap_err().to_string();
    assert!(!error.is_empty());
}

/// In a process of its own, by the most that it had in memory.
#[test]
#[ignore = "two minutes: large graphs"]
fn large_graphs_are_learned_in_two_gigabytes() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let steps = |name: &str, shape: Shape, model: &str, runs: usize| {
        let file = data.path().join(format!("{name}.npz"));
        graph(&file, shape, 1);
        let ranking = RankingConfig {
            split: RankingSplit::Configurations { seed: 0 },
            draws: 3,
            validate: 16,
            sampling: Sampling::Fast,
            ..RankingConfig::default()
        };
        let run = RunConfig {
            ranking,
            batch: 1,
            runs,
            epochs: 1,
            loss: Loss::named("list-mle").unwrap(),
            ..config(&file, model)
        };
        let begun = std::time::Instant::now();
        let peak = child::peak(&run, &dir.path().join(name)) / 1024;
        println!("{name}: {peak} MiB at most, {:.1?}", begun.elapsed());
        assert!(peak < 2048, "{name}: {peak} MiB");
    };
    let large = Shape { nodes: 14_000, configurations: 160, columns: 18, every: 28 };
    steps("resmodel", large, "[model]\nkind = 'layout-resmodel'", 16);
    steps("first", large, "[model]\nkind = 'layout-first'\ncross = false", 16);
    steps("ours", large, "[model]\nkind = 'choice-attention'", 16);
    let huge = Shape { nodes: 100_000, configurations: 192, ..large };
    steps("gst", huge, "[model]\nkind = 'gst'", 64);
}
