//! Training graphs: forward, backward and update, as DNNPerf needs them.

use serde::{Deserialize, Serialize};

use crate::{Concrete, Node, Work};

/// The rule that updates parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Optimizer {
    /// Stochastic gradient descent, no state.
    #[default]
    Sgd,
    /// With one moment per parameter.
    Momentum,
    /// With two moments per parameter.
    Adam,
}

pub(crate) fn work(_bound: &Concrete, _node: &Node) -> Work {
    Work::MOVE
}
