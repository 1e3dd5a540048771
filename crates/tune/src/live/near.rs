//! A schedule for a shape that nobody measured, from records of the same operator in other shapes.

use sha2::{Digest, Sha256};
use tachograph_metrics::median;
use tachograph_program::{Point, Schedule, Space, Workload};

use super::{Known, Like, Task, space, winner};
use crate::{Result, source};

/// Workloads of one family are written in the same words, and differ in numbers alone: extents, strides, padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// What the words are, as a hash.
    pub name: String,
    /// The numbers, in order, as logarithms.
    pub numbers: Vec<f64>,
}

impl Family {
    /// That of a workload.
    pub fn of(workload: &Workload) -> Self {
        let text = workload.to_string();
        let (mut words, mut numbers, mut before) = (String::new(), Vec::new(), ' ');
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            // Digits of names (`f32`, `w_2`) are no numbers.
            let number = digits > 0 && !before.is_alphanumeric() && before != '_';
            let taken = if number { digits } else { c.len_utf8() };
            match rest[..taken].parse::<f64>() {
                Ok(n) if number => {
                    numbers.push((1.0 + n).log2());
                    words.push('#');
                }
                _ => words.push(c),
            }
            before = c;
            rest = &rest[taken..];
        }
        let digest: [u8; 32] = Sha256::digest(words.as_bytes()).into();
        let name = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { name, numbers }
    }

    /// How far two workloads of a family are apart: 1 for one number that doubles.
    pub fn distance(&self, other: &Self) -> f64 {
        let pairs = self.numbers.iter().zip(&other.numbers);
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }
}

/// An answer from the records of another shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// The schedule, as it is for the shape that was asked for.
    pub schedule: Schedule,
    /// What the other workload is called, and its hash.
    pub from: (String, String),
    /// How far the shapes are apart ([`Family::distance`]).
    pub distance: f64,
    /// The time that follows from that of the other shape, if time goes with arithmetic (else with traffic).
    pub about_ms: f64,
    /// How much slower than the best of its own such a schedule was where both were measured: the median, and of how many
    /// pairs of shapes. `None` where that never was: the loss is unknown.
    pub loss: Option<(f64, usize)>,
}

/// So many of the nearest shapes are looked at.
const LOOKED_AT: usize = 8;

/// Answers from other shapes, the nearest first, at most so many. Schedules that the shape cannot have are left out.
///
/// # Errors
/// A rule that a workload of the records refuses.
pub fn nearest(task: &Task, likes: &[Like], most: usize) -> Result<Vec<Near>> {
    let family = Family::of(&task.workload);
    let mut likes: Vec<(f64, &Like)> =
        likes.iter().map(|like| (family.distance(&Family::of(&like.workload)), like)).collect();
    likes.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.workload.hash().cmp(&b.1.workload.hash())));
    likes.truncate(LOOKED_AT);
    let spaces = likes.iter().map(|(_, like)| space(&like.workload)).collect::<Result<Vec<_>>>()?;
    let loss = loss(&likes, &spaces);
    let mut found: Vec<Near> = Vec::new();
    for ((distance, like), from) in likes.iter().zip(&spaces) {
        let Some((best, ms)) = best_point(like, from) else { continue };
        let Some(schedule) = moved(&best, from, task.domain.space()) else { continue };
        if found.len() == most {
            break;
        }
        if schedule.lower(&task.workload).is_err() || found.iter().any(|near| near.schedule == schedule) {
            continue;
        }
        let work = |workload: &Workload| match workload.flops() {
            0 => workload.bytes() as f64,
            flops => flops as f64,
        };
        found.push(Near {
            schedule,
            from: (like.workload.name().into(), like.workload.hash().to_string()),
            distance: *distance,
            about_ms: ms * work(&task.workload) / work(&like.workload).max(1.0),
            loss,
        });
    }
    Ok(found)
}

/// The fastest schedule that is a point, and its time.
fn best_point(like: &Like, space: &Space) -> Option<(Point, f64)> {
    let mut timed: Vec<&Known> = like.known.iter().filter(|known| known.outcome.is_ok()).collect();
    let ms = |known: &Known| known.outcome.as_ref().map_or(f64::INFINITY, |timed| timed.ms);
    timed.sort_by(|a, b| ms(a).total_cmp(&ms(b)).then_with(|| a.schedule.to_string().cmp(&b.schedule.to_string())));
    timed.into_iter().find_map(|known| Some((space.point(&known.schedule)?, ms(known))))
}

/// The schedule of the same choices in another space, repaired; `None` where the sketch is not there.
fn moved(point: &Point, from: &Space, to: &Space) -> Option<Schedule> {
    to.schedule(&source::moved(to, from, point)?).ok()
}

/// The median of how much slower the schedule of one shape was on another than the best of that, where it was measured.
fn loss(likes: &[(f64, &Like)], spaces: &[Space]) -> Option<(f64, usize)> {
    let mut losses = Vec::new();
    for (a, (_, from)) in likes.iter().enumerate() {
        let Some((point, _)) = best_point(from, &spaces[a]) else { continue };
        for (b, (_, to)) in likes.iter().enumerate().filter(|(b, _)| *b != a) {
            let Some(schedule) = moved(&point, &spaces[a], &spaces[b]) else { continue };
            let there = to.known.iter().find(|known| known.schedule == schedule);
            let time = there.and_then(|known| known.outcome.as_ref().ok());
            let best = winner(&Schedule::new(), &to.known).map(|winner| winner.fastest_ms);
            losses.extend(time.zip(best).map(|(time, best)| time.ms / best - 1.0));
        }
    }
    Some((median(&losses)?, losses.len()))
}
