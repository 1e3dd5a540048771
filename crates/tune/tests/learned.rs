//! Cost models that are networks.
#![cfg(feature = "torch")]

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_ir::DType::F32;
use tachograph_program::{Builder, Measurer, Outcome, Point, Record, Schedule, Workload, features, operator};
use tachograph_train::{BEST, Observer, ProgramTask, RunConfig, train_programs};
use tachograph_tune::{
    Domain, Form, Search, TUNERS,
    live::{Memory, Plan, Task, tune},
    models::{Estimate, Reading, entry, graph},
    tuner,
};

/// x[m, k] · w[k, n].
fn product() -> Workload {
    let mut b = Builder::new("dense");
    let (x, w) = (b.input("x", F32, &[32, 48]).unwrap(), b.weight("w", F32, &[48, 64]).unwrap());
    let y = operator::matmul(&mut b, x, w).unwrap();
    b.finish(&[y]).unwrap()
}

/// A made-up time that says something of the loops: the more vectors and the fewer splits, the faster.
fn ms(schedule: &Schedule) -> f64 {
    let text = schedule.to_string();
    let steps = |kind: &str| text.matches(kind).count() as f64;
    1.0 + 4.0 / (1.0 + steps("vectorize")) + 0.1 * steps("split")
}

#[test]
fn networks_learn_the_order_of_programs() {
    let space = tachograph_tune::live::space(&product()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for tuner in TUNERS.iter().filter(|tuner| tuner.form() == Form::Whole) {
        let set = features::named(tuner.features.unwrap()).unwrap();
        let domain = Domain::new(space.clone()).of_programs(product(), set, Form::Whole);
        let points = domain.sample_new(160, |_| false, &mut ChaCha8Rng::seed_from_u64(1));
        let read = |point: &Point| Some((domain.reading(point)?, ms(&space.schedule(point).unwrap())));
        let (readings, times): (Vec<Reading>, Vec<f64>) = points.iter().filter_map(read).unzip();
        let best = times.iter().copied().fold(f64::INFINITY, f64::min);
        let mut scores: Vec<f64> = times.iter().map(|ms| best / ms).collect();
        // Failures are known too.
        scores[3] = 0.0;
        let mut model = entry(tuner.name).unwrap().make(tuner.features, None).unwrap();
        let untaught = model.predict(&readings[..2]).unwrap();
        assert_eq!(untaught, [Estimate { mean: 0.0, deviation: 0.0 }; 2], "{}", tuner.name);
        model.fit(&readings[..100], &scores[..100], &mut rng).unwrap();
        let slow: Vec<f64> = model.predict(&readings[100..]).unwrap().iter().map(|found| -found.mean).collect();
        let order = tachograph_metrics::ordered_pair_accuracy(&slow, &times[100..]).unwrap();
        assert!(order > 0.8, "{}: {order}", tuner.name);
        // A table of configurations has no programs.
        let refused = model.fit(&[vec![1.0].into(), vec![2.0].into()], &[1.0, 0.5], &mut rng).unwrap_err();
        assert!(refused.to_string().contains("reads programs"), "{refused}");
    }
}

/// A network that was trained on programs chooses better than chance before anything was measured.
#[test]
fn a_trained_network_needs_no_random_start() {
    struct Quiet;
    impl Observer for Quiet {}
    let space = tachograph_tune::live::space(&product()).unwrap();
    let domain = Domain::new(space.clone()).of_programs(product(), features::named("ansor").unwrap(), Form::Whole);
    let time = |point: &Point| ms(&space.schedule(point).unwrap());
    let random = domain.sample_new(96, |_| false, &mut ChaCha8Rng::seed_from_u64(2));
    let mut task = ProgramTask { name: "known".into(), ms: vec![Vec::new()], ..ProgramTask::default() };
    for point in &random {
        let Some(Reading::Program(features)) = domain.reading(point) else { continue };
        task.programs.push(graph(&features).unwrap());
        task.ms[0].push(time(point));
        task.formula_ms.push(1.0);
    }
    let folder = tempfile::tempdir().unwrap();
    let config = serde_json::json!({
        "data": "made up", "features": "program-ansor", "loss": "lambda-rank", "metric": "opa", "batch": 32, "epochs": 12,
        "model": { "kind": "tenset-mlp" },
    });
    let config: RunConfig = serde_json::from_value(config).unwrap();
    let tasks = [std::slice::from_ref(&task); 2];
    train_programs(&config, config.features, tasks, folder.path(), &mut Quiet).unwrap();
    let strategy = tuner("tenset-mlp").unwrap().strategy(Some(&folder.path().join(BEST))).unwrap();
    let first = Search::new(&domain, strategy, 0).ask(16).unwrap();
    let mean = |points: &[Point]| points.iter().map(time).sum::<f64>() / points.len() as f64;
    assert!(first.len() == 16 && mean(&first) < mean(&random), "{} {}", mean(&first), mean(&random));
}

#[test]
fn a_checkpoint_has_to_be_there_and_of_this_network() {
    let refused =
        |name: &str, path: &str| tuner(name).unwrap().strategy(Some(path.as_ref())).err().unwrap().to_string();
    assert!(refused("gtuner", "/nowhere.safetensors").contains("/nowhere.safetensors"));
    assert!(refused("ansor", "/nowhere.safetensors").contains("no network"));
    assert!(refused("random", "/nowhere.safetensors").contains("no network"));
}

struct Fake(Vec<Schedule>);

impl Measurer for Fake {
    fn measure(&mut self, workload: &Workload, schedules: &[Schedule]) -> tachograph_program::Result<Vec<Record>> {
        self.0.extend(schedules.iter().cloned());
        let record = |schedule: &Schedule| {
            let time = ms(schedule) * 1e6;
            let outcome = Outcome::Time { median: time, spread: 0.0, repeats: vec![time] };
            Record {
                version: Record::VERSION,
                workload: workload.hash(),
                name: workload.name().into(),
                schedule: schedule.clone(),
                outcome,
                device: "made up".into(),
                compiler: "none".into(),
                threads: 1,
                caches: "warm".into(),
            }
        };
        Ok(schedules.iter().map(record).collect())
    }
}

#[test]
fn gtuner_finds_more_than_its_random_start() {
    let by = tuner("gtuner").unwrap();
    let tasks = [Task::cpu(product(), 1, by, None).unwrap()];
    let mut fake = Fake(Vec::new());
    let plan = Plan { trials: Some(96), ..Plan::default() };
    let known = tune(&tasks, by, &mut fake, &mut Memory::default(), &plan, &mut |_| ControlFlow::Continue(())).unwrap();
    let times: Vec<f64> = known[0].iter().map(|known| known.outcome.as_ref().unwrap().ms).collect();
    let best = times.iter().copied().fold(f64::INFINITY, f64::min);
    let found = |times: &[f64]| times.iter().filter(|ms| **ms < 1.01 * best).count() as f64 / times.len() as f64;
    // A twentieth of a batch is random.
    let (random, learned) = (found(&times[..64]), found(&times[64..]));
    assert!(times.len() == 96 && learned > 0.85 && learned > 1.2 * random, "{random} {learned}: {times:?}");
}
