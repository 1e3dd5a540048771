//! Strategies, one file each.

mod annealing;
mod bansor;
mod chameleon;
pub mod design;
mod devices;
mod dgp_tl;
mod evolution;
mod exhaustive;
mod felix;
mod flextensor;
mod gaussian;
mod genetic;
mod moses;
mod plan;
mod ppo;
mod promise;
mod random;
mod sampling;
mod surface;

pub use annealing::{Annealing, AnnealingOptions};
pub use bansor::Bansor;
pub use chameleon::Chameleon;
pub use devices::Transfer;
pub use dgp_tl::{DgpTl, DgpTlOptions};
pub use evolution::{Evolution, EvolutionOptions};
pub use exhaustive::Exhaustive;
pub use felix::Felix;
pub use flextensor::FlexTensor;
pub use gaussian::{Gaussian, GaussianOptions, Start, Target};
pub use genetic::Genetic;
pub use moses::Moses;
pub use promise::Acquisition;
pub(crate) use promise::normal;
pub use random::Random;
