//! Growth of memory while something runs: of this process, from the kernel's own counters, and of tensors on a CUDA
//! device, from libtorch's.

use std::{fs, thread};

unsafe extern "C" {
    safe fn tachograph_restart_peak(device: i8) -> i64;
    safe fn tachograph_peak(device: i8) -> i64;
}

/// What `run` returns, and by how many bytes the tensors of a CUDA device, workspaces of kernels among them, exceed at
/// their peak what is there before; `None` where libtorch does not tell.
pub(crate) fn cuda_growth<T>(device: usize, run: impl FnOnce() -> T) -> (T, Option<u64>) {
    let device = i8::try_from(device).unwrap_or(-1);
    let before = tachograph_restart_peak(device);
    let result = run();
    let peak = tachograph_peak(device);
    (result, (before >= 0).then_some(peak - before).and_then(|growth| u64::try_from(growth).ok()))
}

/// Block size in bytes from which the allocator maps pages for one block alone while growth is watched, so that a freed
/// tensor is gone.
const EXACT: libc::c_int = 64 << 10;

/// The same at other times: the most that glibc lets itself learn, which a process reaches that has run large networks.
const LEARNED: libc::c_int = 32 << 20;

/// What `run` returns, and by how many bytes anonymous memory (tensors and the workspace of kernels, not the code of
/// libraries) grows at its peak; `None` where the kernel does not tell. It runs on a thread of its own, whose arena
/// has no room that earlier runs left: tensors there would keep their pages when they are freed.
pub(crate) fn growth<T: Send>(run: impl FnOnce() -> T + Send) -> (T, Option<u64>) {
    let watch = || {
        let reset = fs::write("/proc/self/clear_refs", "5").is_ok();
        let before = status("RssAnon:");
        let result = run();
        let code = || Some(status("RssFile:")? + status("RssShmem:")?);
        let peak = || Some(status("VmHWM:")?.saturating_sub(code()?).saturating_sub(before?));
        (result, reset.then(peak).flatten())
    };
    map_blocks_from(EXACT);
    let watched = thread::scope(|scope| scope.spawn(watch).join());
    map_blocks_from(LEARNED);
    watched.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn map_blocks_from(bytes: libc::c_int) {
    // SAFETY: mallopt changes how later blocks are placed, and no block there is.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, bytes);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * bytes);
    }
}

fn status(key: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
