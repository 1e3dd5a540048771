//! Loops in parts, so that what happens at edges is asked for at the edges alone: the trips for which a condition holds
//! whatever other loops do, and those before and after. A padded convolution then reads its image as it is, with tests around
//! it only where the window reaches beyond. Vectors are whole inside: what GCC 12 makes of a condition on lanes can read all of
//! a vector for the sake of some, beyond the end of a buffer.

use crate::{BufferId, Cond, Expr, Index, Loop, Mark, Nest, Range, Stmt, Var};

/// A loop of one trip has no inside; those with more would take long to look through.
const TRIPS: std::ops::RangeInclusive<u64> = 2..=1024;
/// The same where trips are shared among threads.
const SHARED: std::ops::RangeInclusive<u64> = 4..=1024;

/// How often a statement may be written out in place of once: for two axes that are padded.
const COPIES: usize = 9;
/// Statements that may be written out in all, which compilers take their time for.
const STATEMENTS: u64 = 512;
/// What a loop costs them, in statements.
const LOOP: u64 = 2;

/// The same nest with loops in parts.
pub(super) fn partition(nest: &Nest) -> Nest {
    let mut nest = nest.clone();
    let (prepare, body) = (std::mem::take(&mut nest.prepare), std::mem::take(&mut nest.body));
    nest.prepare = all(prepare, 1, &mut nest);
    nest.body = all(body, 1, &mut nest);
    nest
}

fn range(loops: &[Loop], var: Var) -> Range {
    Range::of(loops.get(var as usize).map_or(1, |l| l.extent))
}

fn all(stmts: Vec<Stmt>, copies: usize, nest: &mut Nest) -> Vec<Stmt> {
    stmts.into_iter().flat_map(|stmt| one(stmt, copies, nest)).collect()
}

fn one(stmt: Stmt, copies: usize, nest: &mut Nest) -> Vec<Stmt> {
    let (var, body) = match stmt {
        Stmt::For(var, body) => (var, body),
        Stmt::If(conds, body) => return vec![Stmt::If(conds, all(body, copies, nest))],
        other => return vec![other],
    };
    let (var, body) = match alive(&body, var, &nest.loops) {
        // Nothing happens in the trips that are left out.
        Some((from, to)) if to - from < nest.loops[var as usize].extent => part(&body, var, (from, to), None, nest),
        _ => (var, body),
    };
    let loops = &nest.loops;
    let l = loops[var as usize].clone();
    let open = match l.mark {
        Mark::Serial | Mark::Vector => TRIPS.contains(&l.extent),
        // The trip that is a rest is not shared.
        Mark::Parallel => SHARED.contains(&l.extent),
        _ => false,
    };
    let turn = if open { turn(&body, var, loops) } else { None };
    let inside = if open && turn.is_none() { inside(&body, var, loops) } else { None };
    let cuts = match (turn, inside) {
        (Some(trip), _) => vec![(0, trip), (trip, l.extent)],
        (None, Some((first, end))) => vec![(0, first), (first, end), (end, l.extent)],
        (None, None) => vec![],
    };
    let cuts: Vec<(u64, u64)> = cuts.into_iter().filter(|(from, to)| from < to).collect();
    let all_copies = copies * cuts.len();
    let every = written(&body, loops, &|_| true);
    let asking = written(&body, loops, &|stmt| {
        let mut found = Vec::new();
        own(stmt, var, &mut found);
        !found.is_empty()
    });
    // Where most of it asks for nothing, as where what pads is computed within a convolution's loops, the loops further inside
    // are what is to be in parts.
    let cost = every + LOOP * body.iter().map(|stmt| around(stmt, loops)).sum::<u64>();
    let fits = all_copies <= COPIES && all_copies as u64 * cost <= STATEMENTS && 4 * asking >= every;
    if cuts.is_empty() || !fits {
        return vec![Stmt::For(var, all(body, copies, nest))];
    }
    let (mut parts, copies) = (Vec::new(), all_copies);
    let first = inside.map_or(0, |(first, _)| first);
    for (from, to) in cuts {
        let mark = if from == first || turn.is_some() { l.mark } else { Mark::Serial };
        let (var, body) = part(&body, var, (from, to), Some(mark), nest);
        // What is local to one has whole vectors inside, and at edges maybe not.
        let body = if from == first { body } else { anew(&body, nest) };
        match turn {
            // There may be more of them, as where three are put side by side.
            Some(_) => parts.extend(one(Stmt::For(var, body), copies, nest)),
            None => parts.push(Stmt::For(var, all(body, copies, nest))),
        }
    }
    parts
}

/// A loop over some trips of another, marked like that one where nothing is said.
fn part(body: &[Stmt], var: Var, (from, to): (u64, u64), mark: Option<Mark>, nest: &mut Nest) -> (Var, Vec<Stmt>) {
    let (part, l) = (nest.loops.len() as Var, nest.loops[var as usize].clone());
    nest.loops.push(Loop { name: l.name, extent: to - from, mark: mark.unwrap_or(l.mark) });
    let trip = &Index::var(part) + &Index::constant(from as i64);
    let body = body.iter().flat_map(|stmt| stmt.with(var, &trip, &|var| nest.range(var))).collect();
    (part, body)
}

