//! The processes that train together: one alone, or the ranks of MPI.
//!
//! All there is between them are sums: whatever else is asked (a broadcast, a gathering, a meeting) is a sum to which most
//! give nothing. Outside of this module nothing knows of MPI; a group of one does as if there were none.

#[cfg(not(feature = "mpi"))]
mod alone;
mod gradients;
#[cfg(feature = "mpi")]
mod mpi;

use std::{env, ops::Range, sync::OnceLock, thread, time::Duration};

use sha2::{Digest, Sha256};
use tch::{Device, Kind, TchError, Tensor};

#[cfg(not(feature = "mpi"))]
use self::alone::World;
#[cfg(feature = "mpi")]
use self::mpi::World;
use crate::{
    Error, Result,
    error::{setting, torch},
};

pub(crate) use gradients::Gradients;

/// How long a rank waits with an error that only it may have: where all have it, the first says it, and ends the others.
const GRACE: Duration = Duration::from_secs(2);

/// What `mpirun`, `srun` and other starters of ranks set for each.
const STARTED: [&str; 4] = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"];

/// This process among those that were started to train together, from 0; 0 where it is alone. Rank 0 writes and speaks: the
/// others have nothing to add.
///
/// # Errors
/// Several were started, and this program was built without the feature `mpi`; MPI cannot be initialised.
pub fn rank() -> Result<usize> {
    Ok(Group::world()?.rank)
}

/// The processes that train together.
#[derive(Debug)]
pub(crate) struct Group {
    /// This process among them.
    pub rank: usize,
    /// How many they are.
    pub size: usize,
    world: Option<World>,
}

impl Group {
    /// This process and no other.
    pub const ALONE: Self = Self { rank: 0, size: 1, world: None };

