//! Model files on the command line.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use tachograph_import::{Error, Imported};
use tachograph_ir::{Assignment, BoundGraph};

use crate::exit::Usage;

/// Values of open dimensions.
#[derive(clap::Args)]
pub struct Bind {
    /// Values of open dimensions, such as `batch=8`; several with commas, or by giving it again.
    #[arg(long = "bind", value_name = "NAME=VALUE", value_delimiter = ',', value_parser = pair)]
    pairs: Vec<(String, u64)>,
}

impl Bind {
    /// The values, each name once.
    ///
    /// # Errors
    /// A name that was given twice.
    pub fn config(&self) -> Result<Assignment> {
        once("--bind", &self.pairs)
    }
}

/// Pairs of an option as a map.
///
/// # Errors
/// A name that was given twice, which the command line may not.
pub fn once<V: Clone>(option: &str, pairs: &[(String, V)]) -> Result<BTreeMap<String, V>> {
    let mut map = BTreeMap::new();
    for (name, value) in pairs {
        if map.insert(name.clone(), value.clone()).is_some() {
            return Err(Usage(format!("{option} gives `{name}` twice")).into());
        }
    }
    Ok(map)
}

/// The last `=` separates, since exporters put anything into names.
fn pair(text: &str) -> Result<(String, u64)> {
    let (name, value) = text.rsplit_once('=').context("expected NAME=VALUE, such as batch=8")?;
    let value = value.trim().parse().with_context(|| format!("`{value}` is not an extent"))?;
    ensure!(!name.trim().is_empty(), "no name before `=`");
    Ok((name.trim().to_owned(), value))
}

/// A model file, read and bound.
pub struct Model {
    /// What the user called it.
    pub path: String,
    /// What is in it.
    pub imported: Imported,
    /// Bound as asked for.
    pub bound: BoundGraph,
    /// What was assumed, and what to know before trusting any number.
    pub warnings: Vec<String>,
}

impl Model {
    /// Reads and binds a file.
    ///
    /// # Errors
    /// A file that is missing, damaged or of another kind; dimensions that are open, or cannot be bound.
    pub fn load(path: &Path, bind: &Bind) -> Result<Self> {
        let name = path.display().to_string();
        let config = bind.config()?;
        let imported = read(path)?;
        let bound = imported.bind(&config).map_err(|error| unbound(&name, &config, error))?;
        let mut warnings = bound.notes;
        warnings.extend(imported.warnings.iter().cloned());
        Ok(Self { path: name, bound: bound.graph, imported, warnings })
    }

    /// Says the warnings, with the name of the file where there are several.
    pub fn warn(&self, several: bool) {
        let name = if several { format!("{}: ", self.path) } else { String::new() };
        self.warnings.iter().for_each(|warning| eprintln!("warning: {name}{warning}"));
    }
}

/// Why the model file `name` cannot be bound with what was given to `--bind`, with a ready one where something is missing.
pub fn unbound(name: &str, given: &Assignment, error: Error) -> anyhow::Error {
    match error {
        Error::Open { names, .. } => {
            let given = given.iter().map(|(name, value)| format!("{name}={value}"));
            let example: Vec<String> = given.chain(names.iter().map(|name| format!("{name}=128"))).collect();
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let (open, example) = (names.join(", "), example.join(","));
            anyhow::anyhow!("{name}: open without a value: {open}; bind such as --bind '{example}'")
        }
        error => anyhow::Error::new(error).context(name.to_owned()),
    }
}

/// Reads a file without binding it.
///
/// # Errors
/// A file that is missing, damaged or of another kind.
pub fn read(path: &Path) -> Result<Imported> {
    let name = || path.display().to_string();
    ensure!(!path.is_dir(), "{}: a folder, not a model file", name());
    tachograph_import::load(path).with_context(name)
}

/// Model files and how to bind them.
#[derive(clap::Args)]
pub struct Models {
    /// Model files: ONNX, TFLite or ncnn's `.param`, compressed with gzip or not.
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    #[command(flatten)]
    pub bind: Bind,
}
