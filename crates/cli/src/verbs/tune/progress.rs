//! How a tuning on the way shows itself, on standard error.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use tachograph_ir::Millis;
use tachograph_tune::live::Trialled;

/// Where nobody looks on, a line this often is enough.
const SELDOM: Duration = Duration::from_secs(30);
const OFTEN: Duration = Duration::from_millis(250);

/// Trials, the best so far, the rate, what is left.
pub struct Progress {
    trials: Option<usize>,
    time: Option<Duration>,
    start: Instant,
    shown: Option<Instant>,
    terminal: bool,
    measured: usize,
    last: String,
}

impl Progress {
    pub fn new(trials: Option<usize>, time: Option<Duration>) -> Self {
        let (start, terminal) = (Instant::now(), std::io::stderr().is_terminal());
        Self { trials, time, start, shown: None, terminal, measured: 0, last: String::new() }
    }

    /// How many were measured, and in how many seconds.
    pub fn measured(&self) -> (usize, f64) {
        (self.measured, self.start.elapsed().as_secs_f64())
    }

    pub fn trial(&mut self, trial: &Trialled<'_>) {
        if !trial.new {
            return;
        }
        self.measured += 1;
        self.last = line(trial.trials, self.trials, trial.total_ms, self.measured, self.start.elapsed(), self.time);
        let often = if self.terminal { OFTEN } else { SELDOM };
        if self.shown.is_none_or(|shown| shown.elapsed() >= often) {
            self.shown = Some(Instant::now());
            self.show();
        }
    }

    fn show(&self) {
        let (before, after) = if self.terminal { ("\r\x1b[K", "") } else { ("", "\n") };
        let _ = write!(std::io::stderr(), "{before}{}{after}", self.last);
    }

    /// The last line, for good.
    pub fn end(&self) {
        if self.measured > 0 {
            self.show();
            if self.terminal {
                eprintln!();
            }
        }
    }
}

fn line(
    trials: usize,
    of: Option<usize>,
    total_ms: Option<f64>,
    measured: usize,
    since: Duration,
    time: Option<Duration>,
) -> String {
    let rate = measured as f64 / since.as_secs_f64().max(1e-9);
    let by_trials = of.map(|of| of.saturating_sub(trials) as f64 / rate);
    let by_time = time.map(|time| time.saturating_sub(since).as_secs_f64());
    let left = [by_trials, by_time].into_iter().flatten().reduce(f64::min);
    let of = of.map_or_else(String::new, |of| format!(" of {of}"));
    let best = total_ms.map_or("not all groups have a time yet".into(), |ms| format!("best {}", Millis(ms)));
    let left = left.map_or_else(String::new, |left| format!(", {} left", clock(left)));
    format!("{trials}{of} trials, {best}, {rate:.1} trials/s{left}")
}

/// `35 s`, `12 min`, `1 h 20 min`.
fn clock(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        _ if seconds < 90.0 => format!("{seconds:.0} s"),
        0..90 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_the_nearer_end() {
        let at = |of, time| line(30, of, Some(2.5), 20, Duration::from_secs(10), time);
        assert_eq!(at(Some(100), None), "30 of 100 trials, best 2.50 ms, 2.0 trials/s, 35 s left");
        assert_eq!(
            at(Some(100), Some(Duration::from_secs(20))),
            "30 of 100 trials, best 2.50 ms, 2.0 trials/s, 10 s left"
        );
        assert_eq!(at(None, None), "30 trials, best 2.50 ms, 2.0 trials/s");
        assert!(line(1, None, None, 1, Duration::from_secs(1), None).contains("not all groups have a time yet"));
        assert_eq!([clock(700.0), clock(4800.0), clock(6000.0)], ["12 min", "80 min", "1 h 40 min"]);
    }
}
