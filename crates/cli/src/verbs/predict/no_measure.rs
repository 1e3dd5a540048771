//! Measuring, in a build without libtorch.

use std::convert::Infallible;

use anyhow::{Result, bail};
use tachograph_ir::BoundGraph;

use super::line::Here;
use crate::{device::Target, store::Record, verbs::INSTALL};

/// There is none.
pub struct Bench(Infallible);

impl Bench {
    pub fn new(_: &[Target], _: &Record) -> Result<Self> {
        bail!("--measure needs libtorch, and this build has none: {INSTALL}")
    }

    pub fn measure(&self, _: &BoundGraph, _: &Target, _: f64) -> Result<Here> {
        match self.0 {}
    }
}
