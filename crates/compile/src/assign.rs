//! One choice for each of many, where choices have costs alone and in pairs.
//!
//! Exact by elimination: a variable is replaced by a table of what its best choice costs for each combination of its
//! neighbours' choices. On trees, and on the ladders that residual networks are, such tables stay small. Where one would not,
//! choices are improved one at a time from the best so far.

/// Entries of the largest table.
const TABLE: usize = 1 << 16;
/// Passes over all variables where no table is made.
const PASSES: usize = 50;

/// Costs of pairs: of the choices of two variables, the first before the second.
pub struct Pair {
    /// The variables.
    pub of: [usize; 2],
    /// Costs, row by row.
    pub costs: Vec<Vec<f64>>,
}

/// A cost of several variables together, by choices of all of them, the last one fastest.
struct Factor {
    of: Vec<usize>,
    costs: Vec<f64>,
}

/// The choice of each variable so that the sum of all costs is least. `alone` has the costs of each variable's choices.
pub fn assign(alone: &[Vec<f64>], pairs: &[Pair]) -> Vec<usize> {
    exact(alone, pairs).unwrap_or_else(|| improved(alone, pairs))
}

fn exact(alone: &[Vec<f64>], pairs: &[Pair]) -> Option<Vec<usize>> {
    let sizes: Vec<usize> = alone.iter().map(Vec::len).collect();
    let mut factors: Vec<Factor> =
        alone.iter().enumerate().map(|(i, costs)| Factor { of: vec![i], costs: costs.clone() }).collect();
    factors.extend(pairs.iter().map(|pair| Factor { of: pair.of.to_vec(), costs: pair.costs.concat() }));
    let mut left: Vec<usize> = (0..alone.len()).collect();
    let mut eliminated: Vec<(usize, Vec<usize>, Vec<usize>)> = Vec::new();
    while !left.is_empty() {
        let neighbours = |variable: usize| {
            let near = factors.iter().filter(|factor| factor.of.contains(&variable)).flat_map(|factor| &factor.of);
            let mut near: Vec<usize> = near.copied().filter(|&other| other != variable).collect();
            near.sort_unstable();
            near.dedup();
            near
        };
        let size = |near: &[usize]| near.iter().fold(1usize, |size, &i| size.saturating_mul(sizes[i]));
        let next = left.iter().map(|&variable| (variable, neighbours(variable)));
        let (variable, near) = next.min_by_key(|(_, near)| size(near))?;
        if size(&near) > TABLE {
            return None;
        }
        let (own, rest): (Vec<Factor>, Vec<Factor>) =
            factors.into_iter().partition(|factor| factor.of.contains(&variable));
        factors = rest;
        let (mut costs, mut best) = (Vec::new(), Vec::new());
        let mut choices = vec![0; alone.len()];
        for at in 0..size(&near) {
            set(&mut choices, &near, &sizes, at);
            let cost = |choices: &mut Vec<usize>, choice: usize| {
                choices[variable] = choice;
                own.iter().map(|factor| factor.costs[index(choices, &factor.of, &sizes)]).sum::<f64>()
            };
            let each: Vec<f64> = (0..sizes[variable]).map(|choice| cost(&mut choices, choice)).collect();
            let least = (0..each.len()).min_by(|&a, &b| each[a].total_cmp(&each[b]))?;
            costs.push(each[least]);
            best.push(least);
        }
        left.retain(|&other| other != variable);
        factors.push(Factor { of: near.clone(), costs });
        eliminated.push((variable, near, best));
    }
    let mut choices = vec![0; alone.len()];
    for (variable, near, best) in eliminated.into_iter().rev() {
        choices[variable] = best[index(&choices, &near, &sizes)];
    }
    Some(choices)
}

fn index(choices: &[usize], of: &[usize], sizes: &[usize]) -> usize {
    of.iter().fold(0, |at, &i| at * sizes[i] + choices[i])
}

fn set(choices: &mut [usize], of: &[usize], sizes: &[usize], mut at: usize) {
    for &i in of.iter().rev() {
        choices[i] = at % sizes[i];
        at /= sizes[i];
    }
}

fn improved(alone: &[Vec<f64>], pairs: &[Pair]) -> Vec<usize> {
    let least = |costs: &Vec<f64>| (0..costs.len()).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).unwrap_or(0);
    let mut choices: Vec<usize> = alone.iter().map(least).collect();
    for _ in 0..PASSES {
        let before = choices.clone();
        for variable in 0..alone.len() {
            let cost = |choice: usize| {
                let other = |pair: &&Pair| pair.of.contains(&variable);
                let own = pairs.iter().filter(other).map(|pair| match pair.of {
                    [first, second] if first == variable => pair.costs[choice][choices[second]],
                    [first, _] => pair.costs[choices[first]][choice],
                });
                alone[variable][choice] + own.sum::<f64>()
            };
            let each: Vec<f64> = (0..alone[variable].len()).map(cost).collect();
            choices[variable] = least(&each);
        }
        if choices == before {
            break;
        }
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of all costs.
    fn total(alone: &[Vec<f64>], pairs: &[Pair], choices: &[usize]) -> f64 {
        let own: f64 = alone.iter().zip(choices).map(|(costs, &choice)| costs[choice]).sum();
        own + pairs.iter().map(|pair| pair.costs[choices[pair.of[0]]][choices[pair.of[1]]]).sum::<f64>()
    }

    /// Numbers that look random.
    fn number(seed: u64) -> f64 {
        (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64
    }

    #[test]
    fn elimination_finds_what_trying_all_finds() {
        for seed in 0..30 {
            let sizes: Vec<usize> = (0..6).map(|i| 1 + number(seed * 10 + i) as usize % 3).collect();
            let alone: Vec<Vec<f64>> =
                (0..6).map(|i| (0..sizes[i]).map(|c| number(seed * 100 + (i * 7 + c) as u64)).collect()).collect();
            let pairs: Vec<Pair> = (0..8)
                .map(|p| {
                    let of = [number(seed + p * 31) as usize % 3, 3 + number(seed + p * 57) as usize % 3];
                    let cost = |a: usize, b: usize| number(seed * 1000 + p * 100 + (a * 10 + b) as u64);
                    let row = |a| (0..sizes[of[1]]).map(|b| cost(a, b)).collect();
                    Pair { of, costs: (0..sizes[of[0]]).map(row).collect() }
                })
                .collect();
            let found = assign(&alone, &pairs);
            let all: usize = sizes.iter().product();
            let best = (0..all).map(|at| {
                let mut choices = vec![0; 6];
                set(&mut choices, &[0, 1, 2, 3, 4, 5], &sizes, at);
                total(&alone, &pairs, &choices)
            });
            let best = best.min_by(f64::total_cmp).unwrap();
            assert!(total(&alone, &pairs, &found) <= best + 1e-6, "seed {seed}");
            assert!(total(&alone, &pairs, &improved(&alone, &pairs)) >= best - 1e-6);
        }
    }
}
