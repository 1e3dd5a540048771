//! Kernels beside PyTorch's, one thread, in turns within one run.
//!
//! ```text
//! cargo run --release -p tachograph-program --example peers -- --python PATH [--only WORDS] [--records FILE] [--rounds N]
//! ```
//!
//! For each case the points of the templates are measured first, of every workload that computes it (direct, Winograd), and the
//! best of each is kept; what `--records` holds is not measured again. Then ours and PyTorch's (both of its memory formats where it has
//! two) take turns: each runs for 20 ms at a time, and the figures are medians of the rounds.

mod cases;
mod race;
mod tuned;

use std::path::PathBuf;

use cases::{Bound, Case};
use tachograph_program::{Compiler, Cpu, Settings, Target};

type Failure = Box<dyn std::error::Error>;

/// What the command line says.
struct Options {
    python: PathBuf,
    only: String,
    records: Option<PathBuf>,
    rounds: usize,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options { python: "python3".into(), only: String::new(), records: None, rounds: 15 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match word.as_str() {
            "--python" => options.python = value()?.into(),
            "--only" => options.only = value()?,
            "--records" => options.records = Some(value()?.into()),
            "--rounds" => options.rounds = value()?.parse()?,
            _ => return Err(format!("{word} is no option: --python, --only, --records, --rounds").into()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let settings = Settings { warmup_ms: 2.0, repeat_ms: 2.0, repeats: 5, ..Settings::default() };
    let last = Settings { repeat_ms: 5.0, repeats: 11, ..settings.clone() };
    let mut cpu = Cpu::new(Compiler::find()?, settings)?;
    let mut records = tuned::Records::open(options.records.as_deref(), Cpu::new(cpu.compiler().clone(), last)?)?;
    let mut peer = race::Peer::start(&options.python)?;
    let mut peak = race::Peak::new(cpu.compiler())?;
    println!("{}; {}", cpu.compiler().version(), peer.version());
    println!("vectors of {} bytes\n", Target::native().vector_bytes);
    println!("| case | ours, ms | GFLOP/s, GB/s | of the peak, of a copy | by | PyTorch, ms | in | ratio | points |");
    println!("|---|--:|--:|--:|---|--:|---|--:|--:|");
    let (mut ratios, mut copy) = (Vec::new(), f64::NAN);
    for case in cases::all()?.iter().filter(|case| case.name.contains(&options.only)) {
        let ratio = compare(case, &mut cpu, &mut records, &mut peer, (&mut peak, &mut copy), options.rounds)?;
        ratios.push((case.group, ratio));
    }
    for group in cases::GROUPS {
        let of: Vec<f64> = ratios.iter().filter(|(of, _)| *of == group).map(|(_, ratio)| ratio.ln()).collect();
        if !of.is_empty() {
            let mean = (of.iter().sum::<f64>() / of.len() as f64).exp();
            let least = of.iter().copied().fold(f64::INFINITY, f64::min).exp();
            println!("{group}: geometric mean {mean:.2}, least {least:.2}");
        }
    }
    Ok(())
}

/// Prints the row of a case; gives PyTorch's time by ours.
fn compare(
    case: &Case,
    cpu: &mut Cpu,
    records: &mut tuned::Records,
    peer: &mut race::Peer,
    (peak, copy): (&mut race::Peak, &mut f64),
    rounds: usize,
) -> Result<f64, Failure> {
    let mut ours = Vec::new();
    let mut points = 0;
    for (by, workload) in &case.workloads {
        let (schedule, tried) = records.best(cpu, workload)?;
        points += tried;
        ours.push((*by, race::Ours::new(workload, &schedule, cpu.compiler())?));
    }
    peer.set_up(&case.peer)?;
    let times = race::race(&mut ours, peak, peer, rounds)?;
    let (by, ms) = times.ours;
    let (format, theirs) = times.peer;
    let of = |amount: u64, ms: f64| amount as f64 / ms / 1e6;
    let (first, share) =
        (&case.workloads[0].1, |rate: f64, best: f64| format!("{rate:.1} | {:.0} %", 100.0 * rate / best));
    let rates = match case.bound {
        Bound::Peak => share(of(first.flops(), ms), times.peak),
        Bound::Copy => {
            if case.name.starts_with("copy") {
                *copy = of(first.bytes(), ms.min(theirs));
            }
            share(of(first.bytes(), ms), *copy)
        }
        Bound::Nothing => "– | –".into(),
    };
    println!("| {} | {ms:.4} | {rates} | {by} | {theirs:.4} | {format} | {:.2} | {points} |", case.name, theirs / ms);
    for (by, other) in times.all.iter().filter(|(other, _)| *other != by) {
        println!("|   by {by} | {other:.4} | | | | | | {:.2} | |", theirs / other);
    }
    Ok(theirs / ms)
}
