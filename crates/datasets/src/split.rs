//! Training, validation and test parts.

use std::{collections::BTreeSet, fmt};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tachograph_ir::disk::hex;

use crate::{Error, NetworkId, Result};

/// A part of a [`Split`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// To fit on.
    Train,
    /// To choose by.
    Validation,
    /// To report.
    Test,
}

/// A division of networks, which are named by ids or, in published sets, by strings. It divides networks and not
/// measurements: all configurations of a network are on the same side. The same names give the same split, whatever
/// their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Ord + Deserialize<'de>"))]
pub struct Split<T = NetworkId> {
    /// How it was made, for reports.
    pub name: String,
    pub(crate) train: BTreeSet<T>,
    pub(crate) validation: BTreeSet<T>,
    pub(crate) test: BTreeSet<T>,
}

impl<T: Ord + Clone + fmt::Display> Split<T> {
    /// 80 % train, 10 % validation and 10 % test, at random. Shares are rounded to the nearest network.
    ///
    /// # Errors
    /// Fewer than ten networks.
    pub fn random<'a>(networks: impl IntoIterator<Item = &'a T>, seed: u64) -> Result<Self>
    where
        T: 'a,
    {
        let ids = shuffled(networks.into_iter().cloned().collect(), seed);
        if ids.len() < 10 {
            return Err(Error::Split(format!("{} networks are too few for 80/10/10", ids.len())));
        }
        let tenth = (ids.len() + 5) / 10;
        let mut ids = ids.into_iter();
        let test = ids.by_ref().take(tenth).collect();
        let validation = ids.by_ref().take(tenth).collect();
        Ok(Self { name: format!("random 80/10/10, seed {seed}"), train: ids.collect(), validation, test })
    }

    /// Tests on one family and fits on all others, a random tenth of which validates.
    ///
    /// # Errors
    /// No network of the family, or fewer than ten of others.
    pub fn without<'a>(networks: impl IntoIterator<Item = (&'a T, &'a str)>, family: &str, seed: u64) -> Result<Self>
    where
        T: 'a,
    {
        let (mut test, mut others) = (BTreeSet::new(), BTreeSet::new());
        for (network, of) in networks {
            let part = if of == family { &mut test } else { &mut others };
            part.insert(network.clone());
        }
        if test.is_empty() {
            return Err(Error::Split(format!("no network of family `{family}`")));
        }
        if others.len() < 10 {
            return Err(Error::Split(format!("{} networks outside `{family}` are too few", others.len())));
        }
        let tenth = (others.len() + 5) / 10;
        let mut ids = shuffled(others, seed).into_iter();
        let validation = ids.by_ref().take(tenth).collect();
        Ok(Self { name: format!("without {family}, seed {seed}"), train: ids.collect(), validation, test })
    }

    /// Where a network belongs; `None` if it was not divided.
    pub fn part(&self, network: &T) -> Option<Part> {
        let parts = [Part::Train, Part::Validation, Part::Test];
        parts.into_iter().find(|&part| self.members(part).contains(network))
    }

    /// The networks of a part.
    pub fn members(&self, part: Part) -> &BTreeSet<T> {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }

    /// The first 16 hexadecimal digits of SHA-256 over part names and sorted members: equal exactly
    /// when the same networks are in the same parts.
    pub fn hash(&self) -> String {
        hash(&self.train, &self.validation, &self.test)
    }
}

impl Split {
    /// [`Split::without`] for ids, which know their family.
    ///
    /// # Errors
    /// As [`Split::without`].
    pub fn without_family<'a>(
        networks: impl IntoIterator<Item = &'a NetworkId>,
        family: &str,
        seed: u64,
    ) -> Result<Self> {
        Self::without(networks.into_iter().map(|id| (id, id.family())), family, seed)
    }

    /// Every family once as the test part, in alphabetical order.
    ///
    /// # Errors
    /// As [`Split::without_family`].
    pub fn each_family<'a>(networks: impl IntoIterator<Item = &'a NetworkId>, seed: u64) -> Result<Vec<Self>> {
        let all: Vec<_> = networks.into_iter().collect();
        let families: BTreeSet<_> = all.iter().map(|id| id.family()).collect();
        families.into_iter().map(|family| Self::without_family(all.iter().copied(), family, seed)).collect()
    }
}

/// The first 16 hexadecimal digits of SHA-256 over part names and members in the order given.
pub(crate) fn hash<T: fmt::Display>(
    train: impl IntoIterator<Item = T>,
    validation: impl IntoIterator<Item = T>,
    test: impl IntoIterator<Item = T>,
) -> String {
    fn part<T: fmt::Display>(hash: &mut Sha256, name: &str, members: impl IntoIterator<Item = T>) {
        hash.update(format!("{name}\n"));
        members.into_iter().for_each(|id| hash.update(format!("\t{id}\n")));
    }
    let mut hash = Sha256::new();
    part(&mut hash, "train", train);
    part(&mut hash, "validation", validation);
    part(&mut hash, "test", test);
    hex(&hash.finalize()[..8])
}

impl<T: Ord + Clone + fmt::Display> fmt::Display for Split<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (train, validation, test) = (self.train.len(), self.validation.len(), self.test.len());
        write!(f, "{} ({train} train, {validation} validation, {test} test networks; hash {})", self.name, self.hash())
    }
}

/// The members in an order that depends on them and the seed alone.
pub(crate) fn shuffled<T: Ord>(ids: BTreeSet<T>, seed: u64) -> Vec<T> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    ids
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(n: u64) -> Vec<NetworkId> {
        (0..n).map(|i| NetworkId::generated(["a", "b", "c"][(i % 3) as usize], 1, i)).collect()
    }

    fn disjoint_and_complete(split: &Split, ids: &[NetworkId]) {
        let parts = [Part::Train, Part::Validation, Part::Test].map(|p| split.members(p));
        assert_eq!(parts.iter().map(|p| p.len()).sum::<usize>(), ids.len());
        assert!(ids.iter().all(|id| parts.iter().filter(|p| p.contains(id)).count() == 1));
    }

    proptest! {
        #[test]
        fn random_is_disjoint_complete_and_ignores_order(n in 10u64..300, seed: u64) {
            let mut ids = networks(n);
            let split = Split::random(&ids, seed).unwrap();
            disjoint_and_complete(&split, &ids);
            prop_assert!(split.members(Part::Test).len().abs_diff(n as usize / 10) <= 1);
            ids.reverse();
            prop_assert_eq!(&Split::random(&ids, seed).unwrap(), &split);
            // A handful of networks may fall alike under two seeds.
            if n >= 50 {
                prop_assert_ne!(Split::random(&ids, seed ^ 1).unwrap().hash(), split.hash());
            }
        }
    }

    #[test]
    fn families_are_left_out_whole() {
        let ids = networks(60);
        let splits = Split::each_family(&ids, 5).unwrap();
        assert_eq!(splits.len(), 3);
        for (split, family) in splits.iter().zip(["a", "b", "c"]) {
            disjoint_and_complete(split, &ids);
            assert!(ids.iter().all(|id| (id.family() == family) == (split.part(id) == Some(Part::Test))));
            assert_eq!(split.members(Part::Validation).len(), 4);
        }
    }

    #[test]
    fn the_hash_is_stable_across_releases() {
        assert_eq!(Split::random(&networks(20), 1).unwrap().hash(), "c2f4536b4151db65");
    }

    #[test]
    fn refuses_what_cannot_be_split() {
        assert!(Split::random(&networks(9), 1).is_err());
        assert!(Split::without_family(&networks(30), "d", 1).unwrap_err().to_string().contains("`d`"));
    }
}
