//! An X server whose screen is a SPICE server: real drawing by real programs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::picture::Picture;
use super::process::{Process, read_lossy};
use super::{free_port, quiet, until};

/// The X server's display driver that is a SPICE server.
pub const DRIVER: &str = "/usr/lib/xorg/modules/drivers/spiceqxl_drv.so";

/// Pointers with transparency, which the driver leaves to the client; others it draws into the screen, where a dump of
/// the X server's own pixels does not have them.
pub const POINTERS: &str = "/usr/share/icons/Adwaita/cursors";

const LIMIT: Duration = Duration::from_secs(60);

/// A running X server of 1024×768 pixels. Dropping it ends it.
pub struct XServer {
    // Dropped first: programs go before their server.
    programs: Vec<Process>,
    process: Process,
    /// Where its SPICE server listens: a loopback address.
    pub address: String,
    display: String,
    dir: TempDir,
}

/// How the X server is set.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// What images are compressed with.
    pub image_compression: &'a str,
    /// When video becomes a stream: `off`, `filter` or `all`.
    pub streaming_video: &'a str,
    /// Encoders for it, best first.
    pub video_codecs: &'a str,
    /// Outputs: `qxl-0`, which is on, and others, which X takes for disconnected.
    pub heads: u32,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            image_compression: "auto_glz",
            streaming_video: "off",
            video_codecs: "spice:mjpeg",
            heads: 1,
        }
    }
}

impl XServer {
    /// Starts one with this value of the server's image compression, and without video; returns when both servers listen.
    pub fn start(image_compression: &str) -> Self {
        Self::with(Settings {
            image_compression,
            ..Settings::default()
        })
    }

    /// The same with other settings.
    pub fn with(settings: Settings<'_>) -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        // Another program may take the port between our look and the driver's.
        for _ in 0..3 {
            let port = free_port();
            let config = dir.path().join("xorg.conf");
            std::fs::write(&config, configuration(port, settings))
                .expect("the scratch folder is writable");
            // The server finds a free display itself and, when it is ready, says which.
            let number = dir.path().join("display");
            let start = format!(
                "exec Xorg -noreset -nolisten tcp -novtswitch -sharevts -displayfd 3 \
                 -config {} -logfile {} 3>{}",
                config.display(),
                dir.path().join("xorg.log").display(),
                number.display()
            );
            let mut command = Command::new("sh");
            command.args(["-c", &start]);
            let mut process = Process::start("xorg", &command, dir.path());
            let display = until("the X server", LIMIT, || {
                match read_lossy(&number).strip_suffix('\n') {
                    Some(display) => Some(Some(format!(":{display}"))),
                    None => process.ended().map(|_| None),
                }
            });
            let Some(display) = display else {
                let log = process.log() + &read_lossy(&dir.path().join("xorg.log"));
                assert!(log.contains("in use"), "the X server ended: {log}");
                continue;
            };
            let server = Self {
                programs: Vec::new(),
                process,
                address: format!("127.0.0.1:{port}"),
                display,
                dir,
            };
            server.run("xrandr", &["--size", "1024x768"]);
            server.run(
                "xsetroot",
                &["-solid", "#35506b", "-cursor_name", "left_ptr"],
            );
            return server;
        }
        panic!("three ports were taken away from the X server");
    }

    /// Runs a program on this display to its end; what it printed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        String::from_utf8_lossy(&self.output(program, arguments)).into_owned()
    }

    /// Starts a program on this display. It runs until it ends, or the server does.
    pub fn spawn(&mut self, program: &str, arguments: &[&str]) -> &mut Process {
        let name = format!("{program}-{}", self.programs.len());
        let command = self.command(program, arguments);
        self.programs
            .push(Process::start(&name, &command, self.dir.path()));
        self.last()
    }

    /// The program started last.
    pub fn last(&mut self) -> &mut Process {
        self.programs.last_mut().expect("one was started")
    }

    /// Stops the server where it is: it draws and sends no more.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// The X server's own pixels.
    pub fn screen(&self) -> Picture {
        Picture::from_xwd(&self.output("xwd", &["-silent", "-root"]))
    }

    /// The X server's own pixels once they have not changed for a while.
    pub fn quiet_screen(&self) -> Picture {
        quiet(|| self.screen())
    }

    /// A folder for the files of a test; the working folder of programs.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    fn output(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let output = self
            .command(program, arguments)
            .output()
            .unwrap_or_else(|e| panic!("{program} does not start: {e}"));
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("DISPLAY", &self.display)
            .env("XCURSOR_THEME", "Adwaita")
            .current_dir(self.dir.path());
        command
    }
}

fn configuration(port: u16, settings: Settings<'_>) -> String {
    let Settings {
        image_compression,
        streaming_video,
        video_codecs,
        heads,
    } = settings;
    format!(
        r#"
Section "Device"
    Identifier "spice"
    Driver "spiceqxl"
    Option "SpiceAddr" "127.0.0.1"
    Option "SpicePort" "{port}"
    Option "SpiceDisableTicketing" "1"
    Option "SpiceExitOnDisconnect" "0"
    Option "SpiceImageCompression" "{image_compression}"
    Option "SpiceJpegWanCompression" "never"
    Option "SpiceStreamingVideo" "{streaming_video}"
    Option "SpiceVideoCodecs" "{video_codecs}"
    Option "NumHeads" "{heads}"
    Option "FrameBufferSize" "32"
    Option "CommandBufferSize" "192"
    Option "SurfaceBufferSize" "192"
EndSection
Section "InputDevice"
    Identifier "pointer"
    Driver "xspice pointer"
EndSection
Section "InputDevice"
    Identifier "keyboard"
    Driver "xspice keyboard"
EndSection
Section "Monitor"
    Identifier "monitor"
EndSection
Section "Screen"
    Identifier "screen"
    Monitor "monitor"
    Device "spice"
    DefaultDepth 24
EndSection
Section "ServerLayout"
    Identifier "layout"
    Screen "screen"
    InputDevice "keyboard"
    InputDevice "pointer"
EndSection
Section "ServerFlags"
    Option "AutoAddDevices" "False"
    Option "DontVTSwitch" "True"
    Option "BlankTime" "0"
EndSection
"#
    )
}