/// The same with local buffers of its own.
fn anew(body: &[Stmt], nest: &mut Nest) -> Vec<Stmt> {
    let mut own = Vec::new();
    for stmt in body {
        stmt.any(&mut |stmt| {
            if let Stmt::Alloc(id) = stmt {
                own.push((*id, BufferId(nest.buffers.len() as u32)));
                nest.buffers.push(nest.buffer(*id).clone());
            }
            false
        });
    }
    let other = |id| own.iter().find(|(of, _)| *of == id).map_or(id, |(_, own)| *own);
    body.iter().map(|stmt| stmt.on(&other)).collect()
}

/// The trips of a loop from the first to the last in which something may happen.
fn alive(body: &[Stmt], var: Var, loops: &[Loop]) -> Option<(u64, u64)> {
    let alive = |trip: &u64| !body.iter().all(|stmt| dead(stmt, var, *trip, loops));
    let l = &loops[var as usize];
    let open = matches!(l.mark, Mark::Serial | Mark::Vector | Mark::Unroll) && l.extent <= *TRIPS.end();
    let first = (0..l.extent).filter(|_| open).find(alive)?;
    Some((first, (first..l.extent).rfind(alive)? + 1))
}

/// True if nothing happens in this trip, whatever other loops do.
fn dead(stmt: &Stmt, var: Var, trip: u64, loops: &[Loop]) -> bool {
    let at = Range { min: trip as i64, max: trip as i64 };
    let never = |cond: &Cond| cond.simplify(&|other| if other == var { at } else { range(loops, other) }) == Err(false);
    match stmt {
        Stmt::If(conds, body) => conds.iter().any(never) || body.iter().all(|stmt| dead(stmt, var, trip, loops)),
        Stmt::For(_, body) => body.iter().all(|stmt| dead(stmt, var, trip, loops)),
        _ => false,
    }
}

/// How many stores of a kind there are once loops are unrolled; under a condition of the kind all.
pub(super) fn written(body: &[Stmt], loops: &[Loop], of: &dyn Fn(&Stmt) -> bool) -> u64 {
    let each = |stmt: &Stmt| match stmt {
        Stmt::For(var, body) => {
            let l = &loops[*var as usize];
            let times = match l.mark {
                Mark::Unroll => l.extent,
                Mark::Vector => vectors(l.extent).min(16),
                _ => 1,
            };
            times.saturating_mul(written(body, loops, of))
        }
        Stmt::Store(..) => u64::from(of(stmt)),
        Stmt::If(_, body) if of(stmt) => written(body, loops, &|_| true),
        stmt => written(stmt.body(), loops, of),
    };
    body.iter().map(each).fold(0, u64::saturating_add)
}

/// Loops that stay loops.
fn around(stmt: &Stmt, loops: &[Loop]) -> u64 {
    let own = matches!(stmt, Stmt::For(var, _) if matches!(loops[*var as usize].mark, Mark::Serial | Mark::Parallel));
    u64::from(own) + stmt.body().iter().map(|stmt| around(stmt, loops)).sum::<u64>()
}

/// Vectors that a loop becomes, about.
fn vectors(extent: u64) -> u64 {
    match 1 << extent.trailing_zeros().min(4) {
        1 => extent.div_ceil(4),
        lanes => extent / lanes,
    }
}

/// The trips of a loop for which conditions hold whatever other loops do: of all conditions that hold so for some trip.
fn inside(body: &[Stmt], var: Var, loops: &[Loop]) -> Option<(u64, u64)> {
    let mut conds = Vec::new();
    body.iter().for_each(|stmt| conditions(stmt, var, &mut conds));
    let extent = loops[var as usize].extent;
    let (mut first, mut end) = (0, extent);
    for cond in conds {
        let holds = |trip: &u64| {
            let at = Range { min: *trip as i64, max: *trip as i64 };
            cond.simplify(&|other| if other == var { at } else { range(loops, other) }) == Err(true)
        };
        let Some(from) = (0..extent).find(holds) else { continue };
        let to = (from..extent).find(|trip| !holds(trip)).unwrap_or(extent);
        (first, end) = (first.max(from), end.min(to));
    }
    // Nothing is gained where all trips are inside, and little where few are.
    (first < end && end - first < extent && 2 * (end - first) >= extent).then_some((first, end))
}

