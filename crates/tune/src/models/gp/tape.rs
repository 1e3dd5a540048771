//! Slopes of a number that is computed from matrices: what was computed is kept, and gone through backwards.

use super::linalg::{self, Lower};

/// A matrix, row after row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub data: Vec<f64>,
}

impl Matrix {
    pub fn new(rows: usize, columns: usize, data: Vec<f64>) -> Self {
        debug_assert_eq!(rows * columns, data.len());
        Self { rows, columns, data }
    }

    pub fn full(rows: usize, columns: usize, value: f64) -> Self {
        Self::new(rows, columns, vec![value; rows * columns])
    }

    /// Rows of the same width.
    pub fn of(rows: &[Vec<f64>]) -> Self {
        Self::new(rows.len(), rows.first().map_or(0, Vec::len), rows.concat())
    }

    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.columns..(i + 1) * self.columns]
    }

    fn zero(&self) -> Self {
        Self::full(self.rows, self.columns, 0.0)
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(self.rows, self.columns, self.data.iter().map(|&x| f(x)).collect())
    }

    fn with(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self::new(self.rows, self.columns, self.data.iter().zip(&other.data).map(|(&a, &b)| f(a, b)).collect())
    }

    fn add(&mut self, other: &Self) {
        self.data.iter_mut().zip(&other.data).for_each(|(a, b)| *a += b);
    }

    pub fn transposed(&self) -> Self {
        let data = (0..self.columns).flat_map(|c| (0..self.rows).map(move |r| self.data[r * self.columns + c]));
        Self::new(self.columns, self.rows, data.collect())
    }

    /// The product of two.
    pub fn times(&self, other: &Self) -> Self {
        let mut product = Self::full(self.rows, other.columns, 0.0);
        for (row, into) in
            self.data.chunks_exact(self.columns.max(1)).zip(product.data.chunks_exact_mut(other.columns.max(1)))
        {
            for (&x, row) in row.iter().zip(other.data.chunks_exact(other.columns.max(1))) {
                into.iter_mut().zip(row).for_each(|(into, y)| *into += x * y);
            }
        }
        product
    }

    fn lower(&self) -> Lower {
        (0..self.rows).map(|i| self.row(i)[..=i].to_vec()).collect()
    }
}

/// L⁻¹ B, all columns at once.
fn solved(l: &Matrix, b: &Matrix) -> Matrix {
    let mut x = b.clone();
    for i in 0..l.rows {
        let (done, rest) = x.data.split_at_mut(i * x.columns);
        let row = &mut rest[..b.columns];
        for (by, earlier) in l.row(i)[..i].iter().zip(done.chunks_exact(b.columns.max(1))) {
            row.iter_mut().zip(earlier).for_each(|(x, y)| *x -= by * y);
        }
        let own = 1.0 / l.row(i)[i];
        row.iter_mut().for_each(|x| *x *= own);
    }
    x
}

/// L⁻ᵀ B.
fn solved_transposed(l: &Matrix, b: &Matrix) -> Matrix {
    let mut x = b.clone();
    for i in (0..l.rows).rev() {
        let (before, rest) = x.data.split_at_mut(i * x.columns);
        let row = &mut rest[..b.columns];
        let own = 1.0 / l.row(i)[i];
        row.iter_mut().for_each(|x| *x *= own);
        for (by, earlier) in l.row(i)[..i].iter().zip(before.chunks_exact_mut(b.columns.max(1))) {
            earlier.iter_mut().zip(row.iter()).for_each(|(y, x)| *y -= by * x);
        }
    }
    x
}

/// A value on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Var(usize);

enum Op {
    Leaf,
    Add(Var, Var),
    Sub(Var, Var),
    /// Element by element.
    Times(Var, Var),
    /// a x + b.
    Line(Var, f64),
    Exp(Var),
    Root(Var),
    /// Each column by its element of a row.
    Columns(Var, Var),
    /// By a number.
    Scaled(Var, Var),
    /// aᵀ b.
    Product(Var, Var),
    /// exp(−½ |aᵢ − bⱼ|²), and something on the diagonal.
    Rbf(Var, Var),
    Cholesky(Var),
    /// L⁻¹ B.
    Solved(Var, Var),
    Sum(Var),
}

/// What was computed, in order.
#[derive(Default)]
pub(super) struct Tape {
    nodes: Vec<(Matrix, Op)>,
}

impl Tape {
    fn push(&mut self, value: Matrix, op: Op) -> Var {
        self.nodes.push((value, op));
        Var(self.nodes.len() - 1)
    }

    pub fn value(&self, var: Var) -> &Matrix {
        &self.nodes[var.0].0
    }

    pub fn leaf(&mut self, value: Matrix) -> Var {
        self.push(value, Op::Leaf)
    }

    pub fn add(&mut self, a: Var, b: Var) -> Var {
        let value = self.value(a).with(self.value(b), |a, b| a + b);
        self.push(value, Op::Add(a, b))
    }

