//! Child processes with limits of time and memory.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// What a child process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds until it is ended.
    pub seconds: u64,
    /// Address space in MiB; no limit where 0.
    pub mebibytes: u64,
}

/// How a child process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// As it should, with what it printed.
    Well(String),
    /// With a code other than 0, or by a signal.
    Badly(String),
    /// By us: time was up.
    Late,
}

/// Runs a command within limits.
pub(super) fn run(program: &Path, args: &[String], env: &[(&str, String)], limits: Limits) -> Ended {
    #[cfg(unix)]
    let mut command = {
        use std::os::unix::process::CommandExt;
        // The shell sets limits for itself and for what it becomes, which also end what a compiler starts.
        let memory = if limits.mebibytes > 0 { (limits.mebibytes * 1024).to_string() } else { "unlimited".into() };
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "ulimit -c 0; ulimit -v \"$1\"; ulimit -t \"$2\"; shift 2; exec \"$@\"", "sh"]);
        command.args([memory, (limits.seconds + 1).to_string()]).arg(program).process_group(0);
        command
    };
    #[cfg(not(unix))]
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(env.iter().map(|(name, value)| (name, value)));
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ended::Badly(format!("{}: {error}", program.display())),
    };
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What does not fit a message is of no use; reading on keeps the child from waiting.
            let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let err = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let deadline = Instant::now() + Duration::from_secs(limits.seconds);
    let mut pause = Duration::from_micros(200);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() >= deadline => {
                end(&mut child);
                let _ = child.wait();
                return Ended::Late;
            }
            Ok(None) => std::thread::sleep(pause),
            Err(error) => break Err(error),
        }
        pause = (pause * 2).min(Duration::from_millis(5));
    };
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    match status {
        Ok(status) if status.success() => Ended::Well(out),
        Ok(status) => {
            let end: String = err.trim().chars().take(2000).collect();
            Ended::Badly(if end.is_empty() { status.to_string() } else { format!("{status}: {end}") })
        }
        Err(error) => Ended::Badly(error.to_string()),
    }
}

/// Ends a child with all that it started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Ok(group) = libc::pid_t::try_from(child.id()) {
        // SAFETY: the child leads this group, and is not waited for yet, so that the number is still its own.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    let _ = child.kill();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str, limits: Limits) -> Ended {
        run(Path::new("/bin/sh"), &["-c".into(), script.into()], &[], limits)
    }

    #[test]
    fn ends_are_told_apart() {
        let limits = Limits { seconds: 20, mebibytes: 4096 };
        assert_eq!(sh("echo yes", limits), Ended::Well("yes\n".into()));
        assert!(matches!(sh("echo no >&2; exit 2", limits), Ended::Badly(message) if message.contains("no")));
        assert!(matches!(sh("kill -SEGV $$", limits), Ended::Badly(message) if message.contains("signal")));
        assert_eq!(sh("exec sleep 60", Limits { seconds: 1, mebibytes: 0 }), Ended::Late);
    }
}