/// The first trip that reads something else than the one before, whatever other loops do: both halves of such a loop, as of what
/// puts one tensor behind another, are of use, and neither asks.
fn turn(body: &[Stmt], var: Var, loops: &[Loop]) -> Option<u64> {
    let mut conds = Vec::new();
    let mut visit = |expr: &Expr| {
        if let Expr::Select(cond, yes, no) = expr
            && reads(yes)
            && reads(no)
        {
            conds.push(Cond::clone(cond));
        }
    };
    let mut each = |stmt: &Stmt| {
        if let Stmt::Store(_, _, value) = stmt {
            value.visit(&mut visit, &mut |_| {});
        }
        false
    };
    body.iter().for_each(|stmt| _ = stmt.any(&mut each));
    let turns = |cond: &Cond| {
        let said = |trip: u64| {
            let at = Range { min: trip as i64, max: trip as i64 };
            cond.simplify(&|other| if other == var { at } else { range(loops, other) }).err()
        };
        (1..loops[var as usize].extent).find(|trip| said(trip - 1).zip(said(*trip)).is_some_and(|(a, b)| a != b))
    };
    conds.iter().find_map(turns)
}

fn reads(expr: &Expr) -> bool {
    let mut found = false;
    expr.visit(&mut |expr| found |= matches!(expr, Expr::Load(..)), &mut |_| {});
    found
}

/// Every condition on an index that has the variable.
fn conditions<'a>(stmt: &'a Stmt, var: Var, found: &mut Vec<&'a Cond>) {
    own(stmt, var, found);
    stmt.body().iter().for_each(|stmt| conditions(stmt, var, found));
}

/// Those that the statement itself asks for.
fn own<'a>(stmt: &'a Stmt, var: Var, found: &mut Vec<&'a Cond>) {
    match stmt {
        Stmt::Store(_, _, value) => {
            let mut visit = |expr: &'a Expr| {
                if let Expr::Select(cond, ..) = expr {
                    each(cond, var, found);
                }
            };
            value.visit(&mut visit, &mut |_| {});
        }
        Stmt::If(conds, _) => conds.iter().for_each(|cond| each(cond, var, found)),
        _ => {}
    }
}

fn each<'a>(cond: &'a Cond, var: Var, found: &mut Vec<&'a Cond>) {
    match cond {
        Cond::In(index, ..) if index.has(var) => found.push(cond),
        Cond::Order(a, b) if a.has(var) || b.has(var) => found.push(cond),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| each(part, var, found)),
        Cond::In(..) | Cond::Order(..) | Cond::Compare(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, Schedule, operator};
    use tachograph_ir::DType::F32;

    /// How many conditions are asked in a run.
    fn asked(stmts: &[Stmt], loops: &[Loop]) -> u64 {
        let each = |stmt: &Stmt| match stmt {
            Stmt::For(var, body) => loops[*var as usize].extent * asked(body, loops),
            Stmt::Store(_, _, value) => {
                let mut found = 0;
                value.visit(&mut |expr| found += u64::from(matches!(expr, Expr::Select(..))), &mut |_| {});
                found
            }
            stmt => asked(stmt.body(), loops),
        };
        stmts.iter().map(each).sum()
    }

    #[test]
    fn conditions_are_asked_at_edges_and_nothing_else_changes() {
        let mut b = Builder::new("conv");
        let x = b.input("x", F32, &[1, 2, 12, 12]).unwrap();
        let w = b.weight("w", F32, &[3, 2, 3, 3]).unwrap();
        let y = operator::conv(&mut b, x, w, &operator::Window::square(2, 1, 1)).unwrap();
        let workload = b.finish(&[y]).unwrap();
        let data = workload
            .inputs()
            .map(|id| (id, (0..workload.buffer(id).elements()).map(|i| (i * 7 % 11) as f64).collect()))
            .collect();
        for (schedule, share) in [(Schedule::new().inline("pad"), 0.5), (Schedule::new().vectorize("pad", "x"), 0.2)] {
            let nest = schedule.lower(&workload).unwrap();
            let parted = partition(&nest);
            assert_eq!(nest.run(&data).unwrap(), parted.run(&data).unwrap());
            let [before, after] = [&nest, &parted].map(|nest| asked(&nest.body, &nest.loops));
            assert!((after as f64) < share * before as f64, "{before} {after}");
        }
    }

    #[test]
    fn what_is_put_side_by_side_asks_for_nothing() {
        let mut b = Builder::new("concat");
        let parts = [2, 9, 4].map(|n| b.input(&format!("x{n}"), F32, &[3, n]).unwrap());
        let y = operator::concat(&mut b, &parts, 1).unwrap();
        let workload = b.finish(&[y]).unwrap();
        let data = workload
            .inputs()
            .map(|id| (id, (0..workload.buffer(id).elements()).map(|i| (i * 7 % 11) as f64).collect()))
            .collect();
        for schedule in [Schedule::new(), Schedule::new().vectorize("concat", "j")] {
            let nest = schedule.lower(&workload).unwrap();
            let parted = partition(&nest);
            assert_eq!(nest.run(&data).unwrap(), parted.run(&data).unwrap());
            assert_eq!([&nest, &parted].map(|nest| asked(&nest.body, &nest.loops)), [90, 0]);
        }
    }
}
