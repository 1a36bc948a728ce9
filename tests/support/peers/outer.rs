//! A terminal around a tmux: a client of it, and what that is attached to.
//!
//! The terminal is a model, because no packaged one has placeholders: kitty has them from 0.28. tmux is the real one, and what
//! it makes of characters, marks and colours is what is tested.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use capsaicin::geometry::Size;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::picture::Picture;
use super::tmux::Tmux;
use super::until;
use crate::models::kitty::Kitty;
use crate::models::text::TextTerminal;

const LIMIT: Duration = Duration::from_secs(60);

/// Pixels of a cell.
const CELL: Size = Size::new(8, 16);

/// What terminal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One with kitty's graphics, placed by characters.
    Pictures,
    /// One that shows characters.
    Characters,
}

/// A terminal that shows what a tmux shows. Dropping it closes it.
pub struct Outer {
    shown: Arc<Mutex<Shown>>,
    terminal: Box<dyn MasterPty + Send>,
    client: Box<dyn Child + Send + Sync>,
}

struct Shown {
    kind: Kind,
    screen: TextTerminal,
    kitty: Kitty,
    /// A sequence that is not complete.
    rest: Vec<u8>,
}

impl Outer {
    /// Attaches one of so many cells; returns when it shows something. tmux takes over how large its cells are only if their
    /// number is another than before.
    pub fn attach(tmux: &Tmux, kind: Kind, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system()
            .openpty(size(columns, rows))
            .expect("a terminal");
        let mut command = CommandBuilder::new("tmux");
        command.args(["-N", "-u", "-S"]);
        command.arg(tmux.socket());
        command.args(["attach"]);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env_remove("TMUX");
        let client = pair.slave.spawn_command(command).expect("a client");
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().expect("a reader");
        let mut keyboard = pair.master.take_writer().expect("a keyboard");
        let shown = Arc::new(Mutex::new(Shown {
            kind,
            screen: TextTerminal::new(rows, columns),
            kitty: Kitty::new(columns, rows, CELL),
            rest: Vec::new(),
        }));
        let shared = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 1 << 16];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let answers = lock(&shared).read(&bytes[..count]);
                if keyboard.write_all(&answers).is_err() {
                    break;
                }
            }
        });
        let outer = Self {
            shown,
            terminal: pair.master,
            client,
        };
        // tmux hands nothing on to a terminal it does not show anything on yet.
        until("a terminal with text", LIMIT, || {
            (!outer.text().trim().is_empty()).then_some(())
        });
        outer
    }

    /// Makes its window larger or smaller.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut shown = lock(&self.shown);
        shown.screen.screen_mut().set_size(rows, columns);
        shown.kitty.resize(columns, rows);
        self.terminal
            .resize(size(columns, rows))
            .expect("another size");
    }

    /// Its pixels: pictures, and nothing where characters are.
    pub fn picture(&self) -> Picture {
        let mut shown = lock(&self.shown);
        let Shown { screen, kitty, .. } = &mut *shown;
        let (rows, columns) = screen.screen().size();
        let cells = (0..rows).map(|row| {
            let cell = |column| screen.screen().cell(row, column);
            let cells = (0..columns).filter_map(cell).map(|cell| {
                let ink = match cell.fgcolor() {
                    vt100::Color::Idx(ink) => Some(ink),
                    _ => None,
                };
                (cell.contents(), ink)
            });
            cells.collect()
        });
        kitty.show(cells);
        let plane = kitty.plane([1, 2, 3]);
        let size = plane.size;
        let pixels = plane.data().chunks_exact(4);
        let rgb = pixels.flat_map(|p| [p[2], p[1], p[0]]).collect();
        Picture::from_rgb(size.width, size.height, rgb)
    }

    /// The text on it.
    pub fn text(&self) -> String {
        lock(&self.shown).screen.screen().contents()
    }

    /// How many images it has in memory.
    pub fn images(&self) -> usize {
        lock(&self.shown).kitty.images()
    }

    /// Detaches it, as by closing its window.
    pub fn close(mut self) {
        self.client.kill().expect("the client is ours");
        let _ = self.client.wait();
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

impl Shown {
    /// Shows what came; what is answered.
    fn read(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let (mut rest, mut answers) = (&all[..], Vec::new());
        while let Some(start) = find(rest, b"\x1b_G") {
            self.screen.process(&rest[..start]);
            let Some(end) = find(&rest[start..], b"\x1b\\") else {
                self.rest = rest[start..].to_vec();
                return answers;
            };
            let (command, after) = rest[start..].split_at(end + 2);
            if self.kind == Kind::Pictures {
                answers.extend(self.graphics(command));
            }
            rest = after;
        }
        // The beginning of a command may be at the end.
        let whole = rest.iter().rposition(|byte| *byte == 0x1b);
        let whole = whole.filter(|at| rest.len() - at < 3);
        let (whole, incomplete) = rest.split_at(whole.unwrap_or(rest.len()));
        self.screen.process(whole);
        self.rest = incomplete.to_vec();
        answers
    }

    fn graphics(&mut self, command: &[u8]) -> Vec<u8> {
        let text = std::str::from_utf8(command).expect("ASCII");
        let keys: Vec<&str> = text[3..].split([',', ';', '\x1b']).collect();
        if keys.contains(&"q=2") {
            self.kitty.read(command);
            return Vec::new();
        }
        let id = keys.iter().find_map(|key| key.strip_prefix("i="));
        let id = id.expect("an image to answer for");
        let is_here = self.kitty.has_image(id.parse().expect("a number"));
        let answer = match keys.contains(&"a=q") || is_here {
            true => "OK",
            false => "ENOENT:no such image",
        };
        format!("\x1b_Gi={id};{answer}\x1b\\").into_bytes()
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        // Less than a u16 for terminals of tests.
        pixel_width: columns * CELL.width as u16,
        pixel_height: rows * CELL.height as u16,
    }
}

fn lock(shown: &Mutex<Shown>) -> std::sync::MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
