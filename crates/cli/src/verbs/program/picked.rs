//! A group of a model as a workload, and what is known of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tachograph_ir::{BoundGraph, FusionGroup, FusionRule};
use tachograph_program::{Group, Schedule, Workload, group};
use tachograph_store::{Store, Tuned};

use crate::{
    here::Here,
    models::{Bind, Model},
    tuned,
};

/// Which group.
#[derive(clap::Args)]
pub struct Which {
    /// Model file.
    pub model: PathBuf,
    /// Number of the group; without it, `show` lists them.
    #[arg(long)]
    pub group: Option<usize>,
    #[command(flatten)]
    pub bind: Bind,
}

/// A model and its groups.
pub struct Groups {
    pub name: String,
    pub bound: BoundGraph,
    pub fused: Vec<FusionGroup>,
}

impl Which {
    /// The groups of the model.
    ///
    /// # Errors
    /// The model cannot be read, or has open dimensions.
    pub fn groups(&self) -> Result<Groups> {
        Groups::of(&self.model, &self.bind)
    }
}

impl Groups {
    /// The groups of a model.
    ///
    /// # Errors
    /// The model cannot be read, or has open dimensions.
    pub fn of(path: &Path, bind: &Bind) -> Result<Self> {
        let model = Model::among(path, &[path.to_owned()], bind)?;
        model.warn(false);
        let fused = model.bound.fuse(&FusionRule::default());
        Ok(Self { name: model.path, bound: model.bound, fused })
    }

    /// Operators of a group, as `Conv+Relu`.
    pub fn operators(&self, i: usize) -> String {
        let names = self.fused[i].nodes.iter().map(|id| self.bound.graph().node(*id).op.name().to_owned());
        names.collect::<Vec<_>>().join("+")
    }

    /// A group as a workload.
    ///
    /// # Errors
    /// There is no such group, or none of its operators has a workload.
    pub fn workload(&self, i: usize) -> Result<Workload> {
        let of = || format!("{}: group {i}", self.name);
        let last = self.fused.len().saturating_sub(1);
        ensure!(i < self.fused.len(), "{}: there is no group {i}, the last is {last}", self.name);
        let Group { workload, .. } = group(&self.bound, &self.fused[i]).with_context(of)?;
        Ok(workload)
    }
}

/// The fastest schedule that the store knows here, and the median of its times in milliseconds.
///
/// # Errors
/// The store cannot be read, or holds a schedule of another version.
pub fn best(store: &Store, workload: &Workload) -> Result<Option<(Schedule, f64)>> {
    let Some(here) = Here::cpu() else { bail!("the system does not say which processor this machine has") };
    // The store goes by the fastest run of each; among the first of those the median decides.
    let records = store.tuning(&workload.hash().to_string(), &here.name, 100)?;
    let timed = records.into_iter().filter_map(|record| match record.outcome {
        Tuned::TimesMs(times) => Some((record.trace, tachograph_metrics::median(&times)?)),
        Tuned::Failure(_) => None,
    });
    let best = timed.min_by(|a, b| a.1.total_cmp(&b.1));
    best.map(|(trace, ms)| Ok((tuned::schedule(&trace).context("a schedule in the store")?, ms))).transpose()
}
