//! What was measured so far.

use rustc_hash::FxHashMap;
use tachograph_program::Point;

/// A measured point.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The point.
    pub point: Point,
    /// Its time in milliseconds, or why there is none.
    pub outcome: Result<f64, String>,
}

/// Trials in order.
#[derive(Clone, Debug, Default)]
pub struct History {
    trials: Vec<Trial>,
    index: FxHashMap<Point, usize>,
    best: Option<usize>,
}

impl History {
    /// Adds a trial; one of a point that is known changes nothing. The first of two equal times stays the best, so that
    /// ties are broken by the order of the trials.
    pub fn push(&mut self, trial: Trial) {
        if self.index.contains_key(&trial.point) {
            return;
        }
        let n = self.trials.len();
        if let Ok(time) = trial.outcome
            && self.best_ms().is_none_or(|best| time < best)
        {
            self.best = Some(n);
        }
        self.index.insert(trial.point.clone(), n);
        self.trials.push(trial);
    }

    /// The trials.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }

    /// The trial of a point.
    pub fn of(&self, point: &Point) -> Option<&Trial> {
        self.index.get(point).map(|&i| &self.trials[i])
    }

    /// True if the point was measured.
    pub fn has(&self, point: &Point) -> bool {
        self.index.contains_key(point)
    }

    /// The fastest.
    pub fn best(&self) -> Option<&Trial> {
        self.best.map(|i| &self.trials[i])
    }

    /// Its time.
    pub fn best_ms(&self) -> Option<f64> {
        self.best().and_then(|trial| trial.outcome.as_ref().ok().copied())
    }

    /// Throughput relative to the best, between 0 and 1; 0 for failures.
    pub fn score(&self, trial: &Trial) -> f64 {
        match (&trial.outcome, self.best_ms()) {
            (Ok(time), Some(best)) if *time > 0.0 => best / time,
            _ => 0.0,
        }
    }

    /// [`History::score`] of every trial.
    pub fn scores(&self) -> Vec<f64> {
        self.trials.iter().map(|trial| self.score(trial)).collect()
    }

    /// The trials, fastest first, failures last; equal ones in order of measurement.
    pub fn ranked(&self) -> Vec<&Trial> {
        let mut ranked: Vec<&Trial> = self.trials.iter().collect();
        let time = |trial: &Trial| trial.outcome.as_ref().copied().unwrap_or(f64::INFINITY);
        ranked.sort_by(|a, b| time(a).total_cmp(&time(b)));
        ranked
    }
}
