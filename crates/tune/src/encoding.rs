//! Numbers that stand for a point in a model.
//!
//! [`Space::encode`] makes an option one of many. Options of recorded spaces, and many of programs, are sizes: their order
//! and their ratios say more. So here an option that is a number, or several numbers (`4x2x1`), becomes that number; powers
//! of two become logarithms. Every column lies between 0 and 1. This is our choice: AutoTVM's `knob` features are the
//! numbers themselves.

use tachograph_program::{Choice, Decision, Point, Space};

use crate::source::{decision_like, sketch_like};

/// How one decision is written.
#[derive(Clone, Debug)]
enum Column {
    /// Nothing to decide.
    Constant,
    /// A row of numbers for each option, and how options of other spaces become such rows.
    Table(Vec<Vec<f64>>, Reading),
    /// Logarithms of factors over the logarithm of the extent.
    Tile { parts: usize, scale: f64 },
    /// Positions.
    Order(usize),
}

impl Column {
    fn of(decision: &Decision) -> Self {
        match decision {
            _ if decision.count() < 2 => Self::Constant,
            Decision::Category { options, .. } => {
                let (rows, reading) = table(options);
                Self::Table(rows, reading)
            }
            Decision::Tile { extent, parts, .. } => {
                Self::Tile { parts: *parts, scale: 1.0 / (*extent as f64).log2().max(1.0) }
            }
            Decision::Order { count } => Self::Order(*count),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Constant => 0,
            Self::Table(rows, _) => rows.first().map_or(0, Vec::len),
            Self::Tile { parts, .. } => *parts,
            Self::Order(count) => *count,
        }
    }

    fn write(&self, choice: &Choice, into: &mut Vec<f64>) {
        match (self, choice) {
            (Self::Table(rows, _), Choice::Category(i)) if *i < rows.len() => into.extend(&rows[*i]),
            (Self::Tile { scale, .. }, Choice::Tile(factors)) => {
                into.extend(factors.iter().map(|&f| (f as f64).log2() * scale));
            }
            (Self::Order(count), Choice::Order(order)) => {
                let place = |thing: usize| order.iter().position(|&other| other == thing).unwrap_or(0);
                into.extend((0..*count).map(|thing| place(thing) as f64 / (*count as f64 - 1.0)));
            }
            _ => into.extend(std::iter::repeat_n(0.0, self.width())),
        }
    }

    /// An option of another space, in the units of this one; `None` where it is of another kind.
    fn foreign(&self, option: &str) -> Option<Vec<f64>> {
        match self {
            Self::Table(rows, Reading::Words(words)) => {
                let at = words.iter().position(|word| word == option);
                // A word that is not known here is as far from all as they are from each other, nearly.
                Some(at.map_or_else(|| vec![0.0; words.len()], |i| rows[i].clone()))
            }
            Self::Table(_, Reading::Numbers(scales)) => {
                let values = numbers(option)?;
                scales.iter().map(|(c, scale)| values.get(*c).map(|&v| scale.at(v))).collect()
            }
            _ => None,
        }
    }
}

/// How options become numbers.
#[derive(Clone, Debug)]
enum Reading {
    /// One of many.
    Words(Vec<String>),
    /// Which of its numbers, and how each is scaled.
    Numbers(Vec<(usize, Scale)>),
}

/// Where a number lies between the least and the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    /// The least that is not zero, where logarithms are taken.
    logarithm: Option<f64>,
    least: f64,
    span: f64,
}

/// The numbers in an option: `16`, `0.5`, `4x2x1`.
pub(crate) fn numbers(option: &str) -> Option<Vec<f64>> {
    option.split('x').map(|part| part.trim().parse::<f64>().ok().filter(|v| v.is_finite())).collect()
}

