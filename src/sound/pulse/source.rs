//! Recording: a thread that takes samples from the server's default source for as long as somebody wants them.

use std::path::Path;
use std::thread;

use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{self, ChannelVolume, Command, RecordStreamParams};

use super::connection::{Connection, Said, Scissors, Trouble, map, props, spec};
use crate::channel::audio::Format;

/// A microphone that is on. It goes off when this is dropped.
pub struct Source {
    scissors: Scissors,
}

impl Source {
    /// Records from the server that listens at `socket`. `hear` gets the samples in pieces of about 10 ms, on a thread of its
    /// own, and ends the recording by saying `false`; `None` is the last it gets if the server goes.
    ///
    /// # Errors
    ///
    /// When there is no server, or it lets nobody record.
    pub fn open(
        socket: &Path,
        format: Format,
        mut hear: impl FnMut(Option<Vec<i16>>) -> bool + Send + 'static,
    ) -> Result<Self, Trouble> {
        let mut connection = Connection::open(socket)?;
        let piece = format.frame_bytes() as u32 * format.rate / 100;
        let _: protocol::CreateRecordStreamReply =
            connection.ask(&Command::CreateRecordStream(RecordStreamParams {
                sample_spec: spec(format),
                channel_map: map(format),
                source_name: Some(protocol::DEFAULT_SOURCE.to_owned()),
                buffer_attr: BufferAttr {
                    fragment_size: piece,
                    ..BufferAttr::default()
                },
                cvolume: Some(ChannelVolume::norm(format.channels)),
                props: props("microphone"),
                flags: StreamFlags {
                    adjust_latency: true,
                    ..StreamFlags::default()
                },
                ..RecordStreamParams::default()
            }))?;
        let scissors = connection.scissors()?;
        connection.wait_for_ever()?;
        thread::Builder::new()
            .name("microphone".into())
            .spawn(move || {
                let _ = record(&mut connection, &mut hear);
                hear(None);
            })?;
        Ok(Self { scissors })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.scissors.cut();
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

fn record(
    connection: &mut Connection,
    hear: &mut impl FnMut(Option<Vec<i16>>) -> bool,
) -> Result<(), Trouble> {
    loop {
        match connection.next()? {
            Said::Samples(bytes) => {
                let (pairs, _) = bytes.as_chunks();
                let samples = pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
                if !hear(Some(samples)) {
                    return Ok(());
                }
            }
            Said::Killed => return Ok(()),
            Said::Reply(..) | Said::Nothing => {}
        }
    }
}
