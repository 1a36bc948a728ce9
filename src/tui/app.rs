//! Everything the viewer's screen is a function of.

use std::time::Duration;

use super::deck::Timeline;
use super::history::History;
use super::keymap::{Escape, Mode};
use super::meter::Meter;
use super::microphone::Microphone;
use super::mouse::GuestMouse;
use super::origin::Search;
use super::outline::StillOf;
use super::panes::{PaneKind, Reading, log, palette};
use super::picture::Picture;
use super::pixels::Pixels;
use super::pointing::Pointing;
use super::protocol::{Entry, Protocol};
use super::recording::Running;
use super::sharing::Sharing;
use super::sound::Sound;
use super::stage::is_kept;
use super::staying::Staying;
use super::steering::Steering;
use super::stepping::Stepper;
use super::tabs::Tabs;
use super::text::printable;
use super::typist::Typist;
use super::view;
use super::watch::Watch;
use crate::channel::inputs::Locks;
use crate::channel::main::MouseMode;
use crate::geometry::{Point, Size};
use crate::keyboard::Layout;
use crate::session::SessionStats;
use crate::term::pace::Pace;
use crate::term::portion::MODEST;
use crate::term::probe::Capabilities;
use crate::term::{Drawing, Pane, Raster, Style};

/// What is known before the session begins.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What the user is connected to, as the user wrote it.
    pub target: String,
    /// Whether input is kept from the guest.
    pub view_only: bool,
    /// The way out of the guest's keyboard.
    pub escape: Escape,
    /// The keyboard layout the guest is set up for.
    pub layout: &'static Layout,
    /// Whether characters without a key there are typed by their numbers, as Windows takes them.
    pub alt_codes: bool,
    /// How pictures are drawn; `None` lets the terminal decide.
    pub drawing: Option<Drawing>,
    /// Characters and colours of pictures in character cells.
    pub style: Style,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Width divided by height of a cell.
    pub cell_aspect: f64,
}

/// The viewer. [`App::update`](App::update) alone changes it.
pub struct App {
    /// What was known before.
    pub setup: Setup,
    /// Time since the viewer began.
    pub now: Duration,
    /// The player's place, where a recording is played.
    pub timeline: Option<Timeline>,
    /// Whether it is the session of somebody else, which nothing can be done to.
    pub mirrors: bool,
    /// Whether it can be recorded.
    pub recordable: bool,
    /// The recording that is being made.
    pub recording: Option<Running>,
    /// The guest's screen.
    pub picture: Picture,
    /// Who has the keyboard.
    pub focus: Focus,
    /// The panes that are open, the newest last.
    pub panes: Vec<PaneKind>,
    /// What happened so far.
    pub log: log::Log,
    /// The newest numbers of the session.
    pub stats: Option<Box<SessionStats>>,
    /// How they went.
    pub history: History,
    /// What passes on the channels, while a pane shows it.
    pub watch: Watch,
    /// The messages of it.
    pub protocol: Protocol,
    /// Where the step debugger is.
    pub stepper: Stepper,
    /// What is shown instead of the screen was made of this.
    pub(super) still_of: StillOf,
    /// Who drew the pixel that was asked for last.
    pub origin: Option<Search>,
    /// Whether the details are those of a message that drew it.
    pub(super) details_origin: bool,
    /// How fast pictures reach the terminal.
    pub meter: Meter,
    /// How the connection is.
    pub staying: Staying,
    /// Whether a lost connection can be made again; a number that spreads the times of that among viewers.
    pub reconnects: Option<u32>,
    /// What the status line says for a moment.
    pub flash: Option<Flash>,
    /// The guest's name.
    pub name: Option<String>,
    /// What it shares with the terminal through its agent.
    pub sharing: Sharing,
    /// The guest's sound.
    pub sound: Sound,
    /// The guest's ports, and which of them is shown.
    pub tabs: Tabs,
    /// The user's microphone.
    pub microphone: Microphone,
    /// The mouse mode in force.
    pub mouse_mode: MouseMode,
    /// What the terminal can do, as far as it is known.
    pub capabilities: Capabilities,
    /// How pictures are drawn, and in cells of how many pixels, once it was decided.
    pub(super) drawing: Option<(Drawing, Size)>,
    /// Whether it is to be decided anew when the painter is back.
    pub(super) drawing_due: bool,
    /// Whether the painter was made for what the terminal no longer does.
    pub(super) painter_stale: bool,
    /// The picture, where it is drawn with pixels.
    pub(super) pixels: Option<Pixels>,
    /// Whether the status line says that the picture is still getting better.
    pub(super) says_refining: bool,
    /// What the terminal has to be told of a drawing that ended.
    pub(super) farewell: Vec<u8>,
    /// What is on its way to the terminal.
    pub pace: Pace,
    pub(super) pace_answers: bool,
    /// The guest's keyboard.
    pub typist: Typist,
    /// What was pasted last, while the user is asked what to do with it.
    pub pasted: Option<String>,
    pub(super) pointer: GuestMouse,
    /// Whether the terminal reports releases.
    pub(super) releases: bool,
    /// Whether what is on the terminal is out of date.
    pub(super) stale: bool,
    /// Whether that is so because there was no room for all of the last frame.
    pub(super) is_behind: bool,
    /// Whether the picture is, too.
    pub(super) picture_stale: bool,
    /// When the last frame was drawn.
    pub(super) drawn: Option<Duration>,
    /// When fresh numbers are to be asked for.
    pub(super) stats_due: Option<Duration>,
    /// When what passes is to be looked at again.
    pub(super) watch_due: Option<Duration>,
    /// Whether it is watched.
    pub(super) is_watching: bool,
    /// When they were last asked for.
    pub(super) stats_asked: Option<Duration>,
    /// When displays without a screen are to be forgotten.
    pub(super) gone_due: Option<Duration>,
}

