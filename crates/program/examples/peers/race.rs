//! Both sides in turns.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use serde_json::Value;
use tachograph_ir::DType::F32;
use tachograph_metrics::median;
use tachograph_program::{Builder, Compiler, Kernel, Role, Schedule, Workload, operator::matmul};

use crate::Failure;

/// How long a side runs at a time.
const TURN_MS: f64 = 20.0;

/// A compiled kernel with numbers in its buffers.
pub struct Ours(Kernel);

impl Ours {
    pub fn new(workload: &Workload, schedule: &Schedule, compiler: &Compiler) -> Result<Self, Failure> {
        let mut kernel = Kernel::new(&schedule.lower(workload)?, compiler)?;
        for id in workload.inputs() {
            let buffer = workload.buffer(id);
            let numbers = (0..buffer.elements()).map(|i| ((i * 7 + 3) % 23) as f64 / 23.0 - 0.5);
            debug_assert!(buffer.role != Role::Stage);
            kernel.set(id, &numbers.collect::<Vec<_>>())?;
        }
        kernel.run()?;
        Ok(Self(kernel))
    }

    /// Milliseconds of a run, after one that brings back to the caches what the others' turns put out of them: of what takes as long
    /// as a turn that would be every run of one side, and half of those of the other.
    fn turn(&mut self) -> Result<f64, Failure> {
        self.0.run()?;
        let (start, mut runs) = (Instant::now(), 0.0);
        loop {
            self.0.run()?;
            runs += 1.0;
            let ms = 1e3 * start.elapsed().as_secs_f64();
            if ms >= TURN_MS {
                return Ok(ms / runs);
            }
        }
    }
}

/// PyTorch in a process of its own.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    version: String,
    formats: Vec<String>,
}

impl Peer {
    pub fn start(python: &Path) -> Result<Self, Failure> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/peers/torch_peer.py");
        let mut command = Command::new(python);
        // Memory that a result leaves is used for the next, and not given back: otherwise pages of large results are made anew
        // at each call, which takes longer than what is compared.
        let keep = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"];
        command.envs(keep.map(|name| (name, "1073741824")));
        command.arg(script).env("OMP_NUM_THREADS", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", python.display()))?;
        let (input, output) = child.stdin.take().zip(child.stdout.take()).ok_or("the peer has no pipes")?;
        let mut peer =
            Self { child, input, output: BufReader::new(output), version: String::new(), formats: Vec::new() };
        peer.version = peer.line()?.as_str().unwrap_or_default().to_owned();
        Ok(peer)
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    fn line(&mut self) -> Result<Value, Failure> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|_| format!("the peer says {line:?}").into())
    }

    fn ask(&mut self, what: &Value) -> Result<Value, Failure> {
        writeln!(self.input, "{what}")?;
        self.line()
    }

    /// Makes a case ready, in every memory format.
    pub fn set_up(&mut self, case: &Value) -> Result<(), Failure> {
        let formats = self.ask(case)?;
        self.formats = serde_json::from_value(formats)?;
        Ok(())
    }

    /// Milliseconds of a run in a format.
    fn turn(&mut self, format: usize) -> Result<f64, Failure> {
        let ms = self.ask(&serde_json::json!({ "op": "time", "format": format, "ms": TURN_MS }))?;
        ms.as_f64().ok_or_else(|| format!("the peer says {ms}").into())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends by itself when its input does; a kill is quicker.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Medians of both sides.
pub struct Times {
    pub ours: (&'static str, f64),
    pub peer: (String, f64),
    pub all: Vec<(&'static str, f64)>,
    /// GFLOP/s of the product in the first cache, in the same rounds.
    pub peak: f64,
}

/// Everybody once a round.
pub fn race(
    ours: &mut [(&'static str, Ours)],
    peak: &mut Peak,
    peer: &mut Peer,
    rounds: usize,
) -> Result<Times, Failure> {
    let mut own = vec![Vec::new(); ours.len()];
    let mut peaks = Vec::new();
    let mut theirs = vec![Vec::new(); peer.formats.len()];
    // The first round warms up.
    for round in 0..=rounds {
        for (times, (_, kernel)) in own.iter_mut().zip(&mut *ours) {
            times.extend(Some(kernel.turn()?).filter(|_| round > 0));
        }
        peaks.extend(Some(peak.kernel.turn()?).filter(|_| round > 0));
        for (format, times) in theirs.iter_mut().enumerate() {
            times.extend(Some(peer.turn(format)?).filter(|_| round > 0));
        }
    }
    let middle = |times: &[f64]| median(times).unwrap_or(f64::NAN);
    let all: Vec<_> = ours.iter().zip(own).map(|((by, _), times)| (*by, middle(&times))).collect();
    let peers = peer.formats.iter().cloned().zip(theirs.iter().map(|times| middle(times)));
    let ours = all.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)).ok_or("nothing of ours")?;
    let peer = peers.min_by(|a, b| a.1.total_cmp(&b.1)).ok_or("nothing of the peer's")?;
    Ok(Times { ours, peer, all, peak: peak.flops / middle(&peaks) / 1e6 })
}

/// A product whose operands stay in the first cache: what the core can do. It takes turns with the others, since clocks of shared
/// machines change.
pub struct Peak {
    kernel: Ours,
    flops: f64,
}

impl Peak {
    pub fn new(compiler: &Compiler) -> Result<Self, Failure> {
        let mut b = Builder::new("product");
        let (x, w) = (b.input("x", F32, &[42, 128])?, b.weight("w", F32, &[128, 32])?);
        let y = matmul(&mut b, x, w)?;
        let workload = b.finish(&[y])?;
        let schedule = Schedule::new()
            .cache_write("matmul")
            .split("matmul.local", "j", &[16])
            .reorder("matmul.local", &["k", "i", "j.0", "j.1"])
            .registers("matmul.local")
            .vectorize("matmul.local", "j.1")
            .unroll("matmul.local", "i")
            .unroll("matmul.local", "j.0")
            .split("matmul", "i", &[14])
            .compute_at("matmul.local", "matmul", "i.0")
            .vectorize("matmul", "j");
        Ok(Self { kernel: Ours::new(&workload, &schedule, compiler)?, flops: workload.flops() as f64 })
    }
}
