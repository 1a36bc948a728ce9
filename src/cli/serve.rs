//! `capsaicin serve`: be a SPICE server.

use std::future::pending;
use std::io::{self, Write};
use std::path::Path;

use image::ImageReader;
use serde_json::json;
use tokio::net::UnixStream;
#[cfg(feature = "tls")]
use zeroize::Zeroizing;

use super::args::{Common, ServeArgs};
use super::password;
use super::report::{Exit, Failure};
use super::served_recording::{self, Tape};
use super::stage::{Dictaphone, Music};
#[cfg(feature = "tls")]
use super::trust;
use crate::channel::audio::server::Offer;
use crate::geometry::Size;
use crate::link::Password;
use crate::net::Address;
#[cfg(feature = "tls")]
use crate::net::tls::Credentials;
use crate::pixels::{PixelBuf, PixelFormat};
use crate::server::source::{desktop, image as still};
use crate::server::{ServerConfig, SpiceServer};
use crate::session::MAX_PORTS;

/// Where to listen when nothing is said.
const DEFAULT_ADDRESS: &str = "127.0.0.1:5900";

/// What is shown.
enum Source {
    Desktop,
    Still(PixelBuf),
    Recording(Tape),
}

/// Serves until interrupted.
///
/// # Errors
///
/// When the source or the password cannot be read, or the address cannot be listened at.
pub async fn run(args: &ServeArgs, common: &Common) -> Result<(), Failure> {
    let _logging = super::logging::to_stderr(common.logging())?;
    let mut interruption = std::pin::pin!(super::interruption()?);
    let source = source(args)?;
    let size = match &source {
        Source::Desktop => args.size,
        Source::Still(picture) => picture.size,
        Source::Recording(tape) => tape.size,
    };
    args.audio.as_deref().map_or(Ok(()), Music::check)?;
    let config = ServerConfig {
        password: password(args)?,
        size,
        sound: offer(args, &source),
        compression: args.compression.into(),
        #[cfg(feature = "tls")]
        credentials: match (&args.tls_cert, &args.tls_key) {
            (Some(certificate), Some(key)) => Some(credentials(certificate, key)?),
            _ => None,
        },
        ports: args.ports.iter().map(|(name, _)| name.clone()).collect(),
        ..ServerConfig::default()
    };
    #[cfg(not(feature = "tls"))]
    if args.tls_cert.is_some() {
        let text = "cannot serve with TLS: this capsaicin was built without it";
        return Err(Failure::new(Exit::Usage, text));
    }
    let mut server = match &args.unix {
        Some(path) => SpiceServer::bind_to(&Address::Unix(path.clone()), config).await?,
        None => {
            SpiceServer::bind(args.address.as_deref().unwrap_or(DEFAULT_ADDRESS), config).await?
        }
    };
    for (name, socket) in &args.ports {
        let device = UnixStream::connect(socket).await;
        let device = device
            .map_err(|error| Failure::file("connect to", &socket.display().to_string(), &error))?;
        if !server.attach_port(name, device) {
            let text = format!("no more than {MAX_PORTS} ports can be offered");
            return Err(Failure::new(Exit::Usage, text));
        }
    }
    let sound = server.sound();
    let music = args.audio.as_deref();
    let music = music.map(|path| Music::new(path, sound.clone()));
    let mic = args.mic.as_deref();
    let mut mic = mic.map(|path| Dictaphone::new(path, sound)).transpose()?;
    tell(server.local_address(), args)?;
    let ended = tokio::select! {
        shown = show(server, source, args.audio.is_none()) => shown,
        failure = play(music) => Err(failure),
        failure = write(&mut mic) => Err(failure),
        failure = &mut interruption => Err(failure),
    };
    mic.map_or(Ok(()), Dictaphone::finish)?;
    ended
}

/// Shows the source until the server ends; plays its own sound, if there is no other.
async fn show(server: SpiceServer, source: Source, with_sound: bool) -> Result<(), Failure> {
    match source {
        Source::Desktop => desktop::run(server, pending()).await,
        Source::Recording(tape) => return served_recording::run(server, tape, with_sound).await,
        Source::Still(picture) => still::run(server, picture.view(), pending())
            .await
            .map_err(|error| {
                Failure::new(Exit::Usage, format!("cannot show the picture: {error}"))
            })?,
    }
    Ok(())
}

