//! Messages in one line, and values in a few characters: safe to print.

use super::dissect::{Dissection, Image};
use super::names::label;
use super::plain::plain;
use crate::wire::{Field, Value};

/// Elements shown of a list.
const ELEMENTS: usize = 3;

/// Characters of a text that are shown.
const TEXT: usize = 60;

/// The fields of a message that tell most, in one line: boxes and points as such, images by what they are, lists by their
/// beginnings. Names and texts of guests are made harmless.
pub fn short(message: &Dissection) -> String {
    let fields = &message.trace.fields;
    let mut words: Vec<String> = Vec::new();
    let mut images = message.images.iter();
    let mut at = 0;
    while let Some(field) = fields.get(at) {
        let behind = fields.get(at + 1..).unwrap_or_default();
        let inside = behind.iter().take_while(|f| f.level > field.level).count();
        let children = &behind[..inside];
        if field.index.is_some_and(|index| index >= ELEMENTS) && field.name.is_empty() {
            if field.index == Some(ELEMENTS) || field.value == Value::Rest {
                words.push("…".to_owned());
            }
            at += 1 + inside;
            continue;
        }
        if is_noise(field, children) {
            at += 1 + inside;
            continue;
        }
        let name = name(fields, at);
        match shape(children) {
            Some(shape) => {
                words.push(format!("{name}={shape}"));
                at += 1 + inside;
            }
            None if is_image(field) => {
                words.extend(images.next().map(picture));
                at += 1 + inside;
            }
            None => {
                words.extend(word(message, field, name));
                at += 1;
            }
        }
    }
    if let Some(error) = &message.error {
        words.push(format!("! {}", plain(&error.to_string())));
    }
    words.join(" ")
}

/// The field's name; that of its list where it is an element.
fn name(fields: &[Field], at: usize) -> &'static str {
    let Some(field) = fields.get(at) else {
        return "";
    };
    if !field.name.is_empty() {
        return field.name;
    }
    let before = fields[..at].iter().rev();
    let parent = before
        .into_iter()
        .find(|f| f.level < field.level && !f.name.is_empty());
    parent.map_or("", |parent| parent.name)
}

/// What says nothing to a reader of one line: lengths of what is shown itself, kinds of clips and brushes, clips and masks
/// that are not there.
fn is_noise(field: &Field, inside: &[Field]) -> bool {
    let none = |name: &str, value: Value| {
        inside
            .iter()
            .any(|field| field.name == name && field.value == value)
    };
    match field.name {
        "clip" => none("type", Value::Unsigned(0)),
        "mask" => none("bitmap", Value::Pointer(0)),
        "type" => field.level > 0 && matches!(field.value, Value::Unsigned(_)),
        "data_size" | "num_rects" => true,
        name => name.ends_with("_len"),
    }
}

fn is_image(field: &Field) -> bool {
    matches!(field.value, Value::Pointer(1..))
        && matches!(
            field.name,
            "src_bitmap" | "pattern" | "bitmap" | "mask_bitmap"
        )
}

fn picture(image: &Image) -> String {
    let size = format!("{}x{}", image.width, image.height);
    match image.ratio() {
        Some(ratio) => format!(
            "{}={}:{size}:{}B:{ratio:.1}x",
            image.role, image.coding, image.coded
        ),
        None => format!("{}={}:{size}", image.role, image.coding),
    }
}

/// Fields that are a box or a point.
fn shape(fields: &[Field]) -> Option<String> {
    let number = |at: usize| match fields.get(at)?.value {
        Value::Signed(number) => Some(number),
        Value::Unsigned(number) => i64::try_from(number).ok(),
        _ => None,
    };
    let is = |names: &[&str]| {
        fields.len() == names.len() && fields.iter().zip(names).all(|(f, name)| f.name == *name)
    };
    if is(&["top", "left", "bottom", "right"]) {
        let (top, left) = (number(0)?, number(1)?);
        let (width, height) = (number(3)? - left, number(2)? - top);
        return Some(format!("{left},{top}+{width}x{height}"));
    }
    is(&["x", "y"]).then(|| Some(format!("{},{}", number(0)?, number(1)?)))?
}

