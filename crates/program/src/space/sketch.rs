//! Sketches: schedules with open decisions.

use serde::{Deserialize, Serialize};

use super::{Choice, Decision};
use crate::{Binding, Dim, Schedule, Step};

/// A step of a sketch. Decisions are known by their positions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Open {
    /// A step as it is.
    Step(Step),
    /// A split by the factors of a tile, the first of which is what is left.
    Split {
        /// The stage.
        stage: String,
        /// The loop.
        axis: String,
        /// The decision.
        tile: usize,
    },
    /// A reduction in two, of which one part becomes an axis of partial results: a tile of two says which lengths.
    Factor {
        /// The stage.
        stage: String,
        /// The reduction axis, or several joined with `*`.
        axis: String,
        /// The decision.
        tile: usize,
        /// Whether the outer part is what is kept.
        outer: bool,
    },
    /// The steps of the option that a category decides for.
    Either {
        /// The decision.
        category: usize,
        /// Steps of each option.
        options: Vec<Vec<Step>>,
    },
    /// A copy whose loop the threads of a block share out in words.
    Fetch {
        /// The copy.
        stage: String,
        /// Its one loop.
        axis: String,
        /// Tiles whose parts at `part` are, multiplied, the number of threads.
        tiles: Vec<usize>,
        /// Which part.
        part: usize,
        /// The decision on the length of a word.
        word: usize,
        /// Its options: elements of a word.
        words: Vec<u64>,
    },
    /// A copy whose loop the warps of a block share out in words: they go along y, and their threads along x.
    FetchByWarps {
        /// The copy.
        stage: String,
        /// Its one loop.
        axis: String,
        /// The tile of which a part is the number of warps.
        tile: usize,
        /// Which part.
        part: usize,
        /// The decision on the length of a word.
        word: usize,
        /// Its options: elements of a word.
        words: Vec<u64>,
    },
    /// What a stage reads of a buffer is asked for some trips of a loop ahead, where there are as many.
    Prefetch {
        /// The stage.
        stage: String,
        /// The buffer.
        buffer: String,
        /// The loop: a part of a tile.
        axis: String,
        /// The tile.
        tile: usize,
        /// Which part.
        part: usize,
        /// The decision on how far ahead.
        distance: usize,
        /// Its options, in trips; 0 is not at all.
        distances: Vec<u64>,
    },
    /// A weight that is laid out beforehand in the order in which the tiles of its reader go over it.
    Pack {
        /// The weight.
        buffer: String,
        /// Parts in that order, outermost first: axis of the weight, decision, part.
        parts: Vec<(usize, usize, usize)>,
    },
}

/// A schedule with open decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sketch {
    /// How it came about.
    pub name: String,
    /// What is open.
    pub decisions: Vec<Decision>,
    /// The steps.
    pub steps: Vec<Open>,
}

