//! The ranks of MPI.

use std::{
    ffi::{c_int, c_void},
    process::abort,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mpi::{
    Threading,
    collective::{CommunicatorCollectives, SystemOperation},
    environment::Universe,
    ffi,
    raw::AsRaw,
    topology::{Communicator, SimpleCommunicator},
    traits::Equivalence,
};
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// MPI of this process. It is taken, and with it MPI finalised, when the process ends.
static UNIVERSE: Mutex<Option<Universe>> = Mutex::new(None);

/// Whether a training is under way, or has failed.
static UNFINISHED: AtomicBool = AtomicBool::new(false);

/// The ranks that were started together.
#[derive(Debug)]
pub struct World {
    /// Whether MPI reads and writes the memory of GPUs.
    cuda: bool,
}

/// A sum over ranks under way.
pub struct Sum {
    request: ffi::MPI_Request,
    /// What is summed, and where the sum goes.
    tensors: Option<(Tensor, Tensor)>,
}

// SAFETY: a request is a handle that any thread may use, one at a time.
unsafe impl Send for Sum {}

impl World {
    /// MPI, with the rank of this process and the number of ranks. A rank alone needs none.
    ///
    /// # Errors
    /// MPI was initialised before, or knows no threads.
    pub fn open() -> Result<(Option<Self>, usize, usize), String> {
        // Gradients on a GPU are announced on a thread of libtorch's, while the one that asked for them waits.
        let (universe, threading) = mpi::initialize_with_threading(Threading::Serialized)
            .ok_or("MPI was initialised by something else in this process")?;
        let world = universe.world();
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        *UNIVERSE.lock().unwrap_or_else(PoisonError::into_inner) = Some(universe);
        // SAFETY: a function that never unwinds.
        unsafe { libc::atexit(end) };
        if threading < Threading::Serialized {
            return Err(format!("this MPI gives {threading:?}, and Serialized is needed"));
        }
        Ok(((size > 1).then(|| Self { cuda: reads_gpus() }), rank, size))
    }

    /// From here on the process ends the others, unless [`World::ended`] comes first.
    pub fn begins(&self) {
        UNFINISHED.store(true, Ordering::SeqCst);
    }

    /// The training is over and well.
    pub fn ended(&self) {
        UNFINISHED.store(false, Ordering::SeqCst);
    }

    /// This rank among those of its machine.
    pub fn local_rank(&self) -> usize {
        world().split_shared(world().rank()).rank() as usize
    }

    /// Sums numbers over ranks.
    pub fn sum(&self, values: &mut [f64]) {
        let own = values.to_vec();
        world().all_reduce_into(&own[..], values, SystemOperation::sum());
    }

    /// Whether MPI reads the memory of a device itself.
    pub fn reads(&self, device: Device) -> bool {
        device == Device::Cpu || self.cuda
    }

    /// Starts to sum `from` over ranks into `to`: both whole in memory, in f32, and of one length. Every rank starts the same
    /// sums in the same order.
    pub fn start(&self, from: &Tensor, to: &Tensor) -> Sum {
        debug_assert!(from.kind() == Kind::Float && to.kind() == Kind::Float && from.numel() == to.numel());
        if let Device::Cuda(index) = from.device() {
            // MPI knows nothing of streams.
            tch::Cuda::synchronize(index as i64);
        }
        // SAFETY: a request without meaning, which the call overwrites.
        let mut request = unsafe { ffi::RSMPI_REQUEST_NULL };
        // SAFETY: both tensors are alive, and held by what is returned, until MPI has done with them; a failure ends the
        // process, as MPI's own handler of errors does.
        unsafe {
            ffi::MPI_Iallreduce(
                from.data_ptr(),
                to.data_ptr(),
                from.numel() as c_int,
                f32::equivalent_datatype().as_raw(),
                SystemOperation::sum().as_raw(),
                world().as_raw(),
                &mut request,
            );
        }
        Sum { request, tensors: Some((from.shallow_clone(), to.shallow_clone())) }
    }
}

impl Sum {
    /// Whether it is there; to ask is also what lets MPI get on with it.
    pub fn is_done(&mut self) -> bool {
        let mut done = 0;
        // SAFETY: the request is this one's; MPI forgets it where it is done, and is asked no more.
        unsafe { ffi::MPI_Test(&mut self.request, &mut done, ffi::RSMPI_STATUS_IGNORE) };
        done != 0
    }

    /// Waits for it.
    ///
    /// # Errors
    /// MPI has lost it.
    pub fn wait(mut self) -> Result<()> {
        // SAFETY: as above; waiting for a request that is done returns at once.
        let code = unsafe { ffi::MPI_Wait(&mut self.request, ffi::RSMPI_STATUS_IGNORE) };
        self.tensors = None;
        match code {
            0 => Ok(()),
            code => Err(Error::Group { message: format!("a sum of gradients failed, MPI's error {code}") }),
        }
    }
}

impl Drop for Sum {
    fn drop(&mut self) {
        // Not waited for: something failed, and MPI may still write.
        std::mem::forget(self.tensors.take());
    }
}

fn world() -> SimpleCommunicator {
    SimpleCommunicator::world()
}

/// Whether this MPI says that it reads the memory of GPUs; only Open MPI can be asked.
fn reads_gpus() -> bool {
    // SAFETY: a name that ends in 0, and a function that has had this type ever since Open MPI has had it.
    unsafe {
        let query: *mut c_void = libc::dlsym(libc::RTLD_DEFAULT, c"MPIX_Query_cuda_support".as_ptr());
        !query.is_null() && std::mem::transmute::<*mut c_void, extern "C" fn() -> c_int>(query)() == 1
    }
}

/// The end of the process, however it came.
extern "C" fn end() {
    if UNFINISHED.load(Ordering::SeqCst) {
        // SAFETY: MPI is initialised, and not yet finalised.
        unsafe { ffi::MPI_Abort(ffi::RSMPI_COMM_WORLD, 1) };
        abort();
    }
    drop(UNIVERSE.lock().unwrap_or_else(PoisonError::into_inner).take());
}
