//! The measuring protocol.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tachograph_ir::{BoundGraph, NodeId};
use tachograph_metrics::{median, quantile};
use tch::Device;

use crate::{Environment, Error, Executor, Result, energy, memory};

/// When to stop warming up and when to stop repeating.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Warm-up ends when three runs in a row lie within this relative distance of each other.
    pub stable: f64,
    /// Warm-up ends after this many seconds at the latest.
    pub warm_up_limit: f64,
    /// Repeats end when the 95 % confidence interval of the median is this narrow, relative to the
    /// median (half its width).
    pub precision: f64,
    /// Fewest repeats.
    pub min_repeats: usize,
    /// Most repeats.
    pub max_repeats: usize,
    /// Repeats end after this many seconds at the latest.
    pub time_limit: f64,
    /// On CUDA repeats go on for this many seconds at least, whatever ends them otherwise, and energy is measured.
    /// 0 measures none.
    pub energy: f64,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            stable: 0.05,
            warm_up_limit: 1.0,
            precision: 0.01,
            min_repeats: 10,
            max_repeats: 1000,
            time_limit: 3.0,
            energy: 0.5,
        }
    }
}

/// The result of measuring one network on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Median latency of one inference, milliseconds.
    pub median_ms: f64,
    /// Smallest latency, milliseconds.
    pub min_ms: f64,
    /// Distance of the quartiles, milliseconds.
    pub iqr_ms: f64,
    /// Half-width of the 95 % confidence interval of the median, relative to the median.
    pub precision: f64,
    /// Timed runs.
    pub repeats: usize,
    /// Untimed runs before them.
    pub warm_up: usize,
    /// Weights and inputs, and by how much the process (on CUDA, the tensors of the device) grows at the peak of an
    /// inference, in bytes.
    pub peak_memory: Option<u64>,
    /// Energy of one inference where one follows the other, in joules: mean power of the GPU, idle power included, times
    /// mean latency. Of NVIDIA GPUs.
    pub energy: Option<f64>,
    /// On what and with what.
    pub environment: Environment,
}

/// Median time of one node within whole inferences.
#[derive(Clone, Copy, Debug)]
pub struct OperatorTime {
    /// The node.
    pub node: NodeId,
    /// Median, milliseconds.
    pub median_ms: f64,
}

/// A network being measured. Visits may be spread over time, so that a slow stretch of the machine
/// does not decide the result: the median is taken over the runs of all visits.
pub struct Session {
    executor: Executor,
    times: Vec<f64>,
    warm_up: usize,
    peak_memory: Option<u64>,
    /// Of each visit, in joules.
    energies: Vec<f64>,
}

impl Session {
    /// Prepares `bound` on `device` and runs it twice, of which the second shows its peak memory.
    ///
    /// # Errors
    /// As [`Executor::new`] and [`Executor::run`].
    pub fn new(bound: &BoundGraph, device: Device) -> Result<Self> {
        // The first run also compiled kernels and mapped the code of libraries, which networks share.
        let mut executor = Executor::new(bound, device)?;
        once(&executor)?;
        let (run, growth) = match device {
            Device::Cuda(index) => memory::cuda_growth(index, || once(&executor)),
            _ => {
                let executor = &mut executor;
                memory::growth(move || once(executor))
            }
        };
        run?;
        let peak_memory = growth.map(|bytes| bytes + executor.resident_bytes());
        Ok(Self { executor, times: vec![], warm_up: 2, peak_memory, energies: vec![] })
    }

