//! Indices in the form that TVM's simplifier leaves them in. Features that count its operations, or read strides off
//! it, depend on the order of its terms: larger coefficients first, then the constant, then what is subtracted.

use crate::{Atom, Cond, Index, Range, Var};

/// A node of the expression, after its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Var(Var),
    /// By a number.
    Mul(i64),
    Add,
    Sub,
    /// Quotient and remainder by a number.
    Div,
    Mod,
}

/// A term as TVM has it: the quotient by `lower` of the remainder by `upper` of something. Quotients of remainders of
/// quotients come to that where the numbers divide each other.
struct Split<'a> {
    of: Base<'a>,
    lower: i64,
    /// The largest number where there is none.
    upper: i64,
}

enum Base<'a> {
    Var(Var),
    Sum(&'a Index),
}

fn split(atom: &Atom) -> Split<'_> {
    let alone = |index: &Index| matches!((index.terms(), index.offset()), ([(_, 1)], 0));
    let (index, by) = match atom {
        Atom::Var(var) => return Split { of: Base::Var(*var), lower: 1, upper: i64::MAX },
        Atom::Div(index, by) | Atom::Mod(index, by) => (index, *by),
    };
    let own = match index.terms() {
        [(atom, _)] if alone(index) => split(atom),
        _ => Split { of: Base::Sum(index), lower: 1, upper: i64::MAX },
    };
    if let Atom::Div(..) = atom {
        return match own.upper == i64::MAX || (own.upper / own.lower) % by == 0 {
            true => Split { lower: own.lower.saturating_mul(by), ..own },
            false => Split { of: Base::Sum(index), lower: by, upper: i64::MAX },
        };
    }
    let upper = own.lower.saturating_mul(by);
    match () {
        () if own.upper == i64::MAX || own.upper % upper == 0 => Split { upper, ..own },
        () if upper % own.upper == 0 => own,
        () => Split { of: Base::Sum(index), lower: 1, upper: by },
    }
}

/// Nodes in the order in which they are evaluated.
pub(super) fn nodes(index: &Index, into: &mut Vec<Node>) {
    sum(index.terms(), index.offset(), into);
}

