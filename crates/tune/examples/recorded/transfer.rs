//! The table of transfer: one device's records, then few trials on another.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use tachograph_metrics::median;
use tachograph_tune::{Recorded, Search, Source, Strategy, TUNERS, tuner};

use crate::spaces::Pairs;

/// Trials of the columns, and the most.
const AFTER: [usize; 3] = [10, 32, 64];
const CAP: usize = 128;

/// Tuners that start from records; and rows that would say nothing without: not ours, or the same as another's.
const WITH_RECORDS: [&str; 7] = ["tachograph", "gp-devices", "moses", "dgp-tl", "dgp-tl-8", "felix", "source-order"];
const WITHOUT: [&str; 4] = ["exhaustive", "gp-devices", "moses", "source-order"];

/// A row of the table.
pub struct Row {
    pub name: String,
    pub make: Box<dyn Fn() -> Box<dyn Strategy> + Sync>,
    /// Whether it is given the records of the other device.
    pub records: bool,
}

/// With records those that can use them; without, all others and ours again.
pub fn rows() -> Vec<Row> {
    let row = |name: &str, records: bool| {
        let by = tuner(name).unwrap_or_else(|e| panic!("{e}"));
        let name = if records { format!("{name} with records") } else { name.into() };
        Row { name, make: Box::new(|| by.strategy(None).expect("no network, no checkpoint")), records }
    };
    let with = WITH_RECORDS.iter().map(|name| row(name, true));
    let others = TUNERS.iter().filter(|tuner| tuner.reads_tables() && !WITHOUT.contains(&tuner.name));
    let without = others.map(|tuner| row(tuner.name, false));
    with.chain(without).collect()
}

/// Best of the space over the best found after so many trials; trials to come within 5 %.
#[derive(Clone, Copy)]
struct Run {
    shares: [f64; 3],
    trials: Option<usize>,
}

fn replay(space: &Recorded, source: Option<Source>, strategy: Box<dyn Strategy>, seed: u64) -> Run {
    let mut search = Search::new(space.domain(), strategy, seed);
    if let Some(source) = source {
        let used = search.remember(&[source]).unwrap_or_else(|e| panic!("{}: {e}", space.name));
        assert!(used, "{}: the records say nothing", space.name);
    }
    let optimum = space.best_ms().unwrap_or(0.0);
    let mut run = Run { shares: [0.0; 3], trials: None };
    for trial in 1..=CAP {
        match search.round(1, |point| space.measure(point)) {
            Ok([]) => break,
            Ok(_) => {}
            Err(e) => panic!("{}: {e}", space.name),
        }
        let share = search.history().best_ms().map_or(0.0, |best| optimum / best);
        for (at, kept) in AFTER.iter().zip(&mut run.shares) {
            if trial <= *at {
                *kept = share;
            }
        }
        if run.trials.is_none() && share >= 1.0 / 1.05 {
            run.trials = Some(trial);
        }
        if run.trials.is_some() && trial >= AFTER[2] {
            break;
        }
    }
    run
}

/// A random sample of a source, as a tuner would leave it behind.
fn thinned(mut source: Source, records: Option<usize>, seed: u64) -> Source {
    use rand::{SeedableRng, seq::SliceRandom};
    if let Some(records) = records {
        source.trials.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
        source.trials.truncate(records);
    }
    source
}

