//! Tuning records: how measured schedules stand in a store, and how they are read again.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tachograph_metrics::quantile;
use tachograph_program::{Compiler, Cpu, Measurer, Outcome, Record, Schedule, Settings, Workload, WorkloadHash};
use tachograph_store::{Moment, Store, Tuned, TuningRecord};
use tachograph_tune::live::{Family, Journal, Known, Like, Timed};

use crate::{exit, here::Here};

/// The version of traces that is written and read: a list of steps alone. Others are objects that say their `version`.
const VERSION: u64 = 1;

/// The compiler as records name it, as far as a store takes it.
pub fn compiler(compiler: &Compiler) -> String {
    short(&compiler.name(), 200)
}

fn short(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// A record as the store has it.
///
/// # Errors
/// The schedule is no JSON.
pub fn kept(record: &Record, here: &Here) -> Result<TuningRecord> {
    Ok(TuningRecord {
        workload: record.workload.to_string(),
        device: here.name.clone(),
        hardware: here.hardware.clone(),
        compiler: short(&record.compiler, 200),
        trace: serde_json::to_value(&record.schedule)?,
        outcome: match &record.outcome {
            Outcome::Time { repeats, .. } => Tuned::TimesMs(repeats.iter().map(|ns| ns / 1e6).collect()),
            Outcome::Failed { reason, message } => Tuned::Failure(short(&format!("{reason:?}: {message}"), 1000)),
        },
        date: Moment::now(),
    })
}

/// The schedule of a trace.
///
/// # Errors
/// A trace of another version, by its name; one that is none.
pub fn schedule(trace: &Value) -> Result<Schedule> {
    let steps = match trace.get("version").map(Value::as_u64) {
        None => trace,
        Some(Some(VERSION)) => &trace["steps"],
        Some(other) => {
            let other = other.map_or("unknown".into(), |version| version.to_string());
            bail!("its trace is of version {other}, and this program reads version {VERSION}: a newer one wrote it")
        }
    };
    serde_json::from_value(steps.clone()).context("its trace is no schedule")
}

/// What a record says.
fn known(record: &TuningRecord) -> Result<Known> {
    let outcome = match &record.outcome {
        Tuned::Failure(why) => Err(why.clone()),
        Tuned::TimesMs(times) => {
            let at = |q: f64| quantile(times, q).context("no times");
            let ms = at(0.5)?;
            Ok(Timed { ms, spread: (at(0.75)? - at(0.25)?) / 2.0 / ms })
        }
    };
    Ok(Known { schedule: schedule(&record.trace)?, outcome })
}

/// A store as what live tuning keeps its measurements in: those of this machine's processor by one compiler.
pub struct Kept {
    store: Store,
    here: Here,
    /// Of any compiler where there is none on this machine.
    compiler: Option<String>,
    /// Workloads that stand under their families.
    listed: HashSet<WorkloadHash>,
    /// Records that were refused, each said once.
    refused: HashSet<String>,
}

impl Kept {
    pub fn new(store: Store, here: Here, compiler: Option<String>) -> Self {
        Self { store, here, compiler, listed: HashSet::new(), refused: HashSet::new() }
    }

    /// Records under a key, oldest first.
    fn records(&self, key: &str) -> Result<Vec<TuningRecord>, String> {
        let mut records =
            self.store.tuning(key, &self.here.name, u32::MAX).map_err(|error| format!("the store: {error}"))?;
        records.retain(|record| self.compiler.as_ref().is_none_or(|compiler| *compiler == record.compiler));
        // Those of one moment in an order of their own, which is the same in every store.
        records.sort_by_cached_key(|record| (record.date, record.trace.to_string()));
        Ok(records)
    }

    fn known_of(&mut self, hash: WorkloadHash) -> Result<Vec<Known>, String> {
        let mut all = Vec::new();
        for record in self.records(&hash.to_string())? {
            match known(&record) {
                Ok(known) => all.push(known),
                Err(error) => {
                    let what = format!("a tuning record of {hash}, made {}, is left out: {error:#}", record.date);
                    if self.refused.insert(what.clone()) {
                        exit::warn(&what);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Workloads that were measured are listed under their families, so that other shapes find them: a record whose trace
    /// is the workload.
    fn list(&mut self, workload: &Workload, record: &TuningRecord) -> Result<()> {
        if self.listed.contains(&workload.hash()) || matches!(record.outcome, Tuned::Failure(_)) {
            return Ok(());
        }
        self.listed.insert(workload.hash());
        let key = family(workload);
        let trace = serde_json::to_value(workload)?;
        let there = self.records(&key).map_err(anyhow::Error::msg)?;
        if !there.iter().any(|record| record.trace == trace) {
            self.store.put_tuning(&[TuningRecord { workload: key, trace, ..record.clone() }])?;
        }
        Ok(())
    }
}

fn family(workload: &Workload) -> String {
    format!("family {}", Family::of(workload).name)
}

impl Journal for Kept {
    fn known(&mut self, workload: &Workload) -> Result<Vec<Known>, String> {
        self.known_of(workload.hash())
    }

    fn keep(&mut self, workload: &Workload, records: &[Record]) -> Result<(), String> {
        let mut put = || -> Result<()> {
            let kept = records.iter().map(|record| kept(record, &self.here)).collect::<Result<Vec<_>>>()?;
            self.store.put_tuning(&kept)?;
            kept.iter().try_for_each(|record| self.list(workload, record))
        };
        put().map_err(|error| format!("what was measured cannot be kept: {error:#}"))
    }

    fn like(&mut self, workload: &Workload) -> Result<Vec<Like>, String> {
        let mut found: Vec<Like> = Vec::new();
        for record in self.records(&family(workload))? {
            // Of another version, it helps nobody here.
            let Ok(other) = serde_json::from_value::<Workload>(record.trace) else { continue };
            let hash = other.hash();
            if hash == workload.hash() || found.iter().any(|like| like.workload.hash() == hash) {
                continue;
            }
            let known = self.known_of(hash)?;
            found.push(Like { workload: other, known });
        }
        Ok(found)
    }
}

/// Measures by the system's compiler; what is answered without measuring needs none.
pub struct AtNeed {
    compiler: Option<tachograph_program::Result<Compiler>>,
    cpu: Option<Cpu>,
    patience: f64,
}

impl AtNeed {
    pub fn new(compiler: tachograph_program::Result<Compiler>) -> Self {
        Self { compiler: Some(compiler), cpu: None, patience: 0.0 }
    }
}

impl Measurer for AtNeed {
    fn measure(&mut self, workload: &Workload, schedules: &[Schedule]) -> tachograph_program::Result<Vec<Record>> {
        if let Some(compiler) = self.compiler.take() {
            self.cpu = Some(Cpu::new(compiler?, Settings::default())?);
        }
        match &mut self.cpu {
            Some(cpu) => {
                cpu.be_patient(self.patience);
                cpu.measure(workload, schedules)
            }
            None => Ok(Vec::new()),
        }
    }

    fn be_patient(&mut self, ms: f64) {
        self.patience = ms;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn traces_say_their_version() {
        let bare = json!([{ "step": "inline", "stage": "relu" }]);
        assert_eq!(schedule(&bare).unwrap(), Schedule::new().inline("relu"));
        assert_eq!(schedule(&json!({ "version": 1, "steps": bare })).unwrap(), Schedule::new().inline("relu"));
        let refused = schedule(&json!({ "version": 2, "steps": [] })).unwrap_err().to_string();
        assert!(refused.contains("version 2") && refused.contains("reads version 1"), "{refused}");
        assert!(schedule(&json!([{ "step": "teleport" }])).unwrap_err().to_string().contains("no schedule"));
    }
}