/// The same of terms and a constant.
pub(super) fn sum(terms: &[(Atom, i64)], constant: i64, into: &mut Vec<Node>) {
    let mut sorted: Vec<(i64, Split<'_>)> = terms.iter().map(|(atom, c)| (*c, split(atom))).collect();
    if sorted.len() > 1 {
        sorted.sort_by_key(|(c, split)| std::cmp::Reverse((*c, split.lower, split.upper)));
    }
    let mut any = false;
    for (coefficient, split) in sorted.iter().filter(|(c, _)| *c > 0) {
        term(split, *coefficient, into);
        if any {
            into.push(Node::Add);
        }
        any = true;
    }
    if constant > 0 {
        if any {
            into.push(Node::Add);
        }
        any = true;
    }
    for (coefficient, split) in sorted.iter().filter(|(c, _)| *c < 0) {
        term(split, coefficient.saturating_neg(), into);
        into.push(Node::Sub);
        any = true;
    }
    if constant < 0 && any {
        into.push(Node::Sub);
    }
}

fn term(split: &Split<'_>, coefficient: i64, into: &mut Vec<Node>) {
    match split.of {
        Base::Var(var) => into.push(Node::Var(var)),
        Base::Sum(index) => nodes(index, into),
    }
    if split.upper != i64::MAX {
        into.push(Node::Mod);
    }
    if split.lower != 1 {
        into.push(Node::Div);
    }
    if coefficient != 1 {
        into.push(Node::Mul(coefficient));
    }
}

/// What `var` moves an index by, as MetaSchedule and Ansor read it off the expression: 0 where it does not occur. The
/// last product that is evaluated after the variable and before a sum decides, whether it is the variable's or not.
pub(super) fn coefficient(nodes: &[Node], var: Var) -> i64 {
    let (mut seen, mut added, mut multiplied, mut stride) = (false, false, false, 0);
    for node in nodes {
        match node {
            Node::Var(other) if *other == var => (seen, stride) = (true, 2),
            Node::Mul(factor) if seen && !added => (multiplied, stride) = (true, *factor),
            Node::Add if seen && !multiplied => (added, stride) = (true, 1),
            _ => {}
        }
    }
    match seen {
        true if !multiplied && !added => 1,
        _ => stride,
    }
}

/// The index where guards hold, without the quotients and remainders that they decide; `None` where they decide none.
pub(super) fn under(index: &Index, guards: &[&Cond], ranges: &dyn Fn(Var) -> Range) -> Option<Index> {
    let mut changed = false;
    let mut sum = Index::constant(index.offset());
    for (atom, coefficient) in index.terms() {
        let (Atom::Div(inner, by) | Atom::Mod(inner, by)) = atom else {
            let Atom::Var(var) = atom else { continue };
            sum = sum + Index::var(*var).times(*coefficient);
            continue;
        };
        let simpler = under(inner, guards, ranges);
        let inner = simpler.as_ref().unwrap_or(inner);
        let mut range = inner.range(ranges);
        for guard in guards {
            if let Cond::In(guarded, min, max) = guard
                && guarded == inner
            {
                range = Range { min: range.min.max(*min), max: range.max.min(max.saturating_sub(1)) };
            }
        }
        let quotient = range.min.div_euclid(*by);
        let decided = quotient == range.max.div_euclid(*by);
        changed |= decided || simpler.is_some();
        let term = match (atom, decided) {
            (Atom::Div(..), true) => Index::constant(quotient),
            (Atom::Div(..), false) => inner.div(*by),
            (_, true) => inner - quotient.saturating_mul(*by),
            (_, false) => inner.modulo(*by),
        };
        sum = sum + term.times(*coefficient);
    }
    changed.then_some(sum)
}

/// The values of an index as TVM 0.27's feature extractor bounds them: it takes a remainder for the one that it has
/// where all variables are 0, because what it knows of variables modulo a number is from before they vary.
pub(super) fn stale_range(index: &Index, ranges: &dyn Fn(Var) -> Range) -> Range {
    let mut sum = Range { min: index.offset(), max: index.offset() };
    for (atom, coefficient) in index.terms() {
        let range = match atom {
            Atom::Var(var) => ranges(*var),
            Atom::Div(inner, by) => {
                let range = stale_range(inner, ranges);
                Range { min: range.min.div_euclid(*by), max: range.max.div_euclid(*by) }
            }
            Atom::Mod(inner, by) => {
                let range = stale_range(inner, ranges);
                let inside = match range.min >= 0 {
                    true if range.max < *by => range,
                    true => Range { min: 0, max: range.max.min(by - 1) },
                    false => Range { min: 0, max: by - 1 },
                };
                let (base, unit) = modular(inner);
                let unit = crate::index::gcd(unit, *by);
                let base = if unit > 1 { base.rem_euclid(unit) } else { 0 };
                match unit > 1 {
                    true => Range { min: inside.min.max(base), max: inside.max.min(by - unit + base) },
                    false => inside,
                }
            }
        };
        let ends = [range.min.saturating_mul(*coefficient), range.max.saturating_mul(*coefficient)];
        sum.min = sum.min.saturating_add(ends[0].min(ends[1]));
        sum.max = sum.max.saturating_add(ends[0].max(ends[1]));
    }
    sum
}

/// `(base, unit)`: the index is `base` modulo `unit`, and `base` itself where `unit` is 0, if all variables are 0.
fn modular(index: &Index) -> (i64, i64) {
    let (mut base, mut unit) = (index.offset(), 0);
    for (atom, coefficient) in index.terms() {
        let (b, u) = match atom {
            Atom::Var(_) => (0, 0),
            Atom::Div(inner, by) => match modular(inner) {
                (base, unit) if unit % by == 0 => (base.div_euclid(*by), unit / by),
                _ => (0, 1),
            },
            Atom::Mod(inner, by) => {
                let (base, unit) = modular(inner);
                let unit = crate::index::gcd(unit, *by);
                (base.rem_euclid(unit.max(1)), unit)
            }
        };
        base = base.saturating_add(b.saturating_mul(*coefficient));
        unit = crate::index::gcd(unit, u.saturating_mul(coefficient.abs()));
        if unit > 0 {
            base = base.rem_euclid(unit);
        }
    }
    (base, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_read_off_the_expression() {
        // v0*16 + v1*4 + v2: the product with 4 comes after v0, too.
        let index = Index::var(0) * 16 + Index::var(1) * 4 + Index::var(2);
        let mut list = Vec::new();
        nodes(&index, &mut list);
        let strides: Vec<i64> = (0..4).map(|var| coefficient(&list, var)).collect();
        assert_eq!(strides, [4, 4, 1, 0]);
        use Node::{Add, Mul, Var};
        assert_eq!(list, [Var(0), Mul(16), Var(1), Mul(4), Add, Var(2), Add]);
    }

    #[test]
    fn a_remainder_is_taken_for_its_first_value() {
        let ranges = |_: Var| Range::of(192);
        let one = Range { min: 5, max: 5 };
        assert_eq!(stale_range(&(Index::var(0) + 5).modulo(12), &ranges), one);
        assert_eq!(stale_range(&Index::var(0).div(12), &ranges), Range::of(16));
    }
}
