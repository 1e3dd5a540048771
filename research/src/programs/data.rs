//! Measured programs, and the numbers that models read of them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, ensure};
use ndarray::Array2;
use sha2::{Digest, Sha256};
use tachograph_features::FeatureGraph;
use tachograph_program::{
    Point, Space, Workload,
    features::{self, Features, Program},
};
use tachograph_tune::Collected;

/// A task: its programs that ran, and how long.
pub struct Task {
    /// The first digits of the hash of its workload.
    pub name: String,
    pub networks: Vec<String>,
    pub workload: Workload,
    space: Space,
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
        let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
        paths.retain(|path| path.to_string_lossy().ends_with(".jsonl.gz"));
        paths.sort();
        let mut data = Self { tasks: Vec::new(), failed: 0 };
        for path in &paths {
            let Collected { head, programs } = Collected::read(path)?;
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
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                data.tasks.push(Task {
                    name: name.trim_end_matches(".jsonl.gz").to_owned(),
                    networks: head.networks,
                    workload: head.workload,
                    space: head.space,
                    points,
                    ms,
                    sets: BTreeMap::new(),
                });
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
                let schedule = task.space.schedule(point).with_context(|| task.name.clone())?;
                let program = Program::new(&task.workload, &schedule).with_context(|| task.name.clone())?;
                let program = program.at(&task.space, point);
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
        let sketch = self.points.get(program).and_then(|point| self.space.sketches.get(point.sketch));
        sketch.map_or("", |sketch| sketch.name.as_str())
    }

    /// Milliseconds of one run at rates of 100 GFLOP/s and 10 GB/s: the roofline of some core.
    pub fn roofline_ms(&self) -> f64 {
        let (flops, bytes) = (self.workload.flops() as f64, self.workload.bytes() as f64);
        (flops / 100e6).max(bytes / 10e6)
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

/// Rows as networks read them.
fn graph(features: &Features) -> Result<FeatureGraph> {
    let numbers = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    let mut edges: Vec<(u32, u32)> = features.edges.iter().map(|&[from, to]| (from, to)).collect();
    edges.sort_unstable_by_key(|&(from, to)| (to, from));
    edges.dedup();
    Ok(FeatureGraph {
        nodes: Array2::from_shape_vec((features.len(), features.width), numbers(&features.values))?,
        edges,
        globals: numbers(&features.program),
        ..FeatureGraph::default()
    })
}
