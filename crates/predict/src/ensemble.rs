//! Several trainings of one network as one checkpoint.

use crate::{Checkpoint, Error, FORMAT, Manifest, Result};

/// Prefix of the parameters of members but the first, whose names are those of a network alone.
const MEMBERS: &str = "members";

/// What the names of the parameters of a member begin with.
pub(crate) fn prefix(member: usize) -> String {
    if member == 0 { String::new() } else { format!("{MEMBERS}.{member}.") }
}

/// The name that a parameter has within its member of an ensemble: `members.1.graph.0.weight` is `graph.0.weight`.
pub fn role(name: &str) -> &str {
    let member = || name.strip_prefix(MEMBERS)?.strip_prefix('.')?.split_once('.');
    member().map_or(name, |(_, role)| role)
}

impl Checkpoint {
    /// The mean of several networks that were trained alike but for their seeds, as one checkpoint (a deep ensemble,
    /// Lakshminarayanan et al., NeurIPS 2017, of means alone). What it says of its training is what the first says,
    /// without a validation error, and it has no intervals until they are fitted anew.
    ///
    /// # Errors
    /// No checkpoint; checkpoints of other settings, features, outputs or data than the first, or which are ensembles
    /// themselves; names what differs.
    pub fn ensemble(members: &[Self]) -> Result<Self> {
        let first = members.first().ok_or_else(|| Error::Ensemble("no members".into()))?;
        for (i, member) in members.iter().enumerate() {
            let (a, b) = (&first.manifest, &member.manifest);
            let outputs = |manifest: &Manifest| {
                let mut outputs = manifest.outputs.clone();
                outputs.iter_mut().for_each(|output| output.interval = None);
                outputs
            };
            let differs = [
                ("is an ensemble itself", b.members != 1),
                ("has a network of other settings than the first", a.model != b.model),
                ("has other features than the first, or a normaliser of other data", a.featurizer != b.featurizer),
                ("has other outputs than the first", outputs(a) != outputs(b)),
                ("was trained on other data than the first", a.training.fingerprint != b.training.fingerprint),
            ];
            if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
                return Err(Error::Ensemble(format!("number {} {what}", i + 1)));
            }
        }
        let mut manifest = Manifest { format: FORMAT, members: members.len(), ..first.manifest.clone() };
        manifest.outputs.iter_mut().for_each(|output| output.interval = None);
        manifest.training.validation_mape = None;
        let named = |(m, member): (usize, &Self)| {
            let weights = member.weights.clone().into_iter();
            weights.map(move |(name, weight)| (format!("{}{name}", prefix(m)), weight)).collect::<Vec<_>>()
        };
        Ok(Self { manifest, weights: members.iter().enumerate().flat_map(named).collect() })
    }
}
