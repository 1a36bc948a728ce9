//! The memory of several decoders together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A limit on what decoders, or frames that wait for them, may hold together, wherever they are. Clones share it.
///
/// What is counted for a decoder is the worst case for its size of picture, known before anything is allocated.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    limit: u64,
    taken: AtomicU64,
}

/// What one of them has taken; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    memory: Memory,
    bytes: u64,
}

impl Memory {
    /// So many bytes for all together.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Budget {
            limit,
            taken: AtomicU64::new(0),
        }))
    }

    /// Bytes taken.
    pub fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// A share of nothing.
    pub fn share(&self) -> Share {
        Share {
            memory: self.clone(),
            bytes: 0,
        }
    }
}

impl Share {
    /// As much taken of another memory; `None` where it has no room for it.
    pub fn taken_of(&self, memory: &Memory) -> Option<Self> {
        let mut share = memory.share();
        share.grow_to(self.bytes).ok().map(|()| share)
    }

    /// Takes what is missing to `bytes`; never gives back.
    ///
    /// # Errors
    ///
    /// The bytes it could have had at most; nothing is taken then.
    pub fn grow_to(&mut self, bytes: u64) -> Result<(), u64> {
        let more = bytes.saturating_sub(self.bytes);
        let Budget { limit, taken } = &*self.memory.0;
        let grown = taken.try_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(more).filter(|sum| sum <= limit)
        });
        match grown {
            Ok(_) => {
                self.bytes += more;
                Ok(())
            }
            Err(taken) => Err(limit.saturating_sub(taken) + self.bytes),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.0.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_come_back() {
        let memory = Memory::new(100);
        let (mut one, mut other) = (memory.share(), memory.share());

        assert_eq!(one.grow_to(60), Ok(()));
        assert_eq!(other.grow_to(41), Err(40));
        assert_eq!(one.grow_to(20), Ok(()), "it has more already");
        assert_eq!(other.grow_to(40), Ok(()));
        assert_eq!(memory.taken(), 100);

        drop(one);
        assert_eq!(memory.taken(), 40);
    }
}
