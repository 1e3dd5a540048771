//! Gradients summed over ranks, while the backward pass goes on.

use std::time::Instant;

use tachograph_gnn_kernels::backward;
use tch::{Device, Kind, TchError, Tensor};

#[cfg(not(feature = "mpi"))]
use super::alone::Sum;
#[cfg(feature = "mpi")]
use super::mpi::Sum;
use super::{Group, World};
use crate::{Result, error::torch};

/// Numbers that are sent together, at least: fewer would be slower to announce than to send.
const BUCKET: usize = 1 << 18;

/// The gradients of a network's parameters, in buckets that are summed one by one.
pub(crate) struct Gradients {
    world: &'static World,
    parameters: Vec<Tensor>,
    buckets: Vec<Bucket>,
    /// Bucket of each parameter.
    bucket: Vec<usize>,
}

/// Parameters whose gradients are sent together.
struct Bucket {
    parameters: Vec<Tensor>,
    /// Gradients one after the other, then for each whether there is one; and the sums of all ranks.
    own: Tensor,
    sums: Tensor,
    /// Gradients that are not there yet.
    missing: usize,
    sum: Option<Sum>,
}

impl Gradients {
    /// Of `parameters`, in the order in which a network makes them: it uses the last last, and has their gradients first.
    /// `None` where there is nobody to sum with.
    pub fn new(group: &'static Group, parameters: Vec<Tensor>) -> Result<Option<Self>> {
        let Some(world) = &group.world else { return Ok(None) };
        let (mut buckets, mut together, mut numbers) = (Vec::new(), Vec::new(), 0);
        let mut bucket = vec![0; parameters.len()];
        for (i, parameter) in parameters.iter().enumerate().rev() {
            bucket[i] = buckets.len();
            together.push(parameter.shallow_clone());
            numbers += parameter.numel();
            if numbers >= BUCKET || i == 0 {
                let device = if world.reads(parameter.device()) { parameter.device() } else { Device::Cpu };
                let of = std::mem::take(&mut together);
                buckets.push(Bucket::new(of, numbers, device).map_err(torch("gradients"))?);
                numbers = 0;
            }
        }
        Ok(Some(Self { world, parameters, buckets, bucket }))
    }

    /// The backward pass of a loss, or on a rank that has no part in it none; then every parameter has the sum of its
    /// gradients over ranks, where any has one. Returns the seconds that went into communication, beside computation.
    pub fn backward(&mut self, loss: Option<&Tensor>) -> Result<f64> {
        self.buckets.iter_mut().for_each(|bucket| bucket.missing = bucket.parameters.len());
        let Self { world, parameters, buckets, bucket } = self;
        let (mut started, mut seconds, mut failed) = (0, 0.0, None);
        if let Some(loss) = loss {
            let mut ready = |i: usize| {
                let begun = Instant::now();
                buckets[bucket[i]].missing -= 1;
                // In one order on all ranks, whatever order gradients come in.
                while let Some(next) = buckets.get_mut(started).filter(|next| next.missing == 0 && failed.is_none()) {
                    failed = next.start(world).err();
                    started += 1;
                }
                for sum in buckets.iter_mut().filter_map(|bucket| bucket.sum.as_mut()) {
                    sum.is_done();
                }
                seconds += begun.elapsed().as_secs_f64();
            };
            backward(loss, parameters, &mut ready).map_err(torch("backward"))?;
        }
        if let Some(error) = failed {
            return Err(torch("gradients")(error));
        }
        let begun = Instant::now();
        for bucket in buckets.iter_mut().skip(started) {
            bucket.start(world).map_err(torch("gradients"))?;
        }
        for bucket in buckets {
            if let Some(sum) = bucket.sum.take() {
                sum.wait()?;
            }
            bucket.finish().map_err(torch("gradients"))?;
        }
        Ok(seconds + begun.elapsed().as_secs_f64())
    }
}

impl Bucket {
    fn new(parameters: Vec<Tensor>, numbers: usize, device: Device) -> Result<Self, TchError> {
        let zeros = || Tensor::f_zeros([(numbers + parameters.len()) as i64], (Kind::Float, device));
        Ok(Self { own: zeros()?, sums: zeros()?, missing: parameters.len(), sum: None, parameters })
    }

    fn start(&mut self, world: &World) -> Result<(), TchError> {
        let _guard = tch::no_grad_guard();
        let (mut pieces, mut there) = (Vec::new(), Vec::new());
        for parameter in &self.parameters {
            let gradient = parameter.grad();
            there.push(f32::from(u8::from(gradient.defined())));
            pieces.push(if gradient.defined() { gradient } else { parameter.f_zeros_like()? }.f_reshape([-1])?);
        }
        let there = Tensor::f_from_slice(&there)?;
        pieces.push(there.f_to_device(pieces.first().map_or(Device::Cpu, Tensor::device))?);
        // One copy from a GPU, not one of each parameter.
        self.own.f_copy_(&Tensor::f_cat(&pieces, 0)?)?;
        self.sum = Some(world.start(&self.own, &self.sums));
        Ok(())
    }

    fn finish(&self) -> Result<(), TchError> {
        let sums = self.sums.f_to_device(self.parameters.first().map_or(Device::Cpu, Tensor::device))?;
        let flags = sums.size1()? - self.parameters.len() as i64;
        let mut place = 0;
        for (parameter, flag) in self.parameters.iter().zip(flags..) {
            let (start, length) = (place, parameter.numel() as i64);
            place += length;
            if !parameter.grad().defined() {
                if f64::try_from(sums.f_get(flag)?)? == 0.0 {
                    continue;
                }
                // Another rank has one: here it becomes zeros, to be overwritten.
                parameter.f_mul_scalar(0.0)?.f_sum(Kind::Float)?.f_backward()?;
            }
            let _guard = tch::no_grad_guard();
            let sum = sums.f_narrow(0, start, length)?.f_reshape(parameter.size())?;
            parameter.grad().f_copy_(&sum)?;
        }
        Ok(())
    }
}
