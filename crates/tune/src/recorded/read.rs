//! Reading tables.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use csv::{ByteRecord, ReaderBuilder, StringRecord};
use rustc_hash::FxHashMap;
use tachograph_program::{Choice, Decision, Point, Sketch, Space};

use super::{Recorded, Row, Table};
use crate::{Domain, Error, Result};

/// Columns that are no parameters: what was measured where, by whom and when. Besides, names that end in `_ms`, and what
/// follows both `time_ms` and `error` (counters of the hardware).
const NO_PARAMETERS: [&str; 16] = [
    "device",
    "task",
    "index",
    "trial",
    "series",
    "run",
    "id",
    "technique",
    "baseline",
    "model",
    "tuner",
    "repetition",
    "reps",
    "valid",
    "error",
    "rel_sd",
];

/// No table of this kind is larger when decompressed.
const LIMIT: u64 = 4 << 30;

/// What each column is.
struct Columns {
    parameters: Vec<usize>,
    device: Option<usize>,
    task: Option<usize>,
    /// One, or several whose mean is the time.
    times: Vec<usize>,
    valid: Option<usize>,
    error: Option<usize>,
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, String> {
        let find = |name: &str| header.iter().position(|column| column == name);
        for (i, name) in header.iter().enumerate() {
            if find(name) != Some(i) {
                return Err(format!("two columns are called `{name}`"));
            }
        }
        // Single timings: `run1_ms`, `t0_ms`.
        let numbered = |name: &str| {
            let stem = name.strip_suffix("_ms").unwrap_or("");
            let letters = stem.trim_end_matches(|c: char| c.is_ascii_digit());
            letters.len() < stem.len() && !letters.is_empty() && letters.chars().all(|c| c.is_ascii_lowercase())
        };
        let times: Vec<usize> = match find("time_ms") {
            Some(i) => vec![i],
            None => (0..header.len()).filter(|&i| numbered(&header[i])).collect(),
        };
        if times.is_empty() {
            return Err("there is no column `time_ms`".into());
        }
        let error = find("error");
        let measured = error.map_or(header.len(), |error| error.max(times[0]));
        let parameter = |i: &usize| {
            let name = &header[*i];
            !(NO_PARAMETERS.contains(&name) || name.ends_with("_ms") || *i > measured)
        };
        let parameters: Vec<usize> = (0..header.len()).filter(parameter).collect();
        if parameters.is_empty() {
            return Err("no column is a parameter".into());
        }
        Ok(Self { parameters, device: find("device"), task: find("task"), times, valid: find("valid"), error })
    }

    fn row(&self, record: &StringRecord) -> Result<Row, (usize, String)> {
        let text = |column: Option<usize>| column.map_or("", |i| record[i].trim());
        let error = text(self.error);
        let valid = match (text(self.valid), self.valid) {
            (_, None) => error.is_empty(),
            ("1" | "true" | "True", _) => true,
            ("0" | "false" | "False", _) => false,
            (other, Some(i)) => return Err((i, format!("`{other}` is neither 1 nor 0"))),
        };
        let mut times = Vec::new();
        for &i in &self.times {
            match record[i].trim() {
                "" => {}
                text => match text.parse::<f64>() {
                    Ok(time) if time.is_finite() && time > 0.0 => times.push(time),
                    Ok(_) | Err(_) if !valid => {}
                    Ok(_) => return Err((i, format!("`{text}` is no time"))),
                    Err(_) => return Err((i, format!("`{text}` is no number"))),
                },
            }
        }
        let outcome = match (valid, times.is_empty()) {
            (true, false) => Ok(times.iter().sum::<f64>() / times.len() as f64),
            (true, true) if self.valid.is_some() => return Err((self.times[0], "a valid row has no time".into())),
            (true, true) => Err("no time".into()),
            (false, _) if error.is_empty() => Err("failed".into()),
            // AutoTVM's numbers of errors, and words, as they are.
            (false, _) if error.parse::<u32>().is_ok() => Err(format!("error {error}")),
            (false, _) => Err(error.into()),
        };
        let values = self.parameters.iter().map(|&i| record[i].trim().to_owned()).collect();
        Ok(Row { device: text(self.device).into(), task: text(self.task).into(), values, outcome })
    }
}

