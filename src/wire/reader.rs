//! Checked, named reads from one message body.

use std::cell::RefCell;
use std::fmt;

use smallvec::SmallVec;

use super::Decode;
use super::list::{List, Listed};
use super::trace::{Trace, Value};

/// Deepest nesting of pointers; the protocol's own structures need three (message → image → palette).
const MAX_DEPTH: u8 = 6;

/// Reads a message body from front to back and follows the pointers in it.
#[derive(Clone)]
pub struct Reader<'a> {
    message: &'static str,
    body: &'a [u8],
    at: usize,
    depth: u8,
    /// Names of the values that enclose the one being read, outermost first.
    path: SmallVec<[&'static str; 4]>,
    trace: Option<&'a RefCell<Trace>>,
    /// How many fields of the trace enclose the one being read.
    level: u8,
}

/// Why a body could not be decoded, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The message's protocol name.
    pub message: &'static str,
    /// Dotted path of the field.
    pub field: String,
    /// Offset of the field in the body.
    pub at: usize,
    /// What is wrong.
    pub kind: DecodeErrorKind,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The body ends before the field does (bytes needed, bytes left).
    Truncated {
        /// Bytes the field takes.
        needs: u64,
        /// Bytes there are.
        left: usize,
    },
    /// The value contradicts the protocol; the text completes "… is".
    Invalid(String),
    /// A pointer that must not be null is 0.
    Null,
    /// A pointer leads outside the body.
    BadPointer {
        /// Where it leads.
        offset: u32,
        /// Length of the body.
        body_len: usize,
    },
    /// Structures point to structures deeper than any message of the protocol.
    TooDeep,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `body`; `message` is its protocol name for errors.
    pub fn new(message: &'static str, body: &'a [u8]) -> Self {
        Self {
            message,
            body,
            at: 0,
            depth: 0,
            path: SmallVec::new(),
            trace: None,
            level: 0,
        }
    }

    /// The same reader for the message of this protocol name.
    pub fn named(mut self, message: &'static str) -> Self {
        self.message = message;
        self
    }

    /// Notes every field that is read in `trace`, while it has room.
    pub fn with_trace(mut self, trace: &'a RefCell<Trace>) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The same reader at byte `at`; `None` beyond the body.
    pub fn starting_at(mut self, at: usize) -> Option<Self> {
        self.at = at;
        (at <= self.body.len()).then_some(self)
    }

    /// Offset of the next read in the body.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes from here to the end of the body.
    pub fn left(&self) -> usize {
        self.body.len() - self.at
    }

    /// An unsigned byte.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(self.array::<1>(field)?[0])
    }

    /// A little-endian 16-bit number.
    pub fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    /// A little-endian 32-bit number.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    /// A little-endian 64-bit number.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    /// A little-endian two's complement 32-bit number.
    pub fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        let value = i32::from_le_bytes(self.array(field)?);
        self.signed();
        Ok(value)
    }

    /// Exactly `N` bytes.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        match self.body[self.at..].first_chunk::<N>() {
            Some(bytes) => {
                self.note(field, N, || Value::number(bytes));
                self.at += N;
                Ok(*bytes)
            }
            None => Err(self.truncated(field, N as u64)),
        }
    }

    /// The next `len` bytes, borrowed from the body.
    pub fn bytes(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], DecodeError> {
        match self.body[self.at..].get(..len) {
            Some(bytes) => {
                self.note(field, len, || Value::Bytes);
                self.at += len;
                Ok(bytes)
            }
            None => Err(self.truncated(field, len as u64)),
        }
    }

    /// Everything to the end of the body.
    pub fn rest(&mut self, field: &'static str) -> &'a [u8] {
        let rest = &self.body[self.at..];
        self.note(field, rest.len(), || Value::Bytes);
        self.at = self.body.len();
        rest
    }

    /// A value of a type that knows how to decode itself; errors inside carry `field` in front.
    pub fn value<T: Decode<'a>>(&mut self, field: &'static str) -> Result<T, DecodeError> {
        self.inside(field, T::decode)
    }

    /// `count` values one after the other, each at least `least` bytes long: checked before anything is allocated.
    pub fn list<T: Decode<'a>>(
        &mut self,
        field: &'static str,
        count: usize,
        least: usize,
    ) -> Result<Vec<T>, DecodeError> {
        let mut values = Vec::new();
        self.each(field, count, least, T::decode, |value| values.push(value))?;
        Ok(values)
    }

    /// The same `count` values, checked, but left in the body.
    pub fn lasting_list<T: Listed<'a>>(
        &mut self,
        field: &'static str,
        count: usize,
        least: usize,
    ) -> Result<List<'a, T>, DecodeError> {
        self.lasting_list_of(field, count, least, 0)
    }

    /// The same for values of this form.
    pub fn lasting_list_of<T: Listed<'a>>(
        &mut self,
        field: &'static str,
        count: usize,
        least: usize,
        form: u8,
    ) -> Result<List<'a, T>, DecodeError> {
        let start = self.at;
        let read = |r: &mut Self| T::read(r, form);
        self.each(field, count, least, read, |_| ())?;
        Ok(List::of_body(&self.body[start..self.at], count, form))
    }

    /// Reads `count` values one after the other, each at least `least` bytes long.
    fn each<T>(
        &mut self,
        field: &'static str,
        count: usize,
        least: usize,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
        mut keep: impl FnMut(T),
    ) -> Result<(), DecodeError> {
        let needs = count as u64 * least as u64;
        if needs > self.left() as u64 {
            return Err(self.truncated(field, needs));
        }
        self.inside(field, |r| {
            // The reader's own is put away when it is full.
            let trace = r.trace;
            (0..count).try_for_each(|i| {
                keep(match trace {
                    None => read(r)?,
                    Some(trace) => r.element(i, count, trace, &read)?,
                });
                Ok(())
            })
        })
    }

    /// The next value of a traced list of `count`. A list that would make the trace too long ends in it with one field for
    /// all that is left.
    fn element<T>(
        &mut self,
        index: usize,
        count: usize,
        trace: &'a RefCell<Trace>,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let start = self.at;
        if self.trace.is_some() && trace.borrow().is_full() {
            self.trace = None;
        }
        let value = match self.trace {
            Some(_) => self.group("", Some(index), read),
            None => read(self),
        };
        match self.trace {
            Some(_) => {}
            None => trace.borrow_mut().skip(self.level, index, start..self.at),
        }
        if index + 1 == count {
            self.trace = Some(trace);
        }
        value
    }

    /// Follows a pointer; `None` when it is null.
    pub fn pointer<T: Decode<'a>>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        self.pointer_with(field, T::decode)
    }

    /// Follows a pointer to something `read` decodes; `None` when it is null.
    pub fn pointer_with<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        let at = self.at;
        let offset = self.u32(field)?;
        self.revalue(|_| Value::Pointer(offset));
        if offset == 0 {
            return Ok(None);
        }
        if offset as usize >= self.body.len() {
            let kind = DecodeErrorKind::BadPointer {
                offset,
                body_len: self.body.len(),
            };
            return Err(self.error(field, at, kind));
        }
        if self.depth == MAX_DEPTH {
            return Err(self.error(field, at, DecodeErrorKind::TooDeep));
        }
        let mut target = self.clone();
        (target.at, target.depth) = (offset as usize, self.depth + 1);
        target.level += 1;
        target.path.push(field);
        read(&mut target).map(Some)
    }

    /// Follows a pointer that must not be null.
    pub fn required_pointer<T: Decode<'a>>(
        &mut self,
        field: &'static str,
    ) -> Result<T, DecodeError> {
        let at = self.at;
        self.pointer(field)?
            .ok_or_else(|| self.error(field, at, DecodeErrorKind::Null))
    }

    /// Fails with `field`, which starts at byte `at`, unless `holds`; `says` completes the sentence "`field` …".
    pub fn require(
        &self,
        field: &'static str,
        at: usize,
        holds: bool,
        says: impl FnOnce() -> String,
    ) -> Result<(), DecodeError> {
        if holds {
            Ok(())
        } else {
            Err(self.error(field, at, DecodeErrorKind::Invalid(says())))
        }
    }

    /// An error about `field`, which starts at byte `at`.
    pub fn error(&self, field: &str, at: usize, kind: DecodeErrorKind) -> DecodeError {
        DecodeError {
            message: self.message,
            field: self.path_of(field),
            at,
            kind,
        }
    }

    fn truncated(&self, field: &str, needs: u64) -> DecodeError {
        self.error(
            field,
            self.at,
            DecodeErrorKind::Truncated {
                needs,
                left: self.left(),
            },
        )
    }

    fn inside<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.path.push(field);
        let value = match self.trace {
            Some(_) if !field.is_empty() => self.group(field, None, read),
            _ => read(self),
        };
        self.path.pop();
        value
    }

    /// Notes a field made of those that `read` reads.
    fn group<T>(
        &mut self,
        field: &'static str,
        index: Option<usize>,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let Some(trace) = self.trace else {
            return read(self);
        };
        let opened = trace.borrow_mut().open(field, index, self.level, self.at);
        self.level += 1;
        let value = read(self);
        self.level -= 1;
        trace.borrow_mut().close(opened, self.at);
        value
    }

    fn path_of(&self, field: &str) -> String {
        let mut path = String::new();
        for part in self
            .path
            .iter()
            .copied()
            .chain([field])
            .filter(|p| !p.is_empty())
        {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(part);
        }
        path
    }

    fn note(&self, field: &'static str, len: usize, value: impl FnOnce() -> Value) {
        if let Some(trace) = self.trace {
            let bytes = self.at..self.at + len;
            trace.borrow_mut().leaf(field, self.level, bytes, value());
        }
    }

    /// Says what the field that was read last is in words: `text`.
    pub(crate) fn label(&self, text: fmt::Arguments<'_>) {
        self.revalue(|value| value.named(text));
    }

    /// Says that the number that was read last is a signed one.
    pub(crate) fn signed(&self) {
        if let Some(trace) = self.trace {
            trace.borrow_mut().sign_last();
        }
    }

    fn revalue(&self, change: impl FnOnce(Value) -> Value) {
        if let Some(trace) = self.trace {
            trace.borrow_mut().revalue_last(change);
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} at byte {}: {}",
            self.message, self.field, self.at, self.kind
        )
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needs: 1, left } => write!(f, "needs 1 byte, {left} left"),
            Self::Truncated { needs, left } => write!(f, "needs {needs} bytes, {left} left"),
            Self::Invalid(text) => f.write_str(text),
            Self::Null => f.write_str("is null"),
            Self::BadPointer { offset, body_len } => {
                write!(f, "points to {offset} in a body of {body_len} bytes")
            }
            Self::TooDeep => f.write_str("is nested too deep"),
        }
    }
}

