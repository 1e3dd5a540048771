//! Trials of another device or task, from which a tuner may start.

use tachograph_program::{Choice, Decision, Point, Sketch, Space};

use crate::{Domain, Trial, encoding::numbers};

/// What was measured elsewhere: the same space on another device, or that of another task whose decisions have the same names.
#[derive(Clone, Debug)]
pub struct Source {
    /// What was measured, and where.
    pub name: String,
    /// Where it was searched.
    pub domain: Domain,
    /// What was measured.
    pub trials: Vec<Trial>,
}

/// The sketch that is the counterpart of another space's: that of its name; the only one, where both have but one.
pub(crate) fn sketch_like(own: &Space, other: &Space, sketch: usize) -> Option<usize> {
    let theirs = other.sketches.get(sketch)?;
    if own.sketches.len() == 1 && other.sketches.len() == 1 {
        return Some(0);
    }
    // Sketches of one name are told apart by their order.
    let same = |other: &&Sketch| other.name == theirs.name;
    let nth = other.sketches.iter().take(sketch).filter(same).count();
    own.sketches.iter().enumerate().filter(|(_, own)| own.name == theirs.name).nth(nth).map(|(i, _)| i)
}

/// What decisions are matched by: a name, or what else they are.
#[derive(PartialEq)]
enum Kind<'a> {
    Category(&'a str),
    Tile(usize),
    Order(usize),
}

fn kind(decision: &Decision) -> Kind<'_> {
    match decision {
        Decision::Category { name, .. } => Kind::Category(name),
        Decision::Tile { parts, .. } => Kind::Tile(*parts),
        Decision::Order { count } => Kind::Order(*count),
    }
}

/// The decision of a sketch that is the counterpart of another's: that of its name; of tiles and orders, which have none, the
/// one that comes as late among its kind.
pub(crate) fn decision_like(own: &Sketch, other: &Sketch, decision: usize) -> Option<usize> {
    let wanted = kind(other.decisions.get(decision)?);
    let like = |other: &&Decision| kind(other) == wanted;
    let before = other.decisions[..decision].iter().filter(like).count();
    (0..own.decisions.len()).filter(|&i| kind(&own.decisions[i]) == wanted).nth(before)
}

/// The point of one space that is nearest to another's: the same choices, by [`decision_like`] and [`in_words`], sizes repaired.
/// `None` where its sketch is not there.
pub(crate) fn moved(own: &Space, other: &Space, point: &Point) -> Option<Point> {
    let sketch = sketch_like(own, other, point.sketch)?;
    let (here, theirs) = (own.sketches.get(sketch)?, other.sketches.get(point.sketch)?);
    let choice = |(i, decision): (usize, &Decision)| {
        let same = decision_like(theirs, here, i);
        let same = same.and_then(|k| Some(in_words(theirs.decisions.get(k)?, decision, point.choices.get(k)?)));
        same.or_else(|| decision.nth(0))
    };
    let choices = here.decisions.iter().enumerate().map(choice).collect::<Option<Vec<_>>>()?;
    own.repair(&Point { sketch, choices }).ok()
}

/// The option of the same words, else the one whose numbers (`2x14x1`) are nearest; other choices as they are.
fn in_words(from: &Decision, to: &Decision, choice: &Choice) -> Choice {
    let (Decision::Category { options, .. }, Decision::Category { options: others, .. }, Choice::Category(i)) =
        (from, to, choice)
    else {
        return choice.clone();
    };
    let Some(words) = options.get(*i) else { return choice.clone() };
    if let Some(same) = others.iter().position(|other| other == words) {
        return Choice::Category(same);
    }
    let logs = |words: &str| Some(numbers(words)?.iter().map(|n| (1.0 + n.max(0.0)).log2()).collect::<Vec<f64>>());
    let apart = |other: &str| {
        let (a, b) = (logs(words)?, logs(other)?);
        (a.len() == b.len()).then(|| a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>())
    };
    let known = others.iter().enumerate().filter_map(|(i, other)| Some((apart(other)?, i)));
    known.min_by(|a, b| a.0.total_cmp(&b.0)).map_or_else(|| choice.clone(), |(_, i)| Choice::Category(i))
}

