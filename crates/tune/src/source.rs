//! Trials of another device or task, from which a tuner may start.

use tachograph_program::{Choice, Decision, Point, Sketch, Space};

use crate::{Domain, Trial};

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
    own.sketches.iter().position(|sketch| sketch.name == theirs.name)
}

/// The decision of a sketch that is the counterpart of another's: that of its name; of tiles and orders, which have none, the
/// one that comes as late among its kind.
pub(crate) fn decision_like(own: &Sketch, other: &Sketch, decision: usize) -> Option<usize> {
    let kind = |decision: &Decision| match decision {
        Decision::Tile { parts, .. } => Some((true, *parts)),
        Decision::Order { count } => Some((false, *count)),
        Decision::Category { .. } => None,
    };
    match other.decisions.get(decision)? {
        Decision::Category { name, .. } => own
            .decisions
            .iter()
            .position(|other| matches!(other, Decision::Category { name: called, .. } if called == name)),
        unnamed => {
            let like = |other: &&Decision| kind(other) == kind(unnamed);
            let before = other.decisions[..decision].iter().filter(like).count();
            (0..own.decisions.len()).filter(|&i| kind(&own.decisions[i]) == kind(unnamed)).nth(before)
        }
    }
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
    }
}
