//! What can be chosen, and where the user is in it.

use crate::term::input::{Event, KeyCode, KeyKind, Modifiers, MouseButton, MouseKind};
use crate::tui::text::printable;

/// Who knows of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// libvirt.
    Libvirt,
    /// The processes of this machine.
    Processes,
    /// The user's past.
    Recent,
    /// This program.
    Demo,
}

/// Something that can be viewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What people call it.
    pub name: String,
    /// The target that leads to it. Never one with a password in it.
    pub target: String,
    /// How it is: `running`, `off`.
    pub state: String,
    /// More, where there is room.
    pub note: String,
    /// Whether another source may show it better: a process that libvirt has started.
    pub is_managed: bool,
}

/// What one source has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Who.
    pub source: Source,
    /// What, in the order to be shown in.
    pub places: Vec<Place>,
}

/// What the user wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Connect to this.
    Connect(String),
    /// Look again.
    Look,
    /// Leave.
    Quit,
}

/// Most places of one source that are shown.
const MOST: usize = 1000;

/// Most characters of a filter.
const LONGEST_FILTER: usize = 200;

/// The list, what it is narrowed to, and what is marked.
#[derive(Clone, Debug, Default)]
pub struct Picker {
    all: Vec<Found>,
    /// What was typed; `None` while letters are keys.
    filter: Option<String>,
    /// The target of the marked place, so that it stays marked when others come before it.
    marked: Option<String>,
    /// Why the last choice came to nothing.
    message: Vec<String>,
    /// Sources that have yet to say what they know.
    waiting: Vec<Source>,
    /// What the rows of the list show, as they were drawn.
    pub(super) shown: Vec<Option<String>>,
}

impl Picker {
    /// Those who are asked.
    pub const SOURCES: [Source; 4] = [
        Source::Libvirt,
        Source::Processes,
        Source::Recent,
        Source::Demo,
    ];

    /// Everybody is asked (again). What is shown stays until they have answered.
    pub fn look(&mut self) {
        self.waiting = Self::SOURCES.to_vec();
    }

    /// Why the last choice came to nothing, a line each; gone with the next key.
    pub fn fail(&mut self, message: Vec<String>) {
        self.message = message.iter().map(|line| printable(line)).collect();
    }

    /// Takes in what a source has found.
    pub fn found(&mut self, mut found: Found) {
        found.places.truncate(MOST);
        for place in &mut found.places {
            for text in [&mut place.name, &mut place.state, &mut place.note] {
                *text = printable(text);
            }
        }
        self.waiting.retain(|source| *source != found.source);
        self.all.retain(|known| known.source != found.source);
        self.all.push(found);
        self.all.sort_by_key(|found| found.source);
    }

