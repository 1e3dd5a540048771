//! Unrolled loops over tables of numbers are written out here, so that zeros and ones of the tables, as those of
//! Winograd's matrices, cost nothing. A product with a zero of a table is 0, whatever the other factor.

use crate::{Binary, Expr, Index, Loop, Mark, Range, Stmt, Unary, Var};

/// Writes out what is to be written out.
pub(super) fn expand(stmts: Vec<Stmt>, loops: &[Loop]) -> Vec<Stmt> {
    stmts.into_iter().flat_map(|stmt| one(stmt, loops)).collect()
}

/// Loops longer than this are left alone.
const LONGEST: u64 = 16;

fn one(stmt: Stmt, loops: &[Loop]) -> Vec<Stmt> {
    match stmt {
        Stmt::For(var, body) => {
            let l = &loops[var as usize];
            if l.mark == Mark::Unroll && l.extent <= LONGEST && body.iter().any(|stmt| has_table(stmt, var)) {
                let ranges = |var: Var| Range::of(loops.get(var as usize).map_or(1, |l| l.extent));
                let trip = |i: u64| Index::constant(i as i64);
                let stmts = (0..l.extent).map(trip);
                let stmts = stmts
                    .flat_map(|i| body.iter().flat_map(|stmt| stmt.with(var, &i, &ranges)).collect::<Vec<_>>())
                    .collect();
                return expand(stmts, loops);
            }
            let body = expand(body, loops);
            if body.is_empty() { Vec::new() } else { vec![Stmt::For(var, body)] }
        }
        Stmt::If(conds, body) => {
            let body = expand(body, loops);
            if body.is_empty() { Vec::new() } else { vec![Stmt::If(conds, body)] }
        }
        Stmt::Store(id, index, value) => {
            let value = value.map(&mut |expr| fold(expr), &Clone::clone);
            // A sum to which nothing is added.
            if matches!(&value, Expr::Load(read, at) if *read == id && *at == index) {
                return Vec::new();
            }
            vec![Stmt::Store(id, index, value)]
        }
        Stmt::Launch(launch, body) => {
            let body = expand(body, loops);
            if body.is_empty() { Vec::new() } else { vec![Stmt::Launch(launch, body)] }
        }
        Stmt::Alloc(_) | Stmt::Barrier | Stmt::Prefetch(..) | Stmt::Intrinsic(_) => vec![stmt],
    }
}

/// True if a table is read at an index with this variable.
fn has_table(stmt: &Stmt, var: Var) -> bool {
    match stmt {
        Stmt::Alloc(_) | Stmt::Barrier | Stmt::Prefetch(..) | Stmt::Intrinsic(_) => false,
        Stmt::Store(.., value) => {
            let mut found = false;
            let mut visit = |expr: &Expr| found |= matches!(expr, Expr::Table(_, index) if index.has(var));
            value.visit(&mut visit, &mut |_| {});
            found
        }
        _ => stmt.body().iter().any(|stmt| has_table(stmt, var)),
    }
}

/// Products with 0, 1 and −1, and sums with 0, without them.
fn fold(expr: Expr) -> Expr {
    let Expr::Binary(function, a, b) = expr else { return expr };
    let number = |expr: &Expr| if let Expr::Const(number) = expr { Some(*number) } else { None };
    match (function, number(&a), number(&b)) {
        (Binary::Mul, Some(x), Some(y)) => Expr::Const(x * y),
        (Binary::Mul, Some(0.0), _) | (Binary::Mul, _, Some(0.0)) => Expr::Const(0.0),
        (Binary::Mul, Some(1.0), _) => *b,
        (Binary::Mul, _, Some(1.0)) => *a,
        (Binary::Mul, Some(-1.0), _) => b.unary(Unary::Neg),
        (Binary::Mul, _, Some(-1.0)) => a.unary(Unary::Neg),
        (Binary::Add, Some(0.0), _) => *b,
        (Binary::Add, _, Some(0.0)) => *a,
        (Binary::Add, ..) if matches!(*b, Expr::Unary(Unary::Neg, _)) => match *b {
            Expr::Unary(_, b) => a.binary(Binary::Sub, *b),
            _ => *a,
        },
        _ => Expr::Binary(function, a, b),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Schedule, Stmt, operator};
    use tachograph_ir::DType::F32;

    #[test]
    fn zeros_of_a_table_cost_nothing() {
        let mut b = crate::Builder::new("w");
        let x = b.input("x", F32, &[1, 4, 10, 10]).unwrap();
        let w = b.weight("w", F32, &[4, 4, 3, 3]).unwrap();
        let window = operator::Window::square(2, 1, 0);
        let y = operator::winograd(&mut b, x, w, &window, operator::Tile::F2).unwrap();
        let workload = b.finish(&[y]).unwrap();
        let schedule = Schedule::new()
            .reorder("input_rows", &["n", "c", "ty", "x", "e", "r"])
            .unroll("input_rows", "e")
            .unroll("input_rows", "r");
        let nest = schedule.lower(&workload).unwrap();
        let stage = workload.find("input_rows").unwrap();
        let mut stores = 0;
        nest.visit(&mut |stmt| stores += usize::from(matches!(stmt, Stmt::Store(id, ..) if *id == stage)));
        // Four rows, each set to 0 and then the sum of two elements.
        assert_eq!(stores, 4 * 3);
    }
}
