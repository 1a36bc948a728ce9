//! Lists in a message body that stay there.

use std::fmt;

use super::{Decode, DecodeError, Encode, Reader, Writer};

/// Values one after the other: those of a message body, or a list of its own for a message to send.
///
/// Those of a body are read once, so that errors are found, and read again whenever somebody asks: decoding a message takes no
/// memory for them. They hold no pointers, whose offsets count from the start of the body.
#[derive(Clone)]
pub struct List<'a, T>(Values<'a, T>);

/// A value of a [`List`].
pub trait Listed<'a>: Sized {
    /// Reads the value at the reader's position. What `form` means is the type's affair: it stands for what all values of a list
    /// have in common and none says itself.
    ///
    /// # Errors
    ///
    /// Those of [`Decode::decode`].
    fn read(r: &mut Reader<'a>, form: u8) -> Result<Self, DecodeError>;
}

impl<'a, T: Decode<'a>> Listed<'a> for T {
    fn read(r: &mut Reader<'a>, _: u8) -> Result<Self, DecodeError> {
        T::decode(r)
    }
}

#[derive(Clone)]
enum Values<'a, T> {
    /// INVARIANT: there are `len` values of this form in these bytes.
    Body {
        bytes: &'a [u8],
        len: usize,
        form: u8,
    },
    Own(Vec<T>),
}

impl<'a, T> List<'a, T> {
    /// The `len` values of a form that were read from `bytes`.
    pub(super) fn of_body(bytes: &'a [u8], len: usize, form: u8) -> Self {
        Self(Values::Body { bytes, len, form })
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Values::Body { len, .. } => *len,
            Values::Own(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a, T: Listed<'a> + Clone> List<'a, T> {
    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + Clone + use<'_, 'a, T> {
        let (body, own) = match &self.0 {
            Values::Body { bytes, len, form } => (Some((*bytes, *len, *form)), &[][..]),
            Values::Own(values) => (None, values.as_slice()),
        };
        let in_body = body.into_iter().flat_map(|(bytes, len, form)| {
            let mut reader = Reader::new("", bytes);
            // They have been read before.
            (0..len).map_while(move |_| T::read(&mut reader, form).ok())
        });
        in_body.chain(own.iter().cloned())
    }

    /// The same values without the body.
    pub fn to_owned(&self) -> List<'static, T>
    where
        T: 'static,
    {
        self.iter().collect()
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self(Values::Own(Vec::new()))
    }
}

impl<T> From<Vec<T>> for List<'_, T> {
    fn from(values: Vec<T>) -> Self {
        Self(Values::Own(values))
    }
}

impl<T> FromIterator<T> for List<'_, T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(Values::Own(values.into_iter().collect()))
    }
}

impl<'a, T: Listed<'a> + Clone + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Listed<'a> + Clone + Eq> Eq for List<'a, T> {}

impl<'a, T: Listed<'a> + Clone + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T: Listed<'a> + Clone + Encode> Encode for List<'a, T> {
    fn encode(&self, w: &mut Writer) {
        self.iter().for_each(|value| value.encode(w));
    }
}
