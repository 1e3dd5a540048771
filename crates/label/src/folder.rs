//! From a folder of files to a data set.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

use bytes::Bytes;
use serde::Serialize;
use tachograph_datasets::{NetworkId, Record, Run, Writer};
use tachograph_import::tflite;
use tachograph_ir::{DType, Dim, Graph, TensorKind};

use crate::{
    Limits, Method, Refusal, Result,
    error::io,
    files::{self, Model},
    refusals::Refusals,
    worker::{Answer, Worker},
};

/// What happened to a file.
#[derive(Debug)]
pub enum Labelled<'a> {
    /// It was labelled, or refused, before.
    Known(&'a NetworkId),
    /// It has a label.
    Done(&'a Record),
    /// It has none.
    Refused(&'a Refusal),
}

/// What there is in the end.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Name of the device.
    pub device: String,
    /// Files with a label, those of earlier runs too.
    pub labels: usize,
    /// Files that were refused, those of earlier runs too.
    pub refused: usize,
}

/// Labels the files of the folder `dir`, and those below, with `workers` processes of the tool, and makes `set` a data set
/// of them. Killed, it goes on where it stopped; `each` is told of every file as it is done.
///
/// # Errors
/// No files; a tool that does not start; a set that cannot be written.
pub fn label(
    dir: &Path,
    set: &Path,
    method: &Method,
    workers: usize,
    limits: Limits,
    mut each: impl FnMut(Labelled<'_>),
) -> Result<Outcome> {
    let models = files::models(dir)?;
    let run = Run { device: method.device.clone(), protocol: method.protocol.clone(), seed: 0 };
    let mut writer = Writer::resume(set, run)?;
    let mut refusals = Refusals::open(set, &method.device)?;
    let known: BTreeSet<NetworkId> = writer.keys().map(|key| key.network.clone()).collect();
    let mut left = Vec::new();
    for model in models {
        if known.contains(&model.id) || refusals.has(&model.id) {
            each(Labelled::Known(&model.id));
        } else {
            left.push(model);
        }
    }
    if !left.is_empty() {
        in_parallel(&left, method, workers.max(1), limits, |result| {
            match result? {
                Ok((graph, record)) => {
                    if writer.append(&graph, &record)? {
                        each(Labelled::Done(&record));
                    }
                }
                Err(refusal) => {
                    each(Labelled::Refused(&refusal));
                    refusals.add(refusal)?;
                }
            }
            Ok(())
        })?;
    }
    let outcome = Outcome { device: method.device.clone(), labels: writer.len(), refused: refusals.len() };
    writer.finish_packed()?;
    Ok(outcome)
}

type Made = Result<std::result::Result<(Graph, Record), Refusal>>;

fn in_parallel(
    models: &[Model],
    method: &Method,
    workers: usize,
    limits: Limits,
    mut done: impl FnMut(Made) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let (send, made) = channel();
    thread::scope(|scope| {
        for _ in 0..workers.min(models.len()) {
            let send = send.clone();
            scope.spawn(|| work(models, &next, &stop, method, limits, send));
        }
        drop(send);
        let result = made.into_iter().try_for_each(&mut done);
        // Workers that are still at it stop after the file in hand.
        stop.store(true, Ordering::Relaxed);
        result
    })
}

fn work(models: &[Model], next: &AtomicUsize, stop: &AtomicBool, method: &Method, limits: Limits, send: Sender<Made>) {
    let mut worker = Worker::new(method.tool, &method.python, limits);
    while let Some(model) = models.get(next.fetch_add(1, Ordering::Relaxed)) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let made = one(&mut worker, method, model);
        let failed = made.is_err();
        if send.send(made).is_err() || failed {
            break;
        }
    }
}

fn one(worker: &mut Worker<'_>, method: &Method, model: &Model) -> Made {
    let version = worker.version()?;
    let library = || format!("{} {version}", method.tool.name);
    let refuse = |reason: String| Ok(Err(Refusal { network: model.id.clone(), reason, library: library() }));
    let bytes = match files::bytes(&model.path) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) => return refuse(format!("cannot be read: {error}")),
    };
    let filled = method.fill.map(|weights| tflite::filled(&bytes, weights, &model.id.to_string())).transpose();
    let bytes = match filled {
        Ok(filled) => filled.map_or(bytes, Bytes::from),
        Err(error) => return refuse(error.to_string()),
    };
    // The tool reads a file, unpacked.
    let scratch = tempfile::tempdir().map_err(io("a temporary folder"))?;
    let plain = scratch.path().join("model.tflite");
    fs::write(&plain, &bytes).map_err(io(&plain))?;
    let answer = match worker.ask(&plain, &method.options)? {
        Answer::Done(answer) => answer,
        Answer::Refused(reason) => return refuse(reason),
        Answer::Ready(_) => return refuse(format!("{} said that it is ready, twice", method.tool.name)),
    };
    let imported = match tflite::read(&bytes, &model.id.to_string()) {
        Ok(imported) => imported,
        Err(error) => return refuse(format!("labelled, but not imported: {error}")),
    };
    match (method.read)(method, model.id.clone(), answer, &version) {
        Ok(record) => {
            let dtype = element_type(&imported.graph);
            Ok(Ok((imported.graph, Record { dtype, ..record })))
        }
        Err(reason) => refuse(reason),
    }
}

/// That of most elements of weights.
fn element_type(graph: &Graph) -> DType {
    let mut elements = BTreeMap::<DType, u64>::new();
    for tensor in graph.tensors().iter().filter(|tensor| tensor.kind == TensorKind::Parameter) {
        let extents = tensor.dims.iter().flatten().map(|dim| match dim {
            Dim::Fixed(n) => *n,
            Dim::Free(_) => 1,
        });
        let count = extents.fold(1u64, u64::saturating_mul);
        if let Some(dtype) = tensor.dtype {
            *elements.entry(dtype).or_default() += count;
        }
    }
    elements.into_iter().max_by_key(|(_, count)| *count).map_or(DType::F32, |(dtype, _)| dtype)
}