impl Sketch {
    /// The steps with choices for the decisions; choices of another kind leave a step out.
    pub(super) fn schedule(&self, choices: &[Choice]) -> Schedule {
        let mut schedule = Schedule::new();
        let factors = |tile: usize| match choices.get(tile) {
            Some(Choice::Tile(factors)) => factors.as_slice(),
            _ => &[],
        };
        for step in &self.steps {
            match step {
                Open::Step(step) => schedule.steps.push(step.clone()),
                Open::Split { stage, axis, tile } => {
                    if let [_, rest @ ..] = factors(*tile)
                        && !rest.is_empty()
                    {
                        let (stage, axis, factors) = (stage.clone(), axis.clone(), rest.to_vec());
                        schedule.steps.push(Step::Split { stage, axis, factors });
                    }
                }
                Open::Factor { stage, axis, tile, outer } => {
                    if let &[_, factor] = factors(*tile) {
                        let (stage, axis) = (stage.clone(), axis.clone());
                        schedule.steps.push(Step::RFactor { stage, axis, factor, outer: *outer });
                    }
                }
                Open::Either { category, options } => {
                    if let Some(Choice::Category(i)) = choices.get(*category) {
                        schedule.steps.extend(options.get(*i).into_iter().flatten().cloned());
                    }
                }
                Open::Fetch { stage, axis, tiles, part, word, words } => {
                    let threads = tiles.iter().map(|&tile| factors(tile).get(*part).copied().unwrap_or(1)).product();
                    let word = match choices.get(*word) {
                        Some(Choice::Category(i)) => words.get(*i).copied().unwrap_or(1),
                        _ => 1,
                    };
                    schedule.steps.extend(fetch(stage, axis, threads, word));
                }
                Open::FetchByWarps { stage, axis, tile, part, word, words } => {
                    let warps = factors(*tile).get(*part).copied().unwrap_or(1);
                    let word = match choices.get(*word) {
                        Some(Choice::Category(i)) => words.get(*i).copied().unwrap_or(1),
                        _ => 1,
                    };
                    schedule.steps.extend(fetch_by_warps(stage, axis, warps, word));
                }
                Open::Prefetch { stage, buffer, axis, tile, part, distance, distances } => {
                    let ahead = match choices.get(*distance) {
                        Some(Choice::Category(i)) => distances.get(*i).copied().unwrap_or(0),
                        _ => 0,
                    };
                    if ahead > 0 && factors(*tile).get(*part).is_some_and(|&trips| ahead < trips) {
                        let (stage, buffer, axis) = (stage.clone(), buffer.clone(), axis.clone());
                        schedule.steps.push(Step::Prefetch { stage, buffer, axis, ahead });
                    }
                }
                Open::Pack { buffer, parts } => {
                    let part = |&(axis, tile, part): &(usize, usize, usize)| {
                        let factors = factors(tile);
                        let divide: u64 = factors.iter().skip(part + 1).product();
                        // A part of one trip is no dimension, but for the first, which has no other limit.
                        match (part, factors.get(part)) {
                            (0, _) => Some(format!("d{axis}/{divide}")),
                            (_, Some(1)) | (_, None) => None,
                            (_, Some(n)) => Some(format!("d{axis}/{divide}%{n}")),
                        }
                    };
                    let layout = parts.iter().filter_map(part).collect::<Vec<_>>().join(" ");
                    schedule.steps.push(Step::Layout { buffer: buffer.clone(), layout });
                }
            }
        }
        schedule
    }
}

/// Shares the loop of a copy out among threads, in words of so many elements.
pub(super) fn fetch(stage: &str, axis: &str, threads: u64, word: u64) -> Vec<Step> {
    let (stage, axis) = (stage.to_owned(), axis.to_owned());
    let part = |i: usize| format!("{axis}.{i}");
    let mut steps = vec![
        Step::Split { stage: stage.clone(), axis: axis.clone(), factors: vec![threads, word] },
        Step::Bind { stage: stage.clone(), axis: part(1), to: Binding::Thread(Dim::X) },
    ];
    if word > 1 {
        steps.push(Step::Vectorize { stage, axis: part(2) });
    }
    steps
}

/// The same among warps.
pub(super) fn fetch_by_warps(stage: &str, axis: &str, warps: u64, word: u64) -> Vec<Step> {
    let (stage, axis) = (stage.to_owned(), axis.to_owned());
    let part = |i: usize| format!("{axis}.{i}");
    let bind = |i, to| Step::Bind { stage: stage.clone(), axis: part(i), to };
    let factors = vec![warps, crate::intrinsic::WARP, word];
    let mut steps = vec![Step::Split { stage: stage.clone(), axis: axis.clone(), factors }];
    steps.extend([bind(1, Binding::Thread(Dim::Y)), bind(2, Binding::Thread(Dim::X))]);
    if word > 1 {
        steps.push(Step::Vectorize { stage: stage.clone(), axis: part(3) });
    }
    steps
}
