//! What the terminal says, and taking it, giving it back and clearing it.

use std::process::Command as Process;
use std::time::Instant;

use super::{FAREWELL, Releases, Viewer, new_writer};
use crate::geometry::{Point, Size};
use crate::term::input::{Event, Mouse, Reply};
use crate::term::kitty::MARKER;
use crate::term::probe::Capabilities;
use crate::tui::action::Action;
use crate::tui::tty::Input;
use crate::tui::{ViewError, keymap, screen};

/// The flag of the kitty keyboard protocol that stands for releases.
const REPORTS_RELEASES: u8 = 2;

impl Viewer {
    /// Asks the terminal what is to be asked, and no longer waits for what it does not answer.
    pub(super) fn ask_if_due(&mut self) -> Result<(), ViewError> {
        let now = Instant::now();
        if let Some(capabilities) = self.probing.give_up(now) {
            self.learn(capabilities)?;
        }
        if self.presence.is_lost(now, self.probing.limit()) {
            self.probing.doubt(now);
        }
        if let Some(question) = self.probing.question_again(now) {
            self.write(question);
        }
        if let Some(question) = self.presence.question(now) {
            self.write(question);
        }
        Ok(())
    }

    /// The terminal may be another one than before.
    pub(super) fn doubt(&mut self) {
        self.probing.doubt(Instant::now());
        self.presence.suspect();
    }

    /// The terminal around tmux may be another one, or not show us.
    pub(super) fn stir_presence(&mut self) {
        if self.app.draws_through_tmux() {
            self.presence.stir(Instant::now());
        }
    }

    pub(super) fn terminal_event(&mut self, event: Event) -> Result<(), ViewError> {
        match event {
            Event::Reply(Reply::Ready) => self.update(Action::Arrived),
            Event::Reply(Reply::KeyboardFlags(flags))
                if self.releases == Releases::Asked && flags & REPORTS_RELEASES != 0 =>
            {
                self.releases = Releases::Reported;
                let capabilities = self.probing.capabilities();
                self.learn(capabilities)?;
            }
            Event::Reply(Reply::Kitty {
                id: MARKER,
                message,
            }) => {
                if self.presence.answered(&message) {
                    self.presence.forget();
                    self.probing.doubt(Instant::now());
                    self.update(Action::PictureLost);
                }
            }
            Event::Reply(reply) => {
                if let Some(capabilities) = self.probing.take(reply) {
                    self.learn(capabilities)?;
                }
            }
            event => self.user_event(event),
        }
        Ok(())
    }

    fn user_event(&mut self, event: Event) {
        let is_multiplexed = self.app.capabilities.multiplexer.is_some();
        if event == Event::FocusGained && is_multiplexed {
            self.doubt();
        }
        self.probing.notice(Instant::now());
        self.stir_presence();
        if self.waking.has_slept() {
            self.ask_for_life();
        }
        let (event, part) = match (event, self.mouse_cell) {
            (Event::Mouse(mouse), Some(cell)) => {
                let from = u16::from(self.app.capabilities.counts_pixels_from_zero());
                let (mouse, part) = in_cells(mouse, from, cell);
                (Event::Mouse(mouse), Some((part, cell)))
            }
            (event, _) => (event, None),
        };
        let mut action = keymap::action(event, self.app.mode());
        if let (Some(Action::Pointer(pointer)), Some(part)) = (&mut action, part) {
            pointer.part = part;
        }
        if let Some(action) = action {
            self.update(action);
        }
    }

