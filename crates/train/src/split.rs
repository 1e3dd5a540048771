//! How a run divides networks.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use tachograph_datasets::{NetworkId, Part, Split};

use crate::{Corpus, Entry, Result};

/// How networks are divided into training, validation and test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum SplitConfig {
    /// 80/10/10 at random.
    Random {
        /// Seed of the division.
        seed: u64,
    },
    /// One family is the test set; a tenth of the others validates.
    Family {
        /// The family left out.
        family: String,
        /// Seed of the division of the others.
        seed: u64,
    },
    /// One fold of a cross-validation over networks; see [`Split::folds`].
    Fold {
        /// Number of folds.
        folds: usize,
        /// The fold that is the test set, from 0.
        fold: usize,
        /// Keep families together: those of the test set are never seen in training.
        #[serde(default)]
        families: bool,
        /// Seed of the division.
        seed: u64,
    },
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self::Random { seed: 0 }
    }
}

/// A division of the entries of a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// Part of each entry.
    pub parts: Vec<Part>,
    /// Hash of the split of the networks.
    pub hash: String,
}

impl Division {
    /// Positions of the entries of a part.
    pub fn members(&self, part: Part) -> Vec<usize> {
        (0..self.parts.len()).filter(|&i| self.parts[i] == part).collect()
    }
}

impl SplitConfig {
    /// Divides the networks of a corpus: all entries of a network are in the same part. Those of sets that were added
    /// are in the training part.
    ///
    /// # Errors
    /// Too few networks, a family that is not among them, or a fold that there is not.
    pub fn divide(&self, corpus: &Corpus) -> Result<Division> {
        let own = || corpus.entries.iter().filter(|e| !e.extra);
        let names: Vec<&str> = own().map(|e| e.network.as_str()).collect();
        let families: Vec<&str> = own().map(|e| e.family.as_str()).collect();
        // Ids sort by number, other names by letters; the order decides the split.
        let ids: Option<Vec<NetworkId>> = names.iter().map(|name| name.parse().ok()).collect();
        let Division { parts, hash } = match ids {
            Some(ids) => self.of(&ids, &families),
            None => self.of(&names.into_iter().map(String::from).collect::<Vec<_>>(), &families),
        }?;
        let mut parts = parts.into_iter();
        let part = |entry: &Entry| if entry.extra { Part::Train } else { parts.next().unwrap_or(Part::Train) };
        Ok(Division { parts: corpus.entries.iter().map(part).collect(), hash })
    }

    fn of<T: Ord + Clone + Display>(&self, networks: &[T], families: &[&str]) -> Result<Division> {
        let named = || networks.iter().zip(families.iter().copied());
        let split = match self {
            Self::Random { seed } => Split::random(networks, *seed)?,
            Self::Family { family, seed } => Split::without(named(), family, *seed)?,
            Self::Fold { folds, fold, families, seed } => {
                let all = Split::folds(named(), *folds, *families, *seed)?;
                let none = || crate::error::setting("split.fold", format!("{fold} of {folds}, counted from 0"));
                all.into_iter().nth(*fold).ok_or_else(none)?
            }
        };
        let parts = networks.iter().map(|network| split.part(network).unwrap_or(Part::Train)).collect();
        Ok(Division { parts, hash: split.hash() })
    }
}