impl Table {
    /// Reads a CSV file, gzip'd or not.
    ///
    /// # Errors
    /// With file, line and column: what cannot be read or understood.
    pub fn read(path: &Path) -> Result<Self> {
        let unread = |source| Error::Read { path: path.to_owned(), source };
        let mut file = BufReader::new(File::open(path).map_err(unread)?);
        let zipped = file.fill_buf().map_err(unread)?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn Read> =
            if zipped { Box::new(flate2::bufread::MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut csv = ReaderBuilder::new().has_headers(false).from_reader(reader.take(LIMIT));

        let wrong = |line: Option<u64>, column: Option<String>, message: String| Error::Table {
            path: path.to_owned(),
            line,
            column,
            message,
        };
        let mut record = ByteRecord::new();
        let mut next = |header: Option<&StringRecord>| -> Result<Option<(u64, StringRecord)>> {
            let more = csv.read_byte_record(&mut record).map_err(|error| match error.kind() {
                csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                    let line = pos.as_ref().map(csv::Position::line);
                    let column = header.and_then(|header| header.get(*len as usize)).map(str::to_owned);
                    wrong(line, column, format!("{len} fields where there are {expected_len} columns"))
                }
                _ => wrong(error.position().map(csv::Position::line), None, error.to_string()),
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            match more.then(|| StringRecord::from_byte_record(record.clone())) {
                None => Ok(None),
                Some(Ok(text)) => Ok(Some((line, text))),
                Some(Err(error)) => {
                    let column = header.and_then(|header| header.get(error.utf8_error().field())).map(str::to_owned);
                    Err(wrong(Some(line), column, "not UTF-8".into()))
                }
            }
        };
        let Some((_, mut header)) = next(None)? else {
            return Err(wrong(None, None, "the file is empty".into()));
        };
        header.trim();
        let columns = Columns::of(&header).map_err(|message| wrong(Some(1), None, message))?;
        let mut rows = Vec::new();
        while let Some((line, record)) = next(Some(&header))? {
            let row = columns.row(&record);
            rows.push(row.map_err(|(i, message)| wrong(Some(line), Some(header[i].to_owned()), message))?);
        }
        if rows.is_empty() {
            return Err(wrong(None, None, "there is no row below the header".into()));
        }
        let parameters = columns.parameters.iter().map(|&i| header[i].to_owned()).collect();
        let (has_device, has_task) = (columns.device.is_some(), columns.task.is_some());
        Ok(Self { path: path.to_owned(), parameters, has_device, has_task, rows })
    }

    /// Devices and tasks, in the order of the file; empty names where there is no such column.
    pub fn spaces(&self) -> Vec<(&str, &str)> {
        let mut seen = rustc_hash::FxHashSet::default();
        let key = |row: &'_ Row| (row.device.clone(), row.task.clone());
        let new = self.rows.iter().filter(|row| seen.insert(key(row)));
        new.map(|row| (row.device.as_str(), row.task.as_str())).collect()
    }

    fn choose<'a>(
        &'a self,
        column: &'static str,
        there: bool,
        wanted: Option<&str>,
        values: Vec<&'a str>,
    ) -> Result<&'a str> {
        let mut distinct: Vec<&str> = Vec::new();
        values.into_iter().for_each(|value| {
            if distinct.last() != Some(&value) && !distinct.contains(&value) {
                distinct.push(value);
            }
        });
        let shown = |values: &[&str]| match values.len() {
            0..=20 => values.join(", "),
            n => format!("{}, … ({n})", values[..20].join(", ")),
        };
        let message = match (there, wanted) {
            (false, None) => return Ok(""),
            (false, Some(wanted)) => format!("there is no column `{column}`, so `{wanted}` cannot be chosen"),
            (true, Some(wanted)) => match distinct.iter().find(|&&value| value == wanted) {
                Some(&value) => return Ok(value),
                None => format!("there is no {column} `{wanted}`; there are: {}", shown(&distinct)),
            },
            (true, None) if distinct.len() == 1 => return Ok(distinct[0]),
            (true, None) => format!("say which {column}: {}", shown(&distinct)),
        };
        let column = there.then(|| column.to_owned());
        Err(Error::Table { path: self.path.clone(), line: None, column, message })
    }

    /// One space of the file. A configuration that was measured several times has the median of its valid times.
    ///
    /// # Errors
    /// A device or a task that is not there, or has to be named because there are several.
    pub fn space<'a>(&'a self, device: Option<&str>, task: Option<&str>) -> Result<Recorded> {
        let devices = self.rows.iter().map(|row| row.device.as_str()).collect();
        let device = self.choose("device", self.has_device, device, devices)?;
        let of_device = || self.rows.iter().filter(|row| row.device == device);
        let task = self.choose("task", self.has_task, task, of_device().map(|row| row.task.as_str()).collect())?;
        let rows: Vec<&Row> = of_device().filter(|row| row.task == task).collect();

        let mut options: Vec<Vec<String>> = vec![Vec::new(); self.parameters.len()];
        let mut known: Vec<FxHashMap<&str, usize>> = vec![FxHashMap::default(); self.parameters.len()];
        let mut points = Vec::new();
        let mut measured: Vec<Vec<&Result<f64, String>>> = Vec::new();
        let mut index: FxHashMap<Point, usize> = FxHashMap::default();
        for row in rows {
            let choice = |(c, value): (usize, &'a String)| {
                Choice::Category(*known[c].entry(value).or_insert_with(|| {
                    options[c].push(value.clone());
                    options[c].len() - 1
                }))
            };
            let point = Point { sketch: 0, choices: row.values.iter().enumerate().map(choice).collect() };
            let i = *index.entry(point.clone()).or_insert_with(|| {
                points.push(point);
                measured.push(Vec::new());
                measured.len() - 1
            });
            measured[i].push(&row.outcome);
        }
        let decisions = self.parameters.iter().zip(options);
        let decisions = decisions.map(|(name, options)| Decision::Category { name: name.clone(), options });
        let sketch = Sketch { name: "recorded".into(), decisions: decisions.collect(), steps: Vec::new() };
        let stem = self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let stem = stem.trim_end_matches(".gz").trim_end_matches(".csv");
        let name = [stem, device, task].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        let domain = Domain::listed(Space { sketches: vec![sketch] }, points)?;
        Ok(Recorded { name, domain, outcomes: measured.iter().map(|outcomes| together(outcomes)).collect() })
    }
}

/// The median of the valid times; the first failure if there are none.
fn together(outcomes: &[&Result<f64, String>]) -> Result<f64, String> {
    let mut times: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().copied()).collect();
    times.sort_by(f64::total_cmp);
    match times.len() {
        0 => outcomes.first().map_or_else(|| Err("failed".into()), |&outcome| outcome.clone()),
        n if n % 2 == 1 => Ok(times[n / 2]),
        n => Ok((times[n / 2 - 1] + times[n / 2]) / 2.0),
    }
}
