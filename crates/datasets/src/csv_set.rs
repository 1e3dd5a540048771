//! Your own measurements: a table beside model files, its columns parted by commas, semicolons or tabs.
//!
//! | column | |
//! |---|---|
//! | `file` | model file of any kind that `tachograph_import` reads; a relative path starts at the table's folder |
//! | `device` | name of the device |
//! | `latency_ms` | time of one run of the whole batch |
//! | `batch` | batch of the run; 1 if absent. Where the graph has a free dimension `batch`, it is bound to it |
//! | `memory_mb`, `energy_j` | peak memory in MB (10⁶ bytes), energy of one run in J; may be absent |
//! | `family` | what may be left out whole; absent: the leading letters of the file's name |

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tachograph_ir::{Graph, Joules, Plain, known_are, meant};

use crate::{About, Error, Measured, Measurement, Measurements, Result, Source, table::Table};

static CSV: About = About {
    name: "csv",
    what: "a table of measurements beside model files",
    from: "your own measurements",
    licence: "yours",
    folder: "",
    files: "",
    open: |path| Ok(Box::new(CsvSet::open(path)?)),
};

/// The columns that mean something.
const COLUMNS: [&str; 7] = ["file", "device", "latency_ms", "batch", "memory_mb", "energy_j", "family"];

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CsvRow {
    /// Model file, as written.
    pub file: String,
    /// Name of the device.
    pub device: String,
    /// Time of one run of the whole batch, in ms.
    pub latency_ms: f64,
    /// Batch of the run.
    #[serde(default)]
    pub batch: Option<u64>,
    /// Peak memory in MB.
    #[serde(default)]
    pub memory_mb: Option<f64>,
    /// Energy of one run in J.
    #[serde(default)]
    pub energy_j: Option<f64>,
    /// Family of the network.
    #[serde(default)]
    pub family: Option<String>,
}

impl CsvRow {
    /// Itself, or which column is wrong.
    fn check(self) -> Result<Self, String> {
        let amount = |value: f64| value.is_finite() && value >= 0.0;
        let wrong = |column: &str, value: &dyn Display, what: &str| Err(format!("column `{column}`: `{value}` {what}"));
        if !(self.latency_ms.is_finite() && self.latency_ms > 0.0) {
            return wrong("latency_ms", &self.latency_ms, "is not a positive time");
        }
        if self.batch == Some(0) {
            return wrong("batch", &0, "is not at least 1");
        }
        for (column, value) in [("memory_mb", self.memory_mb), ("energy_j", self.energy_j)] {
            if let Some(value) = value.filter(|value| !amount(*value)) {
                return wrong(column, &value, "is not 0 or more");
            }
        }
        for (column, value) in [("file", &self.file), ("device", &self.device)] {
            if value.is_empty() {
                return Err(format!("column `{column}` is empty"));
            }
        }
        Ok(self)
    }

    /// The family, given or guessed.
    pub fn family(&self) -> &str {
        let name = self.file.rsplit(['/', '\\']).next().unwrap_or_default();
        let guess = name.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        self.family.as_deref().filter(|family| !family.is_empty()).unwrap_or(guess)
    }

    /// Time, memory and energy, as far as they are there.
    fn measurements(&self) -> impl Iterator<Item = Measurement> {
        let batch = self.batch.unwrap_or(1);
        let time = Measurement::new(&self.file, self.family(), &self.device, batch, Measured::ms(self.latency_ms));
        let memory = self.memory_mb.map(Measured::megabytes);
        let energy = self.energy_j.map(|joules| Measured::Energy(Joules(joules)));
        let others: Vec<_> = memory.into_iter().chain(energy).map(|value| time.with(value)).collect();
        std::iter::once(time).chain(others)
    }
}

/// A table of measurements.
#[derive(Clone, Debug)]
pub struct CsvSet {
    path: PathBuf,
}

impl CsvSet {
    /// Opens a table, compressed with gzip or not.
    ///
    /// # Errors
    /// The file cannot be read, lacks a column, or has one whose name looks like a slip for another that it lacks.
    pub fn open(path: &Path) -> Result<Self> {
        let table = Table::open(path)?;
        let columns: Vec<&str> = table.headers().iter().collect();
        for column in ["file", "device", "latency_ms"] {
            if !columns.contains(&column) {
                return Err(table.error(1, format!("no column `{column}`: {}", known_are(column, &columns))));
            }
        }
        // A column whose name is a slip would be left out unsaid.
        let absent = || COLUMNS.into_iter().filter(|known| !columns.contains(known));
        let unknown = columns.iter().filter(|column| !COLUMNS.contains(column));
        if let Some((column, known)) = unknown.filter_map(|column| Some((column, meant(column, absent())?))).next() {
            return Err(
                table.error(1, format!("column `{}` is none; did you mean `{known}`? rename it if not", Plain(column)))
            );
        }
        Ok(Self { path: path.into() })
    }

    /// All rows.
    ///
    /// # Errors
    /// The table cannot be read; rows that are not what they should be are errors of the iterator.
    pub fn rows(&self) -> Result<impl Iterator<Item = Result<CsvRow>> + '_> {
        let check = |row: Result<(usize, CsvRow)>| {
            let (line, row) = row?;
            row.check().map_err(|message| Error::line(&self.path, line, message))
        };
        Ok(Table::open(&self.path)?.numbered().map(check))
    }

    /// Where a model file lies.
    pub fn model_path(&self, file: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }
}

