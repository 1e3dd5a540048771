//! Search spaces of network architecture search: from the short name of an architecture to its full graph.
//!
//! Graphs are those of the published PyTorch models in evaluation mode: batch normalisation is a node of its own,
//! and the batch is the hyperparameter `batch` with default 1.
//!
//! | space | source of the macro-architecture |
//! |---|---|
//! | [`nasbench201`] | Dong and Yang, ICLR 2020; `D-X-Y/AutoDL-Projects` |
//! | [`fbnet`] | Wu et al., CVPR 2019, as HW-NAS-Bench (Li et al., ICLR 2021) built it; `GATECH-EIC/HW-NAS-Bench` |
//! | [`ofa`] | Cai et al., ICLR 2020, MobileNetV3; `mit-han-lab/once-for-all` |

pub mod fbnet;
pub mod layers;
pub mod nasbench201;
pub mod ofa;

use crate::Error;

/// The largest batch of a network of a search space.
const BATCH: u64 = 4096;

fn refuse(space: &'static str, architecture: impl ToString, message: impl Into<String>) -> Error {
    Error::Architecture { space, architecture: architecture.to_string(), message: message.into() }
}