fn table(options: &[String]) -> (Vec<Vec<f64>>, Reading) {
    let parsed: Option<Vec<Vec<f64>>> = options.iter().map(|option| numbers(option)).collect();
    let same = |rows: &Vec<Vec<f64>>| rows.iter().all(|row| row.len() == rows[0].len());
    match parsed.filter(same) {
        Some(rows) => {
            // Parts that never vary tell nothing.
            let varies = |c: &usize| rows.iter().any(|row| row[*c] != rows[0][*c]);
            let of = |c: usize| (c, Scale::of(&rows.iter().map(|row| row[c]).collect::<Vec<_>>()));
            let scales: Vec<(usize, Scale)> = (0..rows[0].len()).filter(varies).map(of).collect();
            let row = |row: &Vec<f64>| scales.iter().map(|(c, scale)| scale.at(row[*c])).collect();
            (rows.iter().map(row).collect(), Reading::Numbers(scales))
        }
        // Two different options are as far apart as the ends of a scale of numbers.
        None => {
            let far = std::f64::consts::FRAC_1_SQRT_2;
            let one = |i: usize| (0..options.len()).map(|j| if i == j { far } else { 0.0 }).collect();
            ((0..options.len()).map(one).collect(), Reading::Words(options.to_vec()))
        }
    }
}

impl Scale {
    /// Between 0 and 1; sizes that span a factor of four or more by their logarithms (zero, which mostly means "off", as ½).
    fn of(values: &[f64]) -> Self {
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = values.iter().copied().filter(|&v| v > 0.0).fold(f64::INFINITY, f64::min);
        let logarithm = (least(values) >= 0.0 && most(values) / smallest >= 4.0).then_some(smallest);
        let plain = Self { logarithm, least: 0.0, span: 1.0 };
        let scaled: Vec<f64> = values.iter().map(|&v| plain.at(v)).collect();
        let (least, most) = (least(&scaled), most(&scaled));
        Self { logarithm, least, span: if most > least { most - least } else { 1.0 } }
    }

    fn at(self, value: f64) -> f64 {
        let value = match self.logarithm {
            Some(_) if value > 0.0 => value.log2(),
            Some(smallest) => smallest.log2() - 1.0,
            None => value,
        };
        (value - self.least) / self.span
    }
}

/// How the points of a space become rows of numbers.
#[derive(Clone, Debug)]
pub struct Encoding {
    sketches: Vec<Vec<Column>>,
    width: usize,
    products: Vec<Product>,
}

/// The product of two sizes (threads of a block, elements of a tile), of which a machine knows more than of either.
#[derive(Clone, Debug)]
struct Product {
    sketch: usize,
    decisions: [usize; 2],
    /// Logarithms of the options of both.
    logs: [Vec<f64>; 2],
    least: f64,
    span: f64,
}

/// Logarithms of options that are sizes: numbers above 0, at least three of them, that span a factor of four.
fn sizes(decision: &Decision) -> Option<Vec<f64>> {
    let Decision::Category { options, .. } = decision else { return None };
    let one = |option: &String| numbers(option).and_then(|values| <[f64; 1]>::try_from(values).ok()).map(|[v]| v);
    let values: Vec<f64> = options.iter().map(one).collect::<Option<_>>()?;
    let (least, most) =
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(0.0, f64::max));
    (values.len() >= 3 && least > 0.0 && most / least >= 4.0).then(|| values.into_iter().map(f64::log2).collect())
}

fn products(space: &Space) -> Vec<Product> {
    let mut found = Vec::new();
    for (s, sketch) in space.sketches.iter().enumerate() {
        let sizes: Vec<(usize, Vec<f64>)> =
            sketch.decisions.iter().enumerate().filter_map(|(i, decision)| Some((i, sizes(decision)?))).collect();
        for (k, (j, b)) in sizes.iter().enumerate() {
            for (i, a) in &sizes[..k] {
                let end = |of: fn(f64, f64) -> f64| {
                    let of = |logs: &[f64]| logs.iter().copied().reduce(of).unwrap_or(0.0);
                    of(a) + of(b)
                };
                let (least, most) = (end(f64::min), end(f64::max));
                let logs = [a.clone(), b.clone()];
                found.push(Product { sketch: s, decisions: [*i, *j], logs, least, span: most - least });
            }
        }
    }
    found
}

impl Encoding {
    /// That of a space.
    pub fn new(space: &Space) -> Self {
        let columns = |sketch: &tachograph_program::Sketch| sketch.decisions.iter().map(Column::of).collect();
        let sketches: Vec<Vec<Column>> = space.sketches.iter().map(columns).collect();
        let width = sketches.iter().flatten().map(Column::width).sum::<usize>();
        let arms = if sketches.len() > 1 { sketches.len() } else { 0 };
        Self { sketches, width: width + arms, products: products(space) }
    }