    /// The ranks that were started with this one, for as long as the process lives.
    ///
    /// # Errors
    /// Several were started, and this program does not know MPI; MPI cannot be initialised.
    pub fn world() -> Result<&'static Self> {
        static WORLD: OnceLock<Result<Group, String>> = OnceLock::new();
        let open = || {
            if STARTED.iter().all(|name| env::var_os(name).is_none()) {
                return Ok(Self::ALONE);
            }
            let (world, rank, size) = World::open()?;
            Ok(Self { rank, size, world })
        };
        WORLD.get_or_init(open).as_ref().map_err(|message| Error::Group { message: message.clone() })
    }

    /// Runs a training, from its first file to its last. Where it fails on one rank it ends on all: the others would
    /// wait for that one for ever.
    pub fn all<T>(&self, training: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(world) = &self.world else { return training() };
        world.begins();
        match training() {
            Ok(outcome) => {
                world.ended();
                Ok(outcome)
            }
            Err(error) if self.is_root() || matches!(error, Error::Rank { .. }) => Err(error),
            Err(error) => {
                thread::sleep(GRACE);
                Err(Error::Rank { rank: self.rank, size: self.size, source: Box::new(error) })
            }
        }
    }

    /// True for the one that writes and speaks.
    pub fn is_root(&self) -> bool {
        self.rank == 0
    }

    /// True where there is nobody else.
    pub fn is_alone(&self) -> bool {
        self.size == 1
    }

    /// The part of `n` consecutive things that is this rank's; parts differ by one at most.
    pub fn part(&self, n: usize) -> Range<usize> {
        let start = |rank: usize| rank * n / self.size;
        start(self.rank)..start(self.rank + 1)
    }

    /// True where thing `i`, of things that may differ much in size, is this rank's.
    pub fn has(&self, i: usize) -> bool {
        i % self.size == self.rank
    }

    /// The device of a config: where it says `cuda`, ranks of one machine have one each.
    pub fn device(&self, name: &str) -> Result<Device> {
        let open = |name: &str| tachograph_gnn::device(name).map_err(|e| setting("torch_device", e.to_string()));
        match (&self.world, open(name)?) {
            (Some(world), Device::Cuda(_)) if name == "cuda" => {
                let devices = tch::Cuda::device_count().max(1) as usize;
                open(&format!("cuda:{}", world.local_rank() % devices))
            }
            (_, device) => Ok(device),
        }
    }

    /// Sums numbers over ranks, in place.
    pub fn sum(&self, values: &mut [f64]) {
        if let Some(world) = &self.world {
            world.sum(values);
        }
    }

    /// Waits for the others.
    pub fn meet(&self) {
        self.sum(&mut [0.0]);
    }

    /// Runs `action` on the root, and then on the others, which find what it left.
    pub fn root_first<T>(&self, action: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.is_root() {
            let done = action()?;
            self.meet();
            return Ok(done);
        }
        self.meet();
        action()
    }

    /// True where it is so on any rank.
    pub fn any(&self, here: bool) -> bool {
        let mut sum = [f64::from(u8::from(here))];
        self.sum(&mut sum);
        sum != [0.0]
    }

    /// Refuses to go on where a rank has another text than the root.
    ///
    /// # Errors
    /// Names `what` differs, on ranks that differ and, where only others do, on the root.
    pub fn agree(&self, what: &str, text: &str) -> Result<()> {
        if self.is_alone() {
            return Ok(());
        }
        let own = Sha256::digest(text).iter().take(6).fold(0.0, |sum, byte| 256.0 * sum + f64::from(*byte));
        let mut of_root = [if self.is_root() { own } else { 0.0 }];
        self.sum(&mut of_root);
        match self.any(of_root != [own]) {
            true => Err(Error::Group { message: format!("ranks differ in {what}") }),
            false => Ok(()),
        }
    }

    /// Gives the root's values to all.
    pub fn share(&self, tensors: &mut [Tensor]) -> Result<()> {
        let Some(world) = &self.world else { return Ok(()) };
        let _guard = tch::no_grad_guard();
        for tensor in tensors {
            let own =
                tensor.f_to_device(Device::Cpu).and_then(|t| t.f_to_kind(Kind::Double)).map_err(torch("ranks"))?;
            let mut values = Vec::<f64>::try_from(own.flatten(0, -1)).map_err(torch("ranks"))?;
            if !self.is_root() {
                values.fill(0.0);
            }
            world.sum(&mut values);
            let mut shared = || tensor.f_copy_(&Tensor::f_from_slice(&values)?.f_reshape(tensor.size())?);
            shared().map_err(torch("ranks"))?;
        }
        Ok(())
    }

    /// What all have computed, one after the other: `total` values, of which `own` are this rank's at `place`. Gradients
    /// go through these alone.
    pub fn join(&self, own: Option<Tensor>, place: Range<usize>, total: usize, device: Device) -> Result<Tensor> {
        let Some(world) = &self.world else { return own.ok_or(Error::Lists { message: "an empty batch".into() }) };
        let mut all = vec![0f64; total];
        if let Some(own) = &own {
            let values = || Vec::<f32>::try_from(own.f_detach()?.f_to_device(Device::Cpu)?);
            let values = values().map_err(torch("ranks"))?;
            if values.len() != place.len() {
                let message = format!("{} values of this rank's {}", values.len(), place.len());
                return Err(Error::Lists { message });
            }
            all.iter_mut().skip(place.start).zip(values).for_each(|(to, value)| *to = f64::from(value));
        }
        world.sum(&mut all);
        let joined = || -> Result<Tensor, TchError> {
            let all = Tensor::f_from_slice(&all)?.f_to_kind(Kind::Float)?.f_to_device(device)?;
            let Some(own) = &own else { return Ok(all) };
            let before = all.f_narrow(0, 0, place.start as i64)?;
            let after = all.f_narrow(0, place.end as i64, (total - place.end) as i64)?;
            Tensor::f_cat(&[&before, own, &after], 0)
        };
        joined().map_err(torch("ranks"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_and_even() {
        for (n, size) in [(0, 3), (2, 4), (7, 3), (64, 8), (65, 8)] {
            let parts: Vec<_> = (0..size).map(|rank| Group { rank, size, world: None }.part(n)).collect();
            let all: Vec<usize> = parts.iter().cloned().flatten().collect();
            assert_eq!(all, (0..n).collect::<Vec<_>>());
            let lengths = || parts.iter().map(ExactSizeIterator::len);
            assert!(lengths().max().unwrap() - lengths().min().unwrap() <= 1, "{parts:?}");
        }
    }

    #[test]
    fn who_is_alone_agrees_and_keeps_its_values() {
        let own = Tensor::from_slice(&[1f32, 2.0]);
        let joined = Group::ALONE.join(Some(own), 0..2, 2, Device::Cpu).unwrap();
        assert_eq!(Vec::<f32>::try_from(joined).unwrap(), [1.0, 2.0]);
        let mut values = [3.0];
        Group::ALONE.sum(&mut values);
        assert_eq!(values, [3.0]);
        assert!(Group::ALONE.agree("anything", "a").is_ok() && !Group::ALONE.any(false));
    }
}
