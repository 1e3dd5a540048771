//! Our side of `cargo xtask bench-peers`: lists the cases, writes the inputs of one, and does its work on request.

use std::{
    fs,
    io::{BufRead, Write, stdin, stdout},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use serde_json::json;
use tachograph_benches::gnn::{self, CASES, Case, Seconds};
use tch::{Device, Kind, Tensor};

#[derive(Parser)]
#[command(about)]
enum Args {
    /// The cases as JSON.
    List,
    /// Write inputs and weights of a case.
    Prepare {
        /// Its name.
        case: String,
        /// Where to.
        folder: PathBuf,
    },
    /// Answer `run`, `check`, `memory`, `copy` and `floor`, one a line, with a line of JSON each.
    Work {
        #[command(subcommand)]
        side: Side,
    },
}

#[derive(Subcommand)]
enum Side {
    /// With tachograph-gnn.
    Ours(Place),
    /// The matrix products alone.
    Bare(Place),
}

#[derive(clap::Args)]
struct Place {
    case: String,
    folder: PathBuf,
    #[arg(long, default_value_t = 1)]
    threads: i32,
}

fn main() -> Result<()> {
    match Args::parse() {
        Args::List => println!("{}", serde_json::to_string(&CASES)?),
        Args::Prepare { case, folder } => gnn::prepare(find(&case)?, &folder)?,
        Args::Work { side: Side::Ours(place) } => serve(&place, gnn::open)?,
        Args::Work { side: Side::Bare(place) } => serve(&place, gnn::open_bare)?,
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static Case> {
    CASES.iter().find(|case| case.name == name).with_context(|| format!("no case `{name}`"))
}

fn serve(place: &Place, open: fn(&Case, &std::path::Path) -> Result<Box<dyn gnn::Work>>) -> Result<()> {
    tch::set_num_threads(place.threads);
    let case = find(&place.case)?;
    warm_up()?;
    // Libraries are loaded and used; what memory grows by from here on is the case's.
    release();
    let before = memory("VmRSS:")?;
    let mut work = open(case, &place.folder)?;
    release();
    // The peak so far was that of reading: lowered to what is resident now.
    fs::write("/proc/self/clear_refs", "5").context("cannot reset the peak of memory")?;
    answer(&json!({ "ready": true }))?;
    for line in stdin().lock().lines() {
        match line?.as_str() {
            "run" => answer(&serde_json::to_value(repeat(&mut *work, case.repeat)?)?)?,
            "check" => {
                work.run()?;
                let names = gnn::write_outputs(&place.folder, "ours", &work.outputs()?)?;
                answer(&json!({ "outputs": names }))?;
            }
            "memory" => answer(&json!({ "bytes": memory("VmHWM:")?.saturating_sub(before) }))?,
            "copy" => answer(&json!({ "bytes_per_second": gnn::copy_rate()? }))?,
            "floor" => answer(&serde_json::to_value(gnn::floor(case, &place.folder)?)?)?,
            other => bail!("unknown request `{other}`"),
        }
    }
    Ok(())
}

/// The mean of so many runs.
fn repeat(work: &mut dyn gnn::Work, times: usize) -> Result<Seconds> {
    let mut mean = Seconds::default();
    for _ in 0..times {
        let seconds = work.run()?;
        mean.build += seconds.build / times as f64;
        mean.network += seconds.network / times as f64;
    }
    Ok(mean)
}

/// Has libtorch allocate what it keeps.
fn warm_up() -> Result<()> {
    let random = || Tensor::f_randn([512, 512], (Kind::Float, Device::Cpu));
    let w = random()?.f_set_requires_grad(true)?;
    Ok(random()?.f_linear(&w, None::<&Tensor>)?.f_relu()?.f_sum(None)?.f_backward()?)
}

fn answer(value: &serde_json::Value) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

/// Hands free memory of the allocator back.
fn release() {
    unsafe extern "C" {
        fn malloc_trim(pad: usize) -> i32;
    }
    // SAFETY: a function of the C library without preconditions.
    unsafe { malloc_trim(0) };
}

/// A line of `/proc/self/status` in bytes.
fn memory(key: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)).context("no memory in /proc/self/status")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes << 10)
}
