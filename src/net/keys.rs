//! The key pair that tickets are encrypted with, made anew now and then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::entropy;
use crate::link::ServerKey;

/// How long one key pair is used: making one takes milliseconds, which a flood of connections must not multiply.
const AGE: Duration = Duration::from_secs(10);

/// A key pair for whoever connects, shared for ten seconds.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    held: Arc<Mutex<Option<(Instant, ServerKey)>>>,
}

impl KeyRing {
    /// A key pair that is not too old, made beside the runtime. Whoever comes while one is being made waits for it.
    pub async fn key(&self) -> ServerKey {
        let held = Arc::clone(&self.held);
        let key = tokio::task::spawn_blocking(move || {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            match &*held {
                Some((made, key)) if made.elapsed() < AGE => key.clone(),
                _ => {
                    let key = ServerKey::generate(&mut entropy);
                    *held = Some((Instant::now(), key.clone()));
                    key
                }
            }
        });
        // The task fails only when the runtime is going down.
        key.await
            .unwrap_or_else(|_| ServerKey::generate(&mut entropy))
    }
}
