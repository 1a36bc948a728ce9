//! The channels of the session: state, messages, bytes, acknowledgement window, capabilities.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw_lines;
use crate::channel::ChannelKind;
use crate::link::names;
use crate::session::ChannelStats;
use crate::tui::app::App;
use crate::tui::text::short;
use crate::tui::view::Theme;
use crate::wire::HeaderKind;

/// Draws two lines a channel: numbers, and the capabilities both sides have.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let Some(stats) = &app.stats else {
        return draw_lines([Line::styled("no numbers yet", theme.dim())], area, buf);
    };
    let head = Line::styled(
        format!(
            "{:<11}{:<8}{:>6}{:>6}  ack window",
            "channel", "state", "in", "out"
        ),
        theme.dim(),
    );
    let all: Vec<Line> = stats
        .channels
        .iter()
        .flat_map(|channel| {
            let more = capabilities(channel, area.width, &theme);
            std::iter::once(line(app, channel, area.width, &theme)).chain(more)
        })
        .collect();
    // Where room is short, the numbers of all channels come before what they can do.
    let lines = if all.len() < usize::from(area.height) {
        all
    } else {
        let channels = stats.channels.iter();
        channels.map(|c| line(app, c, area.width, &theme)).collect()
    };
    draw_lines(std::iter::once(head).chain(lines), area, buf);
}

/// The numbers of a channel; its rates too, where there is room.
fn line<'a>(app: &App, channel: &ChannelStats, width: u16, theme: &Theme) -> Line<'a> {
    const WITH_RATES: u16 = 76;
    let mut line = numbers(channel, theme);
    if let Some([received, sent]) = app.history.rate(channel.id).filter(|_| width >= WITH_RATES) {
        let missing = 52usize.saturating_sub(line.width());
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
    let common = client
        .common_bits()
        .filter(|bit| server.has_common(*bit))
        .map(|bit| name(names::COMMON, bit));
    let own = client
        .channel_bits()
        .filter(|bit| server.has(*bit))
        .map(|bit| name(channel_names(channel.id.kind), bit));
    let header = match channel.header {
        HeaderKind::Mini => "mini header",
        HeaderKind::Full => "full header",
    };
    let mut words = vec![header.to_owned()];
    words.extend(common.filter(|name| name != "MINI_HEADER"));
    words.extend(own);
    wrapped(&words, width.into())
        .into_iter()
        .map(|line| Line::styled(line, theme.dim()))
        .collect()
}

/// Words with commas between them, in indented lines of at most `width` columns where a word allows it.
fn wrapped(words: &[String], width: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let mut lines: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let comma = if at + 1 < words.len() { "," } else { "" };
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() + comma.len() <= width => {
                line.push(' ');
                line.push_str(word);
                line.push_str(comma);
            }
            _ => lines.push(format!("{INDENT}{word}{comma}")),
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