    /// What is listed, with who knows of it: once each, and only what has the filter in it.
    pub fn listed(&self) -> Vec<(Source, &Place)> {
        let words: Vec<String> = self
            .filter
            .as_deref()
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_lowercase)
            .collect();
        let mut listed: Vec<(Source, &Place)> = Vec::new();
        for found in &self.all {
            for place in &found.places {
                let is_known = listed.iter().any(|(source, known)| {
                    *source != found.source
                        && (known.target == place.target
                            || place.is_managed && known.name == place.name)
                });
                let text =
                    format!("{} {} {}", place.name, place.target, place.state).to_lowercase();
                if !is_known && words.iter().all(|word| text.contains(word)) {
                    listed.push((found.source, place));
                }
            }
        }
        listed
    }

    /// Which of the listed is marked.
    pub fn marked(&self) -> usize {
        let place = |target: &String| {
            let listed = self.listed();
            listed.iter().position(|(_, place)| place.target == *target)
        };
        self.marked.as_ref().and_then(place).unwrap_or(0)
    }

    /// What the list is narrowed to.
    pub fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
    }

    /// Why the last choice came to nothing.
    pub fn message(&self) -> &[String] {
        &self.message
    }

    /// Whether somebody has yet to say what they know.
    pub fn is_looking(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes in what the terminal says; what is to be done.
    pub fn take(&mut self, event: &Event) -> Option<Step> {
        match event {
            Event::Key(key) if key.kind != KeyKind::Release => {
                let text = key.text.as_deref().and_then(only);
                self.key(key.code, key.modifiers, text)
            }
            Event::Text(text) | Event::Paste(text) => {
                self.narrow(text.lines().next().unwrap_or_default());
                None
            }
            Event::Mouse(mouse) => match mouse.kind {
                MouseKind::Press(MouseButton::Left) => self.click(mouse.y),
                MouseKind::ScrollUp => self.go(-1),
                MouseKind::ScrollDown => self.go(1),
                _ => None,
            },
            _ => None,
        }
    }

    fn key(&mut self, code: KeyCode, held: Modifiers, text: Option<char>) -> Option<Step> {
        self.message.clear();
        let ctrl = held.contains(Modifiers::CTRL);
        match code {
            KeyCode::Enter => return self.chosen(),
            KeyCode::Up => return self.go(-1),
            KeyCode::Down => return self.go(1),
            KeyCode::PageUp => return self.go(-10),
            KeyCode::PageDown => return self.go(10),
            KeyCode::Home => return self.go(i32::MIN),
            KeyCode::End => return self.go(i32::MAX),
            KeyCode::F(5) => return Some(Step::Look),
            KeyCode::Char('c' | 'q' | 'd' | ']') if ctrl => return Some(Step::Quit),
            KeyCode::Char('p') if ctrl => return self.go(-1),
            KeyCode::Char('n') if ctrl => return self.go(1),
            KeyCode::Char('r' | 'l') if ctrl => return Some(Step::Look),
            KeyCode::Char('u') if ctrl => self.filter = None,
            KeyCode::Escape if self.filter.is_none() => return Some(Step::Quit),
            KeyCode::Escape => self.filter = None,
            KeyCode::Backspace => match self.filter.as_mut() {
                Some(filter) if !filter.is_empty() => {
                    filter.pop();
                }
                _ => self.filter = None,
            },
            KeyCode::Char(_) if ctrl || held.contains(Modifiers::ALT) => {}
            KeyCode::Char(character) => return self.letter(text.unwrap_or(character)),
            _ => {}
        }
        None
    }

    /// A letter is a key until something was typed that is none; `/` makes all of them text.
    fn letter(&mut self, letter: char) -> Option<Step> {
        if self.filter.is_none() {
            match letter {
                'q' => return Some(Step::Quit),
                'j' => return self.go(1),
                'k' => return self.go(-1),
                'r' => return Some(Step::Look),
                '/' => {
                    self.filter = Some(String::new());
                    return None;
                }
                _ => {}
            }
        }
        self.narrow(letter.encode_utf8(&mut [0; 4]));
        None
    }

    fn narrow(&mut self, text: &str) {
        let filter = self.filter.get_or_insert_default();
        let room = LONGEST_FILTER.saturating_sub(filter.chars().count());
        filter.extend(printable(text).chars().take(room));
    }

    fn go(&mut self, by: i32) -> Option<Step> {
        let listed = self.listed();
        let last = listed.len().saturating_sub(1);
        let at = i64::try_from(self.marked()).unwrap_or(0) + i64::from(by);
        let at = usize::try_from(at).unwrap_or(0).min(last);
        let target = listed.get(at).map(|(_, place)| place.target.clone());
        self.marked = target;
        None
    }

    /// A click marks a place, and one on what is marked chooses it.
    fn click(&mut self, row: u16) -> Option<Step> {
        let target = self.shown.get(usize::from(row))?.clone()?;
        if self.marked.as_ref() == Some(&target) {
            return Some(Step::Connect(target));
        }
        self.marked = Some(target);
        None
    }

    /// The marked place; where nothing is left of the list what was typed is a target.
    fn chosen(&self) -> Option<Step> {
        let listed = self.listed();
        let target = match listed.get(self.marked()) {
            Some((_, place)) => place.target.clone(),
            None => self.filter.as_deref()?.trim().to_owned(),
        };
        (!target.is_empty()).then_some(Step::Connect(target))
    }
}

/// The one character of a text.
fn only(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}
