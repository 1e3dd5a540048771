//! Tables in, spaces out; and what is wrong with bad ones.

use std::{io::Write, path::PathBuf};

use serde_json::json;

use super::*;
use crate::{Collected, CollectedHead, CollectedProgram, TUNERS, models::Formula, tuner};

fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("table.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn read(text: &str, device: Option<&str>, task: Option<&str>) -> Result<Recorded> {
    let folder = tempfile::tempdir().unwrap();
    Recorded::read(&file(&folder, text), device, task)
}

fn error(text: &str) -> String {
    let error = read(text, None, None).unwrap_err().to_string();
    let at = error.find("table.csv").unwrap_or_else(|| panic!("{error}"));
    error[at..].to_owned()
}

const TABLE: &str = "device,task,index,block,vector,layout,time_ms,sd_ms,reps,valid,error,compile_ms,counter
a,0,0,16,1,x,3.0,0.1,3,1,,10,7
a,0,1,32,1,x,2.0,0.1,3,1,,10,7
a,0,2,32,2,y,,,0,0,RuntimeFailedConfig,10,
a,1,3,64,2,y,9,,1,1,,10,7
b,0,0,16,1,x,5.0,0.1,3,1,,10,7
";

/// A table of 6 × 5 × 4 configurations without those where a > b · c, and some failures.
fn small() -> Recorded {
    let mut text = "a,b,c,time_ms,valid,error\n".to_owned();
    for (a, b, c) in (0..120).map(|i| (1 << (i % 6), i / 6 % 5 + 1, ["p", "q", "r", "s"][i / 30])) {
        if a > 8 * b {
            continue;
        }
        let time = 1.0 + ((a as f64).log2() - 3.0).powi(2) + 0.3 * (b as f64 - 2.0).abs() + c.len() as f64 * 0.1;
        let time = if c == "r" { time * 0.7 } else { time };
        text += &match a * b % 7 {
            3 => format!("{a},{b},{c},,0,out of memory\n"),
            _ => format!("{a},{b},{c},{time},1,\n"),
        };
    }
    read(&text, None, None).unwrap()
}

#[test]
fn parameters_are_told_apart() {
    let space = read(TABLE, Some("a"), Some("0")).unwrap();
    let points = space.domain().points().unwrap();
    assert_eq!((space.name.as_str(), points.len(), space.best_ms()), ("table a 0", 3, Some(2.0)));
    let config = serde_json::Value::from(space.config(&points[1]));
    assert_eq!(config, json!({ "block": 32, "vector": 1, "layout": "x" }));
    assert_eq!(space.measure(&points[2]), Err("RuntimeFailedConfig".into()));
    // Only what is in the table is in the space: 16 with y is not.
    let mut other = points[0].clone();
    other.choices[2] = points[2].choices[2].clone();
    assert!(!space.domain().contains(&other));
    assert_eq!(space.domain().neighbours(&points[0]), [points[1].clone()]);
}

#[test]
fn zipped_repeated_and_without_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv.gz");
    let mut zip = flate2::write::GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast());
    zip.write_all(b"x,run1_ms,run2_ms\n1,2,4\n2,1,1\n1,10,10\n1,5,5\n").unwrap();
    zip.finish().unwrap();
    let space = Recorded::read(&path, None, None).unwrap();
    // The mean of a row, the median of rows of one configuration: 3, 10, 5.
    assert_eq!(space.outcomes(), [Ok(5.0), Ok(1.0)]);
    assert_eq!(space.within(0.05), 1);
}

