//! A child process and whatever it starts: one process group, which ends together. What a network left running would disturb
//! the next measurement.

#[cfg(unix)]
pub use unix::{found, has_ended, kill};

#[cfg(unix)]
mod unix {
    use std::{
        io::{Error, Result},
        mem::MaybeUninit,
        os::unix::process::CommandExt,
        process::{Child, Command},
    };

    /// Has the child found a group of its own, which does not hear when a service manager asks all of a service to end: the
    /// worker finishes its job first.
    pub fn found(command: &mut Command) {
        command.process_group(0);
        // SAFETY: `signal` is async-signal-safe. What is ignored stays so in the new program.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGTERM, libc::SIG_IGN);
                Ok(())
            });
        }
    }

    /// Whether the child has ended. It stays to be waited for, so that its number, which is also that of its group, is nobody
    /// else's until then.
    pub fn has_ended(child: &mut Child) -> Result<bool> {
        let mut about = MaybeUninit::<libc::siginfo_t>::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: the system writes what it is given, which is valid when all zero.
        let (done, about) = unsafe {
            let done = libc::waitid(libc::P_PID, child.id(), about.as_mut_ptr(), options);
            (done, about.assume_init())
        };
        match done {
            // SAFETY: the system filled it in, or it is zero, which says that nothing has ended.
            0 => Ok(unsafe { about.si_pid() } != 0),
            _ => Err(Error::last_os_error()),
        }
    }

    /// Kills the child, which has not been waited for, and all of its group.
    pub fn kill(child: &mut Child) {
        if let Ok(group @ 2..) = libc::pid_t::try_from(child.id()) {
            // SAFETY: a system call on a group that this process made.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        // Should the group not be there.
        child.kill().ok();
    }
}

#[cfg(not(unix))]
pub fn found(_: &mut std::process::Command) {}

#[cfg(not(unix))]
pub fn has_ended(child: &mut std::process::Child) -> std::io::Result<bool> {
    Ok(child.try_wait()?.is_some())
}

#[cfg(not(unix))]
pub fn kill(child: &mut std::process::Child) {
    child.kill().ok();
}
