//! Spaces of schedules: sketches with open decisions, and points in them.

mod across;
mod ansor;
mod ansor_gpu;
mod constant;
mod decision;
mod draft;
mod invert;
mod meta;
mod predicate;
mod sketch;
mod template;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use ansor::CpuRules;
pub use ansor_gpu::GpuRules;
pub use decision::{Choice, Decision};
pub use meta::MetaSchedule;
pub use sketch::{Open, Sketch};
pub use template::Machine;

use crate::{Error, Result, Schedule, Workload};

/// Sketches, of which a point takes one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// The sketches.
    pub sketches: Vec<Sketch>,
}

/// A sketch with all its decisions made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Point {
    /// Which sketch.
    pub sketch: usize,
    /// A choice for each of its decisions.
    pub choices: Vec<Choice>,
}

impl Point {
    /// A number by which points are told apart: the same on every machine.
    pub fn key(&self) -> u64 {
        let mut hasher = Sha256::new();
        hasher.update(self.sketch.to_le_bytes());
        for choice in &self.choices {
            hasher.update(format!("{choice:?};"));
        }
        let digest: [u8; 32] = hasher.finalize().into();
        digest[..8].iter().fold(0, |key, &byte| key << 8 | u64::from(byte))
    }
}

impl Space {
    /// How many points there are; `None` beyond 128 bits.
    pub fn count(&self) -> Option<u128> {
        let each = |sketch: &Sketch| sketch.decisions.iter().try_fold(1u128, |n, d| n.checked_mul(d.count()));
        self.sketches.iter().try_fold(0u128, |n, sketch| n.checked_add(each(sketch)?))
    }

    /// The point with this number.
    pub fn nth(&self, mut n: u128) -> Option<Point> {
        for (i, sketch) in self.sketches.iter().enumerate() {
            let size = sketch.decisions.iter().try_fold(1u128, |n, d| n.checked_mul(d.count()))?;
            if n >= size {
                n -= size;
                continue;
            }
            let mut choices = Vec::new();
            for decision in &sketch.decisions {
                let count = decision.count();
                choices.push(decision.nth(n % count)?);
                n /= count;
            }
            return Some(Point { sketch: i, choices });
        }
        None
    }

    fn sketch(&self, point: &Point) -> Result<&Sketch> {
        let sketch = self.sketches.get(point.sketch);
        let sketch = sketch.ok_or_else(|| Error::Point(format!("there is no sketch {}", point.sketch)))?;
        if sketch.decisions.len() != point.choices.len() {
            let message = format!("{} choices for {} decisions", point.choices.len(), sketch.decisions.len());
            return Err(Error::Point(message));
        }
        match sketch.decisions.iter().zip(&point.choices).position(|(decision, choice)| !decision.allows(choice)) {
            Some(i) => Err(Error::Point(format!("{:?} is no choice of {:?}", point.choices[i], sketch.decisions[i]))),
            None => Ok(sketch),
        }
    }

    /// Any sketch, and any choice of each decision; `None` where there is no sketch.
    pub fn sample(&self, rng: &mut impl Rng) -> Option<Point> {
        let sketch = rng.random_range(0..self.sketches.len().max(1));
        let choices = self.sketches.get(sketch)?.decisions.iter().map(|decision| decision.sample(rng)).collect();
        Some(Point { sketch, choices })
    }

    /// Points that differ in one decision by one small move.
    ///
    /// # Errors
    /// A point of another space.
    pub fn neighbours(&self, point: &Point) -> Result<Vec<Point>> {
        let sketch = self.sketch(point)?;
        let mut found = Vec::new();
        for (i, decision) in sketch.decisions.iter().enumerate() {
            for choice in decision.neighbours(&point.choices[i]) {
                let mut next = point.clone();
                next.choices[i] = choice;
                found.push(next);
            }
        }
        Ok(found)
    }