    /// How many numbers [`Encoding::row_with_products`] has.
    pub fn width_with_products(&self) -> usize {
        self.width + self.products.len()
    }

    /// The row of a point, and the products of each two of its sizes.
    pub fn row_with_products(&self, point: &Point) -> Vec<f64> {
        let mut row = self.row(point);
        row.extend(self.products.iter().map(|product| {
            let log = |k: usize| match point.choices.get(product.decisions[k]) {
                Some(Choice::Category(i)) if point.sketch == product.sketch => product.logs[k].get(*i).copied(),
                _ => None,
            };
            log(0).zip(log(1)).map_or(0.0, |(a, b)| (a + b - product.least) / product.span)
        }));
        row
    }

    /// Which sketch and decision each number of a row is about; `None` for those that say which sketch.
    pub fn decisions(&self) -> Vec<Option<(usize, usize)>> {
        let mut found = vec![None; if self.sketches.len() > 1 { self.sketches.len() } else { 0 }];
        for (s, columns) in self.sketches.iter().enumerate() {
            for (i, column) in columns.iter().enumerate() {
                found.extend(std::iter::repeat_n(Some((s, i)), column.width()));
            }
        }
        found
    }

    /// How many numbers a row has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The row of a point: which sketch, if there are several, then the choices of each, 0 for all but its own.
    pub fn row(&self, point: &Point) -> Vec<f64> {
        let mut row = Vec::with_capacity(self.width);
        if self.sketches.len() > 1 {
            row.extend((0..self.sketches.len()).map(|i| f64::from(u8::from(i == point.sketch))));
        }
        for (i, sketch) in self.sketches.iter().enumerate() {
            for (j, column) in sketch.iter().enumerate() {
                match point.choices.get(j).filter(|_| i == point.sketch) {
                    Some(choice) => column.write(choice, &mut row),
                    None => row.extend(std::iter::repeat_n(0.0, column.width())),
                }
            }
        }
        row
    }

    /// The row, in the units of this space, of a point of another: decisions go by their names, tiles and orders by their
    /// places, sketches by their names too. What the other space does not decide is in the middle.
    pub fn foreign(&self, own: &Space, other: &Space, point: &Point) -> Vec<f64> {
        const MIDDLE: f64 = 0.5;
        let mut row = Vec::with_capacity(self.width);
        let theirs = other.sketches.get(point.sketch);
        let sketch = sketch_like(own, other, point.sketch);
        if self.sketches.len() > 1 {
            row.extend((0..self.sketches.len()).map(|i| f64::from(u8::from(Some(i) == sketch))));
        }
        for (i, (columns, named)) in self.sketches.iter().zip(&own.sketches).enumerate() {
            for (j, column) in columns.iter().enumerate() {
                let at = theirs
                    .filter(|_| Some(i) == sketch)
                    .and_then(|theirs| Some((theirs, decision_like(theirs, named, j)?)));
                let written = at.and_then(|(theirs, k)| match (theirs.decisions.get(k)?, point.choices.get(k)?) {
                    (Decision::Category { options, .. }, Choice::Category(o)) => column.foreign(options.get(*o)?),
                    (decision, choice) => {
                        let mut written = Vec::new();
                        Column::of(decision).write(choice, &mut written);
                        Some(written)
                    }
                });
                match written.filter(|written| written.len() == column.width()) {
                    Some(written) => row.extend(written),
                    None if Some(i) == sketch => row.extend(std::iter::repeat_n(MIDDLE, column.width())),
                    None => row.extend(std::iter::repeat_n(0.0, column.width())),
                }
            }
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_their_order_and_words_do_not() {
        let options = |list: &[&str]| table(&list.iter().map(|&o| o.to_owned()).collect::<Vec<_>>()).0;
        assert_eq!(options(&["1", "4", "2"]), [[0.0], [1.0], [0.5]]);
        assert_eq!(options(&["0", "1", "2", "4"]), [[0.0], [1.0 / 3.0], [2.0 / 3.0], [1.0]]);
        assert_eq!(options(&["1", "2", "3"]), [[0.0], [0.5], [1.0]]);
        assert_eq!(options(&["1x8", "2x8"]), [[0.0], [1.0]]);
        assert_eq!(options(&["a", "b", "2"])[1].iter().filter(|&&v| v > 0.0).count(), 1);
    }
}
