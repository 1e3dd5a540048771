//! Hyperparameters, their domains, and the configuration space Δ_M of a graph.

use std::{collections::BTreeMap, fmt};

use rand::{Rng, seq::IndexedRandom};
use serde::{Deserialize, Serialize};

use crate::{Error, Graph, Result};

/// The values a hyperparameter may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Domain {
    /// `min, min + step, …`, at most `max`.
    Range {
        /// Smallest value.
        min: u64,
        /// Bound on the largest value, inclusive.
        max: u64,
        /// Distance of neighbours; 0 counts as 1.
        step: u64,
    },
    /// Exactly these.
    Set(Vec<u64>),
}

impl Domain {
    /// Every positive extent that fits an ONNX dimension.
    pub const POSITIVE: Self = Self::Range { min: 1, max: i64::MAX as u64, step: 1 };

    /// Every extent that fits an ONNX dimension, 0 of an empty tensor included.
    pub const EXTENT: Self = Self::Range { min: 0, max: i64::MAX as u64, step: 1 };

    /// Number of values.
    pub fn len(&self) -> u64 {
        match self {
            Self::Range { min, max, .. } if min > max => 0,
            Self::Range { min, max, step } => ((max - min) / (*step).max(1)).saturating_add(1),
            Self::Set(values) => values.len() as u64,
        }
    }

    /// True when no value is allowed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when `value` is allowed.
    pub fn contains(&self, value: u64) -> bool {
        match self {
            Self::Range { min, max, step } => {
                (*min..=*max).contains(&value) && (value - min).is_multiple_of((*step).max(1))
            }
            Self::Set(values) => values.contains(&value),
        }
    }

    /// The `i`-th value.
    pub fn get(&self, i: u64) -> Option<u64> {
        (i < self.len()).then(|| match self {
            Self::Range { min, step, .. } => min + i * (*step).max(1),
            Self::Set(values) => values[i as usize],
        })
    }

    /// What a configuration space proposes of it.
    fn proposed(&self) -> &Self {
        if *self == Self::EXTENT { &Self::POSITIVE } else { self }
    }

    fn sample(&self, rng: &mut impl Rng) -> Option<u64> {
        match self {
            Self::Range { .. } if self.is_empty() => None,
            Self::Range { .. } => self.get(rng.random_range(0..self.len())),
            Self::Set(values) => values.choose(rng).copied(),
        }
    }
}

/// In words that follow "must be", such as `at least 1` and `1 to 64`.
impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { min, max, step } if *step <= 1 && *max >= i64::MAX as u64 => write!(f, "at least {min}"),
            Self::Range { min, max, step } if *step <= 1 => write!(f, "{min} to {max}"),
            Self::Range { min, max, step } => write!(f, "{min} to {max} in steps of {step}"),
            Self::Set(values) => {
                write!(f, "one of {}", values.iter().map(u64::to_string).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// A free dimension or attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hyperparameter {
    /// Allowed values.
    pub domain: Domain,
    /// Taken when a binding does not mention it.
    pub default: Option<u64>,
}

/// An assignment of hyperparameters, by name.
pub type Assignment = BTreeMap<String, u64>;

/// The configuration space of a graph: the product of its domains.
#[derive(Clone, Debug)]
pub struct ConfigSpace<'a> {
    axes: Vec<(&'a str, &'a Domain)>,
}

impl Graph {
    /// Its configuration space, Δ_M. An extent that may be 0 can be bound to it; the space proposes no empty tensors.
    pub fn space(&self) -> ConfigSpace<'_> {
        ConfigSpace { axes: self.hyperparameters().iter().map(|(n, h)| (n.as_str(), h.domain.proposed())).collect() }
    }

    /// Completes `config` with defaults and checks it against the domains.
    ///
    /// # Errors
    /// Missing values without default, a value outside its domain, or a name the graph does not have.
    pub fn complete(&self, config: &Assignment) -> Result<Assignment> {
        let free = self.hyperparameters();
        if let Some(name) = config.keys().find(|name| !free.contains_key(*name)) {
            let known = free.keys().cloned().collect();
            return Err(Error::UnknownName { kind: "hyperparameter", name: name.clone(), known });
        }
        let missing = free.iter().filter(|(name, h)| h.default.is_none() && !config.contains_key(*name));
        let names: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
        let unbound = || Error::Unbound { names: names.clone() };
        if !names.is_empty() {
            return Err(unbound());
        }
        let bind = |(name, h): (&String, &Hyperparameter)| {
            let value = config.get(name).copied().or(h.default);
            let value = value.ok_or_else(unbound)?;
            if !h.domain.contains(value) {
                let domain = h.domain.to_string();
                return Err(Error::OutsideDomain { name: name.clone(), value, domain });
            }
            Ok((name.clone(), value))
        };
        free.iter().map(bind).collect()
    }
}

impl ConfigSpace<'_> {
    /// Number of configurations; `None` when it exceeds `u128`. A graph without hyperparameters has one.
    pub fn count(&self) -> Option<u128> {
        self.axes.iter().try_fold(1u128, |n, (_, d)| n.checked_mul(u128::from(d.len())))
    }

    /// The `i`-th configuration in lexicographic order.
    pub fn get(&self, mut i: u128) -> Option<Assignment> {
        let mut config = Assignment::new();
        for (name, domain) in self.axes.iter().rev() {
            let n = u128::from(domain.len());
            if n == 0 {
                return None;
            }
            config.insert((*name).to_owned(), domain.get((i % n) as u64)?);
            i /= n;
        }
        (i == 0).then_some(config)
    }

    /// Every configuration, in lexicographic order of (name, value).
    pub fn enumerate(&self) -> impl Iterator<Item = Assignment> + '_ {
        (0..).map_while(|i| self.get(i))
    }

    /// One configuration, uniformly; `None` when a domain is empty.
    pub fn sample(&self, rng: &mut impl Rng) -> Option<Assignment> {
        self.axes.iter().map(|(n, d)| Some(((*n).to_owned(), d.sample(rng)?))).collect()
    }
}
