//! Several trainings of one network as one predictor.

use tch::nn;

use crate::{Error, FORMAT, Manifest, Predictor, Result};

/// Prefix of the parameters of members but the first, whose names are those of a network alone.
const MEMBERS: &str = "members";

/// Where the parameters of a member are.
pub(crate) fn place<'a>(root: &nn::Path<'a>, member: usize) -> nn::Path<'a> {
    if member == 0 { root.clone() } else { root / MEMBERS / member }
}

/// The name that a parameter has within its member.
pub(crate) fn role(name: &str) -> &str {
    let member = || name.strip_prefix(MEMBERS)?.strip_prefix('.')?.split_once('.');
    member().map_or(name, |(_, role)| role)
}

impl Predictor {
    /// The mean of several predictors that were trained alike but for their seeds, as one checkpoint (a deep ensemble,
    /// Lakshminarayanan et al., NeurIPS 2017, of means alone). What it says of its training is what the first says,
    /// without a validation error, and it has no intervals until it is [calibrated](Predictor::calibrate).
    ///
    /// # Errors
    /// No predictor; predictors of other settings, features, outputs or data than the first, or which are ensembles
    /// themselves; names what differs.
    pub fn ensemble(members: &[Self]) -> Result<Self> {
        let first = members.first().ok_or_else(|| Error::Config("an ensemble of no predictors".into()))?;
        for (i, member) in members.iter().enumerate() {
            let refuse = |what| Error::Config(format!("an ensemble: number {} {what}", i + 1));
            let (a, b) = (first.manifest(), member.manifest());
            let outputs = |manifest: &Manifest| {
                let mut devices = manifest.outputs.clone();
                devices.iter_mut().for_each(|device| device.interval = None);
                devices
            };
            let differs = [
                ("is an ensemble itself", b.members != 1),
                ("has a network of other settings than the first", a.model != b.model),
                ("has other features than the first, or a normaliser of other data", a.featurizer != b.featurizer),
                ("has other outputs than the first", outputs(a) != outputs(b)),
                ("was trained on other data than the first", a.training.fingerprint != b.training.fingerprint),
            ];
            if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
                return Err(refuse(what));
            }
        }
        let mut manifest = Manifest { format: FORMAT, members: members.len(), ..first.manifest().clone() };
        manifest.outputs.iter_mut().for_each(|device| device.interval = None);
        manifest.training.validation_mape = None;
        let mut ensemble = Self::new(manifest, first.store().device())?;
        let named = |(m, member): (usize, &Self)| {
            let prefix = if m == 0 { String::new() } else { format!("{MEMBERS}.{m}.") };
            member.weights().into_iter().map(move |(name, weight)| (format!("{prefix}{name}"), weight))
        };
        ensemble.set_weights(&members.iter().enumerate().flat_map(named).collect())?;
        ensemble.freeze();
        Ok(ensemble)
    }
}