/// Why the file cannot be played any more; never ends without one.
async fn play(music: Option<Music>) -> Failure {
    match music {
        Some(music) => music.play().await,
        None => pending().await,
    }
}

/// Why the file cannot be written any more; never ends without one.
async fn write(mic: &mut Option<Dictaphone>) -> Failure {
    match mic {
        Some(mic) => mic.write().await,
        None => pending().await,
    }
}

fn offer(args: &ServeArgs, source: &Source) -> Offer {
    let own = match source {
        Source::Recording(tape) => tape.sound,
        _ => Offer::Nothing,
    };
    match (&args.audio, &args.mic, own) {
        (None, None, Offer::Nothing) => Offer::Nothing,
        _ if args.raw_sound => Offer::Raw,
        // What was not coded loses nothing on its way.
        (None, _, Offer::Raw) => Offer::Raw,
        _ => Offer::Opus,
    }
}

fn source(args: &ServeArgs) -> Result<Source, Failure> {
    let words: Vec<&str> = args.source.iter().map(String::as_str).collect();
    if args.again && words.first() != Some(&"recording") {
        let text = "--loop is for --source recording FILE";
        return Err(Failure::new(Exit::Usage, text));
    }
    match words[..] {
        ["desktop"] => Ok(Source::Desktop),
        ["image", file] => read_picture(Path::new(file)).map(Source::Still),
        ["image"] => Err(unusable(
            "image",
            "it needs a file: --source image FILE.png",
        )),
        ["recording", file] => Tape::open(Path::new(file), args.again).map(Source::Recording),
        ["recording"] => Err(unusable(
            "recording",
            "it needs a file: --source recording FILE.pcapng",
        )),
        ["video" | "console" | "shell", ..] => Err(unusable(words[0], "it is not supported yet")),
        _ => Err(unusable(
            &words.join(" "),
            "desktop, image FILE and recording FILE exist",
        )),
    }
}

fn unusable(source: &str, why: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("cannot serve the source '{source}': {why}"),
    )
}

/// A PNG file as B, G, R, X.
fn read_picture(path: &Path) -> Result<PixelBuf, Failure> {
    let name = path.display().to_string();
    let damaged = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::File, format!("cannot read {name}: {error}"))
            .with_hint("PNG files can be served")
    };
    let reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|error| Failure::file("read", &name, &error))?;
    let picture = reader
        .decode()
        .map_err(|error| damaged(&error))?
        .into_rgb8();
    let size = Size::new(picture.width(), picture.height());
    let pixels = picture
        .pixels()
        .flat_map(|p| [p.0[2], p.0[1], p.0[0], 0])
        .collect();
    PixelBuf::from_data(PixelFormat::Xrgb, size, pixels)
        .ok_or_else(|| damaged(&"its size is impossible"))
}

fn password(args: &ServeArgs) -> Result<Option<Password>, Failure> {
    let secret = match (&args.password, &args.password_file) {
        (Some(text), _) => password::checked(text.clone())?,
        (None, Some(file)) => password::from_file(file)?,
        (None, None) => return Ok(None),
    };
    Ok(Some(secret.password()))
}

/// What a server shows with TLS.
#[cfg(feature = "tls")]
pub fn credentials(certificate: &Path, key: &Path) -> Result<Credentials, Failure> {
    let read = |path: &Path| {
        let name = path.display().to_string();
        trust::read_text(path).map_err(|error| Failure::file("read", &name, &error))
    };
    let (certificate, key) = (read(certificate)?, Zeroizing::new(read(key)?));
    let credentials = Credentials::from_pem(&certificate, &key);
    credentials.map_err(|error| Failure::new(Exit::File, format!("cannot serve with TLS: {error}")))
}

fn tell(address: &Address, args: &ServeArgs) -> Result<(), Failure> {
    let uri = match address {
        Address::Tcp { .. } if args.tls_cert.is_some() => format!("spice+tls://{address}"),
        Address::Tcp { .. } => format!("spice://{address}"),
        Address::Unix(path) => format!("spice+unix://{}", path.display()),
    };
    let mut out = io::stdout().lock();
    let told = match args.json {
        true => writeln!(out, "{}", json!({"listening": uri})),
        false => writeln!(out, "listening at {uri}; Ctrl+C ends it"),
    };
    told.and_then(|()| out.flush())
        .map_err(|error| Failure::output(&error))
}
