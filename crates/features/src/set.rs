//! Feature sets: what a featuriser is, and one as a name.

use std::{collections::BTreeSet, fmt, hash::Hash, hash::Hasher, ops::Deref, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tachograph_ir::{BoundGraph, Quantity};

use crate::{Columns, Error, FeatureGraph, Result, Schema, normalizer::Scaling};

/// A featuriser: which columns there are, and how they are filled. To add one, write a file below `sets/` that
/// implements this, and add its line to the registry in `sets/mod.rs`.
pub trait Features: Send + Sync {
    /// Name in run configurations and checkpoints, in kebab case.
    fn name(&self) -> &'static str;

    /// Former names, under which old files know it.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// The operators with columns of their own, where they are part of the definition. The scale of the columns then is
    /// too, and nothing is fitted.
    fn fixed_operators(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// True where rows come from archives ([`Featurizer::fit_archives`](crate::Featurizer::fit_archives)) and no graph of
    /// this workspace can be featurised.
    fn of_archives(&self) -> bool {
        false
    }

    /// The operators that a training graph has, where they are not fixed.
    fn operators(&self, bound: &BoundGraph) -> BTreeSet<String> {
        bound.live().iter().map(|&id| bound.graph().node(id).op.to_string()).collect()
    }

    /// The columns for these operators, which are sorted and without repeats.
    fn columns(&self, operators: &[String]) -> Columns;

    /// How the columns that are scaled are scaled.
    fn scaling(&self) -> Scaling {
        Scaling::Deviation
    }

    /// Features of a graph where something runs, with the columns of `schema` before any is scaled.
    ///
    /// # Errors
    /// Costs that cannot be computed, or a graph that this set does not describe.
    fn featurize(&self, schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph>;

    /// The last step, after columns are scaled; it adds what [`Columns::appended`] names.
    fn complete(&self, features: FeatureGraph) -> FeatureGraph {
        features
    }

    /// What the features alone say of a quantity: the time in ms on an imaginary machine, of the whole batch or, for
    /// memory, of reading all that is resident when most is. `None` where the features do not hold it.
    fn roofline_ms(&self, _schema: &Schema, _features: &FeatureGraph, _quantity: Quantity) -> Option<f64> {
        None
    }
}

/// A registered featuriser, by name. It is stored as its name and dereferences to its [`Features`].
///
/// ```
/// use tachograph_features::FeatureSet;
/// # fn main() -> tachograph_features::Result<()> {
/// let set = FeatureSet::named("learned-roofline")?;
/// assert_eq!(set, FeatureSet::LEARNED_ROOFLINE);
/// assert!(FeatureSet::all().contains(&set));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct FeatureSet(pub(crate) &'static dyn Features);

impl FeatureSet {
    /// The set of this name or former name.
    ///
    /// # Errors
    /// No such set; the message lists those there are.
    pub fn named(name: &str) -> Result<Self> {
        let found = Self::all().iter().find(|set| set.name() == name || set.aliases().contains(&name));
        found.copied().ok_or_else(|| Error::UnknownFeatureSet {
            name: name.to_owned(),
            known: Self::all().iter().map(|set| set.name()).collect::<Vec<_>>().join(", "),
        })
    }
}

impl Deref for FeatureSet {
    type Target = dyn Features;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl Default for FeatureSet {
    fn default() -> Self {
        Self::COSTS
    }
}

impl PartialEq for FeatureSet {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for FeatureSet {}

impl Hash for FeatureSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Debug for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FeatureSet {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::named(name)
    }
}

impl Serialize for FeatureSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FeatureSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::named(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
