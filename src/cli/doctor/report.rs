//! What is known of a terminal, as lines and as JSON.

use serde_json::{Value, json};

use super::Found;
use crate::term::Colours;
use crate::term::probe::{Capabilities, Cells, Multiplexer};
use crate::tui::probing::Heard;

/// Its name, what stands between, and how it answered.
pub fn name(found: &Found<'_>) -> String {
    let terminal = &found.capabilities;
    let mut text = match (terminal.name.as_str(), found.around.term.as_str()) {
        ("", "") => "unknown".to_owned(),
        ("", term) => format!("unnamed (TERM={term})"),
        (name, _) => format!("{name} {}", terminal.version).trim_end().to_owned(),
    };
    match terminal.multiplexer {
        Some(between) if !text.starts_with(between.name()) => {
            text += &format!(" inside {}", between.name());
        }
        _ => {}
    }
    if terminal.remote {
        text += " over SSH";
    }
    format!("{text}, {}", found.how())
}

/// Names and values, in the order people read them.
pub fn lines(terminal: &Capabilities) -> Vec<(&'static str, String)> {
    let yes = |is: bool, no: &str| if is { "yes".to_owned() } else { no.to_owned() };
    vec![
        ("cell", pixels(terminal.cell)),
        ("window", pixels(terminal.area)),
        (
            "background",
            match terminal.background {
                Some([r, g, b]) => format!("#{r:02x}{g:02x}{b:02x}"),
                None => "not said".into(),
            },
        ),
        ("colours", colours(terminal.colours).into()),
        ("characters", cells(terminal.cells).into()),
        ("kitty", kitty(terminal)),
        ("sixel", sixel(terminal)),
        ("iterm2", yes(terminal.iterm2, "no")),
        (
            "whole frames",
            yes(terminal.synchronized, "no (synchronized output, 2026)"),
        ),
        (
            "keyboard",
            match terminal.keyboard {
                true => "releases and modifier keys are reported",
                false => "no releases: every key is let go by itself",
            }
            .into(),
        ),
        (
            "mouse",
            match terminal.pixel_mouse {
                true => "reports pixels",
                false => "reports cells",
            }
            .into(),
        ),
    ]
}

fn pixels(size: Option<(u32, u32)>) -> String {
    size.map_or("not said".into(), |(width, height)| {
        format!("{width}×{height} pixels")
    })
}

const fn colours(colours: Colours) -> &'static str {
    match colours {
        Colours::True => "all",
        Colours::Palette256 => "256",
        Colours::Palette16 => "16",
        Colours::None => "none",
    }
}

const fn cells(cells: Cells) -> &'static str {
    match cells {
        Cells::Octant => "octants",
        Cells::Sextant => "sextants",
        Cells::Quadrant => "quadrants",
        Cells::Half => "half blocks",
        Cells::Ascii => "ASCII",
    }
}

fn kitty(terminal: &Capabilities) -> String {
    let Some(kitty) = terminal.kitty else {
        return "no".into();
    };
    let parts = [
        (kitty.direct, "direct"),
        (kitty.edits, "edits"),
        (kitty.shared_memory, "shared memory"),
        (kitty.file, "files"),
        (kitty.placeholders, "placeholders"),
    ];
    let parts: Vec<&str> = parts.iter().filter(|p| p.0).map(|p| p.1).collect();
    format!("yes: {}", parts.join(", "))
}

fn sixel(terminal: &Capabilities) -> String {
    let Some(sixel) = terminal.sixel else {
        return "no".into();
    };
    let largest = sixel.largest.map_or(String::new(), |(width, height)| {
        format!(", pictures of at most {width}×{height} pixels")
    });
    format!("yes: {} colours{largest}", sixel.registers)
}

/// All of it, for programs.
pub fn json(found: &Found<'_>) -> Value {
    let terminal = &found.capabilities;
    let size = |size: Option<(u32, u32)>| size.map(|(w, h)| json!({ "width": w, "height": h }));
    let rgb = |rgb: Option<[u8; 3]>| rgb.map(|[r, g, b]| format!("#{r:02x}{g:02x}{b:02x}"));
    json!({
        "asked": matches!(found.heard, Ok(Heard::After(_) | Heard::Nothing(_))),
        "answered_ms": match found.heard {
            Ok(Heard::After(took)) => Some(took.as_millis() as u64),
            _ => None,
        },
        "environment": {
            "term": found.around.term,
            "program": found.around.program,
            "multiplexer": found.around.multiplexer.map(Multiplexer::name),
            "remote": found.around.remote,
        },
        "terminal": {
            "name": terminal.name,
            "version": terminal.version,
            "cell": size(terminal.cell),
            "area": size(terminal.area),
            "foreground": rgb(terminal.foreground),
            "background": rgb(terminal.background),
            "colours": colours(terminal.colours),
            "characters": cells(terminal.cells),
            "kitty": terminal.kitty.map(|kitty| json!({
                "direct": kitty.direct,
                "edits": kitty.edits,
                "shared_memory": kitty.shared_memory,
                "file": kitty.file,
                "placeholders": kitty.placeholders,
            })),
            "sixel": terminal.sixel.map(|sixel| json!({
                "registers": sixel.registers,
                "largest": size(sixel.largest),
            })),
            "iterm2": terminal.iterm2,
            "synchronized": terminal.synchronized,
            "keyboard": terminal.keyboard,
            "pixel_mouse": terminal.pixel_mouse,
        },
        "best": terminal.best().name(),
    })
}
