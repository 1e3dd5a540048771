//! Peak resident memory of this process, from the kernel's own counter.

use std::fs;

/// Watches the peak from `start` to `finish`.
pub(crate) struct Peak {
    before: Option<u64>,
}

impl Peak {
    /// Returns freed memory to the system and resets the kernel's high-water mark.
    pub fn start() -> Self {
        // SAFETY: malloc_trim only releases free memory at the top of the heap.
        unsafe { libc::malloc_trim(0) };
        let reset = fs::write("/proc/self/clear_refs", "5").is_ok();
        Self { before: reset.then(|| status("VmRSS:")).flatten() }
    }

    /// Growth at the peak, in bytes; `None` where the kernel does not tell.
    pub fn finish(self) -> Option<u64> {
        status("VmHWM:")?.checked_sub(self.before?)
    }
}

fn status(key: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