/// Who has the keyboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The guest.
    #[default]
    Guest,
    /// A menu.
    Palette(palette::State),
    /// The help page, from this line on.
    Help(u16),
    /// The guest's mouse.
    Steering(Steering),
    /// The crosshair that points at a pixel.
    Pointing(Pointing),
    /// A pane.
    Pane(Reading),
}

/// A line for the user that goes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// What.
    pub text: String,
    /// Until when.
    pub until: Duration,
}

/// Least time from one frame to the next.
const FRAME: Duration = Duration::from_millis(16);

impl App {
    /// A viewer that has seen nothing.
    pub fn new(mut setup: Setup) -> Self {
        // It may have come in a file.
        setup.target = printable(&setup.target);
        let mut app = Self {
            now: Duration::ZERO,
            timeline: None,
            mirrors: false,
            recordable: false,
            recording: None,
            picture: Picture::new(Pane::halves(0, 0, setup.cell_aspect), setup.style),
            focus: Focus::default(),
            panes: Vec::new(),
            log: log::Log::default(),
            stats: None,
            history: History::default(),
            watch: Watch::default(),
            protocol: Protocol::default(),
            stepper: Stepper::default(),
            still_of: StillOf::default(),
            origin: None,
            details_origin: false,
            meter: Meter::default(),
            staying: Staying::default(),
            reconnects: None,
            flash: None,
            name: None,
            sharing: Sharing::default(),
            sound: Sound::default(),
            tabs: Tabs::default(),
            microphone: Microphone::default(),
            mouse_mode: MouseMode::empty(),
            capabilities: Capabilities::default(),
            drawing: None,
            drawing_due: false,
            painter_stale: false,
            pixels: None,
            says_refining: false,
            farewell: Vec::new(),
            pace: Pace::default(),
            pace_answers: false,
            typist: Typist::new(setup.layout, setup.alt_codes),
            pasted: None,
            pointer: GuestMouse::default(),
            releases: false,
            stale: true,
            is_behind: false,
            picture_stale: true,
            drawn: None,
            stats_due: None,
            watch_due: None,
            is_watching: false,
            stats_asked: None,
            gone_due: None,
            setup,
        };
        app.lay_out();
        app
    }

