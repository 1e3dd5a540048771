//! The tables of `docs/tuning.md` on recorded spaces:
//!
//!     cargo run --release -p tachograph-tune --example recorded -- gpu report /work/data/tuning
//!
//! First `gpu` (trials to come within 5 % of the best), `cpu` (how near to the best after 32, 64, 128 trials), `programs` (both, of
//! files that `tachograph program collect` made) or `transfer` (the records of one device, then few trials on another); then
//! `choose`, `report` or `all` of the spaces; then the folder.
//! Options: `--tuners a,b` (all that are registered), `--seeds 5`, `--cap 1000` trials, `--threads 2`, `--ablation` (variants of
//! our tuner instead), `--spaces` (one line a space); of `programs` `--records` (tuners that can start from what other networks have
//! of the same operators); of `transfer` `--records 500` (a random sample of the other device's
//! instead of all), `--only gemm` (pairs of that table) and `--out runs/transfer.jsonl`, whose replays are not made again.

mod spaces;
mod table;
mod transfer;
mod variants;

use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use spaces::{Half, Kind};
use tachograph_tune::{Recorded, Search, Source, Strategy, TUNERS, Tuner};

/// A row of the table.
pub struct Contender {
    name: String,
    /// Whose features are read of programs.
    reader: &'static Tuner,
    make: Box<dyn Fn() -> Box<dyn Strategy> + Sync>,
}

/// One replay.
pub struct Replay {
    contender: usize,
    space: usize,
    /// The best time after each trial, infinite while there is none.
    best: Vec<f64>,
    seconds: f64,
}

fn replay(
    space: &Recorded,
    sources: &[Source],
    strategy: Box<dyn Strategy>,
    seed: u64,
    trials: usize,
    stop_at: f64,
) -> Vec<f64> {
    let mut search = Search::new(space.domain(), strategy, seed);
    if !sources.is_empty() {
        search.remember(sources).unwrap_or_else(|error| panic!("{}: {error}", space.name));
    }
    let mut best = Vec::new();
    while best.len() < trials {
        match search.round(1, |point| space.measure(point)) {
            Ok([]) => break,
            Ok(_) => {}
            Err(error) => panic!("{}: {error}", space.name),
        }
        best.push(search.history().best_ms().unwrap_or(f64::INFINITY));
        if best.last().is_some_and(|&t| t <= stop_at) {
            break;
        }
    }
    best
}

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let flag = |words: &mut Vec<String>, name: &str| {
        let at = words.iter().position(|word| word == name);
        at.map(|i| words.remove(i)).is_some()
    };
    let (ablation, each) = (flag(&mut words, "--ablation"), flag(&mut words, "--spaces"));
    let starts = words.first().is_some_and(|kind| kind == "programs") && flag(&mut words, "--records");
    let mut option = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.remove(at);
        (at < words.len()).then(|| words.remove(at))
    };
    let number = |text: Option<String>, default: usize| text.map_or(default, |text| text.parse().expect("a number"));
    let (seeds, threads) = (number(option("--seeds"), 5), number(option("--threads"), 2));
    let (cap, wanted) = (option("--cap"), option("--tuners"));
    let (records, out, family) = (option("--records"), option("--out"), option("--only"));
    let [kind, half, folder] = &words[..] else { panic!("gpu, cpu or transfer; choose, report or all; the folder") };
    let wanted = wanted.as_deref();
    let named = |name: &str| wanted.is_none_or(|wanted| wanted.split(',').any(|other| other == name));
    if kind == "transfer" {
        let half = if half == "choose" { Half::Choose } else { Half::Report };
        let out = PathBuf::from(out.unwrap_or_else(|| "transfer.jsonl".into()));
        let mut rows = if ablation { variants::transfer() } else { transfer::rows() };
        rows.retain(|row| named(&row.name));
        let records = records.map(|text| text.parse().expect("a number"));
        let mut pairs = spaces::pairs(half, folder.as_ref());
        if let Some(only) = family {
            pairs.pairs.retain(|&(_, to)| pairs.spaces[to].name.starts_with(&only));
        }
        return transfer::run(&rows, &pairs, seeds, threads, records, &out);
    }
    let (kind, most) = match kind.as_str() {
        "gpu" => (Kind::Gpu, 1000),
        "programs" => (Kind::Programs, 64),
        _ => (Kind::Cpu, 128),
    };
    let cap = number(cap, most);
    let half = match half.as_str() {
        "choose" => Half::Choose,
        "report" => Half::Report,
        _ => Half::All,
    };
    // Those whose models read programs find none in a table.
    let can = |tuner: &&Tuner| if kind == Kind::Programs { tuner.is_there() } else { tuner.reads_tables() };
    let registered = TUNERS.iter().filter(can).map(|tuner| Contender {
        name: tuner.name.into(),
        reader: tuner,
        make: Box::new(|| tuner.strategy(None).expect("no checkpoint")),
    });
    let mut contenders: Vec<Contender> = match ablation {
        true if kind == Kind::Programs => variants::programs(),
        true => variants::all(),
        false => registered.collect(),
    };
    const CAN_START: [&str; 6] = ["tachograph", "gp-devices", "moses", "dgp-tl", "felix", "source-order"];
    contenders.retain(|contender| named(&contender.name));
    contenders.retain(|contender| !starts || ablation || CAN_START.contains(&contender.name.as_str()));
    let folder = PathBuf::from(folder);
    let tables = if kind == Kind::Programs { Vec::new() } else { spaces::read(kind, half, &folder) };
    // The same spaces for all that read the same features.
    let mut read: Vec<(Option<&str>, Vec<Recorded>)> = Vec::new();
    for Contender { reader, .. } in contenders.iter().filter(|_| kind == Kind::Programs) {
        if read.iter().all(|(features, _)| *features != reader.features) {
            read.push((reader.features, spaces::programs(half, &folder, reader)));
        }
    }
    let of = |contender: usize| {
        let features = contenders[contender].reader.features;
        read.iter().find(|(other, _)| *other == features).map_or(&tables, |(_, spaces)| spaces)
    };
    let spaces = of(0);
    let sources = if starts { spaces::others(half, &folder, contenders[0].reader) } else { Vec::new() };
    eprintln!("{} spaces, {} rows, {seeds} seeds", spaces.len(), contenders.len());

    let jobs = contenders.len() * spaces.len() * seeds;
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs)));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= jobs {
                        break;
                    }
                    let (contender, rest) = (job / (spaces.len() * seeds), job % (spaces.len() * seeds));
                    let (space, seed) = (rest / seeds, rest % seeds);
                    let stop = match kind {
                        Kind::Gpu => spaces[space].best_ms().unwrap_or(0.0) * 1.05,
                        Kind::Cpu | Kind::Programs => 0.0,
                    };
                    let start = Instant::now();
                    let (own, from) = (&of(contender)[space], sources.get(space).map_or(&[][..], Vec::as_slice));
                    let best = replay(own, from, (contenders[contender].make)(), seed as u64, cap, stop);
                    let seconds = start.elapsed().as_secs_f64();
                    done.lock().unwrap().push(Replay { contender, space, best, seconds });
                }
            });
        }
    });
    let replays = done.into_inner().unwrap();
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name.as_str()).collect();
    match kind {
        Kind::Gpu => table::gpu(&names, spaces, &replays, cap, each),
        Kind::Cpu => table::cpu(&names, spaces, &replays, &[32, 64, 128], each),
        Kind::Programs => {
            table::gpu(&names, spaces, &replays, cap, each);
            println!();
            table::cpu(&names, spaces, &replays, &[4, 8, 16, 32, 64], each);
        }
    }
}
