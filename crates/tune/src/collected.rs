//! Measured programs of a task as a file: what cost models learn from.
//!
//! Gzip'd JSON lines. The first says what was measured, and holds the space, so that programs replay whatever becomes of the
//! rules that made it; each of the others is a program: its sketch (`k`), its decisions (`d`: factors, the number of an option,
//! an order as `{"order": […]}`), and its time (`ms`, `spread`, `drift`) or why there is none (`error`); `e` is 1 where it was bred
//! from fast ones, and 0 where it was drawn at random.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tachograph_program::{Choice, Point, Space, Workload};

use crate::{Error, Result, live::Timed};

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectedHead {
    /// Version of the file.
    pub version: u32,
    /// The task.
    pub workload: Workload,
    /// Networks that it is of.
    pub networks: Vec<String>,
    /// On what.
    pub device: String,
    /// By which compiler, with which flags.
    pub compiler: String,
    /// What its points are points of.
    pub space: Space,
}

impl CollectedHead {
    /// Milliseconds of one run at rates of 100 GFLOP/s and 10 GB/s: the roofline of some core.
    pub fn roofline_ms(&self) -> f64 {
        let (flops, bytes) = (self.workload.flops() as f64, self.workload.bytes() as f64);
        (flops / 100e6).max(bytes / 10e6)
    }
}

/// A measured program.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectedProgram {
    /// Its point in the space of the head.
    pub point: Point,
    /// Its time, or why there is none.
    pub outcome: Result<Timed, String>,
    /// By how much the machine was slower than when the first programs of the task were measured: the time is divided by it.
    pub drift: f64,
    /// Bred from fast ones, and not drawn at random.
    pub evolved: bool,
}

/// The measured programs of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected {
    /// What was measured.
    pub head: CollectedHead,
    /// The programs, in the order in which they were measured.
    pub programs: Vec<CollectedProgram>,
}

impl Collected {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;

    /// Reads a file.
    ///
    /// # Errors
    /// With file and line: what cannot be read or understood, a file of another version, a point that is not of its space.
    pub fn read(path: &Path) -> Result<Self> {
        let unread = |source| Error::Read { path: path.into(), source };
        let mut lines = BufReader::new(MultiGzDecoder::new(File::open(path).map_err(unread)?)).lines();
        let refuse =
            |line: u64, message: String| Error::Table { path: path.into(), line: Some(line), column: None, message };
        let first = lines.next().transpose().map_err(unread)?.unwrap_or_default();
        let head: Value = serde_json::from_str(&first).map_err(|error| refuse(1, error.to_string()))?;
        if head["version"] != Self::VERSION {
            let message = format!("version {} where {} is read", head["version"], Self::VERSION);
            return Err(refuse(1, message));
        }
        let head: CollectedHead = serde_json::from_value(head).map_err(|error| refuse(1, error.to_string()))?;
        let mut programs = Vec::new();
        for (i, line) in lines.enumerate() {
            let line = line.map_err(unread)?;
            let number = i as u64 + 2;
            let value: Value = serde_json::from_str(&line).map_err(|error| refuse(number, error.to_string()))?;
            let program = program(&value).ok_or_else(|| refuse(number, "is no program".into()))?;
            head.space.encode(&program.point).map_err(|error| refuse(number, error.to_string()))?;
            programs.push(program);
        }
        Ok(Self { head, programs })
    }

    /// Reads the files of a folder, in the order of their names, which are those of tasks.
    ///
    /// # Errors
    /// As [`Collected::read`]; a folder that cannot be read.
    pub fn folder(folder: &Path) -> Result<Vec<(String, Self)>> {
        let unread = |source| Error::Read { path: folder.into(), source };
        let entries = std::fs::read_dir(folder).map_err(unread)?.collect::<Result<Vec<_>, _>>().map_err(unread)?;
        let named = |entry: &std::fs::DirEntry| {
            Some((entry.file_name().to_str()?.strip_suffix(".jsonl.gz")?.to_owned(), entry.path()))
        };
        let mut files: Vec<_> = entries.iter().filter_map(named).collect();
        files.sort();
        files.into_iter().map(|(name, path)| Ok((name, Self::read(&path)?))).collect()
    }

