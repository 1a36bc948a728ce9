//! The channels of the session: state, messages, bytes, acknowledgement window, capabilities, how long answers take.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw_lines;
use crate::channel::ChannelKind;
use crate::link::{Capabilities, names};
use crate::session::ChannelStats;
use crate::tui::app::App;
use crate::tui::text::short;
use crate::tui::trips::Side;
use crate::tui::view::Theme;
use crate::tui::watch::Things;
use crate::wire::HeaderKind;

/// Draws two lines a channel: numbers, and the capabilities both sides have.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let Some(stats) = &app.stats else {
        return draw_lines([Line::styled("no numbers yet", theme.dim())], area, buf);
    };
    let head = Line::styled(
        format!(
            "{:<11}{:<8}{:>6}{:>6}  ack window{}",
            "channel",
            "state",
            "in",
            "out",
            if area.width >= WITH_TRIP { TRIP } else { "" }
        ),
        theme.dim(),
    );
    let things = app.watch.things();
    let all: Vec<Line> = stats
        .channels
        .iter()
        .flat_map(|channel| {
            let mut more = Vec::new();
            // Opened once more after it was closed, or its connection lost.
            if let Some(times @ 2..) = things.linked.get(&channel.id).copied() {
                let again = format!("  linked {times}{}, the last time anew", theme.times());
                more.push(Line::styled(again, theme.dim()));
            }
            more.extend(capabilities(channel, area.width, &theme));
            let line = line((app, &things), channel, area.width, &theme);
            std::iter::once(line).chain(more)
        })
        .collect();
    // Where room is short, the numbers of all channels come before what they can do.
    let lines = if all.len() < usize::from(area.height) {
        all
    } else {
        let channels = stats.channels.iter();
        channels
            .map(|c| line((app, &things), c, area.width, &theme))
            .collect()
    };
    draw_lines(std::iter::once(head).chain(lines), area, buf);
}

/// Columns from which on there is room for how long answers take.
const WITH_TRIP: u16 = 60;

/// The heading of that.
const TRIP: &str = "       answers";

/// The numbers of a channel; its rates too, where there is room.
fn line<'a>(
    (app, things): (&App, &Things),
    channel: &ChannelStats,
    width: u16,
    theme: &Theme,
) -> Line<'a> {
    const WITH_RATES: u16 = 76;
    let mut line = numbers(channel, theme);
    if width >= WITH_TRIP {
        // Of others it is the client that is far away, of one's own the server.
        let side = if app.mirrors {
            Side::Client
        } else {
            Side::Server
        };
        let missing = 48usize.saturating_sub(line.width());
        let trip = things.trips.of(channel.id, side);
        let trip = trip.map_or("-".to_owned(), |t| {
            format!("{:.1}ms", t.as_secs_f64() * 1e3)
        });
        line.push_span(Span::raw(format!("{}{trip:>9}", " ".repeat(missing))));
    }
    if let Some([received, sent]) = app.history.rate(channel.id).filter(|_| width >= WITH_RATES) {
        let missing = 57usize.saturating_sub(line.width());
        let rates = format!(
            "{}  {:>6}B/s {:>6}B/s",
            " ".repeat(missing),
            short(received),
            short(sent)
        );
        line.push_span(Span::raw(rates));
    }
    line
}

fn numbers<'a>(channel: &ChannelStats, theme: &Theme) -> Line<'a> {
    let [received, sent] = channel.bytes.map(short);
    let mut spans = vec![
        Span::styled(format!("{:<11}", channel.id.to_string()), theme.title()),
        Span::raw(format!("{:<8}{received:>6}{sent:>6}  ", channel.state)),
    ];
    match channel.ack_window {
        [0, _] => spans.push(Span::styled("none", theme.dim())),
        [size, filled] => {
            const CELLS: u32 = 8;
            let full = (u64::from(filled.min(size)) * u64::from(CELLS) / u64::from(size)) as usize;
            let (ink, blank) = theme.gauge();
            spans.push(Span::raw(ink.repeat(full)));
            spans.push(Span::styled(
                blank.repeat(CELLS as usize - full),
                theme.dim(),
            ));
            spans.push(Span::raw(format!(" {filled}/{size}")));
        }
    }
    Line::from(spans)
}

/// What both sides can do, in as many lines as it takes.
fn capabilities<'a>(channel: &ChannelStats, width: u16, theme: &Theme) -> Vec<Line<'a>> {
    let [client, server] = &channel.capabilities;
    let own_names = channel_names(channel.id.kind);
    let all = |of: &Capabilities| -> Vec<String> {
        let common = of.common_bits().map(|bit| name(names::COMMON, bit));
        let own = of.channel_bits().map(|bit| name(own_names, bit));
        common.chain(own).collect()
    };
    let (client, server) = (all(client), all(server));
    // Said of the header already.
    let is_header = |word: &&String| *word == "MINI_HEADER";
    let common = client.iter().filter(|word| server.contains(word));
    let only = |whose: &str, these: &[String], others: &[String]| {
        let words = these.iter().filter(|word| !others.contains(word));
        let words: Vec<&str> = words
            .filter(|w| !is_header(w))
            .map(String::as_str)
            .collect();
        (!words.is_empty()).then(|| format!("{whose} only: {}", words.join(" ")))
    };
    let header = match channel.header {
        HeaderKind::Mini => "mini header",
        HeaderKind::Full => "full header",
    };
    let mut words = vec![header.to_owned()];
    words.extend(common.filter(|word| !is_header(word)).cloned());
    words.extend(only("client", &client, &server));
    words.extend(only("server", &server, &client));
    wrapped(&words, width.into())
        .into_iter()
        .map(|line| Line::styled(line, theme.dim()))
        .collect()
}

/// Phrases with commas between them, in indented lines of at most `width` columns. One begins on a line of its own where it would
/// have to be broken, and is broken where it is longer than a line.
fn wrapped(phrases: &[String], width: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let mut lines: Vec<String> = Vec::new();
    let fits = |line: &String, text: &str| line.len() + 1 + text.len() <= width;
    for (at, phrase) in phrases.iter().enumerate() {
        let comma = if at + 1 < phrases.len() { "," } else { "" };
        let phrase = format!("{phrase}{comma}");
        if lines.last().is_none_or(|line| !fits(line, &phrase)) {
            lines.push(String::new());
        }
        for word in phrase.split(' ') {
            match lines.last_mut() {
                Some(line) if line.is_empty() => *line = format!("{INDENT}{word}"),
                Some(line) if fits(line, word) => *line += &format!(" {word}"),
                _ => lines.push(format!("{INDENT}{word}")),
            }
        }
    }
    lines
}

fn name(names: &[&str], bit: u32) -> String {
    names
        .get(bit as usize)
        .map_or_else(|| format!("bit{bit}"), |name| (*name).to_owned())
}

fn channel_names(kind: ChannelKind) -> &'static [&'static str] {
    match kind {
        ChannelKind::Main => names::MAIN,
        ChannelKind::Display => names::DISPLAY,
        ChannelKind::Inputs => names::INPUTS,
        ChannelKind::Playback => names::PLAYBACK,
        ChannelKind::Record => names::RECORD,
        ChannelKind::Usbredir | ChannelKind::Port | ChannelKind::Webdav => names::VMC,
        _ => &[],
    }
}
