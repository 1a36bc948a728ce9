//! What was read from a body: names, values and bytes of fields, as the reader came by them.
//!
//! The decoders are the only description of the messages; a trace is what they said while they read one.

use std::fmt;
use std::ops::Range;

/// Fields after which lists are not taken apart any further.
const ROOM: usize = 4096;

/// Which bytes of a body were which field, in the order they were read: parents before what they consist of.
///
/// Lists stop being taken apart after some thousand fields, so that its size does not depend on the body's.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The fields, in reading order. Several may cover the same bytes: where pointers meet, and groups cover their fields.
    pub fields: Vec<Field>,
}

/// One field of a [`Trace`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The protocol's name for it; empty for elements of lists, and for what lies behind a pointer and has no fields.
    pub name: &'static str,
    /// Which element of its list it is, from 0.
    pub index: Option<usize>,
    /// How many fields enclose it.
    pub level: u8,
    /// Where it lies in the body, in bytes. Of a pointer these are its own four.
    pub bytes: Range<usize>,
    /// What it says.
    pub value: Value,
}

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// It consists of the fields behind it whose level is higher.
    Group,
    /// A number.
    Unsigned(u64),
    /// A number in two's complement.
    Signed(i64),
    /// A number that has a name, or a set of bits that have.
    Named(u64, String),
    /// Where it points to: the fields behind it whose level is higher; 0 for nowhere.
    Pointer(u32),
    /// Bytes without an inner layout.
    Bytes,
    /// The elements of a list from its index on, which are not taken apart.
    Rest,
}

impl Value {
    /// Little-endian numbers of 1, 2, 4 and 8 bytes are numbers, all else is bytes.
    pub(super) fn number(bytes: &[u8]) -> Self {
        match bytes.len() {
            1 | 2 | 4 | 8 => Self::Unsigned(
                bytes
                    .iter()
                    .rev()
                    .fold(0, |number, byte| number << 8 | u64::from(*byte)),
            ),
            _ => Self::Bytes,
        }
    }

    /// The number with the name `text`.
    pub(super) fn named(self, text: fmt::Arguments<'_>) -> Self {
        match self {
            Self::Unsigned(number) => Self::Named(number, text.to_string()),
            other => other,
        }
    }
}

impl Trace {
    /// The field's dotted path, as in `clip.rects[1].top`.
    pub fn path(&self, field: usize) -> String {
        let mut parents = vec![field];
        let mut level = self.fields.get(field).map_or(0, |field| field.level);
        for (at, candidate) in self.fields[..field.min(self.fields.len())]
            .iter()
            .enumerate()
            .rev()
        {
            if candidate.level < level {
                parents.push(at);
                level = candidate.level;
            }
        }
        let mut path = String::new();
        for field in parents.iter().rev().filter_map(|at| self.fields.get(*at)) {
            if !field.name.is_empty() {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(field.name);
            }
            if let Some(index) = field.index {
                path.push_str(&format!("[{index}]"));
            }
        }
        path
    }

    /// Whether lists are to be noted as a whole from here on.
    pub(super) fn is_full(&self) -> bool {
        self.fields.len() >= ROOM
    }

    /// Begins a group at byte `at`; where it is.
    pub(super) fn open(
        &mut self,
        name: &'static str,
        index: Option<usize>,
        level: u8,
        at: usize,
    ) -> usize {
        self.fields.push(Field {
            name,
            index,
            level,
            bytes: at..at,
            value: Value::Group,
        });
        self.fields.len() - 1
    }

    /// Ends a group before byte `at`.
    pub(super) fn close(&mut self, group: usize, at: usize) {
        if let Some(group) = self.fields.get_mut(group) {
            group.bytes.end = group.bytes.end.max(at);
        }
    }

    /// Notes a field that is not taken apart. One without a name is all there is in the group that has just begun.
    pub(super) fn leaf(
        &mut self,
        name: &'static str,
        level: u8,
        bytes: Range<usize>,
        value: Value,
    ) {
        let group = self.fields.last_mut().filter(|last| {
            name.is_empty() && last.value == Value::Group && last.level + 1 == level
        });
        match group {
            Some(group) => (group.bytes, group.value) = (bytes, value),
            None => self.fields.push(Field {
                name,
                index: None,
                level,
                bytes,
                value,
            }),
        }
    }

    /// Notes elements of a list that are not taken apart: one field for all of them.
    pub(super) fn skip(&mut self, level: u8, index: usize, bytes: Range<usize>) {
        match self.fields.last_mut() {
            Some(last) if last.value == Value::Rest && last.level == level => {
                last.bytes.end = bytes.end;
            }
            _ => self.fields.push(Field {
                name: "",
                index: Some(index),
                level,
                bytes,
                value: Value::Rest,
            }),
        }
    }

    /// Changes the value of the field that was noted last.
    pub(super) fn revalue_last(&mut self, change: impl FnOnce(Value) -> Value) {
        if let Some(last) = self.fields.last_mut() {
            let value = std::mem::replace(&mut last.value, Value::Bytes);
            last.value = change(value);
        }
    }

    /// Reads the number that was noted last as a signed one.
    pub(super) fn sign_last(&mut self) {
        let bits = self.fields.last().map_or(0, |last| last.bytes.len() * 8);
        self.revalue_last(|value| match value {
            Value::Unsigned(number) if (8..=64).contains(&bits) => {
                let unused = 64 - bits;
                Value::Signed((number << unused).cast_signed() >> unused)
            }
            other => other,
        });
    }
}

/// The value in a few characters; groups, bytes and rests have none.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(number) => number.fmt(f),
            Self::Signed(number) => number.fmt(f),
            Self::Named(_, name) => f.write_str(name),
            Self::Pointer(0) => f.write_str("null"),
            Self::Pointer(at) => write!(f, "at {at}"),
            Self::Group | Self::Bytes | Self::Rest => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::geometry::Point;
    use crate::wire::Reader;

    fn traced(body: &[u8], read: impl FnOnce(&mut Reader<'_>)) -> Trace {
        let trace = RefCell::default();
        read(&mut Reader::new("TEST", body).with_trace(&trace));
        trace.into_inner()
    }

    #[test]
    fn nested_fields_have_paths_bytes_and_values() {
        let trace = traced(&[1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff], |r| {
            r.value::<Point>("origin").unwrap();
        });
        assert_eq!(trace.path(2), "origin.y");
        assert_eq!(
            trace.fields[2],
            Field {
                name: "y",
                index: None,
                level: 1,
                bytes: 4..8,
                value: Value::Signed(-2),
            }
        );
        assert_eq!(trace.fields[0].bytes, 0..8, "a group covers its fields");
    }

    #[test]
    fn elements_of_a_list_are_counted() {
        let trace = traced(&[1, 0, 2, 0, 3, 0], |r| {
            r.list::<u16>("volume", 3, 2).unwrap();
        });
        assert_eq!(trace.path(3), "volume[2]");
        assert_eq!(trace.fields[3].value, Value::Unsigned(3));
    }

    #[test]
    fn a_long_list_ends_with_one_field_for_its_rest() {
        let body = vec![0; 2 * 100_000];
        let trace = traced(&body, |r| {
            r.list::<u16>("volume", 100_000, 2).unwrap();
        });
        assert_eq!(trace.fields.len(), ROOM + 1);
        let rest = trace.fields.last().unwrap();
        assert_eq!((&rest.value, rest.bytes.end), (&Value::Rest, body.len()));
    }
}
