//! What is ranked.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tachograph_train::RankingSplit;

/// Configurations that were timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Of TpuGraphs: 47,712 configurations of 26 nodes of 372.
    Alexnet,
    /// Of TpuGraphs: 481 configurations of 62 nodes of 3,163.
    Unet,
    /// A folder of `program collect-layouts`.
    Layouts,
    /// A folder of `program collect-tiles`.
    Tiles,
}

impl Subject {
    /// Where it is: `data`, or a file of the published sets.
    ///
    /// # Errors
    /// No folder is named.
    pub fn data(self, data: Option<PathBuf>) -> Result<PathBuf> {
        let file = match self {
            Self::Alexnet => "tpugraphs/cleaned_alexnet.npz",
            Self::Unet => "tpugraphs/layout__xla__random__valid__unet_3d.4x4.bf16.npz",
            Self::Layouts | Self::Tiles => return data.context("--data names no folder of the collection"),
        };
        let root = || std::env::var_os("TACHOGRAPH_DATA").map(|root| Path::new(&root).join(file));
        data.or_else(root).context("TACHOGRAPH_DATA names no folder of the published sets")
    }

    /// One graph has its configurations divided; of many whole families are held out.
    pub fn split(self, seed: u64) -> RankingSplit {
        match self {
            Self::Alexnet | Self::Unet => RankingSplit::Configurations { seed },
            Self::Layouts | Self::Tiles => RankingSplit::Published,
        }
    }

    /// True where there are many graphs.
    pub fn many(self) -> bool {
        matches!(self, Self::Layouts | Self::Tiles)
    }
}
