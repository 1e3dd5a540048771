//! What formulas of programs say, beside what was measured: the first of every eighteen tasks of `datasets/programs`.
//!
//!     cargo test -p tachograph-tune --test formulas -- --nocapture

use std::path::Path;

use tachograph_metrics::ordered_pair_accuracy;
use tachograph_program::{Point, features};
use tachograph_tune::{
    Collected, Domain,
    models::{Reading, entry},
    tuner,
};

/// Of each tuner: the mean share of pairs of a task's programs in the right order, and the best time over the best among the five
/// that it likes best.
fn judged(names: &[&str]) -> Vec<(f64, f64)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/programs");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    files.sort();
    let tasks: Vec<Collected> = files.iter().step_by(18).map(|path| Collected::read(path).unwrap()).collect();
    let of = |name: &&str| {
        let tuner = tuner(name).unwrap();
        let model = entry(name).unwrap().make(tuner.features, None).unwrap();
        let set = features::named(tuner.features.unwrap()).unwrap();
        let task = |task: &Collected| {
            let domain = Domain::programs(task.head.space.clone(), task.head.workload.clone(), set, tuner.form());
            let timed = task.programs.iter().filter_map(|p| Some((&p.point, p.outcome.as_ref().ok()?.ms)));
            let read = |(point, ms): (&Point, f64)| Some((domain.reading(point)?, ms));
            let (readings, ms): (Vec<Reading>, Vec<f64>) = timed.filter_map(read).unzip();
            let slow: Vec<f64> = model.predict(&readings).unwrap().iter().map(|found| -found.mean).collect();
            let mut order: Vec<usize> = (0..ms.len()).collect();
            // Of equal ones the slowest first.
            order.sort_by(|&a, &b| slow[a].total_cmp(&slow[b]).then(ms[b].total_cmp(&ms[a])));
            let best = |of: &[usize]| of.iter().map(|&i| ms[i]).fold(f64::INFINITY, f64::min);
            Some((ordered_pair_accuracy(&slow, &ms).ok()?, best(&order) / best(&order[..order.len().min(5)])))
        };
        let each: Vec<(f64, f64)> = tasks.iter().filter_map(task).collect();
        let n = each.len() as f64;
        (each.iter().map(|task| task.0).sum::<f64>() / n, each.iter().map(|task| task.1).sum::<f64>() / n)
    };
    names.iter().map(of).collect()
}

#[test]
fn formulas_order_measured_programs_better_than_chance() {
    let names = ["pruner-formula", "polydl-cost", "polydl-tree"];
    let found = judged(&names);
    for (name, (pairs, top)) in names.iter().zip(&found) {
        println!("{name}: pairs {pairs:.3}, top-5 {top:.3}");
    }
    assert!(found[0].0 > 0.55, "{found:?}");
}
