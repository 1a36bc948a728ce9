//! Declaring flat layouts once: structures, open enumerations and flag sets.

/// A structure whose fields lie one after the other: defines it with [`Decode`](crate::wire::Decode) and
/// [`Encode`](crate::wire::Encode).
macro_rules! wire_struct {
    ($(#[$meta:meta])* pub struct $name:ident$(<$life:lifetime>)? { $($(#[$fmeta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        // A field without a sentence is what the protocol's name for it says.
        #[allow(missing_docs)]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name$(<$life>)? { $($(#[$fmeta])* pub $field: $type),* }

        impl<'a> $crate::wire::Decode<'a> for $name$(<$life>)? {
            fn decode(r: &mut $crate::wire::Reader<'a>) -> Result<Self, $crate::wire::DecodeError> {
                Ok(Self { $($field: r.value(stringify!($field))?),* })
            }
        }

        impl$(<$life>)? $crate::wire::Encode for $name$(<$life>)? {
            fn encode(&self, w: &mut $crate::wire::Writer) {
                $(w.value(&self.$field);)*
            }
        }
    };
}

/// An enumeration that newer peers may extend: an unknown number is carried as `Other`, shown and re-encoded.
macro_rules! wire_enum {
    ($(#[$meta:meta])* pub enum $name:ident: $int:ident { $($(#[$vmeta:meta])* $variant:ident = $value:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vmeta])* $variant,)*
            /// A number this version has no name for.
            Other($int),
        }

        impl $name {
            /// The number on the wire.
            pub const fn number(self) -> $int {
                match self { $(Self::$variant => $value,)* Self::Other(n) => n }
            }

            /// The value with this number.
            pub const fn from_number(number: $int) -> Self {
                match number { $($value => Self::$variant,)* n => Self::Other(n) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str(stringify!($variant)),)*
                    Self::Other(n) => write!(f, "{n}"),
                }
            }
        }

        impl<'a> $crate::wire::Decode<'a> for $name {
            fn decode(r: &mut $crate::wire::Reader<'a>) -> Result<Self, $crate::wire::DecodeError> {
                let value = r.value::<$int>("").map(Self::from_number)?;
                if !matches!(value, Self::Other(_)) {
                    r.label(format_args!("{value}"));
                }
                Ok(value)
            }
        }

        impl $crate::wire::Encode for $name {
            fn encode(&self, w: &mut $crate::wire::Writer) {
                w.value(&self.number());
            }
        }
    };
}

/// A set of bits; unknown bits are carried along.
macro_rules! wire_flags {
    ($(#[$meta:meta])* pub struct $name:ident: $int:ident { $($(#[$fmeta:meta])* $flag:ident = $value:expr),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$fmeta])* pub const $flag: Self = Self($value);)*

            /// No bit set.
            pub const fn empty() -> Self {
                Self(0)
            }

            /// Whether every bit of `other` is set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut left = self.0;
                let mut first = true;
                $(if self.0 & $value != 0 {
                    left &= !$value;
                    write!(f, "{}{}", if first { "" } else { "|" }, stringify!($flag))?;
                    first = false;
                })*
                if left != 0 || first {
                    write!(f, "{}{left:#x}", if first { "" } else { "|" })?;
                }
                Ok(())
            }
        }

        impl<'a> $crate::wire::Decode<'a> for $name {
            fn decode(r: &mut $crate::wire::Reader<'a>) -> Result<Self, $crate::wire::DecodeError> {
                let value = r.value::<$int>("").map(Self)?;
                r.label(format_args!("{value:?}"));
                Ok(value)
            }
        }

        impl $crate::wire::Encode for $name {
            fn encode(&self, w: &mut $crate::wire::Writer) {
                w.value(&self.0);
            }
        }
    };
}

pub(crate) use {wire_enum, wire_flags, wire_struct};