impl Source for CsvSet {
    fn about(&self) -> &'static About {
        &CSV
    }

    /// As it was given.
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Networks are named by their file.
    fn measurements(&self) -> Result<Measurements<'_>> {
        let all = |row: Result<CsvRow>| match row {
            Ok(row) => row.measurements().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        Ok(Box::new(self.rows()?.flat_map(all)))
    }

    fn graph(&self, network: &str) -> Result<Graph> {
        crate::sets::import(&CSV, network, &self.model_path(network)).map_err(|error| match error {
            Error::NoGraph { network, message, .. } => Error::NoGraph { set: self.name(), network, message },
            error => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> (tempfile::TempDir, Result<Vec<Measurement>>) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("mine.csv");
        std::fs::write(&path, text).unwrap();
        let measurements = CsvSet::open(&path).and_then(|set| set.measurements().and_then(Iterator::collect));
        (root, measurements)
    }

    #[test]
    fn three_columns_are_enough() {
        let (_root, measurements) = table("device,latency_ms,file\npi4,12.5,nets/resnet18.onnx\n");
        let measurement = &measurements.unwrap()[0];
        assert_eq!((measurement.family.as_str(), measurement.batch()), ("resnet", 1));
        assert_eq!(measurement.value, Measured::ms(12.5));
    }

    #[test]
    fn all_columns_are_read_and_empty_cells_are_absent() {
        let text = "file,device,latency_ms,batch,memory_mb,energy_j,family\na.onnx,d,1,8,100,0.5,x\nb.onnx,d,2,,,,\n";
        let all = table(text).1.unwrap();
        let values: Vec<_> = all.iter().map(|m| (m.network.as_str(), m.value)).collect();
        let energy = Measured::Energy(Joules(0.5));
        assert_eq!(values[..2], [("a.onnx", Measured::ms(1.0)), ("a.onnx", Measured::megabytes(100.0))]);
        assert_eq!(values[2..], [("a.onnx", energy), ("b.onnx", Measured::ms(2.0))]);
        assert_eq!((all[2].batch(), all[2].family.as_str()), (8, "x"));
        assert_eq!((all[3].batch(), all[3].family.as_str()), (1, "b"));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let says = |text: &str| table(text).1.unwrap_err().to_string();
        for (text, expected) in [
            ("file,latency_ms\na,1\n", ":1: no column `device`: there are `file`, `latency_ms`"),
            (
                "file,device,latency\na,d,1\n",
                ":1: no column `latency_ms`: did you mean `latency`? there are `file`, `device`, `latency`",
            ),
            (
                "file,device,lateny_ms\na,d,1\n",
                ":1: no column `latency_ms`: did you mean `lateny_ms`? there are `file`, `device`, `lateny_ms`",
            ),
            (
                "file,device,latency_ms,Batch\na,d,1,2\n",
                ":1: column `Batch` is none; did you mean `batch`? rename it if not",
            ),
            (
                "file,device,latency_ms,memory\na,d,1,2\n",
                ":1: column `memory` is none; did you mean `memory_mb`? rename it if not",
            ),
            ("file,device,latency_ms\na,d,1\na.onnx,d,-1\n", ":3: column `latency_ms`: `-1` is not a positive time"),
            (
                "file,device,latency_ms\na.onnx,d,fast\n",
                ":2: column `latency_ms`: `fast` is not a number, such as 12.5",
            ),
            ("file;device;latency_ms\na.onnx;d;1,5\n", ":2: column `latency_ms`: `1,5` is not a number, such as 12.5"),
            ("file,device,latency_ms\na.onnx,d,\n", ":2: column `latency_ms` is empty"),
            ("file,device,latency_ms,batch\na.onnx,d,1,0\n", ":2: column `batch`: `0` is not at least 1"),
            (
                "file,device,latency_ms,batch\na.onnx,d,1,2.5\n",
                ":2: column `batch`: `2.5` is not a whole number, 0 or more",
            ),
            ("file,device,latency_ms,memory_mb\na.onnx,d,1,-3\n", ":2: column `memory_mb`: `-3` is not 0 or more"),
            ("file,device,latency_ms,energy_j\na.onnx,d,1,-3\n", ":2: column `energy_j`: `-3` is not 0 or more"),
            ("file,device,latency_ms\na.onnx,,1\n", ":2: column `device` is empty"),
            ("file,device,latency_ms\na.onnx,d\n", ":2: 2 cells, but the first line has 3"),
        ] {
            let found = says(text);
            assert!(found.ends_with(&format!("mine.csv{expected}")), "{found}");
        }
    }

    #[test]
    fn other_columns_are_left_out() {
        let text = "file,device,latency_ms,latency_us,notes,who\na.onnx,d,1,1000,none,me\n";
        assert_eq!(table(text).1.unwrap()[0].value, Measured::ms(1.0));
    }

    #[test]
    fn semicolons_tabs_and_spaces_part_columns_too() {
        for text in [
            "file; device ; latency_ms\nnets/a.onnx;pi4, new;12.5\n",
            "file\tdevice\tlatency_ms\r\nnets/a.onnx\tpi4, new\t12.5\r\n",
            "\u{feff}file , device,latency_ms\nnets/a.onnx,\"pi4, new\", 12.5\n",
        ] {
            let all = table(text).1.unwrap();
            assert_eq!(
                (all.len(), all[0].device.as_str(), all[0].value),
                (1, "pi4, new", Measured::ms(12.5)),
                "{text}"
            );
        }
    }
}
