//! A task on the way: what is known of it, and what its strategy proposes.

use std::path::Path;

use rustc_hash::FxHashMap;
use tachograph_program::{Point, Schedule};

use super::{Journal, Known, Task, nearest};
use crate::{Error, Result, Search, Trial, Tuner, tasks::TaskState};

/// Schedules of other shapes that are tried before the strategy is asked.
const MOVED: usize = 3;

pub(super) struct State<'a> {
    pub task: &'a Task,
    search: Search<'a>,
    /// What is known, in the order in which it was learned.
    known: Vec<Known>,
    index: FxHashMap<Schedule, usize>,
    /// Points that were asked for and not told yet: several may make one schedule.
    asked: FxHashMap<Schedule, Point>,
    /// Best times after each round, as task schedulers want them.
    pub rounds: TaskState,
    moved: Option<Vec<Schedule>>,
}

impl<'a> State<'a> {
    pub fn new(task: &'a Task, tuner: &Tuner, checkpoint: Option<&Path>, seed: u64) -> Result<Self> {
        let mut search = Search::new(&task.domain, tuner.strategy(checkpoint)?, seed);
        if !task.sources.is_empty() && !search.remember(&task.sources)? {
            return Err(Error::Forgets(tuner.name));
        }
        let rounds = TaskState {
            weight: task.count as f64,
            flops: task.workload.flops() as f64,
            tag: task.workload.name().into(),
            ..TaskState::default()
        };
        let (known, index, asked) = Default::default();
        Ok(Self { task, search, known, index, asked, rounds, moved: None })
    }

    /// Learns what it has not yet, in this order.
    pub fn learn(&mut self, known: Vec<Known>) -> Result<()> {
        let space = self.task.domain.space();
        let mut trials = Vec::new();
        for known in known {
            if self.index.contains_key(&known.schedule) {
                continue;
            }
            let asked = self.asked.remove(&known.schedule);
            if let Some(point) = asked.or_else(|| space.point(&known.schedule)) {
                trials.push(Trial { point, outcome: milliseconds(&known) });
            }
            self.index.insert(known.schedule.clone(), self.known.len());
            self.known.push(known);
        }
        if trials.is_empty() { Ok(()) } else { self.search.resume(trials) }
    }

    /// Up to so many schedules to measure next, none of which is known; none at the end of the space.
    pub fn ask(&mut self, n: usize, journal: &mut dyn Journal) -> Result<Vec<Schedule>> {
        if !self.index.contains_key(&self.task.untuned) {
            return Ok(vec![self.task.untuned.clone()]);
        }
        if self.moved.is_none() {
            let likes = journal.like(&self.task.workload).map_err(Error::Journal)?;
            let near = nearest(self.task, &likes, MOVED)?;
            self.moved = Some(near.into_iter().rev().map(|near| near.schedule).collect());
        }
        while let Some(schedule) = self.moved.as_mut().and_then(Vec::pop) {
            if !self.index.contains_key(&schedule) {
                return Ok(vec![schedule]);
            }
        }
        // Points that make a schedule that is known, or that another of them makes, cost nothing.
        loop {
            let points = self.search.ask(n)?;
            if points.is_empty() {
                self.rounds.done = true;
                return Ok(Vec::new());
            }
            let mut new: Vec<Schedule> = Vec::new();
            let mut told = Vec::new();
            for point in points {
                let schedule = self.task.domain.space().schedule(&point)?;
                match self.index.get(&schedule) {
                    Some(&i) => told.push(Trial { point, outcome: milliseconds(&self.known[i]) }),
                    None if new.contains(&schedule) => {}
                    None => {
                        self.asked.insert(schedule.clone(), point);
                        new.push(schedule);
                    }
                }
            }
            if !told.is_empty() {
                self.search.tell(told)?;
            }
            if !new.is_empty() {
                return Ok(new);
            }
        }
    }

    pub fn known(&self) -> &[Known] {
        &self.known
    }

    pub fn into_known(self) -> Vec<Known> {
        self.known
    }

    pub fn best_ms(&self) -> Option<f64> {
        let times = self.known.iter().filter_map(|known| milliseconds(known).ok());
        times.min_by(f64::total_cmp)
    }
}

fn milliseconds(known: &Known) -> Result<f64, String> {
    known.outcome.clone().map(|timed| timed.ms)
}
