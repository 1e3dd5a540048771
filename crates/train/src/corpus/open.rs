//! Data sets by name, folder or table.

use std::path::Path;

use tachograph_datasets::{CsvSet, DataSet, SETS, data_root};

use super::{Choice, Corpus, rows};
use crate::{Error, Result};

impl Corpus {
    /// Opens a data set and reads it: a folder in the project's own format, a table (`.csv`, `.csv.gz`) beside model
    /// files, or a published set by name, below `root` (by default what `TACHOGRAPH_DATA` names, or `../shared/data`).
    ///
    /// # Errors
    /// As [`Corpus::read`]; a name of no data set.
    pub fn open(data: &Path, root: Option<&Path>, choice: &Choice) -> Result<Self> {
        let name = data.display().to_string();
        if data.is_dir() {
            return Self::of_data_set(&DataSet::open(data)?, choice);
        }
        if name.ends_with(".csv") || name.ends_with(".csv.gz") {
            return Ok(Self { data: name, ..Self::read(&CsvSet::open(data)?, choice)? });
        }
        if SETS.iter().any(|set| set.name == name) {
            return Self::read(&*tachograph_datasets::open(&name, &data_root(root))?, choice);
        }
        let known = SETS.iter().map(|set| set.name).collect::<Vec<_>>().join(", ");
        Err(Error::UnknownDataSet { name, known })
    }

    /// Reads a set in the project's own format.
    ///
    /// # Errors
    /// As [`Corpus::read`].
    pub fn of_data_set(data: &DataSet, choice: &Choice) -> Result<Self> {
        use tachograph_datasets::Source;
        let rows = rows::of_data_set(data);
        Self::build(data.dir().display().to_string(), rows, choice, &|network| Ok(data.graph(network)?))
    }
}
