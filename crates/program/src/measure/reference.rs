//! Numbers that candidates are run on, and what must come out.

use rand::{Rng, SeedableRng};
use tachograph_ir::DType;

use super::{Failure, bench::Bench};
use crate::{Data, Error, Result, Role, Schedule, Target, Workload, WorkloadHash};

/// Up to so many points a workload is run by its interpreter for reference; beyond, by plain code in double precision,
/// which is itself held to the interpreter by tests.
const INTERPRETED: u64 = 1 << 20;

pub(super) struct Reference {
    pub given: Data,
    pub expected: Data,
}

impl Bench {
    /// Numbers for the inputs, and what must come out.
    pub fn reference(&mut self, workload: &Workload) -> Result<WorkloadHash> {
        let hash = workload.hash();
        if self.references.contains_key(&hash) {
            return Ok(hash);
        }
        let given = self.inputs(workload);
        let points: u64 = workload.stages().iter().map(crate::Stage::points).fold(0, u64::saturating_add);
        let expected = if points <= INTERPRETED {
            workload.run(&given)?
        } else {
            let wide = widened(workload);
            let library = self.path("reference");
            let failed = |(_, message): (Failure, String)| Error::data("reference", message);
            let native = self.native(Target::native());
            let built = self.build(&wide, &Schedule::new(), &library, &native).map_err(failed)?;
            self.outputs(&built, &given, &native).map_err(failed)?.0
        };
        self.references.insert(hash, Reference { given, expected });
        Ok(hash)
    }

    fn inputs(&self, workload: &Workload) -> Data {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(self.settings.seed);
        let read = workload.inputs().filter(|&id| !workload.readers(id).is_empty());
        let mut given = Data::new();
        for id in read {
            let buffer = workload.buffer(id);
            let mut draw = || match (buffer.dtype, buffer.role) {
                (DType::Bool, _) => f64::from(rng.random_range(0..2u8)),
                (dtype, _) if dtype.is_integer() => f64::from(rng.random_range(0..4u8)),
                // Weights may be scales and variances, which are no smaller than 0.
                (_, Role::Weight) => f64::from(rng.random_range(0.0f32..1.0)),
                _ => f64::from(rng.random_range(-1.0f32..1.0)),
            };
            given.insert(id, (0..buffer.elements()).map(|_| draw()).collect());
        }
        given
    }

    pub fn check(&self, hash: WorkloadHash, outputs: &Data) -> Result<(), (Failure, String)> {
        let Some(reference) = self.references.get(&hash) else { return Ok(()) };
        for (id, found) in outputs {
            let expected = reference.expected.get(id).map_or(&[][..], Vec::as_slice);
            let scale = expected.iter().filter(|x| x.is_finite()).fold(0.0f64, |scale, x| scale.max(x.abs()));
            let wrong = expected.iter().zip(found).enumerate().find(|(_, (a, b))| {
                let same = a == b || (a.is_nan() && b.is_nan()) || (*a - *b).abs() <= self.settings.tolerance * scale;
                !same
            });
            if let Some((at, (a, b))) = wrong {
                return Err((Failure::Wrong, format!("{b} and not {a} at {at} of output {}", id.0)));
            }
        }
        Ok(())
    }
}

/// The workload in double precision.
fn widened(workload: &Workload) -> Workload {
    let mut wide = workload.clone();
    for buffer in &mut wide.buffers {
        if buffer.dtype == DType::F32 {
            buffer.dtype = DType::F64;
        }
    }
    wide
}