#[test]
fn bad_tables_are_one_clear_error() {
    assert_eq!(error(""), "table.csv: the file is empty");
    assert_eq!(error("x,time_ms\n"), "table.csv: there is no row below the header");
    assert_eq!(error("x,y\n1,2\n"), "table.csv, line 1: there is no column `time_ms`");
    assert_eq!(error("device,time_ms\na,2\n"), "table.csv, line 1: no column is a parameter");
    assert_eq!(error("x,x,time_ms\n1,1,2\n"), "table.csv, line 1: two columns are called `x`");
    assert_eq!(error("x,time_ms\n1,2\n2,fast\n"), "table.csv, line 3, column `time_ms`: `fast` is no number");
    assert_eq!(error("x,time_ms\n1,-2\n"), "table.csv, line 2, column `time_ms`: `-2` is no time");
    assert_eq!(error("x,time_ms\n1,NaN\n"), "table.csv, line 2, column `time_ms`: `NaN` is no time");
    assert_eq!(error("x,time_ms,valid\n1,2,yes\n"), "table.csv, line 2, column `valid`: `yes` is neither 1 nor 0");
    assert_eq!(error("x,time_ms,valid\n1,,1\n"), "table.csv, line 2, column `time_ms`: a valid row has no time");
    assert_eq!(
        error("x,y,time_ms\n1,2,3\n1,2\n"),
        "table.csv, line 3, column `time_ms`: 2 fields where there are 3 columns"
    );
    assert_eq!(error("device,x,time_ms\na,1,2\nb,1,2\n"), "table.csv, column `device`: say which device: a, b");
    assert!(read(TABLE, Some("c"), None).unwrap_err().to_string().ends_with("there is no device `c`; there are: a, b"));
    assert!(read(TABLE, Some("a"), None).unwrap_err().to_string().ends_with("say which task: 0, 1"));
    let wanted = read("x,time_ms\n1,2\n", Some("a"), None).unwrap_err().to_string();
    assert!(wanted.ends_with("there is no column `device`, so `a` cannot be chosen"), "{wanted}");
    let missing = Recorded::read(std::path::Path::new("/nowhere/t.csv"), None, None).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere/t.csv: "), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, b"x,time_ms\n\xff,1\n").unwrap();
    assert!(Recorded::read(&path, None, None).unwrap_err().to_string().ends_with("line 2, column `x`: not UTF-8"));
}

/// Tuners that can read decisions.
fn on_tables() -> impl Iterator<Item = &'static crate::Tuner> {
    TUNERS.iter().filter(|tuner| tuner.reads_tables())
}

#[test]
fn every_tuner_goes_through_the_space_once_and_the_same_way_for_a_seed() {
    let space = small();
    let n = space.outcomes().len();
    for tuner in on_tables() {
        let run = |seed: u64, trials: usize| {
            let all = |_: &Trial| Ok::<(), crate::Error>(());
            space.replay(tuner.strategy(None).unwrap(), seed, trials, all).unwrap().trials().to_vec()
        };
        let trials = run(1, 1000);
        assert_eq!(trials.len(), n, "{} does not measure all, or measures twice", tuner.name);
        assert_eq!(run(1, 40), trials[..40], "{} depends on more than its seed", tuner.name);
        assert!(tuner.name == "exhaustive" || run(2, 10) != trials[..10], "{} does not depend on its seed", tuner.name);
        assert!(trials.iter().any(|trial| trial.outcome == Err("out of memory".into())), "{}", tuner.name);
    }
}

/// The small space on a device on which everything takes twice as long and one decision pays less.
fn elsewhere() -> Recorded {
    let there = small();
    let outcomes = there.domain.points().unwrap().iter().zip(&there.outcomes).map(|(point, outcome)| {
        let config = there.config(point);
        outcome.clone().map(|time| 2.0 * time + 0.05 * config["b"].as_f64().unwrap())
    });
    Recorded { outcomes: outcomes.collect(), ..there.clone() }
}