    pub fn sub(&mut self, a: Var, b: Var) -> Var {
        let value = self.value(a).with(self.value(b), |a, b| a - b);
        self.push(value, Op::Sub(a, b))
    }

    pub fn times(&mut self, a: Var, b: Var) -> Var {
        let value = self.value(a).with(self.value(b), |a, b| a * b);
        self.push(value, Op::Times(a, b))
    }

    /// by · x + plus.
    pub fn line(&mut self, x: Var, by: f64, plus: f64) -> Var {
        let value = self.value(x).map(|x| by * x + plus);
        self.push(value, Op::Line(x, by))
    }

    pub fn exp(&mut self, x: Var) -> Var {
        let value = self.value(x).map(f64::exp);
        self.push(value, Op::Exp(x))
    }

    pub fn root(&mut self, x: Var) -> Var {
        let value = self.value(x).map(f64::sqrt);
        self.push(value, Op::Root(x))
    }

    pub fn columns(&mut self, x: Var, row: Var) -> Var {
        let (x_value, row_value) = (self.value(x), self.value(row));
        let data = x_value.data.iter().zip(row_value.data.iter().cycle()).map(|(x, r)| x * r).collect();
        let value = Matrix::new(x_value.rows, x_value.columns, data);
        self.push(value, Op::Columns(x, row))
    }

    pub fn scaled(&mut self, x: Var, number: Var) -> Var {
        let by = self.value(number).data[0];
        let value = self.value(x).map(|x| by * x);
        self.push(value, Op::Scaled(x, number))
    }

    /// aᵀ b.
    pub fn product(&mut self, a: Var, b: Var) -> Var {
        let value = self.value(a).transposed().times(self.value(b));
        self.push(value, Op::Product(a, b))
    }

    /// exp(−½ |aᵢ − bⱼ|²), plus `jitter` where i is j.
    pub fn rbf(&mut self, a: Var, b: Var, jitter: f64) -> Var {
        let (left, right) = (self.value(a), self.value(b));
        let mut value = Matrix::full(left.rows, right.rows, 0.0);
        for i in 0..left.rows {
            for j in 0..right.rows {
                let r2: f64 = left.row(i).iter().zip(right.row(j)).map(|(a, b)| (a - b) * (a - b)).sum();
                value.data[i * right.rows + j] = (-0.5 * r2).exp() + if i == j { jitter } else { 0.0 };
            }
        }
        self.push(value, Op::Rbf(a, b))
    }

    /// The factor of a symmetric matrix; of one that is not positive definite, not a number.
    pub fn cholesky(&mut self, a: Var) -> Var {
        let matrix = self.value(a);
        let mut value = matrix.zero();
        match linalg::cholesky(&matrix.lower()) {
            Some(l) => l.iter().enumerate().for_each(|(i, row)| {
                value.data[i * matrix.columns..i * matrix.columns + row.len()].copy_from_slice(row);
            }),
            None => value.data.fill(f64::NAN),
        }
        self.push(value, Op::Cholesky(a))
    }

    /// L⁻¹ B.
    pub fn solved(&mut self, l: Var, b: Var) -> Var {
        let value = solved(self.value(l), self.value(b));
        self.push(value, Op::Solved(l, b))
    }

    pub fn sum(&mut self, x: Var) -> Var {
        let value = Matrix::full(1, 1, self.value(x).data.iter().sum());
        self.push(value, Op::Sum(x))
    }