/// Runs what the file does not have yet, then prints the table of all rows. With no threads nothing is run.
pub fn run(rows: &[Row], pairs: &Pairs, seeds: usize, threads: usize, records: Option<usize>, out: &Path) {
    let Pairs { spaces, pairs } = pairs;
    let key = |row: &Row, from: usize, to: usize, seed: usize| {
        let from = if row.records { spaces[from].name.as_str() } else { "" };
        let records = records.filter(|_| row.records);
        format!("{}|{from}|{}|{seed}|{}", row.name, spaces[to].name, records.map_or("all".into(), |n| n.to_string()))
    };
    let text = std::fs::read_to_string(out).unwrap_or_default();
    let mut known: HashMap<String, Run> = HashMap::new();
    for line in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let share = |i: usize| line["shares"][i].as_f64().unwrap_or(0.0);
        let trials = line["trials"].as_u64().map(|trials| trials as usize);
        known.insert(line["key"].as_str().unwrap_or("").into(), Run { shares: [share(0), share(1), share(2)], trials });
    }
    let mut jobs = Vec::new();
    let mut planned = HashSet::new();
    for seed in 0..seeds {
        for (r, row) in rows.iter().enumerate() {
            for &(from, to) in pairs {
                let key = key(row, from, to, seed);
                if !known.contains_key(&key) && planned.insert(key.clone()) {
                    jobs.push((key, r, from, to, seed));
                }
            }
        }
    }
    eprintln!("{} pairs, {} rows, {seeds} seeds: {} replays to make", pairs.len(), rows.len(), jobs.len());
    let file = std::fs::OpenOptions::new().create(true).append(true).open(out).expect("a file for the runs");
    let (next, done) = (AtomicUsize::new(0), Mutex::new((file, known)));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((key, r, from, to, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let source = rows[*r].records.then(|| thinned(spaces[*from].source(), records, *seed as u64));
                    let run = replay(&spaces[*to], source, (rows[*r].make)(), *seed as u64);
                    let line = json!({ "key": key, "shares": run.shares, "trials": run.trials });
                    let mut done = done.lock().expect("no replay panicked");
                    writeln!(done.0, "{line}").expect("a line can be written");
                    done.1.insert(key.clone(), run);
                }
            });
        }
    });
    let (_, known) = done.into_inner().expect("no replay panicked");
    let mut families: Vec<&str> = Vec::new();
    let family = |to: usize| spaces[to].name.split(' ').next().unwrap_or("");
    pairs.iter().for_each(|&(_, to)| {
        if !families.contains(&family(to)) {
            families.push(family(to));
        }
    });
    families.push("all");
    for name in families {
        let mine: Vec<(usize, usize)> =
            pairs.iter().copied().filter(|&(_, to)| name == "all" || family(to) == name).collect();
        println!("\n{name}: {} pairs\n", mine.len());
        println!("| tuner | after 10 | 32 | 64 | trials to 5 %, median | mean (at most {CAP}) | never | seeds |");
        println!("|---|---|---|---|---|---|---|---|");
        for row in rows {
            let of = |seed: usize| -> Vec<Run> {
                mine.iter().filter_map(|&(from, to)| known.get(&key(row, from, to, seed)).copied()).collect()
            };
            // Seeds that are there for all pairs: a file may hold the beginning of more.
            let all: Vec<Vec<Run>> = (0..seeds).map(of).filter(|runs| runs.len() == mine.len()).collect();
            let mean = |runs: &[Run], of: &dyn Fn(&Run) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
            // Mean over pairs of each seed; then mean and standard deviation over seeds.
            let spread = |of: &dyn Fn(&Run) -> f64| {
                let means: Vec<f64> = all.iter().map(|runs| mean(runs, of)).collect();
                let middle = means.iter().sum::<f64>() / means.len() as f64;
                let squares = means.iter().map(|m| (m - middle).powi(2)).sum::<f64>();
                (middle, (squares / (means.len() as f64 - 1.0).max(1.0)).sqrt())
            };
            let share = |k: usize| {
                let (middle, deviation) = spread(&|run: &Run| 100.0 * run.shares[k]);
                format!("{middle:.2} ± {deviation:.2}")
            };
            let flat: Vec<Run> = all.concat();
            let trials: Vec<f64> = flat.iter().map(|run| run.trials.map_or(f64::INFINITY, |t| t as f64)).collect();
            let middle = median(&trials).unwrap_or(f64::NAN);
            let middle = if middle.is_finite() { format!("{middle:.0}") } else { format!("> {CAP}") };
            let (trials_mean, deviation) = spread(&|run: &Run| run.trials.unwrap_or(CAP) as f64);
            let never = format!("{} of {}", trials.iter().filter(|t| t.is_infinite()).count(), flat.len());
            let [a, b, c] = [0, 1, 2].map(share);
            println!(
                "| {} | {a} | {b} | {c} | {middle} | {trials_mean:.1} ± {deviation:.1} | {never} | {} |",
                row.name,
                all.len()
            );
        }
    }
}