    /// What the keymap has to know.
    pub fn mode(&self) -> Mode {
        Mode {
            escape: self.setup.escape,
            menu: self.focus != Focus::Guest,
            port: self.tabs.is_shown() && !self.staying.is_apart(),
            plays: self.timeline.is_some() || self.mirrors,
            releases: self.releases,
            layout: self.typist.layout(),
            num_lock: self.typist.locks.contains(Locks::NUM),
        }
    }

    /// The pane that has the keyboard.
    pub fn reading(&self) -> Option<Reading> {
        match self.focus {
            Focus::Pane(reading) => Some(reading),
            _ => None,
        }
    }

    /// The message whose details are shown.
    pub fn examined(&self) -> Option<&Entry> {
        match &self.origin {
            Some(origin) if self.details_origin => origin.looked_at(),
            _ => self.protocol.looked_at(),
        }
    }

    /// The pixel the guest's pointer is at: where the user's mouse is while that leads it, whether or not the guest shows it, and
    /// where the guest says it is otherwise.
    pub fn pointer_at(&self) -> Option<Point> {
        if self.mouse_mode.contains(MouseMode::CLIENT) {
            self.pointer.at()
        } else {
            self.picture.pointer()
        }
    }

    /// When the next frame is to be drawn; `None` while the terminal shows all there is, or has to take in what is on its way
    /// first, or a frame is being painted.
    pub fn frame_due(&self) -> Option<Duration> {
        let earliest = match self.drawn {
            // The rest of a frame is no frame.
            Some(drawn) if !self.is_behind => drawn + FRAME,
            _ => Duration::ZERO,
        };
        if !self.stale || self.is_painting() {
            None
        } else if self.may_overtake() {
            Some(earliest)
        } else {
            let ready = earliest.max(self.pace.ready_at());
            self.pace.may_send(self.now).then_some(ready)
        }
    }

    /// Bytes of the next frame, a few more or less. Where it is no time for a frame of the whole picture, a few for what is
    /// urgent.
    pub fn frame_room(&self) -> usize {
        match self.pace.room(self.now) {
            0 if self.may_overtake() => MODEST,
            room => usize::try_from(room).unwrap_or(usize::MAX),
        }
    }

    fn may_overtake(&self) -> bool {
        // Such a painter draws everything at once.
        let is_kept = self.drawing.is_some_and(|(drawing, _)| is_kept(drawing));
        self.picture.is_urgent() && !is_kept && self.pace.may_overtake(self.now)
    }

    /// When something is due that is not a frame; `None` while the viewer could sleep for ever.
    pub fn deadline(&self) -> Option<Duration> {
        [
            self.typist.deadline(),
            self.stats_due,
            self.watch_due,
            self.gone_due,
            self.flash.as_ref().map(|flash| flash.until),
            self.meter.deadline(),
            // It comes with the frame, once one is due: the link may not take that in yet.
            self.picture_due().filter(|_| !self.stale),
            self.pace.deadline(),
            self.pointer.deadline(),
            self.tabs.has_waiting().then_some(self.now),
            self.staying.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When a picture of pixels has something more to show, while it is shown at all and has room.
    pub(super) fn picture_due(&self) -> Option<Duration> {
        let is_shown = !self.tabs.is_shown() && self.picture.fit().is_some();
        let pixels = self.pixels.as_ref().filter(|_| is_shown);
        pixels.and_then(Pixels::due)
    }

    /// Gives the picture the pane it has in the current layout.
    pub(super) fn lay_out(&mut self) {
        let area = view::layout_of(self).picture;
        self.picture.set_pane(Pane {
            columns: area.width,
            rows: area.height,
            raster: match self.pixels {
                Some(_) => Raster(self.cell()),
                None => self.setup.style.raster(),
            },
            cell_aspect: self.setup.cell_aspect,
        });
        self.tabs.resize(area.width, area.height);
        self.stale = true;
        self.picture_stale = true;
    }
}