    /// Writes the file anew: what was there stays whole until all of it is written.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let unwritten = |source| Error::Read { path: path.into(), source };
        let beside = path.with_extension("part");
        let mut out = GzEncoder::new(File::create(&beside).map_err(unwritten)?, Compression::best());
        let head = serde_json::to_string(&self.head).map_err(|error| unwritten(error.into()))?;
        writeln!(out, "{head}").map_err(unwritten)?;
        for program in &self.programs {
            writeln!(out, "{}", line(program)).map_err(unwritten)?;
        }
        out.finish().and_then(|file| file.sync_all()).map_err(unwritten)?;
        std::fs::rename(&beside, path).map_err(unwritten)
    }
}

fn line(program: &CollectedProgram) -> Value {
    let choice = |choice: &Choice| match choice {
        Choice::Tile(factors) => json!(factors),
        Choice::Category(option) => json!(option),
        Choice::Order(order) => json!({ "order": order }),
    };
    let decisions: Vec<Value> = program.point.choices.iter().map(choice).collect();
    let mut line = json!({ "k": program.point.sketch, "d": decisions, "e": u8::from(program.evolved) });
    match &program.outcome {
        Ok(timed) => {
            // Five digits: no timing has more.
            line["ms"] = json!(format!("{:.4e}", timed.ms).parse::<f64>().unwrap_or(timed.ms));
            line["spread"] = json!((timed.spread * 1e4).round() / 1e4);
            line["drift"] = json!((program.drift * 1e3).round() / 1e3);
        }
        Err(why) => line["error"] = json!(why),
    }
    line
}

fn program(line: &Value) -> Option<CollectedProgram> {
    let choice = |value: &Value| match value {
        Value::Array(_) => Some(Choice::Tile(serde_json::from_value(value.clone()).ok()?)),
        Value::Number(option) => Some(Choice::Category(usize::try_from(option.as_u64()?).ok()?)),
        other => Some(Choice::Order(serde_json::from_value(other.get("order")?.clone()).ok()?)),
    };
    let choices = line["d"].as_array()?.iter().map(choice).collect::<Option<Vec<_>>>()?;
    let outcome = match line["error"].as_str() {
        Some(why) => Err(why.to_owned()),
        None => Ok(Timed { ms: line["ms"].as_f64()?, spread: line["spread"].as_f64()? }),
    };
    let drift = if outcome.is_ok() { line["drift"].as_f64()? } else { 1.0 };
    let sketch = usize::try_from(line["k"].as_u64()?).ok()?;
    Some(CollectedProgram { point: Point { sketch, choices }, outcome, drift, evolved: line["e"].as_u64()? == 1 })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use tachograph_ir::DType::F32;
    use tachograph_program::{Builder, operator};

    use super::*;
    use crate::live;

    #[test]
    fn programs_come_back_and_what_is_wrong_is_said() {
        let mut b = Builder::new("dense");
        let (x, w) = (b.input("x", F32, &[16, 24]).unwrap(), b.weight("w", F32, &[24, 32]).unwrap());
        let y = operator::matmul(&mut b, x, w).unwrap();
        let workload = b.finish(&[y]).unwrap();
        let space = live::space(&workload).unwrap();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
        let program = |i: usize| CollectedProgram {
            point: space.sample(&mut rng).unwrap(),
            outcome: if i % 5 == 4 { Err("Hang: 10 s".into()) } else { Ok(Timed { ms: 0.012345, spread: 0.0123 }) },
            drift: if i % 5 == 4 { 1.0 } else { 0.987 },
            evolved: i % 2 == 1,
        };
        let programs: Vec<CollectedProgram> = (0..40).map(program).collect();
        let (networks, device, compiler) = (vec!["net".into()], "cpu".into(), "cc -O2".into());
        let head = CollectedHead { version: Collected::VERSION, workload, networks, device, compiler, space };
        let set = Collected { head, programs };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl.gz");
        set.write(&path).unwrap();
        set.write(&path).unwrap();
        assert_eq!(Collected::read(&path).unwrap(), set);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

        let mut other = set.clone();
        other.head.version = 7;
        other.write(&path).unwrap();
        assert!(Collected::read(&path).unwrap_err().to_string().ends_with("line 1: version 7 where 1 is read"));
        let mut other = set;
        other.programs[1].point.sketch = 99;
        other.write(&path).unwrap();
        assert!(Collected::read(&path).unwrap_err().to_string().contains("line 3"));
    }
}