#[test]
fn records_of_another_device_save_trials() {
    let (space, source) = (small(), elsewhere().source());
    let near = |name: &str, records: bool| {
        let trials = |seed: u64| {
            let mut strategy = tuner(name).unwrap().strategy(None).unwrap();
            assert!(!records || strategy.remember(space.domain(), std::slice::from_ref(&source)).unwrap(), "{name}");
            let history = space.replay(strategy, seed, 100, |_| Ok::<(), crate::Error>(())).unwrap();
            let best = 1.02 * space.best_ms().unwrap();
            1 + history.trials().iter().position(|t| t.outcome.as_ref().is_ok_and(|&t| t <= best)).unwrap()
        };
        (0..3).map(trials).sum::<usize>() as f64 / 3.0
    };
    for name in ["tachograph", "gp-devices", "moses"] {
        let (with, without) = (near(name, true), near(name, false));
        assert!(with < without, "{name}: {with} trials with records, {without} without");
    }
    assert!(near("tachograph", true) <= 3.0, "{}", near("tachograph", true));
}

#[test]
fn a_source_whose_sketches_are_not_here_is_no_harm() {
    let sketches = |name: &str| {
        let options = ["1", "2", "4"].map(String::from).to_vec();
        let decisions = vec![Decision::Category { name: "x".into(), options }];
        let sketch =
            |name: String| tachograph_program::Sketch { name, decisions: decisions.clone(), steps: Vec::new() };
        let space =
            tachograph_program::Space { sketches: vec![sketch(format!("{name} a")), sketch(format!("{name} b"))] };
        Domain::new(space)
    };
    let (here, there) = (sketches("here"), sketches("there"));
    let trials = (0..6).map(|i| Trial { point: there.nth(i).unwrap(), outcome: Ok(1.0 + i as f64) }).collect();
    let source = Source { name: "there".into(), domain: there, trials };
    for by in on_tables() {
        let mut strategy = by.strategy(None).unwrap();
        strategy.remember(&here, std::slice::from_ref(&source)).unwrap();
        let mut search = crate::Search::new(&here, strategy, 0);
        while !search.round(1, |_| Ok(1.0)).unwrap().is_empty() {}
        assert_eq!(search.history().len(), 6, "{}", by.name);
    }
}

#[test]
fn the_order_of_the_source_is_that_of_its_times() {
    let (space, there) = (small(), elsewhere());
    let mut strategy = tuner("source-order").unwrap().strategy(None).unwrap();
    assert!(strategy.remember(space.domain(), &[there.source()]).unwrap());
    let history = space.replay(strategy, 0, 1000, |_| Ok::<(), crate::Error>(())).unwrap();
    let times: Vec<Result<f64, String>> = history.trials().iter().map(|trial| there.measure(&trial.point)).collect();
    let fine: Vec<f64> = times.iter().map_while(|time| time.as_ref().ok().copied()).collect();
    // What failed there comes last.
    assert!(fine.is_sorted() && fine.len() == times.iter().filter(|time| time.is_ok()).count(), "{fine:?}");
    assert!(fine.len() > 10 && fine.len() < times.len());
}

#[test]
fn in_a_space_too_large_to_look_at_whole_the_source_still_says_where_to_begin() {
    use crate::strategies::{Gaussian, GaussianOptions};
    let space = small();
    let options = GaussianOptions { candidates: 20, ..GaussianOptions::TACHOGRAPH };
    let mut strategy = Gaussian::new(options);
    assert!(strategy.remember(space.domain(), &[space.source()]).unwrap());
    let history = space.replay(Box::new(strategy), 0, 2, |_| Ok::<(), crate::Error>(())).unwrap();
    assert_eq!(history.trials()[0].outcome, Ok(space.best_ms().unwrap()));
}

