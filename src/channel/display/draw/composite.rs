//! DRAW_COMPOSITE, the one command whose members depend on its flags.

use super::DisplayBase;
use crate::channel::display::image::{Image, Targets};
use crate::wire::{
    Decode, DecodeError, Encode, Reader, Writer, wire_enum, wire_flags, wire_struct,
};

wire_flags! {
    /// Operator, filters, repeats and optional parts of a composition. Bits 0 to 17 are read by the methods.
    pub struct CompositeFlags: u32 {
        /// The mask acts on each channel by itself.
        COMPONENT_ALPHA = 1 << 18,
        /// There is a mask.
        HAS_MASK = 1 << 19,
        /// There is a transform of the source.
        HAS_SRC_TRANSFORM = 1 << 20,
        /// There is a transform of the mask.
        HAS_MASK_TRANSFORM = 1 << 21,
        /// The source's alpha is to be read as 1.
        SOURCE_OPAQUE = 1 << 22,
        /// Defined, without effect.
        MASK_OPAQUE = 1 << 23,
        /// Defined, without effect.
        DEST_OPAQUE = 1 << 24,
    }
}

wire_enum! {
    /// How a transformed source is sampled.
    pub enum Filter: u8 {
        /// Nearest.
        Fast = 0,
        /// Bilinear.
        Good = 1,
        /// Bilinear.
        Best = 2,
        /// Nearest.
        Nearest = 3,
        /// Bilinear.
        Bilinear = 4,
    }
}

wire_enum! {
    /// What is outside a source. All four values of its two bits are taken.
    pub enum Repeat: u8 {
        /// Transparent.
        None = 0,
        /// Tiles.
        Normal = 1,
        /// The nearest edge pixel.
        Pad = 2,
        /// Mirrored tiles.
        Reflect = 3,
    }
}

wire_struct! {
    /// A point in 16-bit coordinates.
    pub struct Point16 { x: i16, y: i16 }
}

wire_struct! {
    /// An affine map from destination to source, in 16.16 fixed point: `x' = t00·x + t01·y + t02`, and so on.
    pub struct Transform { t00: i32, t01: i32, t02: i32, t10: i32, t11: i32, t12: i32 }
}

/// Porter-Duff composition with optional mask and transforms. Number 318, server → client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawComposite<'a> {
    /// Where.
    pub base: DisplayBase<'a>,
    /// How. The three HAS_… bits are set as the optional fields are, whatever is said here when encoding.
    pub flags: CompositeFlags,
    /// The source.
    pub src_bitmap: Image<'a>,
    /// What weakens the source.
    pub mask_bitmap: Option<Image<'a>>,
    /// From destination to source.
    pub src_transform: Option<Transform>,
    /// From destination to mask.
    pub mask_transform: Option<Transform>,
    /// The source's point at the corner of the box.
    pub src_origin: Point16,
    /// The mask's point at the corner of the box.
    pub mask_origin: Point16,
}

impl CompositeFlags {
    /// The operator: 0 clear … 12 add, 0x30 multiply … (spec 07b §13).
    pub const fn operator(self) -> u8 {
        self.0 as u8
    }

    /// How the source is sampled.
    pub const fn src_filter(self) -> Filter {
        Filter::from_number((self.0 >> 8) as u8 & 7)
    }

    /// How the mask is sampled.
    pub const fn mask_filter(self) -> Filter {
        Filter::from_number((self.0 >> 11) as u8 & 7)
    }

    /// What is outside the source.
    pub const fn src_repeat(self) -> Repeat {
        Repeat::from_number((self.0 >> 14) as u8 & 3)
    }

    /// What is outside the mask.
    pub const fn mask_repeat(self) -> Repeat {
        Repeat::from_number((self.0 >> 16) as u8 & 3)
    }

    /// This set with `flag` set or cleared.
    const fn with(self, flag: Self, set: bool) -> Self {
        if set {
            Self(self.0 | flag.0)
        } else {
            Self(self.0 & !flag.0)
        }
    }
}

impl<'a> Decode<'a> for DrawComposite<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let base = r.value("base")?;
        let flags: CompositeFlags = r.value("flags")?;
        let src_bitmap = r.required_pointer("src_bitmap")?;
        let mask_bitmap = if flags.contains(CompositeFlags::HAS_MASK) {
            Some(r.required_pointer("mask_bitmap")?)
        } else {
            None
        };
        let mut transform = |field, flag| {
            let present = flags.contains(flag);
            present.then(|| r.value(field)).transpose()
        };
        Ok(Self {
            src_transform: transform("src_transform", CompositeFlags::HAS_SRC_TRANSFORM)?,
            mask_transform: transform("mask_transform", CompositeFlags::HAS_MASK_TRANSFORM)?,
            src_origin: r.value("src_origin")?,
            mask_origin: r.value("mask_origin")?,
            base,
            flags,
            src_bitmap,
            mask_bitmap,
        })
    }
}

impl Encode for DrawComposite<'_> {
    fn encode(&self, w: &mut Writer) {
        let flags = self
            .flags
            .with(CompositeFlags::HAS_MASK, self.mask_bitmap.is_some())
            .with(
                CompositeFlags::HAS_SRC_TRANSFORM,
                self.src_transform.is_some(),
            )
            .with(
                CompositeFlags::HAS_MASK_TRANSFORM,
                self.mask_transform.is_some(),
            );
        let mut targets = Targets::default();
        w.value(&self.base);
        w.value(&flags);
        targets.pointer(w, &self.src_bitmap);
        if let Some(mask) = &self.mask_bitmap {
            targets.pointer(w, mask);
        }
        for transform in [&self.src_transform, &self.mask_transform]
            .into_iter()
            .flatten()
        {
            w.value(transform);
        }
        w.value(&self.src_origin);
        w.value(&self.mask_origin);
        targets.place(w);
    }
}
