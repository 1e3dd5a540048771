//! What was chosen, for people and programs to read.

use serde::{Deserialize, Serialize};
use tachograph_ir::DType;
use tachograph_program::{Form, Schedule};

use crate::Basis;

/// A tensor that a network takes or gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its name in the model.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Extents, row-major.
    pub shape: Vec<u64>,
}

impl Port {
    /// Bytes of its elements.
    pub fn bytes(&self) -> usize {
        (self.shape.iter().product::<u64>() * self.dtype.bits().div_ceil(8)) as usize
    }
}

/// What a library says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// What it takes, in order.
    pub inputs: Vec<Port>,
    /// What it gives.
    pub outputs: Vec<Port>,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The group of operators, as `tachograph program show MODEL` numbers them.
    pub group: usize,
    /// Its operators.
    pub operators: String,
    /// How it is run.
    pub run: How,
    /// What it was thought to take, in milliseconds.
    pub predicted_ms: f64,
    /// Whence that was known.
    pub basis: Basis,
    /// What it took in a run of the whole, the median of several; 0 where the whole was not run.
    #[serde(default)]
    pub ms: f64,
}

/// How a step is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum How {
    /// A kernel.
    Kernel {
        /// In this form.
        form: Form,
        /// By this schedule.
        schedule: Schedule,
        /// By plain loops because the compiler refused what was chosen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// A copy into the order that the step's operators read.
    Copy,
}

/// A compiled network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the model.
    pub model: String,
    /// The compiler that made the library.
    pub compiler: String,
    /// What it takes and gives.
    pub signature: Signature,
    /// Threads that a run is shared among.
    #[serde(default = "one")]
    pub threads: u32,
    /// The steps of a run.
    pub steps: Vec<Step>,
    /// Bytes that a run needs beside the weights, inputs and outputs.
    pub arena_bytes: u64,
    /// Bytes of the weights, as kernels read them.
    pub weight_bytes: u64,
    /// Weights that the model has no elements of: numbers that look random took their place.
    pub stand_ins: Vec<String>,
}

fn one() -> u32 {
    1
}

impl Plan {
    /// What a run was thought to take, in milliseconds.
    pub fn predicted_ms(&self) -> f64 {
        self.steps.iter().map(|step| step.predicted_ms).sum()
    }

    /// How many steps are copies.
    pub fn copies(&self) -> usize {
        self.steps.iter().filter(|step| step.run == How::Copy).count()
    }
}