#[test]
fn with_records_too_all_is_measured_once_and_the_same_for_a_seed() {
    let (space, there) = (small(), elsewhere());
    // A part of what was measured there, in which some options do not occur.
    let mut part = there.source();
    part.trials.retain(|trial| there.config(&trial.point)["a"].as_u64() < Some(16));
    let mut able = Vec::new();
    for tuner in on_tables() {
        let run = |trials: usize| {
            let mut strategy = tuner.strategy(None).unwrap();
            if !strategy.remember(space.domain(), &[there.source(), part.clone()]).unwrap() {
                return None;
            }
            let all = |_: &Trial| Ok::<(), crate::Error>(());
            Some(space.replay(strategy, 1, trials, all).unwrap().trials().to_vec())
        };
        let Some(trials) = run(1000) else { continue };
        assert_eq!(trials.len(), space.outcomes().len(), "{} does not measure all, or measures twice", tuner.name);
        assert_eq!(run(40).unwrap(), trials[..40], "{} depends on more than its seed", tuner.name);
        able.push(tuner.name);
    }
    assert_eq!(able, ["tachograph", "felix", "gp-devices", "source-order", "moses", "dgp-tl", "dgp-tl-8"]);
}

#[test]
fn records_without_a_time_say_nothing() {
    let space = small();
    let mut failed = space.source();
    failed.trials.iter_mut().for_each(|trial| trial.outcome = Err("out of memory".into()));
    for tuner in on_tables() {
        let none = !tuner.strategy(None).unwrap().remember(space.domain(), &[]).unwrap();
        let failed = !tuner.strategy(None).unwrap().remember(space.domain(), std::slice::from_ref(&failed)).unwrap();
        assert!(none && failed, "{}", tuner.name);
    }
}

#[test]
fn batches_hold_different_new_points() {
    let space = small();
    for tuner in on_tables() {
        let mut search = Search::new(space.domain(), tuner.strategy(None).unwrap(), 3);
        let mut seen = std::collections::HashSet::new();
        while let points = search.ask(7).unwrap()
            && !points.is_empty()
        {
            assert!(points.len() <= 7 && points.iter().all(|point| seen.insert(point.clone())), "{}", tuner.name);
            let trials = points.into_iter().map(|point| Trial { outcome: space.measure(&point), point });
            search.tell(trials.collect()).unwrap();
        }
        assert_eq!(seen.len(), space.outcomes().len(), "{}", tuner.name);
    }
}

#[test]
fn the_default_finds_the_best_of_a_small_space_early() {
    let space = small();
    let best = space.best_ms().unwrap();
    for seed in 0..3 {
        let strategy = tuner(crate::DEFAULT).unwrap().strategy(None).unwrap();
        let history = space.replay(strategy, seed, 30, |_| Ok::<(), crate::Error>(())).unwrap();
        assert_eq!(history.best_ms(), Some(best), "seed {seed}");
    }
}

#[test]
fn a_space_where_all_fails_and_one_of_a_single_point() {
    let failed = read("x,time_ms,valid\n1,,0\n2,,0\n3,,0\n", None, None).unwrap();
    let single = read("x,time_ms\n1,2\n", None, None).unwrap();
    for tuner in on_tables() {
        let run = |space: &Recorded| {
            space.replay(tuner.strategy(None).unwrap(), 0, 50, |_| Ok::<(), crate::Error>(())).unwrap()
        };
        let history = run(&failed);
        assert_eq!((history.len(), history.best_ms()), (3, None), "{}", tuner.name);
        assert_eq!(run(&single).best_ms(), Some(2.0), "{}", tuner.name);
    }
}

#[test]
fn what_is_not_registered_is_refused_with_what_is() {
    let error = tuner("autotune").map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("there is no tuner `autotune`; there are: tachograph, random"), "{error}");
}

mod with_data {
    use super::*;

    fn data(name: &str) -> PathBuf {
        let folder = std::env::var_os("TACHOGRAPH_DATA").expect("TACHOGRAPH_DATA names the folder of data");
        PathBuf::from(folder).join("tuning").join(name)
    }

