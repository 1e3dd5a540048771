//! JSON lines, with the line number in every error.

use std::{
    fs,
    io::{BufRead, Write},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result};

/// Parses every line; a last line without its end counts as cut.
pub fn read<T: DeserializeOwned>(
    path: &Path,
    mut reader: impl BufRead,
    mut each: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => each(number, parse(path, number, &line)?)?,
            Err(error) => return Err(Error::line(path, number, format!("cannot be read: {error}"))),
        }
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(path: &Path, number: usize, line: &[u8]) -> Result<T> {
    let Some(text) = line.strip_suffix(b"\n") else {
        return Err(Error::line(path, number, format!("the line is cut after {} bytes", line.len())));
    };
    serde_json::from_slice(text).map_err(|e| Error::line(path, number, format!("column {}: {e}", e.column())))
}

/// Cuts a file that a killed process left behind after its last whole line. Returns what was wrong with
/// the tail, if anything. A faulty line *before* the last is no torn write and stays for [`read`] to report.
pub fn mend<T: DeserializeOwned>(path: &Path) -> Result<Option<String>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(path)(error)),
    };
    let body = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let start = body.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let last = &bytes[start..];
    if last.is_empty() {
        return Ok(None);
    }
    let number = bytes[..start].iter().filter(|&&b| b == b'\n').count() + 1;
    let Err(error) = parse::<T>(path, number, last) else { return Ok(None) };
    let file = fs::OpenOptions::new().write(true).open(path).map_err(Error::io(path))?;
    file.set_len(start as u64).and_then(|()| file.sync_all()).map_err(Error::io(path))?;
    Ok(Some(format!("{error}; dropped")))
}

/// Appends one line in one write, and waits until it is on the disk.
pub fn append<T: Serialize>(path: &Path, file: &mut fs::File, value: &T) -> Result<()> {
    let mut line = serde_json::to_vec(value).map_err(|e| Error::damaged(path, e.to_string()))?;
    line.push(b'\n');
    file.write_all(&line).and_then(|()| file.sync_data()).map_err(Error::io(path))
}
