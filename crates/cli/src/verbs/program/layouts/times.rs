//! Raw times of assignments, round by round, in a file that survives being killed.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tachograph_metrics::{median, quantile};

/// What was measured: the first line of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Version of the file.
    pub version: u32,
    pub device: String,
    pub compiler: String,
    /// Layouts of the convolutions, in the order in which they run.
    pub assignments: Vec<String>,
}

impl Head {
    pub const VERSION: u32 = 1;
}

/// A round: milliseconds of each assignment, none where it could not be run.
type Round = Vec<Option<f64>>;

/// The times so far.
pub struct Times {
    path: PathBuf,
    rounds: Vec<Round>,
}

impl Times {
    /// What is there of these assignments; a file is begun where there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, or is of other assignments, or of another machine.
    pub fn open(path: &Path, head: Head) -> Result<Self> {
        let of = || path.display().to_string();
        if !path.exists() {
            let mut file = File::create(path).with_context(of)?;
            writeln!(file, "{}", serde_json::to_string(&head)?).with_context(of)?;
            return Ok(Self { path: path.into(), rounds: Vec::new() });
        }
        let text = std::fs::read_to_string(path).with_context(of)?;
        let mut lines = text.lines();
        let there: Option<Head> = lines.next().and_then(|line| serde_json::from_str(line).ok());
        ensure!(
            there.as_ref() == Some(&head),
            "{}: has times of other assignments, or of another machine or compiler; take another folder, or delete it",
            path.display()
        );
        let whole = |round: &Round| round.len() == head.assignments.len();
        // The last line may have been cut off.
        let rounds: Vec<Round> = lines.map_while(|line| serde_json::from_str(line).ok().filter(whole)).collect();
        let times = Self { path: path.into(), rounds };
        if text.lines().count() != times.rounds.len() + 1 || !text.ends_with('\n') {
            let mut file = File::create(path).with_context(of)?;
            writeln!(file, "{}", serde_json::to_string(&head)?).with_context(of)?;
            times.rounds.iter().try_for_each(|round| line(&mut file, round)).with_context(of)?;
        }
        Ok(times)
    }

    /// The rounds.
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// Adds a round, to the file first.
    pub fn push(&mut self, round: Round) -> Result<()> {
        let file = OpenOptions::new().append(true).open(&self.path);
        let written = file.map_err(Into::into).and_then(|mut file| line(&mut file, &round));
        written.with_context(|| self.path.display().to_string())?;
        self.rounds.push(round);
        Ok(())
    }

    fn runs(&self, assignment: usize) -> Vec<f64> {
        self.rounds.iter().filter_map(|round| round.get(assignment).copied().flatten()).collect()
    }

    /// Median of an assignment in milliseconds, and how far its quartiles are apart, relative to that.
    pub fn of(&self, assignment: usize) -> Option<(f64, f32)> {
        let runs = self.runs(assignment);
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|q| quantile(&runs, q));
        let middle = middle?;
        Some((middle, ((high? - low?) / middle) as f32))
    }

    /// By how much medians of odd and of even rounds differ, relative, the median of all assignments; and the share of pairs of
    /// assignments whose medians are further apart than twice that.
    pub fn noise(&self) -> Option<(f64, f64)> {
        let n = self.rounds.first()?.len();
        let half = |i: usize, odd: usize| median(&self.runs(i).into_iter().skip(odd).step_by(2).collect::<Vec<_>>());
        let differ = |i: usize| {
            let (a, b) = (half(i, 0)?, half(i, 1)?);
            Some((a - b).abs() / self.of(i)?.0)
        };
        let noise = median(&(0..n).filter_map(differ).collect::<Vec<_>>())?;
        let all: Vec<f64> = (0..n).filter_map(|i| Some(self.of(i)?.0)).collect();
        let pairs =
            || all.iter().enumerate().flat_map(|(i, a)| all[..i].iter().map(move |b| (a - b).abs() / a.min(*b)));
        let apart = pairs().filter(|difference| *difference > 2.0 * noise).count();
        Some((noise, apart as f64 / pairs().count().max(1) as f64))
    }
}

fn line(file: &mut File, round: &Round) -> Result<()> {
    // Microseconds suffice by a thousandth.
    let rounded: Round = round.iter().map(|ms| ms.map(|ms| (ms * 1e6).round() / 1e6)).collect();
    Ok(writeln!(file, "{}", serde_json::to_string(&rounded)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_is_measured_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.times.jsonl");
        let assignments = ["oo bb", "ii ib", "bb bb"].map(String::from).to_vec();
        let head = Head { version: Head::VERSION, device: "cpu".into(), compiler: "cc".into(), assignments };
        let mut times = Times::open(&path, head.clone()).unwrap();
        for i in 0..4 {
            let extra = f64::from(i) * 0.01;
            times.push(vec![Some(1.0 + extra), None, Some(4.0)]).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 5]).unwrap();
        let mut again = Times::open(&path, head.clone()).unwrap();
        assert_eq!(again.rounds(), &times.rounds()[..3]);
        again.push(vec![Some(1.03), None, Some(4.0)]).unwrap();
        assert_eq!(Times::open(&path, head.clone()).unwrap().rounds(), times.rounds());
        let (ms, spread) = times.of(0).unwrap();
        assert!((ms - 1.015).abs() < 1e-9 && (spread - 0.0148).abs() < 1e-3, "{ms} {spread}");
        assert!(times.of(1).is_none());
        let (noise, apart) = times.noise().unwrap();
        assert!(noise < 0.01 && apart == 1.0, "{noise} {apart}");
        let other = Head { device: "another".into(), ..head };
        assert!(Times::open(&path, other).err().unwrap().to_string().contains("another machine"));
    }
}
