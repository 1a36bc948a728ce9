//! Two halves of a large piece of work at once.

use std::thread;

/// Does the first here and the second on a thread of its own; after the first where no thread can be had.
pub(super) fn at_once(first: impl FnOnce(), mut second: impl FnMut() + Send) {
    let is_done = thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, &mut second);
        first();
        thread.is_ok()
    });
    if !is_done {
        second();
    }
}
