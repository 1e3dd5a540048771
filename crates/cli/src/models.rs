//! Model files on the command line.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use tachograph_import::{Bound, Error, Imported};
use tachograph_ir::{Assignment, BoundGraph, Free};

use crate::exit::{self, Usage};

/// Values of open dimensions.
#[derive(clap::Args, Clone)]
pub struct Bind {
    /// Values of open dimensions, such as `batch=8`; several with commas, or by giving it again. Of several models each
    /// takes those that it has.
    #[arg(long = "bind", value_name = "NAME=VALUE", value_parser = pairs)]
    given: Vec<Pairs>,
    /// What is open in any of the models, once somebody asked.
    #[arg(skip)]
    open: OnceCell<BTreeSet<String>>,
}

/// Names and values of one option.
#[derive(Clone)]
struct Pairs(Vec<(String, u64)>);

impl Bind {
    /// The values, each name once.
    ///
    /// # Errors
    /// A name that was given twice.
    pub fn config(&self) -> Result<Assignment> {
        let pairs: Vec<_> = self.given.iter().flat_map(|pairs| pairs.0.iter().cloned()).collect();
        once("--bind", &pairs)
    }

    /// The same with one value more.
    pub fn with(&self, name: &str, value: u64) -> Self {
        let mut more = self.clone();
        more.given.push(Pairs(vec![(name.to_owned(), value)]));
        more
    }

    /// The values for a model: without names that it has not, if another one of `among` has them.
    ///
    /// # Errors
    /// As [`Self::config`].
    pub fn config_for(&self, model: &Imported, among: &[PathBuf]) -> Result<Assignment> {
        let (mut config, own) = (self.config()?, model.graph.hyperparameters());
        if among.len() > 1 && config.keys().any(|name| !own.contains_key(name)) {
            let names =
                |path: &PathBuf| Some(read(path).ok()?.graph.hyperparameters().keys().cloned().collect::<Vec<_>>());
            let open = self.open.get_or_init(|| among.iter().filter_map(names).flatten().collect());
            config.retain(|name, _| own.contains_key(name) || !open.contains(name));
        }
        Ok(config)
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

/// Commas separate, but for those in names: exporters put anything into them, such as `Max(1, s53)`.
fn pairs(text: &str) -> Result<Pairs> {
    let (mut all, mut name) = (Vec::new(), String::new());
    for part in text.split(',') {
        name += part;
        match part.contains('=') {
            true => all.push(pair(&std::mem::take(&mut name))?),
            false => name.push(','),
        }
    }
    ensure!(name.is_empty(), "expected NAME=VALUE, such as batch=8");
    Ok(Pairs(all))
}

/// The last `=` separates, as names may hold others.
fn pair(text: &str) -> Result<(String, u64)> {
    let (name, value) = text.rsplit_once('=').context("expected NAME=VALUE, such as batch=8")?;
    let number = value.trim().parse().ok();
    let number = number.with_context(|| format!("`{value}` is no extent: a whole number such as 8"))?;
    ensure!(!name.trim().is_empty(), "no name before `=`");
    Ok((name.trim().to_owned(), number))
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

/// A model file, read, of which dimensions are open without a value.
pub struct Open {
    /// What the user called it.
    pub path: String,
    /// What is in it.
    pub imported: Imported,
    /// The dimensions.
    pub open: Vec<Free>,
    /// Values that bind it, those that were given among them.
    pub example: Assignment,
}

impl Open {
    /// A ready option that binds it.
    pub fn bind(&self) -> String {
        let pairs: Vec<String> = self.example.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("--bind '{}'", pairs.join(",").replace('\'', r"'\''"))
    }

    /// What is open, and what to do.
    fn error(&self) -> anyhow::Error {
        let open: Vec<String> = self.open.iter().map(Free::place).collect();
        anyhow!("{}: open without a value: {}; bind such as {}", self.path, open.join(", "), self.bind())
    }
}

impl Model {
    /// Reads and binds one file `among` those to which `bind` applies.
    ///
    /// # Errors
    /// A file that is missing, damaged or of another kind; dimensions that are open, or cannot be bound; a name that none of
    /// them has.
    pub fn among(path: &Path, among: &[PathBuf], bind: &Bind) -> Result<Self> {
        Self::read(path, among, bind)?.map_err(|open| open.error())
    }

    /// The same, where open dimensions are no error.
    ///
    /// # Errors
    /// As [`Self::among`], but for open dimensions.
    pub fn read(path: &Path, among: &[PathBuf], bind: &Bind) -> Result<Result<Self, Open>> {
        let (name, imported) = (path.display().to_string(), read(path)?);
        let config = bind.config_for(&imported, among)?;
        Ok(match imported.bind(&config) {
            Ok(Bound { graph, notes }) => {
                let warnings = notes.into_iter().chain(imported.warnings.iter().cloned()).collect();
                Ok(Self { path: name, bound: graph, imported, warnings })
            }
            Err(Error::Open { open, example, .. }) => Err(Open { path: name, imported, open, example }),
            Err(error) => return Err(error.of(&name).into()),
        })
    }

    /// Says the warnings, with the name of the file where there are several.
    pub fn warn(&self, several: bool) {
        let name = if several { format!("{}: ", self.path) } else { String::new() };
        self.warnings.iter().for_each(|warning| exit::warn(&format!("{name}{warning}")));
    }
}

/// The values that `imported` is bound with, with what is assumed beside them and a note on each assumption. Those of
/// `over` are given by another option than `--bind`.
///
/// # Errors
/// Dimensions that are open, with a ready option, or cannot be bound.
pub fn complete(
    name: &str,
    imported: &Imported,
    bind: &Assignment,
    over: &Assignment,
) -> Result<(Assignment, Vec<String>)> {
    let given = bind.iter().chain(over).map(|(name, value)| (name.clone(), *value)).collect();
    imported.complete(&given).map_err(|error| match error {
        Error::Open { open, mut example, .. } => {
            example.retain(|name, _| !over.contains_key(name));
            Open { path: name.to_owned(), imported: imported.clone(), open, example }.error()
        }
        error => error.of(name).into(),
    })
}

/// Reads a file without binding it.
///
/// # Errors
/// A file that is missing, damaged or of another kind.
pub fn read(path: &Path) -> Result<Imported> {
    Ok(tachograph_import::load(path)?)
}

/// Model files and how to bind them.
#[derive(clap::Args)]
pub struct Models {
    /// Model files: ONNX, TFLite or ncnn's `.param`, compressed with gzip or not; `-` for standard input.
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    #[command(flatten)]
    pub bind: Bind,
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn names_may_hold_what_separates() {
        let read = |text: &str| pairs(text).map(|pairs| pairs.0).map_err(|error| error.to_string());
        let pair = |name: &str, value| (name.to_owned(), value);
        assert_eq!(read("batch=8, seq = 3"), Ok(vec![pair("batch", 8), pair("seq", 3)]));
        assert_eq!(read("a=b=2,Max(1, s53)=7"), Ok(vec![pair("a=b", 2), pair("Max(1, s53)", 7)]));
        assert!(read("batch").is_err() && read("batch=8,").is_err() && read("=3").is_err());
        assert_eq!(read("batch=-1").unwrap_err(), "`-1` is no extent: a whole number such as 8");
    }
}