    /// The slopes of a number with respect to these.
    pub fn slopes(&self, of: Var, by: &[Var]) -> Vec<Matrix> {
        let mut slopes: Vec<Option<Matrix>> = vec![None; self.nodes.len()];
        slopes[of.0] = Some(Matrix::full(1, 1, 1.0));
        for i in (0..=of.0).rev() {
            let (value, op) = &self.nodes[i];
            if matches!(op, Op::Leaf) {
                continue;
            }
            let Some(slope) = slopes[i].take() else { continue };
            let mut give = |to: Var, more: Matrix| match &mut slopes[to.0] {
                Some(sum) => sum.add(&more),
                none => *none = Some(more),
            };
            match *op {
                Op::Leaf => {}
                Op::Add(a, b) => {
                    give(b, slope.clone());
                    give(a, slope);
                }
                Op::Sub(a, b) => {
                    give(b, slope.map(|s| -s));
                    give(a, slope);
                }
                Op::Times(a, b) => {
                    give(a, slope.with(self.value(b), |s, x| s * x));
                    give(b, slope.with(self.value(a), |s, x| s * x));
                }
                Op::Line(x, by) => give(x, slope.map(|s| by * s)),
                Op::Exp(x) => give(x, slope.with(value, |s, y| s * y)),
                Op::Root(x) => give(x, slope.with(value, |s, y| 0.5 * s / y)),
                Op::Columns(x, row) => {
                    let (x_value, row_value) = (self.value(x), self.value(row));
                    let mut by_row = row_value.zero();
                    for (s, x) in slope.data.chunks_exact(slope.columns).zip(x_value.data.chunks_exact(slope.columns)) {
                        by_row.data.iter_mut().zip(s.iter().zip(x)).for_each(|(sum, (s, x))| *sum += s * x);
                    }
                    let data = slope.data.iter().zip(row_value.data.iter().cycle()).map(|(s, r)| s * r).collect();
                    give(x, Matrix::new(slope.rows, slope.columns, data));
                    give(row, by_row);
                }
                Op::Scaled(x, number) => {
                    let by = self.value(number).data[0];
                    give(number, Matrix::full(1, 1, linalg::dot(&slope.data, &self.value(x).data)));
                    give(x, slope.map(|s| by * s));
                }
                Op::Product(a, b) => {
                    give(a, self.value(b).times(&slope.transposed()));
                    give(b, self.value(a).times(&slope));
                }
                Op::Rbf(a, b) => {
                    let (left, right) = (self.value(a), self.value(b));
                    let (mut by_left, mut by_right) = (left.zero(), right.zero());
                    for i in 0..left.rows {
                        for j in 0..right.rows {
                            // The diagonal's distance is 0 where it carries something more.
                            let s = slope.row(i)[j] * value.row(i)[j];
                            for c in 0..left.columns {
                                let by = s * (right.row(j)[c] - left.row(i)[c]);
                                by_left.data[i * left.columns + c] += by;
                                by_right.data[j * right.columns + c] -= by;
                            }
                        }
                    }
                    give(a, by_left);
                    give(b, by_right);
                }
                Op::Cholesky(a) => {
                    // L⁻ᵀ Φ(Lᵀ L̄) L⁻¹, made symmetric; Φ halves the diagonal and drops what is above it (Murray, 2016).
                    let mut inner = value.transposed().times(&slope);
                    for i in 0..inner.rows {
                        for j in 0..inner.columns {
                            inner.data[i * inner.columns + j] *= match i.cmp(&j) {
                                std::cmp::Ordering::Less => 0.0,
                                std::cmp::Ordering::Equal => 0.5,
                                std::cmp::Ordering::Greater => 1.0,
                            };
                        }
                    }
                    let half = solved_transposed(value, &solved_transposed(value, &inner).transposed());
                    let other = half.transposed();
                    give(a, half.with(&other, |a, b| 0.5 * (a + b)));
                }
                Op::Solved(l, b) => {
                    let by = solved_transposed(self.value(l), &slope);
                    let mut by_factor = by.times(&value.transposed());
                    for i in 0..by_factor.rows {
                        for j in 0..by_factor.columns {
                            let x = &mut by_factor.data[i * value.rows + j];
                            *x = if j > i { 0.0 } else { -*x };
                        }
                    }
                    give(l, by_factor);
                    give(b, by);
                }
                Op::Sum(x) => {
                    let x = (x, self.value(x));
                    give(x.0, Matrix::full(x.1.rows, x.1.columns, slope.data[0]));
                }
            }
        }
        by.iter().map(|var| slopes[var.0].clone().unwrap_or_else(|| self.value(*var).zero())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All operations in one number.
    fn number(leaves: &[Matrix]) -> (f64, Vec<Matrix>) {
        let mut tape = Tape::default();
        let vars: Vec<Var> = leaves.iter().map(|leaf| tape.leaf(leaf.clone())).collect();
        let [a, b, row, scale] = vars[..] else { panic!() };
        let lengths = tape.exp(row);
        let (left, right) = (tape.columns(a, lengths), tape.columns(b, lengths));
        let own = tape.rbf(left, left, 0.1);
        let l = tape.cholesky(own);
        let cross = tape.rbf(left, right, 0.0);
        let solved = tape.solved(l, cross);
        let squares = tape.times(solved, solved);
        let product = tape.product(squares, a);
        let more = tape.line(product, 0.7, 0.3);
        let root = tape.root(more);
        let scaled = tape.scaled(root, scale);
        let difference = tape.sub(scaled, b);
        let both = tape.add(difference, scaled);
        let both = tape.times(both, difference);
        let sum = tape.sum(both);
        (tape.value(sum).data[0], tape.slopes(sum, &vars))
    }

    #[test]
    fn slopes_are_those_of_the_number() {
        let leaves = [
            Matrix::new(3, 2, vec![0.1, 0.9, 0.4, 0.3, 0.8, 0.6]),
            Matrix::new(2, 2, vec![0.2, 0.5, 0.7, 0.1]),
            Matrix::new(1, 2, vec![0.3, -0.2]),
            Matrix::full(1, 1, 1.3),
        ];
        let (_, slopes) = number(&leaves);
        for (l, leaf) in leaves.iter().enumerate() {
            for k in 0..leaf.data.len() {
                let moved = |by: f64| {
                    let mut leaves = leaves.clone();
                    leaves[l].data[k] += by;
                    number(&leaves).0
                };
                let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!((slopes[l].data[k] - expected).abs() < 1e-6, "{l} {k}: {} {expected}", slopes[l].data[k]);
            }
        }
    }
}