impl std::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_field_is_named_with_its_place() {
        let mut r = Reader::new("SURFACE_CREATE", &[0, 0, 0, 0, 0x80, 2, 0, 0]);
        r.u32("surface_id").unwrap();
        r.u32("width").unwrap();
        let error = r.u32("height").unwrap_err();
        assert_eq!(
            error.to_string(),
            "SURFACE_CREATE: height at byte 8: needs 4 bytes, 0 left"
        );
    }

    #[test]
    fn pointers_are_followed_inside_the_body_only() {
        let body = [5, 0, 0, 0, 9, 7];
        let mut r = Reader::new("TEST", &body);
        assert_eq!(r.clone().pointer::<u8>("p").unwrap(), Some(7));
        assert_eq!(r.u8("first").unwrap(), 5);
        let mut outside = Reader::new("TEST", &[6, 0, 0, 0, 9, 7]);
        let error = outside.pointer::<u8>("p").unwrap_err();
        assert_eq!(
            error.to_string(),
            "TEST: p at byte 0: points to 6 in a body of 6 bytes"
        );
    }

    #[test]
    fn a_count_is_checked_against_the_bytes_left_before_allocating() {
        let mut r = Reader::new("TEST", &[1, 2, 3, 4]);
        let error = r.list::<u32>("rects", usize::MAX / 16, 4).unwrap_err();
        assert!(matches!(
            error.kind,
            DecodeErrorKind::Truncated { left: 4, .. }
        ));
    }
}
