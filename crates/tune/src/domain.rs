//! Where a strategy searches: a space, whole or as far as a list of its points goes.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rustc_hash::{FxHashMap, FxHashSet};
use tachograph_program::{Choice, Decision, Point, Space, Workload, features::FeatureSet};

use crate::{
    Error, Result,
    encoding::Encoding,
    models::Reading,
    programs::{Form, Programs},
};

/// Decisions with more choices than this are not numbered: they are moved by [`Domain::mutate`] alone.
const NUMBERED: u128 = 4096;

/// How often a random move is tried before a random point takes its place.
const TRIES: usize = 20;

/// A space, and which of its points there are: all, or those of a list. A point that is not there is never proposed.
#[derive(Clone, Debug)]
pub struct Domain {
    space: Space,
    listed: Option<Listed>,
    encoding: Encoding,
    /// Of each decision of each sketch: its choices in order, if it is numbered.
    knobs: Vec<Vec<Vec<Choice>>>,
    /// Where its points are programs: what cost models read of these.
    programs: Option<Programs>,
}

#[derive(Clone, Debug)]
struct Listed {
    points: Vec<Point>,
    index: FxHashMap<Point, u32>,
}

/// Choices in the order of their sizes where they are numbers, else as they are numbered.
fn knob(decision: &Decision) -> Vec<Choice> {
    if decision.count() > NUMBERED {
        return Vec::new();
    }
    let mut choices: Vec<Choice> = (0..decision.count()).filter_map(|n| decision.nth(n)).collect();
    if let Decision::Category { options, .. } = decision {
        let numbers: Option<Vec<Vec<f64>>> = options.iter().map(|option| crate::encoding::numbers(option)).collect();
        if let Some(numbers) = numbers {
            let of = |choice: &Choice| match choice {
                Choice::Category(i) => numbers[*i].clone(),
                _ => Vec::new(),
            };
            choices.sort_by(|a, b| of(a).partial_cmp(&of(b)).unwrap_or(std::cmp::Ordering::Equal));
        }
    }
    choices
}

impl Domain {
    /// All points of a space.
    pub fn new(space: Space) -> Self {
        let encoding = Encoding::new(&space);
        let knobs = space.sketches.iter().map(|sketch| sketch.decisions.iter().map(knob).collect()).collect();
        Self { space, listed: None, encoding, knobs, programs: None }
    }

    /// Those points of a space.
    ///
    /// # Errors
    /// No points, more than 2³² of them, one twice, one of another space.
    pub fn listed(space: Space, points: Vec<Point>) -> Result<Self> {
        if points.is_empty() || u32::try_from(points.len()).is_err() {
            return Err(Error::Points(format!("a space cannot be made of {} points", points.len())));
        }
        let mut index = FxHashMap::default();
        for (i, point) in points.iter().enumerate() {
            space.encode(point)?;
            if index.insert(point.clone(), i as u32).is_some() {
                return Err(Error::Points(format!("point {i} is listed twice: {point:?}")));
            }
        }
        Ok(Self { listed: Some(Listed { points, index }), ..Self::new(space) })
    }

    /// The same where points are programs of a workload. Cost models read these features of them, in this form.
    #[must_use]
    pub fn of_programs(self, workload: Workload, features: &'static dyn FeatureSet, form: Form) -> Self {
        Self { programs: Some(Programs::new(workload, features, form)), ..self }
    }

    /// The space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The points, where they are listed.
    pub fn points(&self) -> Option<&[Point]> {
        self.listed.as_ref().map(|listed| listed.points.as_slice())
    }

    /// How many points there are; `None` beyond 128 bits.
    pub fn count(&self) -> Option<u128> {
        self.points().map_or_else(|| self.space.count(), |points| Some(points.len() as u128))
    }

    /// The point with this number.
    pub fn nth(&self, n: u128) -> Option<Point> {
        match &self.listed {
            Some(listed) => listed.points.get(usize::try_from(n).ok()?).cloned(),
            None => self.space.nth(n),
        }
    }

    /// True if the point is there.
    pub fn contains(&self, point: &Point) -> bool {
        match &self.listed {
            Some(listed) => listed.index.contains_key(point),
            None => self.space.encode(point).is_ok(),
        }
    }

    /// Position of a listed point.
    pub fn position(&self, point: &Point) -> Option<usize> {
        self.listed.as_ref()?.index.get(point).map(|&i| i as usize)
    }

    /// The numbers that stand for a point in a model ([`Encoding`]).
    pub fn row(&self, point: &Point) -> Vec<f64> {
        self.encoding.row(point)
    }

