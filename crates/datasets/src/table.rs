//! CSV files, compressed with gzip or not.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;
use tachograph_ir::disk::is_gzip;

use crate::{Error, Result};

/// A reader of rows that names file and line in its errors.
pub struct Table {
    path: PathBuf,
    headers: StringRecord,
    rows: csv::StringRecordsIntoIter<Box<dyn Read>>,
}

impl Table {
    /// Opens a table whose first row names the columns.
    pub fn open(path: &Path) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(read(path)?);
        let headers = reader.headers().map_err(|e| Error::line(path, 1, e))?.clone();
        Ok(Self { path: path.into(), headers, rows: reader.into_records() })
    }

    /// Names of the columns.
    pub fn headers(&self) -> &StringRecord {
        &self.headers
    }

    /// An error in a line of this file.
    pub fn error(&self, line: usize, message: impl ToString) -> Error {
        Error::line(&self.path, line, message)
    }

    /// The next row and its line.
    pub fn row(&mut self) -> Option<Result<(usize, StringRecord)>> {
        let row = self.rows.next()?;
        Some(row.map(|row| (line(row.position()), row)).map_err(|e| self.error(line(e.position()), e)))
    }

    /// Rows as records of `T`, whose fields are columns.
    pub fn records<T: DeserializeOwned>(mut self) -> impl Iterator<Item = Result<T>> {
        std::iter::from_fn(move || {
            let (line, row) = match self.row()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            Some(row.deserialize(Some(&self.headers)).map_err(|e| self.error(line, e)))
        })
    }
}

/// A file, unpacked if it is compressed with gzip (its first bytes say).
pub fn read(path: &Path) -> Result<Box<dyn Read>> {
    let open = || File::open(path).map_err(Error::io(path));
    let mut magic = [0; 2];
    let gzip = open()?.read_exact(&mut magic).is_ok() && is_gzip(&magic);
    let file = BufReader::new(open()?);
    Ok(if gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// A JSON file, compressed with gzip or not.
pub fn json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_reader(BufReader::new(read(path)?)).map_err(|e| Error::line(path, e.line(), e))
}

/// Files directly in a folder whose name ends on one of `ends`, in order of name.
pub fn files(folder: &Path, ends: &[&str]) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.file_name().and_then(|n| n.to_str()).is_some_and(|n| ends.iter().any(|end| n.ends_with(end))) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The name of a file without `ends`.
pub fn stem<'a>(path: &'a Path, ends: &[&str]) -> &'a str {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

fn line(position: Option<&csv::Position>) -> usize {
    position.map_or(0, |p| p.line() as usize)
}
