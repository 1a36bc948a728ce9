//! The player's line below the picture: where playing is, how fast, and how much happens when; and the player's keys.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::term::input::{Key, KeyCode, Modifiers};
use crate::tui::app::App;
use crate::tui::deck::{Order, Speed, Timeline};
use crate::tui::view::Theme;

/// What a key of the player asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// The player is to do something.
    Order(Order),
    /// The next speed in a direction.
    Speed {
        /// Whether a faster one.
        faster: bool,
    },
    /// A time is to be typed.
    GoTo,
    /// A pixel is to be pointed at.
    Point,
    /// The picture before the last message is to be shown, or the one after it.
    Before,
    /// The help page.
    Help,
    /// The end.
    Quit,
    /// Nothing: it would be for the guest, and there is none.
    Nothing,
}

/// The player's keys, as the help page shows them.
pub const HELP: &[(&str, &str)] = &[
    (
        "",
        "This is a recording: no key goes to a guest. The player's:",
    ),
    ("Space", "stop and go on"),
    ("+ -", "faster and slower, 0.25 to 32 times; = as it was"),
    ("f", "as fast as possible"),
    (
        "\u{2190} \u{2192}",
        "5 seconds back and forth, with Shift 60",
    ),
    ("0 to 9", "so many tenths of the whole; Home, End"),
    ("g", "a time that you type: 90, 1:30, 1:02:03, 50%"),
    ("n", "to where something is drawn next"),
    (",", "one picture, and stop"),
    (".", "one message, and stop; b the picture before and after"),
    ("m", "mark this moment; [ and ] go to marks, to other sizes"),
    (
        "",
        "        of the screen and to where something is missing",
    ),
    ("w", "who drew a pixel: point at it, see the messages"),
    ("l", "begin again at the end"),
    ("q", "quit"),
    ("", "A click on the line below goes there."),
    ("", ""),
];

/// What a key asks for.
pub fn key(key: &Key) -> Press {
    let has = |modifier| key.modifiers.contains(modifier);
    if has(Modifiers::CTRL) || has(Modifiers::ALT) || has(Modifiers::SUPER) {
        return match key.code {
            KeyCode::Char('c') if has(Modifiers::CTRL) => Press::Quit,
            _ => Press::Nothing,
        };
    }
    let step = if has(Modifiers::SHIFT) { 60_000 } else { 5000 };
    let typed = key.text.as_deref().and_then(|text| text.chars().next());
    Press::Order(match key.code {
        KeyCode::Left => Order::By(-step),
        KeyCode::Right => Order::By(step),
        KeyCode::Home => Order::Tenth(0),
        KeyCode::End => Order::End,
        KeyCode::Char(c) => match typed.unwrap_or(c) {
            ' ' => Order::Pause,
            digit @ '0'..='9' => Order::Tenth(digit as u8 - b'0'),
            '.' => Order::Message,
            ',' => Order::Picture,
            'n' => Order::Change,
            'l' => Order::Loop,
            'm' => Order::Mark,
            '[' => Order::Place { back: true },
            ']' => Order::Place { back: false },
            'f' => Order::Speed(Speed::Fastest),
            '=' => Order::Speed(Speed::Real),
            '+' => return Press::Speed { faster: true },
            '-' | '_' => return Press::Speed { faster: false },
            'g' => return Press::GoTo,
            'w' => return Press::Point,
            'b' => return Press::Before,
            '?' => return Press::Help,
            'q' => return Press::Quit,
            _ => return Press::Nothing,
        },
        _ => return Press::Nothing,
    })
}

/// The order for a time as people write it: seconds, `M:SS` or `H:MM:SS`, with decimals, or per cent of the whole.
pub fn parse(text: &str, length: Duration) -> Option<Order> {
    let text = text.trim();
    if let Some(percent) = text.strip_suffix('%') {
        let percent: f64 = percent.trim().parse().ok()?;
        return (0.0..=100.0)
            .contains(&percent)
            .then(|| Order::To(length.mul_f64(percent / 100.0)));
    }
    let mut seconds = 0.0;
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    for part in parts {
        let number: f64 = part.parse().ok().filter(|n: &f64| *n >= 0.0)?;
        seconds = seconds * 60.0 + number;
    }
    Duration::try_from_secs_f64(seconds).ok().map(Order::To)
}

/// A moment, in hours only where there are some.
pub fn clock(at: Duration) -> String {
    let (seconds, tenths) = (at.as_secs(), at.subsec_millis() / 100);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}.{tenths}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}.{tenths}"),
    }
}

/// What stands before and behind the activity.
fn words(timeline: &Timeline, theme: &Theme) -> (String, String) {
    let state = match timeline {
        _ if timeline.seeking.is_some() => "..",
        _ if timeline.ended => theme.stopped(),
        _ if timeline.paused => "||",
        _ => theme.playing(),
    };
    let at = clock(timeline.seeking.unwrap_or(timeline.at));
    let left = format!(" {state} {at} ");
    let mut right = vec![clock(timeline.length)];
    if let Some((read, of)) = timeline.scanned {
        right[0].push('+');
        right.push(format!("reading {}%", percent(read, of)));
    } else if let Some(until) = timeline.indexed {
        let (until, of) = (until.as_millis() as u64, timeline.length.as_millis() as u64);
        right.push(format!("index {}%", percent(until, of)));
    }
    right.push(match timeline.speed {
        Speed::Fastest => "max".to_owned(),
        speed => format!("{speed}{}", theme.times()),
    });
    if timeline.looping {
        right.push("loop".to_owned());
    }
    if timeline.losses > 0 {
        right.push(format!("{} missing", timeline.losses));
    }
    (left, format!(" {} ", right.join(" ")))
}

