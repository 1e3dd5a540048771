//! The table of cost models on recorded programs.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin programs -- datasets/programs --by task --seeds 3 --minutes 4
//! ```
//!
//! Half of the tasks (or networks), every other one in the order of their names, is to learn from and to choose on; the
//! other half is reported, and nothing is ever chosen on it. Of the first half a fifth validates: which fifth, and all
//! else that is drawn, depends on the seed. `--choose` tests on that fifth in place of the reported half: ours was chosen so.
//!
//! A row that was made is a line of `rows.jsonl` in the folder of `--out`, and is not made again for the same programs; a
//! training that was stopped goes on where it was.

mod baselines;
mod data;
mod fold;
mod networks;
mod ours;
mod rows;
mod score;
mod speed;
mod table;
mod trees;

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

use self::{data::Data, fold::Fold, rows::ROWS, table::Table};

/// Train cost models on measured programs, and print how they do on tasks or networks held out
#[derive(Parser)]
pub struct Args {
    /// Folder of measured programs.
    folder: PathBuf,
    /// What is held out.
    #[arg(long, default_value = "task")]
    by: By,
    /// Folder of the runs and of their results.
    #[arg(long, default_value = "runs/programs")]
    out: PathBuf,
    /// Seeds of each row.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Minutes of the training of a network, at most; 0: any.
    #[arg(long, default_value_t = 4.0)]
    minutes: f64,
    /// Epochs of a network.
    #[arg(long, default_value_t = 50)]
    epochs: u32,
    /// Rows, by name; by default all.
    #[arg(long)]
    only: Vec<String>,
    /// Test on the part that validates.
    #[arg(long)]
    choose: bool,
    /// Print what models score in a second, and nothing else.
    #[arg(long)]
    speed: bool,
    /// Threads, of networks and of that.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Print the names of the rows, and nothing else.
    #[arg(long)]
    list: bool,
}

/// What is held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Tasks.
    Task,
    /// Networks, with all tasks that any of them has.
    Network,
}

/// Runs the program.
///
/// # Errors
/// Programs that cannot be read, a row that there is not, a training that fails.
pub fn run(args: &Args) -> Result<()> {
    if args.list {
        ROWS.iter().for_each(|row| println!("{:24} {}", row.name, row.about));
        return Ok(());
    }
    for name in &args.only {
        ensure!(ROWS.iter().any(|row| row.name == name), "no row `{name}`; see --list");
    }
    let mut data = Data::read(&args.folder)?;
    eprintln!("{} programs of {} tasks ({} more failed)", data.programs(), data.tasks.len(), data.failed);
    if args.speed {
        return speed::print(&mut data, args.threads);
    }
    let mut table = Table::open(&args.out, data.fingerprint())?;
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    for row in ROWS.iter().filter(|row| wanted(row.name)) {
        for seed in 0..args.seeds {
            let key = table.key(row.name, args.by, args.choose, seed);
            if table.has(&key) {
                continue;
            }
            data.need(row.sets)?;
            let fold = Fold::new(&data, args.by, args.choose, seed);
            let settings = rows::Settings {
                dir: args
                    .out
                    .join(table.data())
                    .join(format!("{}-{:?}-{}-{seed}", row.name, args.by, args.choose).to_lowercase()),
                seed,
                until: (args.minutes > 0.0).then(|| Duration::from_secs_f64(60.0 * args.minutes)),
                epochs: args.epochs,
                threads: args.threads,
            };
            let start = std::time::Instant::now();
            let answer = (row.run)(&data, &fold, &settings)?;
            let scores = score::Scores::new(&data, &fold, &answer)?;
            table.add(key, scores, start.elapsed().as_secs_f64())?;
        }
    }
    let names: Vec<&str> = ROWS.iter().map(|row| row.name).filter(|name| wanted(name)).collect();
    table.print(&names, args.by, args.choose, args.seeds);
    Ok(())
}
