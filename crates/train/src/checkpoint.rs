//! The state of a run on disk.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{
    Manifest, Plateau, Result, RunConfig,
    error::{file, io},
};
use tachograph_predict::{
    Error as Refused, tensors,
    torch::{to_arrays, to_tensors},
};

const EXTENSION: &str = "safetensors";

/// Where a run stands. Together with the tensors beside it, it determines the rest of the run: the order of the
/// samples follows from the seed and the epoch, and the random numbers of a step from the seed and the step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub config: RunConfig,
    /// Finished epochs.
    pub epoch: u32,
    /// Finished batches of the epoch under way.
    pub batch: usize,
    /// Steps taken.
    pub steps: u64,
    /// Sum of the losses of the epoch under way, each times the samples of its batch.
    pub loss: f64,
    /// Samples seen in the epoch under way.
    pub seen: usize,
    /// Best value of the chosen metric.
    pub best: Option<f64>,
    /// Epochs since then.
    pub waited: u32,
    pub plateau: Plateau,
    pub manifest: Manifest,
}

impl Progress {
    /// Before the first step.
    pub fn new(config: &RunConfig, manifest: &Manifest) -> Self {
        Self {
            config: config.clone(),
            epoch: 0,
            batch: 0,
            steps: 0,
            loss: 0.0,
            seen: 0,
            best: None,
            waited: 0,
            plateau: Plateau::default(),
            manifest: manifest.clone(),
        }
    }

    /// True where `saved` is of the same run: the same data, and a config that differs in the number of epochs or in
    /// when checkpoints are written, if at all.
    pub fn continues(&self, saved: &Self) -> bool {
        // More epochs let a finished run go on (a cosine is stretched from here), and when states are written changes
        // nothing that is learned.
        let (epochs, checkpoint) = (saved.config.epochs, saved.config.checkpoint);
        RunConfig { epochs, checkpoint, ..self.config.clone() } == saved.config
            && self.manifest.featurizer == saved.manifest.featurizer
            && self.manifest.training.fingerprint == saved.manifest.training.fingerprint
    }
}

/// A state read from disk.
pub(crate) struct Saved {
    pub path: PathBuf,
    pub progress: Progress,
    pub tensors: BTreeMap<String, Tensor>,
}

/// The checkpoints of a run directory, named by step; the last few are kept.
pub(crate) struct Checkpoints {
    dir: PathBuf,
    keep: usize,
}

impl Checkpoints {
    /// Those in `run`; removes what a killed process left half written.
    pub fn open(run: &Path, keep: usize) -> Result<Self> {
        let dir = run.join("checkpoints");
        fs::create_dir_all(&dir).map_err(io(&dir))?;
        for entry in fs::read_dir(&dir).map_err(io(&dir))? {
            let path = entry.map_err(io(&dir))?.path();
            if path.extension() == Some(OsStr::new(tachograph_ir::disk::BESIDE)) {
                fs::remove_file(&path).map_err(io(&path))?;
            }
        }
        Ok(Self { dir, keep })
    }

    /// Writes a state and removes those that are too many.
    pub fn save(&self, progress: &Progress, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        // Ten digits, so that the names sort by step.
        let path = self.dir.join(format!("{:010}.{EXTENSION}", progress.steps));
        let text = serde_json::to_string(progress).map_err(|e| file(&path, e))?;
        tensors::save(&path, &text, &to_arrays(tensors)?)?;
        let all = self.list()?;
        for old in all.iter().rev().skip(self.keep) {
            fs::remove_file(old).map_err(io(old))?;
        }
        Ok(())
    }

    /// The newest state that is whole. Damaged ones are renamed, and `notice` is told.
    pub fn latest(&self, mut notice: impl FnMut(&str)) -> Result<Option<Saved>> {
        let mut damaged: Option<(PathBuf, String)> = None;
        for path in self.list()?.into_iter().rev() {
            match tensors::load(&path) {
                Ok((text, arrays)) => {
                    let progress = serde_json::from_str(&text).map_err(|e| file(&path, e))?;
                    return Ok(Some(Saved { path, progress, tensors: to_tensors(&arrays)? }));
                }
                Err(Refused::Checkpoint { message, .. }) => {
                    // Out of the way, since the next checkpoint may have its name, but there for who wants to look.
                    let aside = path.with_extension("damaged");
                    fs::rename(&path, &aside).map_err(io(&path))?;
                    let (bad, kept) = (path.display(), aside.display());
                    notice(&format!("{bad}: {message}; kept as {kept}; the checkpoint before it is used"));
                    damaged = Some((path, message));
                }
                Err(error) => return Err(error.into()),
            }
        }
        damaged.map_or(Ok(None), |(path, message)| {
            let anew = "no whole checkpoint is left: started again, the run begins anew";
            Err(file(&path, format!("{message}; {anew}")))
        })
    }

    /// By step.
    fn list(&self) -> Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(io(&self.dir))? {
            let path = entry.map_err(io(&self.dir))?.path();
            if path.extension() == Some(OsStr::new(EXTENSION)) {
                all.push(path);
            }
        }
        all.sort();
        Ok(all)
    }
}