fn percent(part: u64, of: u64) -> u64 {
    (part.saturating_mul(100) / of.max(1)).min(100)
}

/// The columns of the line that stand for time.
fn track(timeline: &Timeline, theme: &Theme, area: Rect) -> Rect {
    /// Columns below which there is no point in it.
    const LEAST: u16 = 8;
    let (left, right) = words(timeline, theme);
    let used = (left.chars().count() + right.chars().count()) as u16;
    let width = area.width.saturating_sub(used);
    Rect {
        x: area.x + (left.chars().count() as u16).min(area.width),
        width: if width < LEAST { 0 } else { width },
        ..area
    }
}

/// The moment a cell of the line stands for, if it stands for one.
pub fn moment_at(app: &App, area: Rect, column: u16, row: u16) -> Option<Duration> {
    let timeline = app.timeline.as_ref()?;
    let track = track(timeline, &Theme::of(app), area);
    let on_it = track.contains((column, row).into());
    on_it.then(|| {
        let place = f64::from(column - track.x) / f64::from(track.width);
        timeline.length.mul_f64(place)
    })
}

/// Draws the line.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let (Some(timeline), false) = (&app.timeline, area.is_empty()) else {
        return;
    };
    let theme = Theme::of(app);
    let (left, right) = words(timeline, &theme);
    let track = track(timeline, &theme, area);
    let width = usize::from(area.width);
    buf.set_stringn(area.x, area.y, " ".repeat(width), width, theme.dim());
    let (next, _) = buf.set_stringn(area.x, area.y, &left, width, theme.title());
    let behind = match track.width {
        0 => next,
        _ => track.right(),
    };
    let room = area.right().saturating_sub(behind);
    buf.set_stringn(behind, area.y, &right, room.into(), theme.dim());
    draw_track(timeline, &theme, track, buf);
}

fn draw_track(timeline: &Timeline, theme: &Theme, track: Rect, buf: &mut Buffer) {
    if track.width == 0 {
        return;
    }
    let columns = usize::from(track.width);
    let column_of = |at: Duration| {
        let place = at.as_secs_f64() / timeline.length.as_secs_f64().max(1e-9);
        ((place * columns as f64) as usize).min(columns - 1)
    };
    let levels = levels(timeline, columns);
    let marked: Vec<usize> = timeline.marks.iter().map(|at| column_of(*at)).collect();
    let here = column_of(timeline.seeking.unwrap_or(timeline.at));
    for (place, level) in levels.into_iter().enumerate() {
        let Some(cell) = buf.cell_mut((track.x + place as u16, track.y)) else {
            continue;
        };
        cell.set_symbol(theme.level(level))
            .set_style(match place <= here {
                true => theme.title(),
                false => theme.dim(),
            });
        if marked.contains(&place) {
            cell.set_symbol(theme.mark());
        }
        if place == here {
            cell.modifier |= Modifier::REVERSED;
        }
    }
}

/// How much happens in each column, 0 to 8, by the logarithm of its bytes.
fn levels(timeline: &Timeline, columns: usize) -> Vec<usize> {
    let contents = &timeline.contents;
    let length = timeline.length.as_secs_f64().max(1e-9);
    let slice = contents.slice.as_secs_f64();
    let mut bytes = vec![0u64; columns];
    for (place, count) in contents.activity.iter().enumerate() {
        // A slice may be wider than a column: it fills all that it touches.
        let of = |at: f64| (at * slice / length * columns as f64) as usize;
        let (first, behind) = (of(place as f64), of(place as f64 + 1.0));
        let behind = behind.max(first.saturating_add(1)).min(columns);
        if let Some(touched) = bytes.get_mut(first..behind) {
            let each = count / (behind - first) as u64;
            touched
                .iter_mut()
                .for_each(|sum| *sum = sum.saturating_add(each));
        }
    }
    let height = |bytes: u64| f64::from(1 + bytes.ilog2());
    let most = bytes
        .iter()
        .copied()
        .filter(|b| *b > 0)
        .max()
        .map_or(1.0, height);
    let level = |bytes: u64| match bytes {
        0 => 0,
        bytes => ((height(bytes) / most * 8.0).ceil() as usize).clamp(1, 8),
    };
    bytes.into_iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let length = Duration::from_secs(200);
        let to = |seconds: f64| Some(Order::To(Duration::from_secs_f64(seconds)));
        for (text, expected) in [
            ("90", to(90.0)),
            ("1:30", to(90.0)),
            ("1:02:03.5", to(3723.5)),
            (" 50% ", to(100.0)),
            ("101%", None),
            ("-3", None),
            ("1:2:3:4", None),
            ("x", None),
            ("", None),
            ("NaN", None),
            ("inf", None),
        ] {
            assert_eq!(parse(text, length), expected, "{text}");
        }
        assert_eq!(clock(Duration::from_millis(90_250)), "1:30.2");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03.0");
    }

    #[test]
    fn activity_that_no_file_can_have_is_drawn_all_the_same() {
        for (length, slice) in [(1, u64::MAX), (u64::MAX, 1), (0, 0)] {
            let contents = crate::recording::Contents {
                activity: vec![u64::MAX; 512],
                slice: Duration::from_nanos(slice),
                ..Default::default()
            };
            let timeline = Timeline {
                length: Duration::from_nanos(length),
                contents: std::sync::Arc::new(contents),
                ..Timeline::default()
            };
            let levels = levels(&timeline, 80);
            assert!(levels.iter().all(|level| *level <= 8), "{levels:?}");
        }
    }
}
