//! One aggregation alone, forward and backward.

use std::time::Instant;

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tachograph_gnn::segment::{self, Segments};
use tch::{Device, Tensor};

use super::{
    Folder, Seconds, Work,
    cases::{Kernel, Reduction},
    graphs,
};

pub(super) fn prepare(spec: &Kernel, folder: &mut Folder) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut counts = vec![0; spec.rows];
    (0..spec.edges).for_each(|_| counts[rng.random_range(0..spec.rows)] += 1);
    folder.put_integers("counts", &counts, &[spec.rows])?;
    let mut messages = graphs::random(&mut rng, spec.edges * spec.width);
    part_maxima(&mut messages, &counts, spec.width, &mut rng);
    folder.put_floats("messages", &messages, &[spec.edges, spec.width])?;
    folder.put_floats("cotangent", &graphs::random(&mut rng, spec.rows * spec.width), &[spec.rows, spec.width])
}

/// Draws anew what equals the maximum of its row and channel so far: the peer's two forms share the gradient of equal
/// maxima differently.
fn part_maxima(messages: &mut [f32], counts: &[u32], width: usize, rng: &mut ChaCha8Rng) {
    let mut rest = messages;
    for &count in counts {
        let (segment, others) = rest.split_at_mut(count as usize * width);
        rest = others;
        let mut top = vec![f32::NEG_INFINITY; width];
        for message in segment.chunks_mut(width) {
            for (value, top) in message.iter_mut().zip(&mut top) {
                while *value == *top {
                    *value = rng.random_range(-1.0..1.0);
                }
                *top = top.max(*value);
            }
        }
    }
}

pub(super) fn open(spec: Kernel, folder: &Folder) -> Result<Run> {
    let counts = folder.integers("counts")?.into_iter().map(|n| n as usize).collect();
    let messages = folder.tensor("messages")?.f_set_requires_grad(true)?;
    Ok(Run { spec, counts, messages, cotangent: folder.tensor("cotangent")?, results: None })
}

/// The work of such a case.
pub(super) struct Run {
    spec: Kernel,
    counts: Vec<usize>,
    messages: Tensor,
    cotangent: Tensor,
    /// Aggregate and gradient of the messages.
    results: Option<[Tensor; 2]>,
}

impl Work for Run {
    fn run(&mut self) -> Result<Seconds> {
        self.results = None;
        let start = Instant::now();
        let segments = Segments::new(&self.counts, Device::Cpu)?;
        let build = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let y = match self.spec.reduction {
            Reduction::Mean => segment::mean(&self.messages, &segments),
            Reduction::Max => segment::max(&self.messages, &segments),
            Reduction::Softmax => segment::softmax_sum(&self.messages, 1.0, &segments),
        }?;
        let loss = y.f_mul(&self.cotangent)?.f_sum(None)?;
        let gradients = Tensor::f_run_backward(&[loss], &[&self.messages], false, false)?;
        let network = start.elapsed().as_secs_f64();
        let gradient = gradients.into_iter().next().context("no gradient")?;
        self.results = Some([y.f_detach()?, gradient]);
        Ok(Seconds { build, network })
    }

    fn outputs(&self) -> Result<Vec<(String, Tensor)>> {
        let [y, gradient] = self.results.as_ref().context("no run yet")?;
        Ok(vec![("output".to_owned(), y.shallow_clone()), ("gradient".to_owned(), gradient.shallow_clone())])
    }
}
