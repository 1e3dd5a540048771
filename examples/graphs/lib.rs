//! What the examples share: reading a model, and how they end. The examples beside this file need no libtorch.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use tachograph_import::Model;
use tachograph_ir::{Concrete, Config};

/// Reads `path` and binds `name=value` pairs.
pub fn load(path: &Path, bind: &[String]) -> Result<(Model, Concrete)> {
    let model = tachograph_import::load(path).with_context(|| path.display().to_string())?;
    let mut config = Config::new();
    for pair in bind.iter().flat_map(|b| b.split(',')) {
        let Some((name, value)) = pair.split_once('=') else { bail!("--bind {pair}: expected name=value") };
        let value = value.trim().parse().with_context(|| format!("--bind {pair}: `{value}` is not an extent"))?;
        config.insert(name.trim().to_owned(), value);
    }
    let bound = model.graph.bind(&config).with_context(|| path.display().to_string())?;
    Ok((model, bound))
}

/// One line on standard error and exit code 2 for an error.
pub fn exit(result: Result<()>) -> ExitCode {
    match result {
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
