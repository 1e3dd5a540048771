//! What the examples share: reading a model, and how they end. The examples beside this file need no libtorch.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use tachograph_import::Imported;
use tachograph_ir::{Assignment, BoundGraph};

/// Reads `path` and binds `name=value` pairs.
pub fn load(path: &Path, bind: &[String]) -> Result<(Imported, BoundGraph)> {
    let model = tachograph_import::load(path).with_context(|| path.display().to_string())?;
    let mut config = Assignment::new();
    for pair in bind.iter().flat_map(|b| b.split(',')) {
        let Some((name, value)) = pair.split_once('=') else { bail!("--bind {pair}: expected name=value") };
        let value = value.trim().parse().with_context(|| format!("--bind {pair}: `{value}` is not an extent"))?;
        config.insert(name.trim().to_owned(), value);
    }
    let bound = model.graph.bind(&config).with_context(|| path.display().to_string())?;
    Ok((model, bound))
}

/// Prints how positive values are distributed, in ten classes of equal width on a logarithmic scale.
pub fn histogram(values: impl Iterator<Item = f64>, unit: &str) {
    let values: Vec<f64> = values.collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let mut counts = [0_usize; 10];
    let step = (most / least).ln().max(f64::MIN_POSITIVE) / counts.len() as f64;
    for value in &values {
        let class = ((value / least).ln() / step) as usize;
        counts[class.min(counts.len() - 1)] += 1;
    }
    let longest = counts.iter().copied().max().unwrap_or(0).max(1);
    for (class, count) in counts.iter().enumerate().filter(|_| !values.is_empty()) {
        let from = least * (class as f64 * step).exp();
        println!("  {from:10.3} {unit}  {count:8}  {}", "#".repeat((50 * count).div_ceil(longest)));
    }
}

/// Runs a program: one line on standard error and exit code 2 for an error, and a quiet end where the reader of its
/// output has gone (`| head`).
pub fn exit(run: impl FnOnce() -> Result<()>) -> ExitCode {
    #[cfg(unix)]
    // SAFETY: restores what the system does by default, before any thread is started.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A cause that the message before it quotes is not said twice.
            let mut text = String::new();
            for cause in error.chain().map(ToString::to_string) {
                if !text.contains(&cause) {
                    text += if text.is_empty() { "" } else { ": " };
                    text += &cause;
                }
            }
            eprintln!("error: {text}");
            ExitCode::from(2)
        }
    }
}
