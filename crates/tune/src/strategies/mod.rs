//! Strategies, one file each.

mod annealing;
mod bansor;
mod chameleon;
pub mod design;
mod dgp_tl;
mod evolution;
mod exhaustive;
mod flextensor;
mod gaussian;
mod genetic;
mod plan;
mod ppo;
mod random;
mod sampling;

pub use annealing::{Annealing, AnnealingOptions};
pub use bansor::Bansor;
pub use chameleon::Chameleon;
pub use dgp_tl::DgpTl;
pub use evolution::{Evolution, EvolutionOptions};
pub use exhaustive::Exhaustive;
pub use flextensor::FlexTensor;
pub(crate) use gaussian::normal;
pub use gaussian::{Acquisition, Gaussian, GaussianOptions, Start, Target};
pub use genetic::Genetic;
pub use random::Random;
