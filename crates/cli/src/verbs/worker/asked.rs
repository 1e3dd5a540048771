//! How a worker is asked to end: SIGTERM lets it finish the job at hand, Ctrl-C and a terminal that closes do not.

use std::{
    io::Result,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What it was asked.
pub struct Asked {
    /// Take no other job.
    pub stop: Arc<AtomicBool>,
    /// Give the job at hand back.
    pub interrupted: Arc<AtomicBool>,
}

impl Asked {
    /// Takes over the signals of this process. Who asks again is more urgent: to finish, to interrupt, to end at once.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    pub fn listen() -> Result<Self> {
        let asked = Self { stop: Arc::default(), interrupted: Arc::default() };
        let (stop, interrupted) = (Arc::clone(&asked.stop), Arc::clone(&asked.interrupted));
        signals::each(move |interrupts| {
            let again = stop.swap(true, Ordering::SeqCst);
            if (interrupts || again) && interrupted.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        })?;
        Ok(asked)
    }
}

#[cfg(unix)]
mod signals {
    use std::{
        fs::File,
        io::{Error, Read, Result},
        os::fd::{FromRawFd, RawFd},
        sync::atomic::{AtomicI32, Ordering},
        thread,
    };

    /// The end of a pipe that handlers write to, since they may do little else.
    static TOLD: AtomicI32 = AtomicI32::new(-1);

    extern "C" fn tell(signal: libc::c_int) {
        let byte = signal as u8;
        // SAFETY: `write` may be called in a handler; it is given one byte of this function.
        unsafe { libc::write(TOLD.load(Ordering::SeqCst), (&raw const byte).cast(), 1) };
    }

    /// Calls `told` for each signal, on a thread of its own; true where it interrupts.
    pub fn each(mut told: impl FnMut(bool) + Send + 'static) -> Result<()> {
        let mut ends: [RawFd; 2] = [0; 2];
        // SAFETY: two numbers are written.
        if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
            return Err(Error::last_os_error());
        }
        for end in ends {
            // SAFETY: the pipe was just made. The processes that measure have no use for it.
            unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        TOLD.store(ends[1], Ordering::SeqCst);
        // SAFETY: this end is nobody else's.
        let mut heard = unsafe { File::from_raw_fd(ends[0]) };
        thread::spawn(move || {
            let mut byte = [0];
            while heard.read_exact(&mut byte).is_ok() {
                told(i32::from(byte[0]) != libc::SIGTERM);
            }
        });
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: the handler does what a handler may.
            match unsafe { libc::signal(signal, tell as *const () as libc::sighandler_t) } {
                libc::SIG_ERR => return Err(Error::last_os_error()),
                // Whoever started this process, such as `nohup`, wants it ignored.
                // SAFETY: no handler.
                libc::SIG_IGN => _ = unsafe { libc::signal(signal, libc::SIG_IGN) },
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod signals {
    use std::io::{Error, Result};

    /// Calls `told` for each Ctrl-C.
    pub fn each(mut told: impl FnMut(bool) + Send + 'static) -> Result<()> {
        ctrlc::set_handler(move || told(true)).map_err(Error::other)
    }
}
