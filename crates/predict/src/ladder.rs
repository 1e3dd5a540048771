//! Batches: what is predicted at one agrees with what is predicted at others.

use std::collections::BTreeMap;

/// Powers of two at which values must be known for one at `batch`: all between the least and the greatest batch that were
/// measured, and from there on to `batch`, or past it.
pub(crate) fn rungs(measured: (u64, u64), batch: u64) -> Vec<u64> {
    let (least, most) = (below(measured.0.min(batch)), measured.1.max(batch));
    std::iter::successors(Some(least), |rung| rung.checked_mul(2).filter(|_| *rung < most)).collect()
}

/// The greatest power of two that is not above.
fn below(batch: u64) -> u64 {
    1 << batch.max(1).ilog2()
}

/// What is known at a rung.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rung {
    pub value: f64,
    /// How much it is believed, beside others.
    pub weight: f64,
}

/// The value at `batch`, of those at its [rungs]: more samples never cost less, and twice as many never more than twice as
/// much. Where batches were measured, values that say otherwise are moved as little as that takes; beyond, each is held to
/// what the one before allows. Between two rungs time and memory are lines, as all costs of a batch are that do not depend
/// on it, and those that are proportional to it.
pub(crate) fn climb(measured: (u64, u64), known: &BTreeMap<u64, Rung>, batch: u64) -> Option<f64> {
    let rungs = rungs(measured, batch);
    let known = rungs.iter().map(|rung| known.get(rung).copied()).collect::<Option<Vec<Rung>>>()?;
    let first = rungs.iter().position(|&rung| 2 * rung > measured.0)?;
    let last = rungs.iter().position(|&rung| rung >= measured.1)?;
    let mut held: Vec<f64> = known.iter().map(|rung| rung.value).collect();
    held.get_mut(first..=last)?.copy_from_slice(&consistent(known.get(first..=last)?));
    for i in (0..first).rev() {
        held[i] = held[i].clamp(0.5 * held[i + 1], held[i + 1]);
    }
    for i in last + 1..held.len() {
        held[i] = held[i].clamp(held[i - 1], 2.0 * held[i - 1]);
    }
    let i = rungs.iter().position(|&rung| rung >= batch)?;
    let Some(j) = i.checked_sub(1).filter(|_| rungs[i] != batch) else { return Some(held[i]) };
    let part = (batch - rungs[j]) as f64 / (rungs[i] - rungs[j]) as f64;
    Some(held[j] + part * (held[i] - held[j]))
}

/// The nearest values, in logarithms and by weight, that ascend, each at most twice the one before: Dykstra's alternating
/// projections onto both sets, each of which is an isotonic regression.
fn consistent(rungs: &[Rung]) -> Vec<f64> {
    let values: Vec<f64> = rungs.iter().map(|rung| rung.value).collect();
    if values.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] <= 2.0 * pair[0]) {
        return values;
    }
    let weights: Vec<f64> = rungs.iter().map(|rung| rung.weight).collect();
    let mut x: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let mut moved = [vec![0.0; x.len()], vec![0.0; x.len()]];
    for _ in 0..200 {
        for (descends, moved) in moved.iter_mut().enumerate() {
            let before: Vec<f64> = x.iter().zip(&*moved).map(|(x, moved)| x + moved).collect();
            // What at most doubles from rung to rung descends, once a doubling is taken off it.
            let turn = |i: usize, x: f64| if descends == 1 { i as f64 * std::f64::consts::LN_2 - x } else { x };
            let turned: Vec<f64> = before.iter().enumerate().map(|(i, &x)| turn(i, x)).collect();
            x = ascending(&turned, &weights).into_iter().enumerate().map(|(i, x)| turn(i, x)).collect();
            moved.iter_mut().zip(before).zip(&x).for_each(|((moved, before), x)| *moved = before - x);
        }
    }
    // What is left of the iteration's error.
    let mut held: Vec<f64> = x.into_iter().map(f64::exp).collect();
    for i in 1..held.len() {
        held[i] = held[i].clamp(held[i - 1], 2.0 * held[i - 1]);
    }
    held
}

/// The nearest ascending values by weight: isotonic regression, by pooling adjacent violators.
fn ascending(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (&value, &weight) in values.iter().zip(weights) {
        let mut pool = (value, weight, 1);
        while let Some((before, of, n)) = pools.pop_if(|(before, ..)| *before > pool.0) {
            pool = ((before * of + pool.0 * pool.1) / (of + pool.1), of + pool.1, n + pool.2);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(value, _, n)| std::iter::repeat_n(value, n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_lead_to_the_batch() {
        assert_eq!(rungs((16, 16), 16), [16]);
        assert_eq!(rungs((12, 20), 16), [8, 16, 32]);
        assert_eq!(rungs((16, 16), 50), [16, 32, 64]);
        assert_eq!(rungs((16, 16), 3), [2, 4, 8, 16]);
        assert_eq!(rungs((1, 4), 0), [1, 2, 4]);
        assert_eq!(rungs((1, 1), u64::MAX).len(), 64);
    }

    fn rung(value: f64) -> Rung {
        Rung { value, weight: 1.0 }
    }

    #[test]
    fn values_are_moved_as_little_as_it_takes() {
        let of = |values: &[f64]| consistent(&values.iter().copied().map(rung).collect::<Vec<_>>());
        assert_eq!(of(&[1.0, 1.5, 3.0]), [1.0, 1.5, 3.0]);
        let [a, b] = of(&[4.0, 1.0])[..] else { panic!() };
        assert!((a - 2.0).abs() < 1e-9 && (b - 2.0).abs() < 1e-9, "{a}, {b}");
        let [a, b] = of(&[1.0, 8.0])[..] else { panic!() };
        assert!((a - 2.0).abs() < 1e-6 && (b - 4.0).abs() < 1e-6, "{a}, {b}");
        let doubted = [rung(1.0), Rung { value: 8.0, weight: 1e-3 }];
        assert!(consistent(&doubted)[0] < 1.01);
    }

    #[test]
    fn more_samples_cost_more_and_no_more_than_in_proportion() {
        let wild = |batch: u64| 3.0 + (batch as f64).powf(1.9) * (1.5 + (batch as f64).sin());
        let at = |batch: u64| {
            let values = rungs((9, 20), batch).into_iter().map(|at| (at, rung(wild(at)))).collect();
            climb((9, 20), &values, batch).unwrap()
        };
        for batch in 1..300 {
            assert!(at(batch) <= at(batch + 1) * (1.0 + 1e-12), "{batch}");
            assert!(at(3 * batch) <= 3.0 * at(batch) * (1.0 + 1e-12), "{batch}");
        }
    }
}
