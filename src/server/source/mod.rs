//! What can be served: each source draws on a server and takes its events.

pub mod desktop;
mod font;
pub mod image;
mod paint;

use std::fs::DirBuilder;
use std::future::pending;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use tokio::task::JoinHandle;

use super::{ServeError, ServerConfig, SpiceServer};
use crate::net::{Address, entropy};

/// A server in this process that shows the [`desktop`] on a unix socket nobody else can reach. It ends, and its files go,
/// when it is dropped.
#[derive(Debug)]
pub struct Demo {
    address: Address,
    folder: PathBuf,
    task: JoinHandle<()>,
}

impl Demo {
    /// Starts the server. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ServeError::Listen`] when the folder for the socket or the socket itself cannot be made.
    pub async fn start() -> Result<Self, ServeError> {
        let folder = std::env::temp_dir().join(format!("capsaicin-{:016x}", random()));
        let address = Address::Unix(folder.join("demo.sock"));
        let made = private_folder(&folder);
        made.map_err(|source| ServeError::Listen {
            address: address.clone(),
            source,
        })?;
        let server = match SpiceServer::bind_to(&address, ServerConfig::default()).await {
            Ok(server) => server,
            Err(error) => {
                // The failure to listen is what matters.
                let _ = std::fs::remove_dir(&folder);
                return Err(error);
            }
        };
        let task = tokio::spawn(desktop::run(server, pending()));
        Ok(Self {
            address,
            folder,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.task.abort();
        // What cannot be removed stays; there is nobody to tell.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn private_folder(folder: &PathBuf) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    entropy(&mut bytes);
    u64::from_le_bytes(bytes)
}
