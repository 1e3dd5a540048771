//! Index expressions: sums of integer multiples of variables, and of quotients and remainders of such sums.
//!
//! They are kept in a normal form, so that equal sums compare equal, and what range a variable has is enough to
//! simplify them: a quotient that cannot reach 1 is gone, and a remainder that never wraps is what it is taken of.

use std::ops::{Add, Mul, Sub};

use serde::{Deserialize, Serialize};

/// A variable: in a workload the position of an axis in its stage, in a nest the number of a loop.
pub type Var = u32;

/// What an index expression is a sum of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Atom {
    /// A variable.
    Var(Var),
    /// A quotient, rounded towards minus infinity; the divisor is positive.
    Div(Box<Index>, i64),
    /// What the quotient leaves: never negative.
    Mod(Box<Index>, i64),
}

/// Σ coefficient · atom + constant.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Index {
    /// Atoms in order, each once, with coefficients other than 0.
    terms: Vec<(Atom, i64)>,
    constant: i64,
}

/// An index from a file, in no form yet.
#[derive(Deserialize)]
struct Raw {
    terms: Vec<(Atom, i64)>,
    constant: i64,
}

impl TryFrom<Raw> for Index {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        // Far from where arithmetic ends.
        const LARGEST: i64 = 1 << 50;
        let small = |n: i64| (-LARGEST..=LARGEST).contains(&n);
        let mut sum = Self::constant(raw.constant);
        for (atom, coefficient) in raw.terms {
            let term = match atom {
                Atom::Var(var) => Self::var(var),
                Atom::Div(inner, by) if by > 0 && small(by) => inner.div(by),
                Atom::Mod(inner, by) if by > 0 && small(by) => inner.modulo(by),
                Atom::Div(_, by) | Atom::Mod(_, by) => return Err(format!("an index is divided by {by}")),
            };
            if !small(coefficient) {
                return Err(format!("an index has the coefficient {coefficient}"));
            }
            sum = sum.plus(&term, coefficient);
        }
        if small(raw.constant) { Ok(sum) } else { Err(format!("an index has the constant {}", raw.constant)) }
    }
}

/// The smallest and the largest value of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The smallest.
    pub min: i64,
    /// The largest; smaller than `min` where there is none.
    pub max: i64,
}

impl Range {
    /// The values of a loop of `extent` trips; one value where there is none, so that sums stay meaningful.
    pub fn of(extent: u64) -> Self {
        Self { min: 0, max: i64::try_from(extent).unwrap_or(i64::MAX).max(1) - 1 }
    }

    /// True if every value is in `min..max` of the arguments.
    pub fn within(self, min: i64, max: i64) -> bool {
        self.min >= min && self.max < max
    }
}

impl Index {
    /// A variable.
    pub fn var(var: Var) -> Self {
        Self { terms: vec![(Atom::Var(var), 1)], constant: 0 }
    }

    /// A number.
    pub fn constant(constant: i64) -> Self {
        Self { terms: Vec::new(), constant }
    }

