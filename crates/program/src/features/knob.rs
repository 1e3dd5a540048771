//! AutoTVM's knobs: the choices of a point, as they are.
//!
//! Which sketch, as one of many; then for each sketch its decisions: factors of a tile, outermost first; an option as
//! the number that it is called by, or else its position; positions in an order. Choices of other sketches are 0, so
//! that the width is that of the space.

use super::{FeatureSet, Features, Program, Rows};
use crate::{Choice, Decision, Error, Result};

pub(super) struct Knobs;

/// Options of the program's point that are no tiles, by name.
pub(super) fn options(program: &Program<'_>) -> Vec<(String, f64)> {
    let Some((space, point)) = program.point() else { return Vec::new() };
    let Some(sketch) = space.sketches.get(point.sketch) else { return Vec::new() };
    let option = |(decision, choice): (&Decision, &Choice)| match (decision, choice) {
        (Decision::Category { name, options }, Choice::Category(i)) => Some((name.clone(), number(options, *i))),
        _ => None,
    };
    sketch.decisions.iter().zip(&point.choices).filter_map(option).collect()
}

fn number(options: &[String], i: usize) -> f64 {
    options.get(i).and_then(|option| option.parse().ok()).unwrap_or(i as f64)
}

fn width(decision: &Decision) -> usize {
    match decision {
        Decision::Tile { parts, .. } => *parts,
        Decision::Category { .. } => 1,
        Decision::Order { count } => *count,
    }
}

impl FeatureSet for Knobs {
    fn name(&self) -> &'static str {
        "knob"
    }

    fn rows(&self) -> Rows {
        Rows::Program
    }

    fn columns(&self, program: &Program<'_>) -> Vec<String> {
        let Some((space, _)) = program.point() else { return Vec::new() };
        let mut names: Vec<String> = (0..space.sketches.len()).map(|i| format!("sketch {i}")).collect();
        for (i, sketch) in space.sketches.iter().enumerate() {
            for (j, decision) in sketch.decisions.iter().enumerate() {
                names.extend((0..width(decision)).map(|part| match decision {
                    Decision::Category { name, .. } => format!("sketch {i} {name}"),
                    _ => format!("sketch {i} decision {j} part {part}"),
                }));
            }
        }
        names
    }

    fn extract(&self, program: &Program<'_>) -> Result<Features> {
        let none = || Error::Point("knobs are of a program that was made of a point".into());
        let (space, point) = program.point().ok_or_else(none)?;
        let mut row: Vec<f64> = (0..space.sketches.len()).map(|i| f64::from(u8::from(i == point.sketch))).collect();
        for (i, sketch) in space.sketches.iter().enumerate() {
            for (j, decision) in sketch.decisions.iter().enumerate() {
                let from = row.len();
                match (decision, point.choices.get(j).filter(|_| i == point.sketch)) {
                    (Decision::Tile { .. }, Some(Choice::Tile(factors))) => {
                        row.extend(factors.iter().map(|&factor| factor as f64));
                    }
                    (Decision::Category { options, .. }, Some(Choice::Category(i))) => row.push(number(options, *i)),
                    (Decision::Order { .. }, Some(Choice::Order(order))) => {
                        row.extend(order.iter().map(|&place| place as f64));
                    }
                    _ => {}
                }
                row.resize(from + width(decision), 0.0);
            }
        }
        Ok(Features::rows(row.len(), vec![row]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Program, named, tests::matmul};
    use crate::{Choice, CpuRules, Point, Space};

    #[test]
    fn choices_stand_where_their_sketch_has_them() {
        let workload = matmul(16, 16, 16);
        let space = Space::cpu(&workload, CpuRules::default()).unwrap();
        let sketch = &space.sketches[1];
        let choices = sketch.decisions.iter().map(|decision| decision.nth(0).unwrap()).collect();
        let point = Point { sketch: 1, choices };
        let schedule = space.schedule(&point).unwrap();
        let program = Program::new(&workload, &schedule).unwrap();
        let set = named("knob").unwrap();
        assert!(set.extract(&program).is_err());
        let program = program.at(&space, &point);
        let row = set.extract(&program).unwrap();
        let columns = set.columns(&program);
        assert_eq!((row.len(), row.width), (1, columns.len()));
        let mut expected: Vec<f64> = Vec::new();
        for choice in &point.choices {
            match choice {
                Choice::Tile(factors) => expected.extend(factors.iter().map(|&f| f as f64)),
                // The first option of unrolling is not to unroll.
                Choice::Category(_) => expected.push(0.0),
                Choice::Order(order) => expected.extend(order.iter().map(|&at| at as f64)),
            }
        }
        let first = columns.iter().position(|name| name.starts_with("sketch 1 ")).unwrap();
        assert_eq!(&row.values[first..first + expected.len()], expected);
        // Choices of the other sketches are 0.
        let others = row.values[3..first].iter().chain(&row.values[first + expected.len()..]);
        assert!(others.clone().count() > 0 && others.clone().all(|&x| x == 0.0));
        assert_eq!(&row.values[..3], [0.0, 1.0, 0.0]);
    }
}
