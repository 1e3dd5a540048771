//! Measures a model file on a device: whole, per operator, and in memory.
//!
//!     cargo run --release --example profile -- model.onnx --bind batch=8 --device cpu

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use tachograph_gnn::device;
use tachograph_profile::{Protocol, Session, operators};

#[derive(Parser)]
#[command(about)]
struct Args {
    model: PathBuf,
    /// Values of free dimensions, such as `batch=8`.
    #[arg(long)]
    bind: Vec<String>,
    /// `cpu` or `cuda:N`.
    #[arg(long, default_value = "cpu")]
    device: String,
    #[arg(long, default_value_t = 1)]
    threads: i32,
    /// Operators to list.
    #[arg(long, default_value_t = 10)]
    top: usize,
    #[arg(long)]
    json: bool,
}

fn main() -> std::process::ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let (_, bound) = tachograph_examples_graphs::load(&args.model, &args.bind)?;
    let device = device(&args.device)?;
    tch::set_num_threads(args.threads);
    let mut session = Session::new(&bound, device)?;
    session.visit(&Protocol::default())?;
    let m = session.result()?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&m)?);
        return Ok(());
    }
    let e = &m.environment;
    println!(
        "latency  {:.3} ms (median of {}, ±{:.1} %, quartiles {:.3} ms apart, fastest {:.3} ms)",
        m.median_ms,
        m.repeats,
        100.0 * m.precision,
        m.iqr_ms,
        m.min_ms
    );
    println!(
        "device   {} ({}), {} thread(s), governor {}, {}, f32, {}",
        e.kind, e.device, e.threads, e.governor, e.library, e.date
    );
    if let Some(bytes) = m.peak_memory {
        println!("memory   {:.1} MiB at the peak", bytes as f64 / f64::from(1 << 20));
    }
    if let Some(joules) = m.energy {
        println!("energy   {joules:.4} J an inference, {:.0} W", 1e3 * joules / m.median_ms);
    }
    let mut times = operators(session.executor(), 10)?;
    let total: f64 = times.iter().map(|t| t.median_ms).sum();
    times.sort_by(|a, b| b.median_ms.total_cmp(&a.median_ms));
    println!("\n{:>9}  {:>6}  operator", "ms", "share");
    for t in times.iter().take(args.top) {
        let node = bound.graph().node(t.node);
        println!("{:9.3}  {:5.1} %  {} `{}`", t.median_ms, 100.0 * t.median_ms / total, node.op, node.name);
    }
    Ok(())
}
