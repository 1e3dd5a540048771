//! Any set of measurements by the name a user gives it.

use std::path::Path;

use crate::{CsvSet, DataSet, Error, Result, SETS, Source, data_root, open};

/// Opens measurements: a folder in the project's own format, a table (`.csv`, `.csv.gz`) beside model files, or a
/// published set by name, below `root` (by default that of [`data_root`]).
///
/// # Errors
/// A set that cannot be read, or a name of none.
pub fn find(data: &Path, root: Option<&Path>) -> Result<Box<dyn Source>> {
    let name = data.display().to_string();
    if data.is_dir() {
        return Ok(Box::new(DataSet::open(data)?));
    }
    if data.is_file() || name.ends_with(".csv") || name.ends_with(".csv.gz") {
        return Ok(Box::new(CsvSet::open(data)?));
    }
    if SETS.iter().any(|set| set.name == name) {
        return open(&name, &data_root(root));
    }
    Err(Error::UnknownSet(name))
}
