//! The guest agent: whether it is there, what it can do, and why something cannot be done.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw_lines;
use crate::channel::main::agent::{Abilities, ContentKind, State};
use crate::tui::app::App;
use crate::tui::view::Theme;

/// Draws what is known.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let sharing = &app.sharing;
    let row = |name: &'static str, text: String| {
        Line::from(vec![
            Span::styled(format!(" {name:<10}"), theme.dim()),
            Span::raw(text),
        ])
    };
    let mut lines = vec![row("agent", state(sharing.agent).into())];
    if sharing.agent == State::Absent {
        for reason in ABSENT {
            lines.push(row("", (*reason).into()));
        }
    }
    if let State::Ready(abilities) = sharing.agent {
        let or_why = |able: Result<(), _>| match able {
            Ok(()) => "yes".to_owned(),
            Err(why) => format!("no: {why}"),
        };
        lines.push(row("clipboard", or_why(sharing.agent.clipboard())));
        lines.push(row("files", or_why(sharing.agent.files())));
        let sizes = match abilities.contains(Abilities::MONITORS_CONFIG) {
            true => "yes",
            false => "by the server, if its graphics can",
        };
        lines.push(row("resizing", sizes.into()));
    }
    let offered: Vec<&str> = sharing
        .offered
        .iter()
        .copied()
        .map(ContentKind::name)
        .collect();
    lines.push(row(
        "copied",
        match offered.is_empty() {
            true if sharing.untold => "it has told of nothing yet".into(),
            true => "nothing in the guest".into(),
            false => format!("{} in the guest", offered.join(", ")),
        },
    ));
    if let Some(text) = &sharing.text {
        let bytes = text.len();
        lines.push(row(
            "pasted",
            format!("{bytes} bytes, waiting to be pasted in the guest"),
        ));
    }
    if let Some(size) = sharing.asked {
        let answer = match sharing.accepted {
            Some(true) => "accepted",
            Some(false) => "refused",
            None => "not answered",
        };
        let (width, height, times) = (size.width, size.height, theme.times());
        lines.push(row(
            "asked for",
            format!("{width}{times}{height}, {answer}"),
        ));
    }
    draw_lines(lines, area, buf);
}

/// What has to be there for an agent.
const ABSENT: &[&str] = &[
    "needs spice-vdagent running in the guest, and in",
    "the VM a virtio port com.redhat.spice.0",
];

fn state(state: State) -> &'static str {
    match state {
        State::Absent => "none",
        State::Starting => "there, has said nothing yet",
        State::Silent => "there, but it does not answer",
        State::Ready(_) => "ready",
        State::Broken => "there, but it speaks another protocol",
    }
}