    /// The counts of the README beside the data.
    #[test]
    #[ignore = "needs TACHOGRAPH_DATA"]
    fn known_spaces() {
        let known = [
            ("gpubench/gemm.csv.gz", Some("A100"), 17_956, 8.518, 125),
            ("gpubench/convolution.csv.gz", Some("V100"), 5_776, 0.711, 14),
            ("kernel_tuner_hub/convolution_milo.csv.gz", Some("A100"), 4_362, 0.554, 1),
            ("uci_sgemm/gtx680_sgemm2048.csv.gz", None, 241_600, 13.32, 3),
        ];
        for (name, device, n, best, near) in known {
            let space = Recorded::read(&data(name), device, None).unwrap();
            assert_eq!((space.outcomes().len(), space.within(0.05)), (n, near), "{name}");
            assert!((space.best_ms().unwrap() - best).abs() < 0.005, "{name}: {:?}", space.best_ms());
        }
    }

    /// Counters of the hardware are no parameters.
    #[test]
    #[ignore = "needs TACHOGRAPH_DATA"]
    fn counters_are_left_out() {
        let space = Recorded::read(&data("ktt_counters/pnpoly.csv.gz"), Some("RTX 2080 Ti"), None).unwrap();
        assert_eq!(space.domain().space().sketches[0].decisions.len(), 5);
    }
}

/// Random programs of a product; each takes as long as its formula says, give or take a tenth.
fn programs() -> Collected {
    let mut b = tachograph_program::Builder::new("dense");
    let f32 = tachograph_ir::DType::F32;
    let (x, w) = (b.input("x", f32, &[64, 48]).unwrap(), b.weight("w", f32, &[48, 32]).unwrap());
    let y = tachograph_program::operator::matmul(&mut b, x, w).unwrap();
    let workload = b.finish(&[y]).unwrap();
    let space = crate::live::space(&workload).unwrap();
    let read = tuner("tachograph").unwrap().reading(Domain::new(space.clone()), &workload).unwrap();
    let points = read.sample_new(120, |_| false, &mut rand::SeedableRng::seed_from_u64(3));
    let program = |(i, point): (usize, Point)| {
        let time = Formula::Code.time(&read.reading(&point).unwrap()).unwrap();
        let outcome = match i % 10 {
            9 => Err("Crash".into()),
            _ => Ok(crate::live::Timed { ms: 1e-6 * time * (1.0 + 0.02 * (i % 6) as f64), spread: 0.0 }),
        };
        CollectedProgram { point, outcome, drift: 1.0, evolved: false }
    };
    let programs = points.into_iter().enumerate().map(program).collect();
    let (networks, device, compiler) = (vec!["net".into()], "cpu".into(), "cc".into());
    Collected {
        head: CollectedHead { version: Collected::VERSION, workload, networks, device, compiler, space },
        programs,
    }
}

#[test]
fn measured_programs_are_a_space_of_which_models_read_features() {
    let collected = programs();
    for tuner in TUNERS.iter().filter(|tuner| tuner.is_there()) {
        let space = Recorded::of_programs("dense", &collected, tuner).unwrap();
        let replay = |trials: usize| {
            let strategy = tuner.strategy(None).unwrap();
            space.replay(strategy, 0, trials, |_| Ok::<(), crate::Error>(())).unwrap().trials().to_vec()
        };
        assert_eq!(replay(20).len(), 20, "{}", tuner.name);
        if tuner.name == "tachograph" {
            let near = replay(4)
                .iter()
                .any(|trial| trial.outcome.as_ref().is_ok_and(|ms| *ms <= 1.1 * space.best_ms().unwrap()));
            assert!(near, "what the formula likes comes first");
        }
    }
    let space = Recorded::of_programs("dense", &collected, tuner("random").unwrap()).unwrap();
    let configs: Vec<String> =
        space.domain().points().unwrap().iter().map(|point| json!(space.config(point)).to_string()).collect();
    assert_eq!(configs.iter().collect::<std::collections::HashSet<_>>().len(), 120);
    assert!(
        configs.iter().all(|config| config.contains("sketch"))
            && configs.iter().any(|config| config.contains("tile 0"))
    );
}
