//! Two-operand raster operations.
//!
//! Every bitwise function of two words is a sum (XOR) of some of 1, `a`, `b` and `a & b`. A [`Rop`] keeps which, so that
//! applying it takes no branch.
//!
//! Protocol: rasterisation (spec 07b §3).

/// How two pixel words become one, bit by bit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rop {
    // Which terms count, for each bit of a word: all bits alike, but for a Rop3 with a brush.
    pub(super) one: u32,
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) ab: u32,
}

/// What the two operands of a command are. It decides which bits of a descriptor invert them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operands {
    /// Brush onto surface: FILL, STROKE, TEXT.
    BrushOnSurface,
    /// Source image onto surface: COPY, BLEND.
    SourceOnSurface,
    /// Brush onto source image: OPAQUE.
    BrushOnSource,
}

impl Rop {
    /// Writes the first operand.
    pub const PUT: Self = Self {
        one: 0,
        a: !0,
        b: 0,
        ab: 0,
    };
    /// Writes zeros.
    pub const BLACKNESS: Self = Self {
        one: 0,
        a: 0,
        b: 0,
        ab: 0,
    };
    /// Writes ones.
    pub const WHITENESS: Self = Self {
        one: !0,
        a: 0,
        b: 0,
        ab: 0,
    };
    /// Writes the second operand inverted.
    pub const INVERS: Self = Self {
        one: !0,
        a: 0,
        b: !0,
        ab: 0,
    };

    /// Reads a rop descriptor. Of several operations the lowest bit counts; with none it is a plain
    /// [`Rop::PUT`], whatever the inversions.
    pub fn new(descriptor: u16, operands: Operands) -> Self {
        let set = |bits: u16| descriptor & bits != 0;
        let (a_inverted, b_inverted) = match operands {
            Operands::BrushOnSurface => (INVERS_BRUSH, INVERS_DEST),
            Operands::SourceOnSurface => (INVERS_SRC, INVERS_DEST),
            Operands::BrushOnSource => (INVERS_BRUSH, INVERS_SRC),
        };
        let flip = |bit: u16| if set(bit) { !0 } else { 0 };
        let (a, b, result) = (flip(a_inverted), flip(b_inverted), flip(INVERS_RES));
        if set(OP_PUT) {
            Self::from_fn(|x, _| (x ^ a) ^ result)
        } else if set(OP_OR) {
            Self::from_fn(|x, y| ((x ^ a) | (y ^ b)) ^ result)
        } else if set(OP_AND) {
            Self::from_fn(|x, y| ((x ^ a) & (y ^ b)) ^ result)
        } else if set(OP_XOR) {
            Self::from_fn(|x, y| ((x ^ a) ^ (y ^ b)) ^ result)
        } else if set(OP_BLACKNESS) {
            Self::BLACKNESS
        } else if set(OP_WHITENESS) {
            Self::WHITENESS
        } else if set(OP_INVERS) {
            Self::INVERS
        } else {
            Self::PUT
        }
    }

    /// The result for operands `a` and `b`.
    #[inline]
    pub const fn apply(self, a: u32, b: u32) -> u32 {
        self.one ^ (a & self.a) ^ (b & self.b) ^ (a & b & self.ab)
    }

    /// This operation for an `a` that is the same everywhere, as `(set, keep)`: the result is `set ^ (b & keep)`.
    pub(super) const fn with_constant(self, a: u32) -> (u32, u32) {
        (self.one ^ (a & self.a), self.b ^ (a & self.ab))
    }

    /// The operation that does to words what `f` does to bits that are all 0 or all 1.
    fn from_fn(f: impl Fn(u32, u32) -> u32) -> Self {
        let one = f(0, 0);
        let a = one ^ f(!0, 0);
        let b = one ^ f(0, !0);
        Self {
            one,
            a,
            b,
            ab: one ^ a ^ b ^ f(!0, !0),
        }
    }
}

impl std::fmt::Debug for Rop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let terms = [
            (self.one, "1"),
            (self.a, "a"),
            (self.b, "b"),
            (self.ab, "ab"),
        ];
        let used: Vec<&str> = terms.iter().filter(|t| t.0 != 0).map(|t| t.1).collect();
        write!(f, "Rop({})", used.join(" ^ "))
    }
}

// Bits of the descriptor.
const INVERS_SRC: u16 = 0x1;
const INVERS_BRUSH: u16 = 0x2;
const INVERS_DEST: u16 = 0x4;
const OP_PUT: u16 = 0x8;
const OP_OR: u16 = 0x10;
const OP_AND: u16 = 0x20;
const OP_XOR: u16 = 0x40;
const OP_BLACKNESS: u16 = 0x80;
const OP_WHITENESS: u16 = 0x100;
const OP_INVERS: u16 = 0x200;
const INVERS_RES: u16 = 0x400;
