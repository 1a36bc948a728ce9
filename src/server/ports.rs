//! The ports of a server: the stream behind each, and the viewer it is joined to.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tracing::debug;

use crate::session::MAX_PORTS;

/// Writes of the viewer that wait for a device. When there are as many the viewer's ports are not read.
const WRITES: usize = 128;

/// Bytes of them, with which it is the same.
const WRITTEN: usize = 256 << 10;

/// What waits for the viewer. When full the devices are not read.
const SAID: usize = 8;

/// Bytes read from a device at a time.
const READ_AT_ONCE: usize = 64 << 10;

/// Where the devices of all ports are attached.
#[derive(Debug)]
pub(super) struct Ports {
    names: Vec<String>,
    /// By port: where its device takes bytes. INVARIANT: one for each name.
    devices: Mutex<Vec<Option<Device>>>,
    say: mpsc::Sender<(u8, Said)>,
    said: tokio::sync::Mutex<mpsc::Receiver<(u8, Said)>>,
    /// Whether there is a viewer. Without one nobody hears what is said.
    heard: AtomicBool,
    /// Said when a device has taken something, or went.
    taken: Notify,
}

/// Who has a port open.
#[derive(Clone, Debug)]
struct Device {
    writes: mpsc::Sender<Bytes>,
    /// Bytes of what waits there.
    waiting: Arc<AtomicUsize>,
}

impl Device {
    fn has_room(&self) -> bool {
        self.writes.capacity() > 0 && self.waiting.load(Ordering::Acquire) < WRITTEN
    }
}

/// What happens at a device.
#[derive(Debug)]
pub(super) enum Said {
    /// Somebody opened it.
    Opened,
    /// It says something.
    Data(Bytes),
    /// Nobody has it open.
    Closed,
}

impl Ports {
    /// Ports of these names, of which the first [`MAX_PORTS`] count.
    pub fn new(names: &[String]) -> Self {
        let (say, said) = mpsc::channel(SAID);
        let names: Vec<String> = names.iter().take(MAX_PORTS).cloned().collect();
        Self {
            devices: Mutex::new(names.iter().map(|_| None).collect()),
            names,
            say,
            said: tokio::sync::Mutex::new(said),
            heard: AtomicBool::new(false),
            taken: Notify::new(),
        }
    }

    /// Their names, by their numbers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The number of the port of this name.
    pub fn number(&self, name: &str) -> Option<u8> {
        let place = self.names.iter().position(|known| known == name)?;
        u8::try_from(place).ok()
    }

    /// A viewer is there; the ports that are open. What was said before it came is not for it.
    pub async fn open(&self) -> Vec<u8> {
        self.listen(true).await;
        let devices = self.devices();
        let open = (0..).zip(&*devices).filter(|(_, device)| device.is_some());
        open.map(|(number, _)| number).collect()
    }

    /// The viewer went.
    pub async fn close(&self) {
        self.listen(false).await;
    }

    /// A device that waits to be heard goes on.
    async fn listen(&self, heard: bool) {
        let mut said = self.said.lock().await;
        while said.try_recv().is_ok() {}
        self.heard.store(heard, Ordering::Release);
    }

    /// What next happens, and at which port. Cancel safe: nothing is taken unless it is returned.
    pub async fn next(&self) -> (u8, Said) {
        match self.said.lock().await.recv().await {
            Some(said) => said,
            // It does not happen: a sender is held beside it.
            None => std::future::pending().await,
        }
    }

    /// The viewer writes to a port; lost where nobody has it open.
    pub fn write(&self, number: u8, data: Bytes) {
        if let Some(Some(device)) = self.devices().get(usize::from(number)) {
            let length = data.len();
            // Before its end can be taken off again.
            device.waiting.fetch_add(length, Ordering::AcqRel);
            if device.writes.try_send(data).is_err() {
                // It went: there is room otherwise, or the viewer's ports are not read.
                device.waiting.fetch_sub(length, Ordering::AcqRel);
            }
        }
    }

    /// Whether every device can take more.
    pub fn have_room(&self) -> bool {
        self.devices().iter().flatten().all(Device::has_room)
    }

    /// Waits until that may be so. Cancel safe: it holds nothing.
    pub async fn room(&self) {
        let taken = self.taken.notified();
        if !self.have_room() {
            taken.await;
        }
    }

    /// Joins a port to a device until that ends.
    pub async fn serve(&self, number: u8, stream: impl AsyncRead + AsyncWrite) {
        let (sender, writes) = mpsc::channel(WRITES);
        let device = Device {
            writes: sender,
            waiting: Arc::default(),
        };
        self.attach(number, Some(device.clone()));
        self.tell(number, Said::Opened).await;
        let (read, write) = tokio::io::split(stream);
        tokio::select! {
            () = self.read(number, read) => {}
            () = self.write_all(write, writes, &device.waiting) => {}
        }
        debug!(number, "the port's device is at its end");
        self.leave(number).await;
    }

    /// Nobody has a port open any more.
    pub async fn leave(&self, number: u8) {
        if self.attach(number, None).is_some() {
            self.taken.notify_waiters();
            self.tell(number, Said::Closed).await;
        }
    }

    fn attach(&self, number: u8, device: Option<Device>) -> Option<Device> {
        let mut devices = self.devices();
        let place = devices.get_mut(usize::from(number))?;
        std::mem::replace(place, device)
    }

    async fn read(&self, number: u8, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; READ_AT_ONCE];
        while let Ok(len @ 1..) = stream.read(&mut buffer).await {
            let bytes = buffer.get(..len).unwrap_or_default();
            let data = Bytes::copy_from_slice(bytes);
            self.tell(number, Said::Data(data)).await;
        }
    }

    async fn write_all(
        &self,
        mut stream: impl AsyncWrite + Unpin,
        mut writes: mpsc::Receiver<Bytes>,
        waiting: &AtomicUsize,
    ) {
        while let Some(data) = writes.recv().await {
            let written = async {
                stream.write_all(&data).await?;
                stream.flush().await
            };
            if written.await.is_err() {
                return;
            }
            waiting.fetch_sub(data.len(), Ordering::AcqRel);
            self.taken.notify_waiters();
        }
    }

    /// Tells the viewer, if there is one.
    async fn tell(&self, number: u8, said: Said) {
        if self.heard.load(Ordering::Acquire) {
            let _ = self.say.send((number, said)).await;
        }
    }

    fn devices(&self) -> MutexGuard<'_, Vec<Option<Device>>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
