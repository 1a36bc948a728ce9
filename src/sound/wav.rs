//! WAV files of 16-bit samples: 44 bytes and the samples when written; any order of chunks when read.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::channel::audio::Format;

/// Bytes of the header that is written.
const HEADER: u32 = 44;

/// Bytes of samples after which the header is brought up to date, so that a program that is killed leaves a file that
/// plays: a second of CD sound.
const UPDATE_EVERY: u32 = 176_400;

/// A WAV file that is being written.
#[derive(Debug)]
pub struct Writer<W> {
    file: W,
    format: Format,
    bytes: u32,
    /// `bytes` as the header has them.
    told: u32,
}

impl<W: Write + Seek> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(file: W, format: Format) -> io::Result<Self> {
        let (bytes, told) = (0, 0);
        let mut writer = Self {
            file,
            format,
            bytes,
            told,
        };
        writer.write_header()?;
        Ok(writer)
    }

    /// The format of the file.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Appends samples.
    ///
    /// # Errors
    ///
    /// When they cannot be written, or the file would be longer than such files can be, 4 GiB.
    pub fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        let added = u32::try_from(samples.len() * 2).ok();
        let bytes = added.and_then(|added| self.bytes.checked_add(added));
        let bytes = bytes.filter(|bytes| *bytes <= u32::MAX - HEADER);
        let bytes = bytes.ok_or_else(|| io::Error::other("a WAV file ends at 4 GiB"))?;
        let raw: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        self.file.write_all(&raw)?;
        self.bytes = bytes;
        if bytes - self.told >= UPDATE_EVERY {
            self.write_header()?;
        }
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_header()?;
        self.file.flush()?;
        Ok(self.file)
    }

    fn write_header(&mut self) -> io::Result<()> {
        let frame = self.format.frame_bytes() as u16;
        let mut header = Vec::with_capacity(HEADER as usize);
        header.extend_from_slice(b"RIFF");
        header.extend_from_slice(&(self.bytes + HEADER - 8).to_le_bytes());
        header.extend_from_slice(b"WAVEfmt ");
        header.extend_from_slice(&16_u32.to_le_bytes());
        header.extend_from_slice(&PCM.to_le_bytes());
        header.extend_from_slice(&u16::from(self.format.channels).to_le_bytes());
        header.extend_from_slice(&self.format.rate.to_le_bytes());
        header.extend_from_slice(&(self.format.rate * u32::from(frame)).to_le_bytes());
        header.extend_from_slice(&frame.to_le_bytes());
        header.extend_from_slice(&16_u16.to_le_bytes());
        header.extend_from_slice(b"data");
        header.extend_from_slice(&self.bytes.to_le_bytes());
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header)?;
        self.file.seek(SeekFrom::End(0))?;
        self.told = self.bytes;
        Ok(())
    }
}

/// The number of uncompressed samples in a format chunk.
const PCM: u16 = 1;

/// The number that says that the real one follows further on.
const EXTENSIBLE: u16 = 0xfffe;

/// Why a file is not one that can be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum BadFile {
    /// It cannot be read.
    Io(io::Error),
    /// It is no WAV file, or a damaged one.
    NotWav,
    /// Its samples are not of 16 bits, or too many channels or of a rate that no device has.
    Unsuitable,
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotWav => f.write_str("not a WAV file"),
            Self::Unsuitable => {
                f.write_str("not a WAV file of 16-bit samples, one to eight channels, 8 to 192 kHz")
            }
        }
    }
}

impl std::error::Error for BadFile {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for BadFile {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::NotWav,
            _ => Self::Io(error),
        }
    }
}

/// A WAV file that is being read.
#[derive(Debug)]
pub struct Reader<R> {
    file: R,
    format: Format,
    /// Bytes of samples that are left.
    left: u64,
}

impl<R: Read> Reader<R> {
    /// Reads up to the first sample.
    ///
    /// # Errors
    ///
    /// When it is not such a file.
    pub fn new(mut file: R) -> Result<Self, BadFile> {
        let head: [u8; 12] = array(&mut file)?;
        if &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
            return Err(BadFile::NotWav);
        }
        let mut format = None;
        loop {
            let kind: [u8; 4] = array(&mut file)?;
            let len = u32::from_le_bytes(array(&mut file)?);
            match (&kind, format) {
                (b"fmt ", _) if len >= 16 => {
                    let chunk: [u8; 16] = array(&mut file)?;
                    let more = u64::from(len) - 16 + u64::from(len % 2);
                    let mut more = (&mut file).take(more);
                    let extended: Option<[u8; 10]> = array(&mut more).ok();
                    io::copy(&mut more, &mut io::sink())?;
                    format = Some(read_format(&chunk, extended)?);
                }
                (b"data", Some(format)) => {
                    return Ok(Self {
                        file,
                        format,
                        left: len.into(),
                    });
                }
                (b"data", None) => return Err(BadFile::NotWav),
                _ => {
                    let skipped = u64::from(len) + u64::from(len % 2);
                    let passed = io::copy(&mut (&mut file).take(skipped), &mut io::sink())?;
                    if passed < skipped {
                        return Err(BadFile::NotWav);
                    }
                }
            }
        }
    }

    /// The format of the samples.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The next samples, whole frames, at most `frames`; none at the end, or where the file was cut short.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn read(&mut self, frames: usize) -> io::Result<Vec<i16>> {
        let frame = self.format.frame_bytes();
        let wanted = (frames.min(1 << 16) * frame) as u64;
        let mut raw = Vec::new();
        (&mut self.file)
            .take(wanted.min(self.left))
            .read_to_end(&mut raw)?;
        self.left -= raw.len() as u64;
        raw.truncate(raw.len() - raw.len() % frame);
        let (pairs, _) = raw.as_chunks();
        Ok(pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
    }
}

fn array<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// What a format chunk says; `extended` are the bytes behind its first sixteen, if there are ten.
fn read_format(chunk: &[u8; 16], extended: Option<[u8; 10]>) -> Result<Format, BadFile> {
    let u16_at = |at: usize| u16::from_le_bytes([chunk[at], chunk[at + 1]]);
    let rate = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
    let coding = match (u16_at(0), extended) {
        (EXTENSIBLE, Some(extended)) => u16::from_le_bytes([extended[8], extended[9]]),
        (coding, _) => coding,
    };
    let channels = u8::try_from(u16_at(2)).unwrap_or(0);
    let suits = coding == PCM
        && u16_at(14) == 16
        && (1..=Format::MOST_CHANNELS).contains(&channels)
        && Format::RATES.contains(&rate);
    if suits {
        Ok(Format { channels, rate })
    } else {
        Err(BadFile::Unsuitable)
    }
}