impl Domain {
    /// The point that another space's point is here: the same choice of every decision. `None` where one of them is not here,
    /// or where a decision with several choices is not there.
    pub fn translated(&self, other: &Space, point: &Point) -> Option<Point> {
        let sketch = sketch_like(self.space(), other, point.sketch)?;
        let (own, theirs) = (self.space().sketches.get(sketch)?, other.sketches.get(point.sketch)?);
        let choice = |(i, decision): (usize, &Decision)| {
            let Some(k) = decision_like(theirs, own, i) else {
                return if decision.count() == 1 { decision.nth(0) } else { None };
            };
            match (decision, theirs.decisions.get(k)?, point.choices.get(k)?) {
                (
                    Decision::Category { options, .. },
                    Decision::Category { options: theirs, .. },
                    Choice::Category(o),
                ) => {
                    let wanted = theirs.get(*o)?;
                    options.iter().position(|option| option == wanted).map(Choice::Category)
                }
                (_, _, choice) => Some(choice.clone()),
            }
        };
        let choices = own.decisions.iter().enumerate().map(choice).collect::<Option<Vec<_>>>()?;
        let here = Point { sketch, choices };
        self.contains(&here).then_some(here)
    }

    /// The point that another space's point is here, or where there is none the nearest to it: the same choices, sizes repaired
    /// ([`Space::repair`]). `None` where its sketch is not here; in a list a point is there or not.
    pub fn moved(&self, other: &Space, point: &Point) -> Option<Point> {
        let same = self.translated(other, point);
        if same.is_some() || self.points().is_some() {
            return same;
        }
        moved(self.space(), other, point).filter(|point| self.contains(point))
    }

    /// The numbers that stand for another space's point, in the units of this one ([`Domain::row`]).
    pub fn foreign_row(&self, other: &Space, point: &Point) -> Vec<f64> {
        self.encoding().foreign(self.space(), other, point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(decisions: &[(&str, &[&str])]) -> Space {
        let category = |(name, options): &(&str, &[&str])| Decision::Category {
            name: (*name).into(),
            options: options.iter().map(|&o| o.into()).collect(),
        };
        let decisions = decisions.iter().map(category).collect();
        Space { sketches: vec![Sketch { name: "recorded".into(), decisions, steps: Vec::new() }] }
    }

    fn point(choices: &[usize]) -> Point {
        Point { sketch: 0, choices: choices.iter().map(|&i| Choice::Category(i)).collect() }
    }

    #[test]
    fn decisions_go_by_their_names() {
        let here = Domain::new(space(&[("block", &["1", "4", "16"]), ("layout", &["x", "y"]), ("fixed", &["1"])]));
        let there = space(&[("layout", &["z", "y"]), ("more", &["1", "2"]), ("block", &["64", "4"])]);
        // block 4, layout y; then what is not here.
        assert_eq!(here.translated(&there, &point(&[1, 0, 1])), Some(point(&[1, 1, 0])));
        assert_eq!(here.translated(&there, &point(&[1, 0, 0])), None);
        assert_eq!(here.translated(&there, &point(&[0, 0, 1])), None);
        assert_eq!(here.foreign_row(&there, &point(&[1, 0, 1])), here.row(&point(&[1, 1, 0])));
        // 64 lies as far beyond 16 as 16 beyond 4; the word z is none of ours.
        assert_eq!(here.foreign_row(&there, &point(&[0, 0, 0])), [1.5, 0.0, 0.0]);
        // A decision that is not there is in the middle, and no point.
        let fewer = space(&[("layout", &["x", "y"])]);
        assert_eq!(here.foreign_row(&fewer, &point(&[0]))[0], 0.5);
        assert_eq!(here.translated(&fewer, &point(&[0])), None);
    }

    #[test]
    fn tiles_go_by_their_places() {
        let tiles = |extents: [u64; 2]| {
            let tile = |extent| Decision::Tile { extent, parts: 2, max_innermost: None };
            let decisions = extents.into_iter().map(tile).collect();
            Space { sketches: vec![Sketch { name: "tiled".into(), decisions, steps: Vec::new() }] }
        };
        let (here, there) = (Domain::new(tiles([16, 64])), tiles([256, 64]));
        let point = |factors: [[u64; 2]; 2]| Point {
            sketch: 0,
            choices: factors.iter().map(|f| Choice::Tile(f.to_vec())).collect(),
        };
        // Halves of an extent on the logarithmic scale are halves of another.
        assert_eq!(here.foreign_row(&there, &point([[16, 16], [8, 8]])), here.row(&point([[4, 4], [8, 8]])));
        assert_eq!(here.translated(&there, &point([[16, 16], [8, 8]])), None);
        // Moved there, inner parts stay as large as they can, and what divides is a point.
        assert_eq!(here.moved(&there, &point([[16, 16], [8, 8]])), Some(point([[1, 16], [8, 8]])));
        assert_eq!(here.moved(&there, &point([[64, 4], [8, 8]])), Some(point([[4, 4], [8, 8]])));
    }
}
