//! Panics of decoders that are not ours, kept from doing harm.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Whether a panic on this thread will be caught here.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is a decoder's, and will be caught: for hooks that clean up before the program ends.
pub fn is_contained() -> bool {
    CONTAINED.get()
}

/// Runs a decoder; `None` when it panicked. What it left behind is not to be used again.
pub fn contain<T>(decode: impl FnOnce() -> T) -> Option<T> {
    let outer = CONTAINED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(decode));
    CONTAINED.set(outer);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_and_known_to_be_contained_while_it_happens() {
        let mut inside = false;
        let result: Option<()> = contain(|| {
            inside = is_contained();
            panic!("a fault in a decoder")
        });
        assert_eq!(result, None);
        assert!(inside && !is_contained());
    }
}
