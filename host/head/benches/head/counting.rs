//! An allocator that counts: what is held, and the most that was. It is the one file here with
//! `unsafe`, because the trait of allocators is.

#![allow(
    unsafe_code,
    reason = "counting what is allocated takes an allocator, and its trait is unsafe"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, counted.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on as it is; the counters touch no memory but their own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller keeps what the trait asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps what the trait asks for.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_sub(layout.size(), Relaxed);
        grown(size);
        // SAFETY: the caller keeps what the trait asks for.
        unsafe { System.realloc(at, layout, size) }
    }
}

fn grown(bytes: usize) {
    let held = HELD.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(held, Relaxed);
}

/// Bytes asked for and not given back, without what an allocator adds.
pub(crate) fn held() -> usize {
    HELD.load(Relaxed)
}

/// The most that was held since the last call.
pub(crate) fn peak() -> usize {
    PEAK.swap(held(), Relaxed)
}
