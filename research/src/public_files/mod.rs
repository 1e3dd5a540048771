//! Reads every model file of a folder of checkouts, and holds each to what its format's own runtime says of it.
//!
//! ```sh
//! python research/public/truth.py CHECKOUTS truth.jsonl
//! cargo run --release -p tachograph-research --bin public_files --no-default-features -- CHECKOUTS --truth truth.jsonl
//! ```
//!
//! `research/public/sources.txt` lists the repositories, and says how to check them out. A table in Markdown goes to
//! standard output, one line a file to `--list`.

mod compare;
mod judge;
mod table;
mod truth;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use judge::{Judged, Verdict};
use truth::{Said, Truth};

/// Reads every model file of a folder of checkouts, and holds each to what its format's own runtime says of it.
#[derive(Parser)]
pub struct Args {
    /// A folder with a checkout of each repository.
    folder: PathBuf,
    /// What the runtimes say, as `research/public/truth.py` writes it.
    #[arg(long)]
    truth: PathBuf,
    /// Write a line for each file: verdict, its repository and path, and the reason.
    #[arg(long)]
    list: Option<PathBuf>,
    /// Files at a time.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Seconds that a file may take.
    #[arg(long, default_value_t = 20)]
    limit: u64,
}

/// Does what the command line says.
///
/// # Errors
/// What cannot be read, or makes no sense.
pub fn run(args: &Args) -> Result<()> {
    let truth = Truth::read(&args.truth)?;
    let mut paths = Vec::new();
    collect(&args.folder, &mut paths)?;
    paths.sort();
    ensure!(!paths.is_empty(), "{}: no file ends in .onnx, .tflite or .param", args.folder.display());
    let judged = judge_all(&paths, args, &truth);
    let files: Vec<(String, Judged)> = paths.iter().map(|path| relative(path, &args.folder)).zip(judged).collect();
    if let Some(list) = &args.list {
        let lines: String = files.iter().map(|(file, judged)| format!("{}\n", judged.line(file))).collect();
        fs::write(list, lines).with_context(|| list.display().to_string())?;
    }
    print!("{}", table::markdown(&files, |repository| table::commit(&args.folder.join(repository))));
    Ok(())
}

/// The model files below a folder.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in folder.read_dir().with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != ".git" {
            collect(&entry.path(), found)?;
        } else if kind.is_file() && truth::FORMATS.iter().any(|end| entry.path().extension() == Some(end.as_ref())) {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn relative(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned()
}

/// In the order of the paths.
fn judge_all(paths: &[PathBuf], args: &Args, truth: &Truth) -> Vec<Judged> {
    let next = AtomicUsize::new(0);
    let judged = Mutex::new(Vec::new());
    let work = || {
        while let Some((i, path)) =
            { Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, paths.get(i)?))) }
        {
            let one = judge_one(path, truth.get(&relative(path, &args.folder)), Duration::from_secs(args.limit));
            judged.lock().unwrap_or_else(|e| e.into_inner()).push((i, one));
        }
    };
    thread::scope(|scope| {
        (0..args.threads).for_each(|_| {
            scope.spawn(work);
        });
    });
    let mut judged = judged.into_inner().unwrap_or_else(|e| e.into_inner());
    judged.sort_by_key(|(i, _)| *i);
    judged.into_iter().map(|(_, one)| one).collect()
}

/// In a thread of its own, which is left alone when the time is up: nothing can end it.
fn judge_one(path: &Path, said: Option<&Said>, limit: Duration) -> Judged {
    let Some(said) = said else { return Judged::of(Verdict::Unasked) };
    let (sender, receiver) = mpsc::channel();
    let (owned, known) = (path.to_owned(), said.clone());
    let reader = thread::Builder::new().spawn(move || sender.send(judge::judge(&owned, &known)).ok());
    let failed = |why: String| Judged::error(said, why);
    if let Err(error) = reader {
        return failed(format!("no thread: {error}"));
    }
    match receiver.recv_timeout(limit) {
        Ok(judged) => judged,
        Err(mpsc::RecvTimeoutError::Timeout) => failed(format!("took more than {} s", limit.as_secs())),
        Err(mpsc::RecvTimeoutError::Disconnected) => failed("panicked".into()),
    }
}