    /// Takes in what the terminal turned out to do.
    pub(super) fn learn(&mut self, mut capabilities: Capabilities) -> Result<(), ViewError> {
        if capabilities.keyboard && self.releases == Releases::Off {
            self.screen.report_releases()?;
            self.releases = Releases::Asked;
        }
        let cell = capabilities.cell.filter(|_| capabilities.pixel_mouse);
        if cell.is_some() != self.mouse_cell.is_some() {
            let bytes = self.screen.report_pixels(cell.is_some());
            self.write(bytes.to_vec());
        }
        self.mouse_cell = cell.map(|(width, height)| Size::new(width, height));
        if !capabilities.keyboard {
            self.releases = Releases::Off;
        }
        capabilities.keyboard &= self.releases == Releases::Reported;
        self.update(Action::Capabilities {
            capabilities: Box::new(capabilities),
            answers: self.probing.answers().attributes.is_some(),
        });
        if let Some(tip) = self.tip.take() {
            let is_new = self.first_time.as_ref().is_some_and(|ask| ask(tip.name));
            let line = tip.line;
            self.update(Action::Tip { line, is_new });
        }
        if !self.app.draws_through_tmux() {
            let farewell = self.presence.leave();
            if !farewell.is_empty() {
                self.write(farewell);
            }
        } else if self.presence.take_suspect() {
            self.update(Action::PictureLost);
        }
        if let Some(input) = &mut self.input {
            input.wait_for_sequences(self.probing.escape());
        }
        if self.cell_aspect() != self.app.setup.cell_aspect {
            self.resized()?;
        }
        Ok(())
    }

    /// Clears the terminal, which may have kept some of what it showed: each does in its own way. A picture that is being painted
    /// is written before that.
    pub(super) fn clear(&mut self) {
        self.clears = self.painting.is_some();
        if !self.clears {
            self.easel.clear();
            self.write(b"\x1b[2J".to_vec());
        }
    }

    fn cell_aspect(&self) -> f64 {
        screen::cell_aspect(self.app.capabilities.cell)
    }

    pub(super) fn resized(&mut self) -> Result<(), ViewError> {
        let (columns, rows) = crossterm::terminal::size()?;
        self.clear();
        self.update(Action::Resized {
            columns,
            rows,
            cell_aspect: self.cell_aspect(),
        });
        Ok(())
    }

    /// Begins to read the terminal.
    pub(super) fn listen(&mut self) -> Result<(), ViewError> {
        let mut input = Input::start()?;
        input.wait_for_sequences(self.probing.escape());
        self.input = Some(input);
        Ok(())
    }

    /// Stops this process as Ctrl+Z would, with the terminal given back.
    pub(super) fn suspend(&mut self) -> Result<(), ViewError> {
        // What is typed from here on is for the shell.
        self.input = None;
        self.leave();
        self.screen.give_back();
        let me = std::process::id().to_string();
        let stopped = Process::new("kill").args(["-TSTP", &me]).status();
        self.retake()?;
        self.listen()?;
        stopped.map(drop).map_err(ViewError::Io)
    }

    /// Takes the picture off the terminal, if that takes it in.
    pub(super) fn leave(&mut self) {
        let cells = self.easel.release();
        let bytes = [cells, self.app.leave(), self.presence.leave()].concat();
        self.writer.write(bytes);
        self.writer.settle(FAREWELL);
    }

    /// Takes the terminal again after somebody else had it.
    pub(super) fn retake(&mut self) -> Result<(), ViewError> {
        self.screen.retake()?;
        if self.releases != Releases::Off {
            self.releases = Releases::Off;
            let capabilities = self.probing.capabilities();
            self.learn(capabilities)?;
        }
        // It is switched on again when the terminal says that it can.
        self.mouse_cell = None;
        self.writer = new_writer(&self.screen, &self.progress)?;
        self.doubt();
        self.resized()
    }
}

/// A mouse report in pixels, which are counted from `from`, as one in cells, and the pixel of the cell.
fn in_cells(mouse: Mouse, from: u16, cell: Size) -> (Mouse, Point) {
    let pixel = |at: u16, side: u32| {
        let at = u32::from(at) + u32::from(from);
        // Not more than the 16 bits it was, and less than a side, which is a few hundred at most.
        ((at / side.max(1)) as u16, (at % side.max(1)) as i32)
    };
    let ((column, x), (row, y)) = (pixel(mouse.x, cell.width), pixel(mouse.y, cell.height));
    let mouse = Mouse {
        x: column,
        y: row,
        ..mouse
    };
    (mouse, Point::new(x, y))
}
