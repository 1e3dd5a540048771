//! Errors of this crate.

use std::path::{Path, PathBuf};

/// Why a training, a checkpoint or a prediction failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A checkpoint or log that is not what it should be.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file that is no config: not TOML, an unknown key, a value of another type.
    #[error("{}: {message}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        message: String,
    },
    /// A setting of a config that makes no sense.
    #[error("setting `{key}`: {message}")]
    Setting {
        /// The setting, by its path in the config.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// The saved state of an optimiser or of averaged weights does not fit the model.
    #[error("the saved state lacks `{name}` of shape {shape:?}")]
    State {
        /// The tensor.
        name: String,
        /// The shape that the model asks for.
        shape: Vec<i64>,
    },
    /// A loss or gradient that is not finite.
    #[error("step {step}: {what} is not finite; networks in the batch: {members}")]
    NotFinite {
        /// Optimiser step, from 0.
        step: u64,
        /// Loss or parameter.
        what: String,
        /// Networks of the batch.
        members: String,
    },
    /// A loss was given tensors of shapes that do not fit.
    #[error("loss `{loss}`: {what} is {found:?}, expected {expected:?}")]
    LossShape {
        /// The loss.
        loss: &'static str,
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// The shape that fits.
        expected: Vec<i64>,
    },
    /// A target for which a loss has no value.
    #[error("loss `{loss}`: target {index} is {value}; targets must be {what}")]
    LossTarget {
        /// The loss.
        loss: &'static str,
        /// Position in the batch.
        index: i64,
        /// The target.
        value: f64,
        /// What the loss asks of targets.
        what: &'static str,
    },
    /// A ranking loss without the lists of the batch.
    #[error("loss `{loss}` ranks samples within lists, but the batch has no segments")]
    LossWithoutSegments {
        /// The loss.
        loss: &'static str,
    },
    /// Lists of a batch that make no sense.
    #[error("{message}")]
    Lists {
        /// What is wrong with them.
        message: String,
    },
    /// The observer asked for a stop; the state is saved.
    #[error("stopped after step {step}; the same command goes on from there, with what is in {}", dir.display())]
    Interrupted {
        /// Steps taken.
        step: u64,
        /// Directory of the run.
        dir: PathBuf,
    },
    /// A device that the checkpoint does not predict for, or that the data set has no measurements of.
    #[error("unknown device `{name}`; known: {known}")]
    Device {
        /// The name that was asked for.
        name: String,
        /// The names it knows.
        known: String,
    },
    /// No network of a data set has a graph.
    #[error("{data}: no graph of {networks} networks can be had: {why}")]
    NoGraphs {
        /// The data set.
        data: String,
        /// Networks of the set.
        networks: usize,
        /// What stands in the way, of the first.
        why: String,
    },
    /// Nothing to learn from or to compare with.
    #[error("{what}: nothing was measured")]
    NothingMeasured {
        /// Of what.
        what: String,
    },
    /// Measurements of a new device that say nothing of it.
    #[error("adaptation: {message}")]
    Measurements {
        /// What is wrong with them.
        message: String,
    },
    /// More networks to choose than there are, or none.
    #[error("cannot choose {wanted} of {candidates} networks")]
    Selection {
        /// Networks to choose.
        wanted: usize,
        /// Networks to choose from.
        candidates: usize,
    },
    /// A checkpoint cannot be read, or refuses what it is asked.
    #[error(transparent)]
    Predict(#[from] tachograph_predict::Error),
    /// A model refused its input.
    #[error(transparent)]
    Model(#[from] tachograph_models::Error),
    /// A graph layer refused its input.
    #[error(transparent)]
    Layer(#[from] tachograph_gnn::Error),
    /// A graph cannot be featurised.
    #[error(transparent)]
    Features(#[from] tachograph_features::Error),
    /// A predictor without a network cannot be fitted.
    #[error(transparent)]
    Transfer(#[from] tachograph_transfer::Error),
    /// A data set cannot be read.
    #[error(transparent)]
    Data(#[from] tachograph_datasets::Error),
    /// A graph cannot be bound.
    #[error(transparent)]
    Graph(#[from] tachograph_ir::Error),
    /// A metric has no value.
    #[error(transparent)]
    Metric(#[from] tachograph_metrics::Error),
    /// A plot cannot be drawn.
    #[error("{}: {message}", path.display())]
    Plot {
        /// The file.
        path: PathBuf,
        /// What the drawing library says.
        message: String,
    },
    /// Ranks that cannot train together.
    #[error("{message}")]
    Group {
        /// Why.
        message: String,
    },
    /// What failed on one of several ranks.
    #[error("rank {rank} of {size}: {source}")]
    Rank {
        /// Which.
        rank: usize,
        /// How many there are.
        size: usize,
        /// What.
        source: Box<Error>,
    },
    /// libtorch refused a call.
    #[error("{place}: {source}")]
    Torch {
        /// What was being done.
        place: &'static str,
        /// libtorch's own message.
        source: tch::TchError,
    },
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) fn torch(place: &'static str) -> impl FnOnce(tch::TchError) -> Error {
    move |source| Error::Torch { place, source }
}

pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { path, source }
}

pub(crate) fn setting(key: impl Into<String>, message: impl Into<String>) -> Error {
    Error::Setting { key: key.into(), message: message.into() }
}

pub(crate) fn file(path: &Path, message: impl ToString) -> Error {
    Error::File { path: path.into(), message: message.to_string() }
}