    /// The number that it is, if it has no variable.
    pub fn as_constant(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// The variable that it is, if it is one and no more.
    pub fn as_var(&self) -> Option<Var> {
        match (self.terms.as_slice(), self.constant) {
            ([(Atom::Var(var), 1)], 0) => Some(*var),
            _ => None,
        }
    }

    /// True if it is this axis, of so many positions: where there is one, 0 is the same.
    pub(crate) fn is_axis(&self, axis: usize, extent: u64) -> bool {
        self.as_var() == Some(axis as Var) || (extent == 1 && self.as_constant() == Some(0))
    }

    /// The terms, without the constant.
    pub fn terms(&self) -> &[(Atom, i64)] {
        &self.terms
    }

    /// The constant.
    pub fn offset(&self) -> i64 {
        self.constant
    }

    fn push(&mut self, atom: Atom, coefficient: i64) {
        match self.terms.binary_search_by(|(other, _)| other.cmp(&atom)) {
            Ok(at) => {
                self.terms[at].1 = self.terms[at].1.saturating_add(coefficient);
                if self.terms[at].1 == 0 {
                    self.terms.remove(at);
                }
            }
            Err(at) if coefficient != 0 => self.terms.insert(at, (atom, coefficient)),
            Err(_) => {}
        }
    }

    /// The sum of both, with what was taken apart put together again.
    fn plus(&self, other: &Self, factor: i64) -> Self {
        let mut sum = self.clone();
        for (atom, coefficient) in &other.terms {
            sum.push(atom.clone(), coefficient.saturating_mul(factor));
        }
        sum.constant = sum.constant.saturating_add(other.constant.saturating_mul(factor));
        sum.joined()
    }

    /// With `c·(a / c) + a % c` as `a`, and `c·(a / c % d) + a % c` as `a % (c·d)`.
    fn joined(self) -> Self {
        let joint = self.terms.iter().find_map(|(atom, coefficient)| {
            let Atom::Mod(inner, by) = atom else { return None };
            let quotient = inner.div(*by);
            let (other, whole) = self.terms.iter().find_map(|(other, high)| {
                let whole = match other {
                    Atom::Div(..) if quotient.terms == [(other.clone(), 1)] && quotient.constant == 0 => {
                        (**inner).clone()
                    }
                    Atom::Mod(high, wrap) if **high == quotient => inner.modulo(by.checked_mul(*wrap)?),
                    _ => return None,
                };
                (*high == coefficient.saturating_mul(*by)).then(|| (other.clone(), whole))
            })?;
            Some((atom.clone(), other, whole, *coefficient))
        });
        let Some((remainder, quotient, whole, coefficient)) = joint else { return self };
        let mut rest = self;
        rest.terms.retain(|(atom, _)| *atom != remainder && *atom != quotient);
        rest.plus(&whole, coefficient)
    }

    /// The multiple of it.
    pub fn times(&self, factor: i64) -> Self {
        Self::default().plus(self, factor)
    }

    /// The quotient by a positive number, rounded towards minus infinity. A divisor below 1 is taken for 1.
    pub fn div(&self, by: i64) -> Self {
        self.divided(by, None)
    }

    /// The remainder of the division by a positive number, never negative. A divisor below 1 is taken for 1.
    pub fn modulo(&self, by: i64) -> Self {
        self.remainder(by, None)
    }

    /// Its multiple of `by`, divided by that, and the rest.
    fn parted(&self, by: i64) -> (Self, Self) {
        let (mut whole, mut rest) = (Self::default(), Self::default());
        for (atom, coefficient) in &self.terms {
            if coefficient % by == 0 {
                whole.push(atom.clone(), coefficient / by);
            } else {
                rest.push(atom.clone(), *coefficient);
            }
        }
        whole.constant = self.constant.div_euclid(by);
        rest.constant = self.constant.rem_euclid(by);
        (whole, rest)
    }

    /// `by` and itself as multiples of something that the rest never reaches: (divided, rest, the something).
    fn coarser(&self, by: i64, ranges: &dyn Fn(Var) -> Range) -> Option<(Self, Self, i64)> {
        let mut candidates: Vec<i64> = self.terms.iter().map(|(_, c)| gcd(c.abs(), by)).filter(|&g| g > 1).collect();
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        candidates.into_iter().find_map(|unit| {
            let (whole, rest) = self.parted(unit);
            rest.range(ranges).within(0, unit).then_some((whole, rest, unit))
        })
    }

    fn divided(&self, by: i64, ranges: Option<&dyn Fn(Var) -> Range>) -> Self {
        if by <= 1 {
            return self.clone();
        }
        let (whole, rest) = self.parted(by);
        if rest.as_constant().is_some() {
            return whole;
        }
        if let Some(ranges) = ranges {
            let range = rest.range(ranges);
            if range.min.div_euclid(by) == range.max.div_euclid(by) {
                return &whole + &Self::constant(range.min.div_euclid(by));
            }
            if let Some((coarse, _, unit)) = rest.coarser(by, ranges).filter(|(_, _, unit)| *unit < by) {
                return &whole + &coarse.divided(by / unit, Some(ranges));
            }
        }
        let atom = match (rest.terms.as_slice(), rest.constant) {
            ([(Atom::Div(inner, first), 1)], 0) => match first.checked_mul(by) {
                Some(both) => Atom::Div(inner.clone(), both),
                None => Atom::Div(Box::new(rest), by),
            },
            _ => Atom::Div(Box::new(rest), by),
        };
        whole.plus(&Self { terms: vec![(atom, 1)], constant: 0 }, 1)
    }

    fn remainder(&self, by: i64, ranges: Option<&dyn Fn(Var) -> Range>) -> Self {
        if by <= 1 {
            return Self::default();
        }
        let (_, rest) = self.parted(by);
        if rest.as_constant().is_some() {
            return rest;
        }
        if let Some(ranges) = ranges {
            let range = rest.range(ranges);
            if range.min.div_euclid(by) == range.max.div_euclid(by) {
                return &rest - &Self::constant(range.min.div_euclid(by) * by);
            }
            if let Some((coarse, fine, unit)) = rest.coarser(by, ranges).filter(|(_, _, unit)| *unit < by) {
                return &coarse.remainder(by / unit, Some(ranges)).times(unit) + &fine;
            }
        }
        match (rest.terms.as_slice(), rest.constant) {
            ([(Atom::Mod(inner, first), 1)], 0) if first % by == 0 => inner.remainder(by, ranges),
            _ => Self { terms: vec![(Atom::Mod(Box::new(rest), by), 1)], constant: 0 },
        }
    }

    /// The same in fewer words, given the values that variables take.
    pub fn simplify(&self, ranges: &dyn Fn(Var) -> Range) -> Self {
        let mut sum = Self::constant(self.constant);
        for (atom, coefficient) in &self.terms {
            let term = match atom {
                Atom::Var(var) => {
                    let range = ranges(*var);
                    if range.min == range.max { Self::constant(range.min) } else { Self::var(*var) }
                }
                Atom::Div(inner, by) => inner.simplify(ranges).divided(*by, Some(ranges)),
                Atom::Mod(inner, by) => inner.simplify(ranges).remainder(*by, Some(ranges)),
            };
            sum = sum.plus(&term, *coefficient);
        }
        sum
    }

    /// The same with variables replaced where the function has something for them.
    pub fn substitute(&self, with: &dyn Fn(Var) -> Option<Self>) -> Self {
        let mut sum = Self::constant(self.constant);
        for (atom, coefficient) in &self.terms {
            let term = match atom {
                Atom::Var(var) => with(*var).unwrap_or_else(|| Self::var(*var)),
                Atom::Div(inner, by) => inner.substitute(with).div(*by),
                Atom::Mod(inner, by) => inner.substitute(with).modulo(*by),
            };
            sum = sum.plus(&term, *coefficient);
        }
        sum
    }

    /// Bounds of its value; exact for sums of variables that are independent of each other.
    pub fn range(&self, ranges: &dyn Fn(Var) -> Range) -> Range {
        let mut sum = Range { min: self.constant, max: self.constant };
        for (atom, coefficient) in &self.terms {
            let range = match atom {
                Atom::Var(var) => ranges(*var),
                Atom::Div(inner, by) => {
                    let range = inner.range(ranges);
                    Range { min: range.min.div_euclid(*by), max: range.max.div_euclid(*by) }
                }
                Atom::Mod(inner, by) => {
                    let range = inner.range(ranges);
                    match range.min.div_euclid(*by) == range.max.div_euclid(*by) {
                        true => Range { min: range.min.rem_euclid(*by), max: range.max.rem_euclid(*by) },
                        false => Range { min: 0, max: by - 1 },
                    }
                }
            };
            let ends = [range.min.saturating_mul(*coefficient), range.max.saturating_mul(*coefficient)];
            sum.min = sum.min.saturating_add(ends[0].min(ends[1]));
            sum.max = sum.max.saturating_add(ends[0].max(ends[1]));
        }
        sum
    }

    /// Its value where variables have these.
    pub fn value(&self, values: &[i64]) -> i64 {
        self.terms.iter().fold(self.constant, |sum, (atom, coefficient)| {
            let value = match atom {
                Atom::Var(var) => values.get(*var as usize).copied().unwrap_or(0),
                Atom::Div(inner, by) => inner.value(values).div_euclid(*by),
                Atom::Mod(inner, by) => inner.value(values).rem_euclid(*by),
            };
            sum.wrapping_add(value.wrapping_mul(*coefficient))
        })
    }

    /// Calls `f` with every variable in it.
    pub fn each_var(&self, f: &mut dyn FnMut(Var)) {
        for (atom, _) in &self.terms {
            match atom {
                Atom::Var(var) => f(*var),
                Atom::Div(inner, _) | Atom::Mod(inner, _) => inner.each_var(f),
            }
        }
    }

    /// True if the variable occurs in it.
    pub fn has(&self, var: Var) -> bool {
        let mut found = false;
        self.each_var(&mut |other| found |= other == var);
        found
    }

    /// The coefficient of a variable that occurs in no quotient and no remainder; `None` if it does.
    pub fn coefficient(&self, var: Var) -> Option<i64> {
        let mut found = 0;
        for (atom, coefficient) in &self.terms {
            match atom {
                Atom::Var(other) if *other == var => found = *coefficient,
                Atom::Div(inner, _) | Atom::Mod(inner, _) if inner.has(var) => return None,
                _ => {}
            }
        }
        Some(found)
    }

    /// True if it is a multiple of `by` whatever the variables are.
    pub fn is_multiple(&self, by: i64) -> bool {
        by > 0 && self.constant % by == 0 && self.terms.iter().all(|(_, c)| c % by == 0)
    }

    /// Writes it with names for the variables.
    pub fn text(&self, name: &dyn Fn(Var) -> String) -> String {
        let mut text = String::new();
        for (atom, coefficient) in &self.terms {
            let atom = match atom {
                Atom::Var(var) => name(*var),
                Atom::Div(inner, by) => format!("{} / {by}", parenthesised(inner, name)),
                Atom::Mod(inner, by) => format!("{} % {by}", parenthesised(inner, name)),
            };
            let sign = if *coefficient < 0 { "-" } else { "+" };
            match (text.is_empty(), *coefficient < 0) {
                (true, false) => {}
                (true, true) => text.push('-'),
                (false, _) => text.push_str(&format!(" {sign} ")),
            }
            match coefficient.unsigned_abs() {
                1 if atom.contains(' ') && self.terms.len() > 1 => text.push_str(&format!("({atom})")),
                1 => text.push_str(&atom),
                n if atom.contains(' ') => text.push_str(&format!("{n}*({atom})")),
                n => text.push_str(&format!("{n}*{atom}")),
            }
        }
        match (text.is_empty(), self.constant) {
            (true, n) => n.to_string(),
            (false, 0) => text,
            (false, n) if n < 0 => format!("{text} - {}", n.unsigned_abs()),
            (false, n) => format!("{text} + {n}"),
        }
    }
}

fn parenthesised(index: &Index, name: &dyn Fn(Var) -> String) -> String {
    let text = index.text(name);
    if text.contains(' ') { format!("({text})") } else { text }
}

/// The greatest common divisor of two numbers that are not negative.
pub(crate) fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

macro_rules! operators {
    ($($trait:ident $name:ident $right:ty, |$a:ident, $b:ident| $result:expr;)*) => {$(
        impl $trait<$right> for &Index {
            type Output = Index;
            fn $name(self, $b: $right) -> Index {
                let $a = self;
                $result
            }
        }
        impl $trait<$right> for Index {
            type Output = Index;
            fn $name(self, $b: $right) -> Index {
                let $a = &self;
                $result
            }
        }
    )*};
}
operators! {
    Add add &Index, |a, b| a.plus(b, 1);
    Add add Index, |a, b| a.plus(&b, 1);
    Add add i64, |a, b| a.plus(&Index::constant(b), 1);
    Sub sub &Index, |a, b| a.plus(b, -1);
    Sub sub Index, |a, b| a.plus(&b, -1);
    Sub sub i64, |a, b| a.plus(&Index::constant(b), -1);
    Mul mul i64, |a, b| a.times(b);
}

impl From<i64> for Index {
    fn from(constant: i64) -> Self {
        Self::constant(constant)
    }
}

impl From<&Index> for Index {
    fn from(index: &Index) -> Self {
        index.clone()
    }
}

#[cfg(test)]
mod tests;
