//! An X server without a screen, and terminals with a window on it: what a person would see of the viewer.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::picture::Picture;
use super::process::{Process, read_lossy};
use super::until;

const LIMIT: Duration = Duration::from_secs(60);

/// The socket of Wayland windows, in the scratch folder.
const WAYLAND: &str = "wayland";

/// What is behind the text of kitty: light, because its dark default hides mistakes with colours.
pub const KITTY_PAPER: [u8; 3] = [0xfd, 0xf6, 0xe3];

/// Size of the desktop, pixels.
pub const SIZE: (u32, u32) = (1000, 700);

/// A desktop in memory. Dropping it ends everything on it.
pub struct Desktop {
    programs: Vec<Process>,
    _server: Process,
    display: String,
    dir: TempDir,
}

/// A program that shows a terminal in a window as large as the desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulator {
    /// xterm as a VT340, which has sixels.
    Xterm,
    /// kitty, drawn without a graphics card.
    Kitty,
    /// kitty with letters as large as on a dense screen.
    LargeKitty,
    /// foot, in a Wayland compositor that is itself a window.
    Foot,
    /// foot where the compositor makes everything twice as large, as on a dense screen.
    DenseFoot,
}

impl Desktop {
    /// Starts one; returns when it can be drawn on.
    pub fn start() -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        // The server finds a free display itself and, when it is ready, says which.
        let number = dir.path().join("display");
        let start = format!(
            "exec Xvfb -noreset -nolisten tcp -screen 0 {}x{}x24 -displayfd 3 3>{}",
            SIZE.0,
            SIZE.1,
            number.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &start]);
        let server = Process::start("xvfb", &command, dir.path());
        let display = until("the X server", LIMIT, || {
            let display = read_lossy(&number);
            display
                .strip_suffix('\n')
                .map(|number| format!(":{number}"))
        });
        Self {
            programs: Vec::new(),
            _server: server,
            display,
            dir,
        }
    }

    /// Opens a terminal in which a command of the shell runs.
    pub fn open(&mut self, emulator: Emulator, shell: &str) {
        let mut command = match emulator {
            Emulator::Xterm => xterm(),
            Emulator::Kitty => kitty(),
            Emulator::LargeKitty => {
                let mut command = kitty();
                command.args(["-o", "font_size=24"]);
                command
            }
            Emulator::Foot => {
                self.start_compositor(1);
                foot()
            }
            Emulator::DenseFoot => {
                self.start_compositor(2);
                foot()
            }
        };
        command.args(["sh", "-c", shell]);
        self.run("terminal", command);
    }

    /// Starts what shows Wayland windows on the desktop, each as large as it; returns when there can be one. What they draw is
    /// `scale` times as large as on other desktops.
    fn start_compositor(&mut self, scale: u32) {
        // It draws the mouse. There is none in the corner, and no picture of a guest.
        let corner = [SIZE.0 - 1, SIZE.1 - 1].map(|at| at.to_string());
        self.xdotool("mousemove", &corner);
        let mut command = Command::new("weston");
        command.args(["--no-config", "--backend=x11-backend.so", "--use-pixman"]);
        command.args(["--shell=kiosk-shell.so", "--idle-time=0"]);
        command.arg(format!("--socket={WAYLAND}"));
        command.arg(format!("--scale={scale}"));
        command.arg(format!("--width={}", SIZE.0 / scale));
        command.arg(format!("--height={}", SIZE.1 / scale));
        self.run("compositor", command);
        let socket = self.dir.path().join(WAYLAND);
        until("the compositor", LIMIT, || {
            UnixStream::connect(&socket).ok().map(drop)
        });
    }

    /// Starts a program on the desktop.
    pub fn run(&mut self, name: &str, mut command: Command) {
        command
            .env("DISPLAY", &self.display)
            .env("HOME", self.dir.path())
            .env("XDG_RUNTIME_DIR", self.dir.path())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX")
            .env_remove("COLORTERM")
            .current_dir(self.dir.path());
        let name = format!("{name}-{}", self.programs.len());
        self.programs
            .push(Process::start(&name, &command, self.dir.path()));
    }

    /// Gives it the keyboard of another country. For terminals that are opened after it.
    pub fn keyboard(&self, layout: &str) {
        let status = Command::new("setxkbmap")
            .arg(layout)
            .env("DISPLAY", &self.display)
            .status();
        assert!(status.is_ok_and(|status| status.success()), "{layout}");
    }

    /// Types keys by their X names, as `ctrl+bracketright` or `q`.
    pub fn keys(&self, keys: &[&str]) {
        self.xdotool("key", keys);
    }

    fn xdotool(&self, what: &str, words: &[impl AsRef<OsStr> + Debug]) {
        let status = Command::new("xdotool")
            .arg(what)
            .args(words)
            .env("DISPLAY", &self.display)
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "{what} {words:?}"
        );
    }

    /// A folder for the files of a test; the working folder of programs.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// The pixels on it.
    pub fn screen(&self) -> Picture {
        let output = Command::new("xwd")
            .args(["-silent", "-root"])
            .env("DISPLAY", &self.display)
            .output()
            .expect("xwd starts");
        assert!(output.status.success(), "xwd fails");
        Picture::from_xwd(&output.stdout)
    }

    /// Waits as long as a part of the screen is this picture, as [`Desktop::wait_for`] finds it.
    pub fn wait_while(&self, what: &str, picture: &Picture, noise: f64) {
        until(what, LIMIT, || {
            find(&self.screen(), picture, noise).is_none().then_some(())
        });
    }

    /// Waits until a part of the screen is this picture: the first for which the difference is at most `noise`, the mean of
    /// squares. Where it is.
    pub fn wait_for(&self, what: &str, picture: &Picture, noise: f64) -> (u32, u32) {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if let Some(place) = find(&screen, picture, noise) {
                return place;
            }
            if start.elapsed() > LIMIT {
                let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
                let [seen, wanted] = ["screen", "wanted"]
                    .map(|which| folder.join(format!("{}-{which}.png", what.replace(' ', "-"))));
                screen.write_png(&seen);
                picture.write_png(&wanted);
                let (seen, wanted) = (seen.display(), wanted.display());
                panic!("{what}: not within {LIMIT:?}\n  {seen}\n  {wanted}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn xterm() -> Command {
    let mut command = Command::new("xterm");
    command.args(["-ti", "vt340", "-b", "0", "+sb", "-fn", "8x13"]);
    command.args(["-geometry", "125x53+0+0", "-bw", "0"]);
    let resources = ["*maxGraphicSize: 4000x4000", "*numColorRegisters: 256"];
    command.args(resources.iter().flat_map(|r| ["-xrm", r]));
    command.arg("-e");
    command
}

fn kitty() -> Command {
    let mut command = Command::new("kitty");
    let (width, height) = SIZE;
    command.args(["--config", "NONE"]);
    let options = [
        "remember_window_size=no".to_owned(),
        format!("initial_window_width={width}"),
        format!("initial_window_height={height}"),
        "window_padding_width=0".to_owned(),
        "confirm_os_window_close=0".to_owned(),
        "background=#fdf6e3".to_owned(),
        "foreground=#002b36".to_owned(),
    ];
    command.args(options.iter().flat_map(|option| ["-o", option]));
    command.env("LIBGL_ALWAYS_SOFTWARE", "1");
    command.env_remove("WAYLAND_DISPLAY");
    command
}

fn foot() -> Command {
    let mut command = Command::new("foot");
    command.args(["--config=/dev/null", "--override=pad=0x0"]);
    command.env("WAYLAND_DISPLAY", WAYLAND);
    command
}

/// Where in a screen a picture is.
pub fn find(screen: &Picture, picture: &Picture, noise: f64) -> Option<(u32, u32)> {
    let places = || {
        let (right, bottom) = (
            screen.width.checked_sub(picture.width)?,
            screen.height.checked_sub(picture.height)?,
        );
        Some((0..=bottom).flat_map(move |y| (0..=right).map(move |x| (x, y))))
    };
    places()?.find(|(x, y)| is_at(screen, picture, (*x, *y), noise))
}

/// Whether a picture is at a place; most places are told by a few pixels.
fn is_at(screen: &Picture, picture: &Picture, (x, y): (u32, u32), noise: f64) -> bool {
    let error = |column: u32, row: u32| -> f64 {
        let (a, b) = (
            screen.pixel(x + column, y + row),
            picture.pixel(column, row),
        );
        let squares = a
            .iter()
            .zip(b)
            .map(|(a, b)| f64::from(a.abs_diff(b)).powi(2));
        squares.sum::<f64>() / 3.0
    };
    let mean = |step: usize| {
        let rows = (0..picture.height).step_by(step);
        let errors = rows.flat_map(|row| (0..picture.width).step_by(step).map(move |c| (c, row)));
        let (count, sum) = errors.fold((0u32, 0.0), |(count, sum), (column, row)| {
            (count + 1, sum + error(column, row))
        });
        sum / f64::from(count.max(1))
    };
    mean(61) <= noise * 4.0 && mean(7) <= noise * 2.0 && mean(1) <= noise
}
