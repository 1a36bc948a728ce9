//! Writing message bodies: little-endian fields, and pointers that are patched when their target is placed.

use super::Encode;

/// Builds one message body.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    body: Vec<u8>,
}

/// A pointer that has been written as null and waits for its target.
#[derive(Debug)]
#[must_use = "a slot that is not placed stays a null pointer"]
pub struct Slot(usize);

impl Writer {
    /// An empty body.
    pub fn new() -> Self {
        Self::default()
    }

    /// A writer that appends to `body`; pointers count from the start of `body`.
    pub fn reusing(mut body: Vec<u8>) -> Self {
        body.clear();
        Self { body }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The finished body.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// An unsigned byte.
    pub fn u8(&mut self, value: u8) {
        self.body.push(value);
    }

    /// A little-endian 16-bit number.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    /// A little-endian 32-bit number.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    /// A little-endian 64-bit number.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// A little-endian two's complement 32-bit number.
    pub fn i32(&mut self, value: i32) {
        self.bytes(&value.to_le_bytes());
    }

    /// Raw bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.body.extend_from_slice(bytes);
    }

    /// A value that knows how to encode itself.
    pub fn value(&mut self, value: &impl Encode) {
        value.encode(self);
    }

    /// Values one after the other, without a count.
    pub fn list<T: Encode>(&mut self, values: &[T]) {
        values.iter().for_each(|v| v.encode(self));
    }

    /// A pointer whose target follows later; null until [`Writer::place`] is called with it.
    pub fn slot(&mut self) -> Slot {
        self.u32(0);
        Slot(self.body.len() - 4)
    }

    /// Points `slot` at the next byte to be written.
    ///
    /// # Panics
    ///
    /// When the body is longer than a `u32` can say, which no caller's limits allow.
    pub fn place(&mut self, slot: Slot) {
        let offset = u32::try_from(self.body.len()).expect("a message body is shorter than 4 GiB");
        self.body[slot.0..slot.0 + 4].copy_from_slice(&offset.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placed_slot_points_at_what_follows_and_an_unplaced_one_is_null() {
        let mut w = Writer::new();
        let (first, _never) = (w.slot(), w.slot());
        w.u8(0xaa);
        w.place(first);
        w.u16(0x1234);
        assert_eq!(w.into_body(), [9, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0x34, 0x12]);
    }
}
