//! Measured programs, and the numbers that models read of them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use tachograph_features::FeatureGraph;
use tachograph_program::{
    Point,
    features::{self, Program},
};
use tachograph_tune::{Collected, CollectedHead, models::graph};

/// A task: its programs that ran, and how long.
pub struct Task {
    /// The first digits of the hash of its workload.
    pub name: String,
    pub head: CollectedHead,
    points: Vec<Point>,
    /// Milliseconds of each program.
    pub ms: Vec<f64>,
    /// Rows of each program, by feature set.
    sets: BTreeMap<&'static str, Vec<FeatureGraph>>,
}

/// All tasks, in the order of their names.
pub struct Data {
    pub tasks: Vec<Task>,
    /// Programs without a time.
    pub failed: usize,
}

/// Tasks with fewer programs say nothing of an order.
const LEAST: usize = 8;

impl Data {
    pub fn read(folder: &Path) -> Result<Self> {
        let mut data = Self { tasks: Vec::new(), failed: 0 };
        for (name, Collected { head, programs }) in Collected::folder(folder)? {
            let (mut points, mut ms) = (Vec::new(), Vec::new());
            for program in programs {
                match program.outcome {
                    Ok(timed) if timed.ms > 0.0 => {
                        points.push(program.point);
                        ms.push(timed.ms);
                    }
                    _ => data.failed += 1,
                }
            }
            if ms.len() >= LEAST {
                data.tasks.push(Task { name, head, points, ms, sets: BTreeMap::new() });
            }
        }
        ensure!(data.tasks.len() >= 8, "{}: {} tasks are too few", folder.display(), data.tasks.len());
        Ok(data)
    }

    pub fn programs(&self) -> usize {
        self.tasks.iter().map(|task| task.ms.len()).sum()
    }

    /// Of names and times.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for task in &self.tasks {
            hash.update(&task.name);
            task.ms.iter().for_each(|ms| hash.update(ms.to_le_bytes()));
        }
        let digest: [u8; 32] = hash.finalize().into();
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Extracts these feature sets of all programs, where that has not been done.
    pub fn need(&mut self, sets: &[&'static str]) -> Result<()> {
        let missing = |task: &Task| sets.iter().copied().filter(|set| !task.sets.contains_key(set)).collect::<Vec<_>>();
        for task in &mut self.tasks {
            let missing = missing(task);
            if missing.is_empty() {
                continue;
            }
            let mut found: Vec<Vec<FeatureGraph>> = missing.iter().map(|_| Vec::new()).collect();
            for point in &task.points {
                let schedule = task.head.space.schedule(point).with_context(|| task.name.clone())?;
                let program = Program::new(&task.head.workload, &schedule).with_context(|| task.name.clone())?;
                let program = program.at(&task.head.space, point);
                for (set, found) in missing.iter().zip(&mut found) {
                    let named = features::named(set).with_context(|| format!("no feature set `{set}`"))?;
                    found.push(graph(&named.extract(&program).with_context(|| format!("{set} of {}", task.name))?)?);
                }
            }
            task.sets.extend(missing.into_iter().zip(found));
        }
        Ok(())
    }
}

impl Task {
    /// Rows of its programs; nothing where [`Data::need`] was not told of the set.
    pub fn set(&self, name: &str) -> &[FeatureGraph] {
        self.sets.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// What the sketch of a program is called.
    pub fn sketch(&self, program: usize) -> &str {
        let sketch = self.points.get(program).and_then(|point| self.head.space.sketches.get(point.sketch));
        sketch.map_or("", |sketch| sketch.name.as_str())
    }

    /// The time of its fastest program.
    pub fn best_ms(&self) -> f64 {
        self.ms.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// `min ms / ms` of each program.
    pub fn relative_speeds(&self) -> Vec<f64> {
        let best = self.best_ms();
        self.ms.iter().map(|ms| best / ms).collect()
    }
}
