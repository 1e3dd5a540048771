//! Ranks in a program without MPI: there are none.

use tch::Tensor;

use crate::Result;

/// No such thing.
#[derive(Debug)]
pub enum World {}

/// Never made.
pub struct Sum;

impl World {
    /// # Errors
    /// Always: several processes that do not know of each other would write to one directory.
    pub fn open() -> Result<(Option<Self>, usize, usize), String> {
        const SIZES: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];
        match SIZES.iter().find_map(|name| std::env::var(name).ok()).as_deref() {
            Some("1") => Ok((None, 0, 1)),
            _ => Err("started as one of several ranks, but built without MPI: build with `--features mpi`".into()),
        }
    }

    pub fn begins(&self) {
        match *self {}
    }

    pub fn ended(&self) {
        match *self {}
    }

    pub fn local_rank(&self) -> usize {
        match *self {}
    }

    pub fn sum(&self, _: &mut [f64]) {
        match *self {}
    }

    pub fn reads(&self, _: tch::Device) -> bool {
        match *self {}
    }

    pub fn start(&self, _: &Tensor, _: &Tensor) -> Sum {
        match *self {}
    }
}

impl Sum {
    pub fn is_done(&mut self) -> bool {
        true
    }

    pub fn wait(self) -> Result<()> {
        Ok(())
    }
}
