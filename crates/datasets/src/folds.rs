//! Cross-validation: every network in the test part once.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{Error, Result, Split, split::shuffled};

impl<T: Ord + Clone + fmt::Display> Split<T> {
    /// `k` splits of named networks with their families; each network is in the test part of one of them.
    ///
    /// At random, folds differ by one network at most, and a random tenth of the others validates. By family, all
    /// networks of a family share a fold: the largest families go first, each to the fold with the fewest networks so
    /// far; whole families validate, as many as fit into a tenth of the others, at least the smallest one.
    ///
    /// # Errors
    /// `k` below 2, or fewer than `k` families (at random: than ten networks a fold); families that leave nothing to
    /// train on.
    pub fn folds<'a>(
        networks: impl IntoIterator<Item = (&'a T, &'a str)>,
        k: usize,
        by_family: bool,
        seed: u64,
    ) -> Result<Vec<Self>>
    where
        T: 'a,
    {
        let mut families: BTreeMap<&str, BTreeSet<T>> = BTreeMap::new();
        for (network, family) in networks {
            families.entry(family).or_default().insert(network.clone());
        }
        let all: BTreeSet<T> = families.values().flatten().cloned().collect();
        let what = if by_family { families.len() } else { all.len() / 10 };
        if k < 2 || what < k {
            let n = all.len();
            return Err(Error::Split(format!("{n} networks of {} families in {k} folds", families.len())));
        }
        let tests = if by_family { family_tests(&families, k, seed) } else { random_tests(all.clone(), k, seed) };
        let kind = if by_family { "families in" } else { "random" };
        let split = |(fold, test): (usize, BTreeSet<T>)| {
            let others: BTreeSet<T> = all.difference(&test).cloned().collect();
            let own = seed.wrapping_mul(1_000_003).wrapping_add(fold as u64);
            let validation = if by_family {
                validating_families(&families, &test, others.len(), own)
            } else {
                let tenth = (others.len() + 5) / 10;
                shuffled(others.clone(), own).into_iter().take(tenth).collect()
            };
            let train: BTreeSet<T> = others.difference(&validation).cloned().collect();
            if train.is_empty() {
                return Err(Error::Split(format!("fold {} of {k} leaves nothing to train on", fold + 1)));
            }
            Ok(Self { name: format!("{kind} {k} folds, fold {}, seed {seed}", fold + 1), train, validation, test })
        };
        tests.into_iter().enumerate().map(split).collect()
    }
}

fn random_tests<T: Ord + Clone>(all: BTreeSet<T>, k: usize, seed: u64) -> Vec<BTreeSet<T>> {
    let order = shuffled(all, seed);
    (0..k).map(|fold| order.iter().skip(fold).step_by(k).cloned().collect()).collect()
}

fn family_tests<T: Ord + Clone>(families: &BTreeMap<&str, BTreeSet<T>>, k: usize, seed: u64) -> Vec<BTreeSet<T>> {
    let mut order = shuffled(families.keys().copied().collect(), seed);
    order.sort_by_key(|family| Reverse(families[family].len()));
    let mut tests = vec![BTreeSet::new(); k];
    for family in order {
        if let Some(smallest) = tests.iter_mut().min_by_key(|test| test.len()) {
            smallest.extend(families[family].iter().cloned());
        }
    }
    tests
}

/// Whole families outside `test`, in random order, as long as they fit into a tenth of the `others`.
fn validating_families<T: Ord + Clone>(
    families: &BTreeMap<&str, BTreeSet<T>>,
    test: &BTreeSet<T>,
    others: usize,
    seed: u64,
) -> BTreeSet<T> {
    let free = |family: &&str| families[family].iter().all(|network| !test.contains(network));
    let order = shuffled(families.keys().copied().filter(free).collect(), seed);
    let mut validation = BTreeSet::new();
    for family in &order {
        if validation.len() + families[family].len() <= (others + 5) / 10 {
            validation.extend(families[family].iter().cloned());
        }
    }
    let smallest = order.iter().min_by_key(|family| families[*family].len());
    match smallest {
        Some(family) if validation.is_empty() => families[family].clone(),
        _ => validation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;

    /// 200 networks of 20 families of very different sizes.
    fn networks() -> Vec<(String, String)> {
        (0..200).map(|i: usize| (format!("net{i}"), format!("family{}", (2 * i).isqrt()))).collect()
    }

    fn folds(by_family: bool, seed: u64) -> Vec<Split<String>> {
        let networks = networks();
        Split::folds(networks.iter().map(|(n, f)| (n, f.as_str())), 5, by_family, seed).unwrap()
    }

    #[test]
    fn every_network_is_tested_once_and_parts_are_disjoint() {
        for by_family in [false, true] {
            let folds = folds(by_family, 3);
            let parts = [Part::Train, Part::Validation, Part::Test];
            for (name, _) in networks() {
                assert_eq!(folds.iter().filter(|f| f.members(Part::Test).contains(&name)).count(), 1);
                assert!(folds.iter().all(|f| parts.iter().filter(|&&p| f.members(p).contains(&name)).count() == 1));
            }
            let sizes: Vec<[usize; 3]> = folds.iter().map(|f| parts.map(|p| f.members(p).len())).collect();
            assert!(sizes.iter().all(|[_, v, t]| (8..=24).contains(v) && (25..=60).contains(t)), "{sizes:?}");
        }
        assert!(folds(false, 3).iter().all(|f| f.members(Part::Test).len() == 40));
    }

    #[test]
    fn families_are_in_one_part() {
        let networks = networks();
        for fold in folds(true, 7) {
            for family in 0..20 {
                let family = format!("family{family}");
                let of: BTreeSet<_> =
                    networks.iter().filter(|(_, f)| *f == family).map(|(n, _)| fold.part(n)).collect();
                assert!(of.len() <= 1, "{family} in {of:?}");
            }
        }
    }

    #[test]
    fn folds_are_a_function_of_the_seed_and_never_change() {
        let hashes = |by_family, seed| folds(by_family, seed).iter().map(Split::hash).collect::<Vec<_>>();
        for by_family in [false, true] {
            assert_eq!(hashes(by_family, 1), hashes(by_family, 1));
            assert_ne!(hashes(by_family, 1), hashes(by_family, 2));
        }
    }

    #[test]
    fn what_cannot_be_divided_is_refused() {
        let networks = networks();
        let divide = |n: usize, k, by_family| {
            Split::folds(networks[..n].iter().map(|(n, f)| (n, f.as_str())), k, by_family, 0).is_ok()
        };
        assert!(!divide(200, 1, false) && !divide(49, 5, false) && !divide(8, 5, true) && divide(50, 5, false));
    }
}