/// A field that is not taken apart; `None` for one that says nothing by itself.
fn word(message: &Dissection, field: &Field, name: &str) -> Option<String> {
    match &field.value {
        Value::Group | Value::Pointer(_) => None,
        Value::Rest => Some("…".to_owned()),
        Value::Bytes if field.bytes.is_empty() => None,
        Value::Unsigned(color) if name.ends_with("color") => Some(format!("{name}=0x{color:06x}")),
        _ => Some(format!("{name}={}", value(message, field))),
    }
}

/// What a field says: a number, a name, a text, or how many bytes.
pub fn value(message: &Dissection, field: &Field) -> String {
    match &field.value {
        Value::Named(_, name) => label(name),
        Value::Bytes => {
            let bytes = message.body.get(field.bytes.clone()).unwrap_or_default();
            match printed(bytes) {
                Some(text) => format!("\"{text}\""),
                None => format!("{}B", bytes.len()),
            }
        }
        Value::Rest => format!("{} bytes more of them", field.bytes.len()),
        value => value.to_string(),
    }
}

/// The text in a field of bytes that look like one; safe to print, and cut after some dozen characters.
pub fn text(message: &Dissection, field: &Field) -> Option<String> {
    match field.value {
        Value::Bytes => printed(message.body.get(field.bytes.clone())?),
        _ => None,
    }
}

fn printed(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    let start = bytes.get(..bytes.len().min(4 * TEXT)).unwrap_or_default();
    let start = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A character that was cut in two is no reason.
        Err(error) if error.error_len().is_none() && bytes.len() > start.len() => {
            std::str::from_utf8(start.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let controls = start
        .chars()
        .filter(|c| c.is_control() && !"\r\n\t".contains(*c));
    if start.is_empty() || controls.count() > 0 {
        return None;
    }
    let mut shown: String = plain(start).chars().take(TEXT).collect();
    if shown.chars().count() == TEXT {
        shown.push('…');
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ChannelId, ChannelKind};
    use crate::inspect::Dissector;
    use crate::session::Way;
    use crate::wire::Frame;

    fn line(kind: ChannelKind, number: u16, body: &[u8]) -> String {
        let channel = ChannelId::new(kind, 0);
        let frame = Frame::new(number, body.to_vec());
        short(&Dissector::default().dissect(channel, Way::ToClient, &frame))
    }

    #[test]
    fn boxes_and_points_are_one_word() {
        // COPY_BITS: surface 0, box from 3,2 of 4 × 5, no clip, from 9,8.
        let numbers = [0i32, 2, 3, 7, 7];
        let mut body: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        body.push(0);
        body.extend([9, 0, 0, 0, 8, 0, 0, 0]);
        assert_eq!(
            line(ChannelKind::Display, 104, &body),
            "surface_id=0 bbox=3,2+4x5 src_pos=9,8"
        );
    }

    #[test]
    fn texts_of_guests_are_harmless() {
        let mut body = 10u32.to_le_bytes().to_vec();
        body.extend(b"a\x1b[2Jb\r\nc\0");
        assert_eq!(
            line(ChannelKind::Main, 113, &body),
            "name=10B",
            "an escape is no text"
        );
        let mut body = 6u32.to_le_bytes().to_vec();
        body.extend("a\u{202e}bc".as_bytes());
        assert_eq!(line(ChannelKind::Main, 113, &body), "name=\"a\\u{202e}bc\"");
    }

    #[test]
    fn long_lists_are_cut() {
        let mut body = vec![200];
        body.extend([7; 400]);
        assert_eq!(
            line(ChannelKind::Playback, 105, &body),
            "nchannels=200 volume=1799 volume=1799 volume=1799 …"
        );
    }
}