    /// Warms up until stable, then repeats until the interval of this visit's median is narrow or the time is up.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn visit(&mut self, protocol: &Protocol) -> Result<()> {
        self.warm_up += warm_up(&self.executor, protocol)?;
        if !matches!(self.executor.device(), Device::Cuda(_)) || protocol.energy <= 0.0 {
            return self.repeat(protocol, 0.0);
        }
        let (start, first) = (Instant::now(), self.times.len());
        let (done, watts) = energy::watts(|| self.repeat(protocol, protocol.energy));
        done?;
        let seconds = start.elapsed().as_secs_f64() / (self.times.len() - first).max(1) as f64;
        self.energies.extend(watts.map(|watts| watts * seconds));
        Ok(())
    }

    /// For `least` seconds and until the interval of the median is narrow or the time is up.
    fn repeat(&mut self, protocol: &Protocol, least: f64) -> Result<()> {
        let limit = Duration::from_secs_f64(protocol.time_limit);
        let (start, first) = (Instant::now(), self.times.len());
        loop {
            self.times.push(once(&self.executor)?);
            let times = &self.times[first..];
            let elapsed = start.elapsed();
            if elapsed.as_secs_f64() < least {
                continue;
            }
            let last = times.len() >= protocol.max_repeats || elapsed >= limit;
            // Sorting after every run would cost more than a small network does.
            let look = last || times.len().is_multiple_of(1 + times.len() / 4);
            if times.len() >= protocol.min_repeats.max(1) && look {
                let (median, half_width) = median_interval(times);
                if last || half_width <= protocol.precision * median {
                    return Ok(());
                }
            }
        }
    }

    /// The result of all visits so far.
    ///
    /// # Errors
    /// There was no visit.
    pub fn result(&self) -> Result<Profile> {
        if self.times.is_empty() {
            return Err(Error::Usage("the session was never visited".into()));
        }
        let (median, half_width) = median_interval(&self.times);
        let at = |q| quantile(&self.times, q).unwrap_or(f64::NAN);
        Ok(Profile {
            median_ms: median,
            min_ms: at(0.0),
            iqr_ms: at(0.75) - at(0.25),
            precision: half_width / median,
            repeats: self.times.len(),
            warm_up: self.warm_up,
            peak_memory: self.peak_memory,
            energy: (!self.energies.is_empty()).then(|| self.energies.iter().sum::<f64>() / self.energies.len() as f64),
            environment: Environment::here(self.executor.device()),
        })
    }

    /// What [`Profile::peak_memory`] will be.
    pub fn peak_memory(&self) -> Option<u64> {
        self.peak_memory
    }

    /// The network, ready to run.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }
}

/// Prepares `bound` on `device` and measures it in one visit.
///
/// # Errors
/// As [`Executor::new`] and [`Executor::run`].
pub fn measure(bound: &BoundGraph, device: Device, protocol: &Protocol) -> Result<Profile> {
    let mut session = Session::new(bound, device)?;
    session.visit(protocol)?;
    session.result()
}

/// Median time of each node over `repeats` inferences, in the order in which they run. On CUDA every
/// node is awaited, so that the sum exceeds the time of an undisturbed inference.
///
/// # Errors
/// As [`Executor::run`].
pub fn operators(executor: &Executor, repeats: usize) -> Result<Vec<OperatorTime>> {
    let nodes: Vec<NodeId> = executor.nodes().collect();
    let mut times = vec![Vec::with_capacity(repeats); nodes.len()];
    for _ in 0..repeats.max(1) {
        executor.synchronize();
        let mut last = Instant::now();
        executor.run_with(|position| {
            executor.synchronize();
            let now = Instant::now();
            times[position].push((now - last).as_secs_f64() * 1e3);
            last = now;
        })?;
    }
    let time = |(node, t): (NodeId, Vec<f64>)| Some(OperatorTime { node, median_ms: median(&t)? });
    Ok(nodes.into_iter().zip(times).filter_map(time).collect())
}

fn once(executor: &Executor) -> Result<f64> {
    let start = Instant::now();
    let results = executor.run()?;
    executor.synchronize();
    let elapsed = start.elapsed().as_secs_f64() * 1e3;
    drop(results);
    Ok(elapsed)
}

fn warm_up(executor: &Executor, protocol: &Protocol) -> Result<usize> {
    let limit = Duration::from_secs_f64(protocol.warm_up_limit);
    let start = Instant::now();
    let mut last: Vec<f64> = Vec::new();
    loop {
        last.push(once(executor)?);
        let tail = &last[last.len().saturating_sub(3)..];
        let (low, high) = tail.iter().fold((f64::MAX, 0f64), |(l, h), &t| (l.min(t), h.max(t)));
        let stable = tail.len() == 3 && high - low <= protocol.stable * low;
        if stable || (start.elapsed() >= limit && last.len() >= 3) {
            return Ok(last.len());
        }
    }
}

/// Median and half the width of its 95 % confidence interval, from order statistics (no assumption on
/// the distribution: the ranks n/2 ± 0.98·√n bound the median).
fn median_interval(times: &[f64]) -> (f64, f64) {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let reach = 0.98 * n.sqrt();
    let rank = |r: f64| sorted[(r.max(0.0) as usize).min(sorted.len() - 1)];
    (median(times).unwrap_or(f64::NAN), (rank(n / 2.0 + reach) - rank(n / 2.0 - reach)) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_narrows_with_repeats() {
        let few: Vec<f64> = (0..10).map(f64::from).collect();
        let many: Vec<f64> = (0..1000).map(|i| f64::from(i) / 100.0).collect();
        let ((a, wide), (b, narrow)) = (median_interval(&few), median_interval(&many));
        assert_eq!(a, 4.5);
        assert!((b - 4.995).abs() < 1e-9 && narrow < wide / 5.0);
    }
}
