//! A process of one side, which answers requests.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::results::Floor;

/// Seconds of one run.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Seconds {
    pub build: f64,
    pub network: f64,
}

/// A running worker; it ends with this value.
pub struct Worker {
    name: &'static str,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Ready {
    versions: Option<String>,
}

#[derive(Deserialize)]
struct Outputs {
    outputs: Vec<String>,
}

#[derive(Deserialize)]
struct Memory {
    bytes: u64,
}

#[derive(Deserialize)]
struct Copy {
    bytes_per_second: f64,
}

impl Worker {
    /// Starts `command` with `threads` threads, waits until it is ready, and hands back the versions that it states.
    pub fn start(name: &'static str, mut command: Command, threads: usize) -> Result<(Self, Option<String>)> {
        for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"] {
            command.env(variable, threads.to_string());
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = child.stdin.take().context("no standard input")?;
        let answers = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut worker = Self { name, child, requests, answers };
        let ready: Ready = worker.answer()?;
        Ok((worker, ready.versions))
    }

    /// One run.
    pub fn run(&mut self) -> Result<Seconds> {
        self.ask("run")
    }

    /// One run whose results are written beside the inputs; their names, sorted.
    pub fn check(&mut self) -> Result<Vec<String>> {
        let mut names = self.ask::<Outputs>("check")?.outputs;
        names.sort();
        Ok(names)
    }

    /// Peak of resident memory above what was resident before the inputs were read.
    pub fn memory(&mut self) -> Result<u64> {
        Ok(self.ask::<Memory>("memory")?.bytes)
    }

    /// Bytes that a copy reads and writes in a second.
    pub fn copy_rate(&mut self) -> Result<f64> {
        Ok(self.ask::<Copy>("copy")?.bytes_per_second)
    }

    /// The least that the case can cost.
    pub fn floor(&mut self) -> Result<Floor> {
        self.ask("floor")
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &str) -> Result<T> {
        writeln!(self.requests, "{request}").and_then(|()| self.requests.flush()).context(self.name)?;
        self.answer()
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("{}: the worker ended ({})", self.name, self.child.wait()?);
        }
        serde_json::from_str(&line).with_context(|| format!("{}: {line}", self.name))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
