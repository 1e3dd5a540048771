//! A bound on what one input may allocate.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Bytes in use, and how many may be.
static USED: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

impl Counting {
    fn add(bytes: usize) {
        let used = USED.fetch_add(bytes, Relaxed).saturating_add(bytes);
        if used > LIMIT.load(Relaxed) {
            LIMIT.store(usize::MAX, Relaxed);
            eprintln!("memory beyond the bound of this target, with an allocation of {bytes} bytes");
            std::process::abort();
        }
    }
}

// SAFETY: memory comes from the system's allocator unchanged; this one counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::add(size);
        USED.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs `f`, and aborts when it has more than `limit` bytes in use at once. A buffer that moves while it grows counts
/// twice. Targets run one input at a time.
pub fn bounded(limit: usize, f: impl FnOnce()) {
    LIMIT.store(USED.load(Relaxed) + limit, Relaxed);
    f();
    LIMIT.store(usize::MAX, Relaxed);
}
