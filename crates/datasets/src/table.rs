//! CSV files, compressed with gzip or not.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use csv::{DeserializeErrorKind, ErrorKind, StringRecord};
use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;
use tachograph_ir::disk::is_gzip;

use crate::{Error, Result};

/// A reader of rows that names file, line and column in its errors. Columns are parted by commas, semicolons or tabs,
/// whichever the header has most of; spaces around cells are none of theirs.
pub struct Table {
    path: PathBuf,
    headers: StringRecord,
    rows: csv::StringRecordsIntoIter<Box<dyn Read>>,
}

impl Table {
    /// Opens a table whose first row names the columns.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = BufReader::new(read(path)?);
        let delimiter = delimiter(file.fill_buf().map_err(Error::io(path))?);
        let file: Box<dyn Read> = Box::new(file);
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(file);
        let headers = reader.headers().map_err(|e| Error::line(path, 1, said(&e)))?.clone();
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
        Some(row.map(|row| (line(row.position()), row)).map_err(|e| self.error(line(e.position()), said(&e))))
    }

    /// Rows as records of `T`, whose fields are columns.
    pub fn records<T: DeserializeOwned>(self) -> impl Iterator<Item = Result<T>> {
        self.numbered().map(|row| row.map(|(_, row)| row))
    }

    /// The same, each with its line.
    pub fn numbered<T: DeserializeOwned>(mut self) -> impl Iterator<Item = Result<(usize, T)>> {
        std::iter::from_fn(move || {
            let (line, row) = match self.row()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            let read = row.deserialize(Some(&self.headers)).map(|record| (line, record));
            Some(read.map_err(|error| self.error(line, self.cell(&row, &error))))
        })
    }

    /// Which cell a row could not be read for.
    fn cell(&self, row: &StringRecord, error: &csv::Error) -> String {
        let ErrorKind::Deserialize { err, .. } = error.kind() else { return said(error) };
        let at = err.field().and_then(|field| usize::try_from(field).ok());
        let what = match err.kind() {
            DeserializeErrorKind::ParseFloat(_) => "is not a number, such as 12.5".to_owned(),
            DeserializeErrorKind::ParseInt(_) => "is not a whole number, 0 or more".to_owned(),
            kind => kind.to_string(),
        };
        match at.and_then(|at| Some((self.headers.get(at)?, row.get(at)?))) {
            Some((column, "")) => format!("column `{column}` is empty"),
            Some((column, value)) => format!("column `{column}`: `{value}` {what}"),
            None => what,
        }
    }
}

/// What parts the columns of a table that begins like this.
fn delimiter(start: &[u8]) -> u8 {
    let header = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| header.iter().filter(|&&byte| byte == delimiter).count();
    // Of equally many the first, which is the last one that `max_by_key` meets.
    b"\t;,".iter().copied().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

/// What is wrong with a row, without its place.
fn said(error: &csv::Error) -> String {
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells, but the first line has {expected_len}")
        }
        ErrorKind::Utf8 { .. } => "is not UTF-8 text; save the table as CSV in UTF-8".into(),
        ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
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
