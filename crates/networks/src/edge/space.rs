//! The spaces.

use std::{fmt, str::FromStr};

use crate::Error;

/// A search space: a task, and the networks that one would try for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Image classification: plain, separable, inverted, residual, dense and branched blocks.
    Classify,
    /// Detection and segmentation: an encoder with a decoder, or with a pyramid of heads.
    Decode,
    /// Keyword spotting and audio: small images of spectra, convolutions over time, fully connected networks.
    Audio,
    /// Super-resolution: no loss of resolution, then an enlargement.
    SuperResolution,
}

impl Space {
    /// All spaces.
    pub const ALL: [Self; 4] = [Self::Classify, Self::Decode, Self::Audio, Self::SuperResolution];

    /// Its name, the family of its networks in data sets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classify => "edge-classify",
            Self::Decode => "edge-decode",
            Self::Audio => "edge-audio",
            Self::SuperResolution => "edge-superres",
        }
    }

    /// The least and the most FLOPs that are aimed at.
    pub(super) fn flops(self) -> (f64, f64) {
        match self {
            Self::Classify => (1e6, 2.5e9),
            Self::Decode => (4e6, 2.5e9),
            Self::Audio => (1e5, 1.5e8),
            Self::SuperResolution => (5e6, 2.5e9),
        }
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Space {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|space| space.name() == name).ok_or_else(|| Error::UnknownFamily(name.into()))
    }
}
