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

/// The value at `batch`, of those at its [rungs]: more samples never cost less. Where batches were measured, neighbours
/// that say otherwise are given their mean. Beyond, twice as many never cost more than twice as much; where batches were
/// measured they may, as they do once a cache is full. Between two rungs time and memory are lines, as all costs of a batch
/// are that do not depend on it, and those that are proportional to it.
pub(crate) fn climb(measured: (u64, u64), values: &BTreeMap<u64, f64>, batch: u64) -> Option<f64> {
    let rungs = rungs(measured, batch);
    let mut held = rungs.iter().map(|rung| values.get(rung).copied()).collect::<Option<Vec<f64>>>()?;
    let first = rungs.iter().position(|&rung| 2 * rung > measured.0)?;
    let last = rungs.iter().position(|&rung| rung >= measured.1)?;
    ascending(held.get_mut(first..=last)?);
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

/// The nearest ascending values, in logarithms (isotonic regression, by pooling adjacent violators).
fn ascending(values: &mut [f64]) {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for value in values.iter() {
        let mut pool = (value.ln(), 1);
        while let Some((before, n)) = pools.pop_if(|(before, _)| *before > pool.0) {
            pool = ((before * n as f64 + pool.0 * pool.1 as f64) / (n + pool.1) as f64, n + pool.1);
        }
        pools.push(pool);
    }
    let pooled = pools.iter().flat_map(|(value, n)| std::iter::repeat_n((value, *n), *n));
    for (value, (mean, n)) in values.iter_mut().zip(pooled) {
        // What was alone stays as it is, to the last digit.
        *value = if n == 1 { *value } else { mean.exp() };
    }
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

    #[test]
    fn neighbours_share_their_mean() {
        let mut values = [1.0, 4.0, 1.0, 8.0];
        ascending(&mut values);
        assert_eq!((values[0], values[3]), (1.0, 8.0));
        assert!((values[1] - 2.0).abs() < 1e-12 && values[1] == values[2]);
    }

    #[test]
    fn more_samples_cost_more_and_far_off_no_more_than_in_proportion() {
        let wild = |batch: u64| 3.0 + (batch as f64).powf(1.9) * (1.5 + (batch as f64).sin());
        let at = |batch: u64| {
            let values = rungs((9, 20), batch).into_iter().map(|rung| (rung, wild(rung))).collect();
            climb((9, 20), &values, batch).unwrap()
        };
        assert_eq!((at(16), at(8)), (wild(16), wild(8)));
        for batch in 1..300 {
            assert!(at(batch) <= at(batch + 1), "{batch}");
            assert!(batch < 32 || at(3 * batch) <= 3.0 * at(batch) * (1.0 + 1e-12), "{batch}");
        }
    }
}