    /// What a cost model reads: features of its program, or else [`Domain::row`]. `None` for a point that makes no loops.
    pub fn reading(&self, point: &Point) -> Option<Reading> {
        match &self.programs {
            Some(programs) => programs.reading(&self.space, point),
            None => Some(self.row(point).into()),
        }
    }

    /// Whether its points are programs, of which cost models read features.
    pub fn has_programs(&self) -> bool {
        self.programs.is_some()
    }

    /// The encoding of its points.
    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// How many numbers.
    pub fn width(&self) -> usize {
        self.encoding.width()
    }

    /// Any point: of a list every one is as likely, of a space as [`Space::sample`] has it. `None` in an empty space.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Point> {
        match &self.listed {
            Some(listed) => Some(listed.points[rng.random_range(0..listed.points.len())].clone()),
            None => self.space.sample(rng),
        }
    }

    /// Up to so many different points, without those that are `taken`. Few, or none, where nearly all are taken.
    pub fn sample_new(&self, n: usize, taken: impl Fn(&Point) -> bool, rng: &mut ChaCha8Rng) -> Vec<Point> {
        let mut found = Vec::new();
        let mut seen = FxHashSet::default();
        for _ in 0..n.saturating_mul(TRIES) {
            if found.len() == n {
                return found;
            }
            match self.sample(rng) {
                Some(point) if !taken(&point) && seen.insert(point.clone()) => found.push(point),
                Some(_) => {}
                None => break,
            }
        }
        // What is left of a list that is nearly used up, or of a space that is no larger than one.
        // A point of a list costs nothing; one of a space is worked out.
        let most = if self.listed.is_some() { 1 << 20 } else { 1 << 14 };
        let few = self.count().and_then(|count| usize::try_from(count).ok()).filter(|&count| count <= most);
        if found.len() < n
            && let Some(count) = few
        {
            let start = rng.random_range(0..count.max(1));
            let left = (0..count).filter_map(|i| self.nth(((i + start) % count) as u128));
            let left = left.filter(|point| !taken(point) && !seen.contains(point));
            found.extend(left.take(n - found.len()));
        }
        found
    }

    /// Points that differ in one decision: by one small move in a space, by any option in a list.
    pub fn neighbours(&self, point: &Point) -> Vec<Point> {
        let mut found = self.space.neighbours(point).unwrap_or_default();
        found.retain(|next| self.contains(next));
        found
    }

    /// A point that differs in one decision; any other point where none was found.
    pub fn mutate(&self, point: &Point, rng: &mut ChaCha8Rng) -> Point {
        for _ in 0..TRIES {
            match self.space.mutate(point, rng) {
                Ok(next) if next != *point && self.contains(&next) => return next,
                _ => {}
            }
        }
        self.sample(rng).unwrap_or_else(|| point.clone())
    }

    /// A point with each decision of one of two; one of the two where their mixtures are not there.
    pub fn cross(&self, a: &Point, b: &Point, rng: &mut ChaCha8Rng) -> Point {
        for _ in 0..TRIES {
            match self.space.cross(a, b, rng) {
                Ok(next) if self.contains(&next) => return next,
                _ => {}
            }
        }
        a.clone()
    }

    /// How many choices each decision of a sketch has; 0 for one that is not numbered.
    pub fn knobs(&self, sketch: usize) -> Vec<usize> {
        self.knobs.get(sketch).map_or_else(Vec::new, |knobs| knobs.iter().map(Vec::len).collect())
    }

    /// The number of each choice, in the order of sizes where choices are numbers.
    pub fn levels(&self, point: &Point) -> Vec<usize> {
        let knobs = self.knobs.get(point.sketch).map_or(&[][..], Vec::as_slice);
        let level =
            |(knob, choice): (&Vec<Choice>, &Choice)| knob.iter().position(|other| other == choice).unwrap_or(0);
        knobs.iter().zip(&point.choices).map(level).collect()
    }

    /// The point with another choice of one decision; `None` where that is not there.
    pub fn with_level(&self, point: &Point, decision: usize, level: usize) -> Option<Point> {
        let choice = self.knobs.get(point.sketch)?.get(decision)?.get(level)?;
        let mut next = point.clone();
        *next.choices.get_mut(decision)? = choice.clone();
        self.contains(&next).then_some(next)
    }

    /// The point with these numbers; `None` where that is not there.
    pub fn at_levels(&self, like: &Point, levels: &[usize]) -> Option<Point> {
        let mut next = like.clone();
        for (i, &level) in levels.iter().enumerate() {
            if let Some(choice) = self.knobs.get(like.sketch)?.get(i)?.get(level) {
                next.choices[i] = choice.clone();
            }
        }
        self.contains(&next).then_some(next)
    }
}