    /// A point that differs in one decision.
    ///
    /// # Errors
    /// A point of another space.
    pub fn mutate(&self, point: &Point, rng: &mut impl Rng) -> Result<Point> {
        let sketch = self.sketch(point)?;
        let open: Vec<usize> = (0..sketch.decisions.len()).filter(|&i| sketch.decisions[i].count() > 1).collect();
        let mut next = point.clone();
        for _ in 0..10 {
            let Some(&i) = open.get(rng.random_range(0..open.len().max(1))) else { break };
            if let Some(choice) = sketch.decisions[i].mutate(&point.choices[i], rng) {
                next.choices[i] = choice;
                break;
            }
        }
        Ok(next)
    }

    /// A point with each choice from one of two; one of the two where their sketches differ.
    ///
    /// # Errors
    /// A point of another space.
    pub fn cross(&self, a: &Point, b: &Point, rng: &mut impl Rng) -> Result<Point> {
        self.sketch(a)?;
        self.sketch(b)?;
        if a.sketch != b.sketch {
            return Ok(if rng.random_bool(0.5) { a } else { b }.clone());
        }
        let either = |(a, b): (&Choice, &Choice)| if rng.random_bool(0.5) { a } else { b }.clone();
        Ok(Point { sketch: a.sketch, choices: a.choices.iter().zip(&b.choices).map(either).collect() })
    }

    /// Numbers for a model, as many for every point: which sketch, then the choices of each sketch, 0 for all but its
    /// own.
    ///
    /// # Errors
    /// A point of another space.
    pub fn encode(&self, point: &Point) -> Result<Vec<f64>> {
        self.sketch(point)?;
        let mut code: Vec<f64> = (0..self.sketches.len()).map(|i| f64::from(u8::from(i == point.sketch))).collect();
        for (i, sketch) in self.sketches.iter().enumerate() {
            for (j, decision) in sketch.decisions.iter().enumerate() {
                match i == point.sketch {
                    true => decision.encode(&point.choices[j], &mut code),
                    false => code.extend(std::iter::repeat_n(0.0, decision.width())),
                }
            }
        }
        Ok(code)
    }

    /// The point of this space that is nearest to one of the same sketches on another shape.
    ///
    /// # Errors
    /// Another number of sketches or decisions.
    pub fn repair(&self, point: &Point) -> Result<Point> {
        let sketch = self.sketches.get(point.sketch).filter(|sketch| sketch.decisions.len() == point.choices.len());
        let sketch = sketch.ok_or_else(|| Error::Point("its sketch is not of this space".into()))?;
        let choices = sketch.decisions.iter().zip(&point.choices).map(|(decision, choice)| decision.repair(choice));
        Ok(Point { sketch: point.sketch, choices: choices.collect() })
    }

    /// The steps of a point.
    ///
    /// # Errors
    /// A point of another space.
    pub fn schedule(&self, point: &Point) -> Result<Schedule> {
        Ok(self.sketch(point)?.schedule(&point.choices))
    }

    /// The space that Ansor's rules make for processors.
    ///
    /// # Errors
    /// None known: a rule whose steps the workload refuses is an error of this crate.
    pub fn cpu(workload: &Workload, rules: CpuRules) -> Result<Self> {
        ansor::sketches(workload, rules).map(|sketches| Self { sketches })
    }

    /// The space that Ansor's rules make for GPUs. Some of its points have more threads in a block than there can be, or
    /// share more memory: those cannot be lowered, or have no code for a device.
    ///
    /// # Errors
    /// None known: a rule whose steps the workload refuses is an error of this crate.
    pub fn gpu(workload: &Workload, rules: GpuRules) -> Result<Self> {
        ansor_gpu::sketches(workload, rules).map(|sketches| Self { sketches })
    }

    /// The space that MetaSchedule's rules make. Of a GPU's, what is said of [`Space::gpu`] is true.
    ///
    /// # Errors
    /// As [`Space::cpu`].
    pub fn meta_schedule(workload: &Workload, target: MetaSchedule) -> Result<Self> {
        meta::sketches(workload, target).map(|sketches| Self { sketches })
    }

    /// The space of the templates that know the workload; it has no sketch where none does.
    ///
    /// # Errors
    /// As [`Space::cpu`].
    pub fn templates(workload: &Workload, machine: Machine) -> Result<Self> {
        template::sketches(workload, machine).map(|sketches| Self { sketches })
    }
}
