//! A still picture.

use std::future::Future;
use std::pin::pin;

use crate::canvas::Error;
use crate::pixels::PixelView;
use crate::server::SpiceServer;

/// Serves one picture, in its size, until `cancel` is ready or the server ends.
///
/// # Errors
///
/// At once, when the picture cannot be shown: those of [`DisplayHandle::resize`](crate::server::DisplayHandle::resize) and
/// [`DisplayHandle::draw`](crate::server::DisplayHandle::draw).
pub async fn run(
    mut server: SpiceServer,
    picture: PixelView<'_>,
    cancel: impl Future<Output = ()>,
) -> Result<(), Error> {
    let display = server.display();
    display.resize(picture.size)?;
    display.draw(picture.size.to_rect(), picture)?;
    let mut cancel = pin!(cancel);
    loop {
        tokio::select! {
            () = &mut cancel => return Ok(()),
            event = server.next_event() => if event.is_none() {
                return Ok(());
            },
        }
    }
}
