//! The best point of the templates for a workload, from records or measured now.

use std::{fs, io::Write, path::Path};

use tachograph_program::{Cpu, Machine, Measurer, Record, Schedule, Space, Target, Workload};

use crate::Failure;

/// Most points of a workload that are measured, about.
const MOST: u128 = 64;

/// How many of the fastest are measured once more, in turns and for longer: on a shared machine a time taken minutes ago says
/// little about a difference of a few percent.
const FINALISTS: usize = 8;

/// Records of earlier runs, and the file for new ones.
pub struct Records {
    known: Vec<Record>,
    file: Option<fs::File>,
    /// What measures the finalists.
    last: Cpu,
}

impl Records {
    pub fn open(path: Option<&Path>, last: Cpu) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self { known: Vec::new(), file: None, last }) };
        let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
        let known = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { known, file: Some(fs::OpenOptions::new().create(true).append(true).open(path)?), last })
    }

    /// The fastest schedules, best first, and how many were measured. Every point, or evenly many of them.
    fn fastest(&mut self, cpu: &mut Cpu, workload: &Workload) -> Result<(Vec<Schedule>, usize), Failure> {
        let hash = workload.hash();
        if !self.known.iter().any(|record| record.workload == hash) {
            let space = Space::templates(workload, Machine::of(Target::native()))?;
            let count = space.count().unwrap_or(u128::MAX);
            // Odd, since decisions have two and four options.
            let step = count.div_ceil(MOST) | 1;
            let points = (0..count).step_by(step as usize).filter_map(|n| space.nth(n));
            let schedules = points.map(|point| space.schedule(&point)).collect::<Result<Vec<_>, _>>()?;
            // A few at a time, so that little is lost.
            for some in schedules.chunks(32) {
                for record in cpu.measure(workload, some)? {
                    if let Some(file) = &mut self.file {
                        writeln!(file, "{}", serde_json::to_string(&record)?)?;
                    }
                    self.known.push(record);
                }
            }
        }
        let of = self.known.iter().filter(|record| record.workload == hash);
        let tried = of.clone().count();
        let mut timed: Vec<_> = of.filter_map(|record| Some((record.outcome.nanoseconds()?, record))).collect();
        timed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut schedules: Vec<Schedule> = Vec::new();
        for (_, record) in timed {
            if schedules.len() < FINALISTS && !schedules.contains(&record.schedule) {
                schedules.push(record.schedule.clone());
            }
        }
        match schedules.is_empty() {
            true => Err(format!("no point of {} runs; the first: {:?}", workload.name(), self.known.last()).into()),
            false => Ok((schedules, tried)),
        }
    }

    /// The schedule that is fastest among the best once they take turns, and how many were measured.
    pub fn best(&mut self, cpu: &mut Cpu, workload: &Workload) -> Result<(Schedule, usize), Failure> {
        let (schedules, tried) = self.fastest(cpu, workload)?;
        let again = self.last.measure(workload, &schedules)?;
        let timed = again.into_iter().filter_map(|record| Some((record.outcome.nanoseconds()?, record.schedule)));
        let best = timed.min_by(|a, b| a.0.total_cmp(&b.0)).ok_or("no finalist runs")?;
        Ok((best.1, tried))
    }
}
