//! How a source and a surface become one pixel: the operators of COMPOSITE, in 8-bit arithmetic.
//!
//! Colours are premultiplied by alpha. Products are rounded: `M(a, b)` is `a·b / 255` to the nearest. The operators that
//! divide or take roots are in [`super::ratio`], in floating point, as in the reference renderer.
//!
//! Protocol: rasterisation (spec 07b §13); the operators are those of the X Render extension and the blend modes of PDF.

/// Pixels handled at a time: enough for whole vectors, and few enough that the end of a row costs little more than it must.
pub(super) const BLOCK: usize = 64;

/// A pixel as bytes B, G, R, A.
pub(super) type Pixel = [u8; 4];

macro_rules! operators {
    ($($(#[$meta:meta])* $name:ident = $number:literal,)*) => {
        /// How COMPOSITE joins a source with a surface.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operator { $($(#[$meta])* $name = $number,)* }

        impl Operator {
            /// All, by number.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The operator with this number in the protocol.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

operators! {
    /// Nothing.
    Clear = 0x00,
    /// The source.
    Src = 0x01,
    /// The surface.
    Dst = 0x02,
    /// The source over the surface.
    Over = 0x03,
    /// The surface over the source.
    OverReverse = 0x04,
    /// The source where the surface is.
    In = 0x05,
    /// The surface where the source is.
    InReverse = 0x06,
    /// The source where the surface is not.
    Out = 0x07,
    /// The surface where the source is not.
    OutReverse = 0x08,
    /// The source where the surface is, over the surface.
    Atop = 0x09,
    /// The surface where the source is, over the source.
    AtopReverse = 0x0a,
    /// Each where the other is not.
    Xor = 0x0b,
    /// The sum.
    Add = 0x0c,
    /// The sum, with no more of the source than there is room for.
    Saturate = 0x0d,
    /// As [`Operator::Clear`].
    DisjointClear = 0x10,
    /// As [`Operator::Src`].
    DisjointSrc = 0x11,
    /// As [`Operator::Dst`].
    DisjointDst = 0x12,
    /// Over, where the two cover different parts of a pixel.
    DisjointOver = 0x13,
    /// Over reverse, where the two cover different parts of a pixel.
    DisjointOverReverse = 0x14,
    /// In, where the two cover different parts of a pixel.
    DisjointIn = 0x15,
    /// In reverse, where the two cover different parts of a pixel.
    DisjointInReverse = 0x16,
    /// Out, where the two cover different parts of a pixel.
    DisjointOut = 0x17,
    /// Out reverse, where the two cover different parts of a pixel.
    DisjointOutReverse = 0x18,
    /// Atop, where the two cover different parts of a pixel.
    DisjointAtop = 0x19,
    /// Atop reverse, where the two cover different parts of a pixel.
    DisjointAtopReverse = 0x1a,
    /// Xor, where the two cover different parts of a pixel.
    DisjointXor = 0x1b,
    /// As [`Operator::Clear`].
    ConjointClear = 0x20,
    /// As [`Operator::Src`].
    ConjointSrc = 0x21,
    /// As [`Operator::Dst`].
    ConjointDst = 0x22,
    /// Over, where the two cover the same part of a pixel.
    ConjointOver = 0x23,
    /// Over reverse, where the two cover the same part of a pixel.
    ConjointOverReverse = 0x24,
    /// In, where the two cover the same part of a pixel.
    ConjointIn = 0x25,
    /// In reverse, where the two cover the same part of a pixel.
    ConjointInReverse = 0x26,
    /// Out, where the two cover the same part of a pixel.
    ConjointOut = 0x27,
    /// Out reverse, where the two cover the same part of a pixel.
    ConjointOutReverse = 0x28,
    /// Atop, where the two cover the same part of a pixel.
    ConjointAtop = 0x29,
    /// Atop reverse, where the two cover the same part of a pixel.
    ConjointAtopReverse = 0x2a,
    /// Xor, where the two cover the same part of a pixel.
    ConjointXor = 0x2b,
    /// The product.
    Multiply = 0x30,
    /// The product of the complements, complemented.
    Screen = 0x31,
    /// Multiply on dark parts of the surface, screen on light ones.
    Overlay = 0x32,
    /// The smaller.
    Darken = 0x33,
    /// The greater.
    Lighten = 0x34,
    /// The surface brightened by the source.
    ColorDodge = 0x35,
    /// The surface darkened by the source.
    ColorBurn = 0x36,
    /// Multiply where the source is dark, screen where it is light.
    HardLight = 0x37,
    /// A gentle [`Operator::HardLight`].
    SoftLight = 0x38,
    /// The distance.
    Difference = 0x39,
    /// A gentle [`Operator::Difference`].
    Exclusion = 0x3a,
    /// The source's hue.
    HslHue = 0x3b,
    /// The source's saturation.
    HslSaturation = 0x3c,
    /// The source's hue and saturation.
    HslColor = 0x3d,
    /// The source's luminosity.
    HslLuminosity = 0x3e,
}

/// What an operand is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Factor {
    Zero,
    One,
    /// Alpha of the source.
    Sa,
    /// Alpha of the surface.
    Da,
    /// What is missing from alpha of the source to 1.
    NotSa,
    /// What is missing from alpha of the surface to 1.
    NotDa,
}

/// A blend mode that works on each channel by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Screen,
    Overlay,
    Darken,
    Lighten,
    HardLight,
    Difference,
    Exclusion,
}

/// What an operator does in 8-bit arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// `s·Fa + d·Fb`.
    Factors(Factor, Factor),
    /// A blend mode that is not [`Operator::Multiply`].
    Mode(Mode),
    Multiply,
    /// Only in floating point.
    Ratio,
}

/// A run of sources, each reduced by its mask.
struct Sources {
    colors: [Pixel; BLOCK],
    /// Alpha of the source for each channel of the surface.
    alphas: [Pixel; BLOCK],
}

impl Operator {
    /// Whether the operator needs the arithmetic of [`super::ratio`].
    pub(super) fn divides(self) -> bool {
        matches!(self.rule(), Rule::Ratio)
    }

    fn rule(self) -> Rule {
        use Factor::*;
        match self {
            Self::Clear | Self::DisjointClear | Self::ConjointClear => Rule::Factors(Zero, Zero),
            Self::Src | Self::DisjointSrc | Self::ConjointSrc => Rule::Factors(One, Zero),
            Self::Dst | Self::DisjointDst | Self::ConjointDst => Rule::Factors(Zero, One),
            Self::Over => Rule::Factors(One, NotSa),
            Self::OverReverse => Rule::Factors(NotDa, One),
            Self::In => Rule::Factors(Da, Zero),
            Self::InReverse => Rule::Factors(Zero, Sa),
            Self::Out => Rule::Factors(NotDa, Zero),
            Self::OutReverse => Rule::Factors(Zero, NotSa),
            Self::Atop => Rule::Factors(Da, NotSa),
            Self::AtopReverse => Rule::Factors(NotDa, Sa),
            Self::Xor => Rule::Factors(NotDa, NotSa),
            Self::Add => Rule::Factors(One, One),
            Self::Multiply => Rule::Multiply,
            Self::Screen => Rule::Mode(Mode::Screen),
            Self::Overlay => Rule::Mode(Mode::Overlay),
            Self::Darken => Rule::Mode(Mode::Darken),
            Self::Lighten => Rule::Mode(Mode::Lighten),
            Self::HardLight => Rule::Mode(Mode::HardLight),
            Self::Difference => Rule::Mode(Mode::Difference),
            Self::Exclusion => Rule::Mode(Mode::Exclusion),
            _ => Rule::Ratio,
        }
    }

    /// Joins at most [`BLOCK`] sources with as many pixels of a surface. All are words or bytes B, G, R, A. A mask counts
    /// with its alpha, or for each channel with that channel if `by_channel`.
    ///
    /// Not for operators that divide: these leave the surface as it is.
    pub(super) fn combine(
        self,
        dest: &mut [Pixel],
        source: &[u32],
        mask: Option<&[u32]>,
        by_channel: bool,
    ) {
        let rule = self.rule();
        match (rule, mask) {
            // The two that need no products, or just one of a kind.
            (Rule::Factors(Factor::One, Factor::Zero), None) => {
                for (d, s) in dest.iter_mut().zip(source) {
                    *d = s.to_le_bytes();
                }
                return;
            }
            (Rule::Factors(Factor::One, Factor::NotSa), None) => return over(dest, source),
            _ => {}
        }
        let sources = Sources::new(source, mask, by_channel);
        let mut block = [[0; 4]; BLOCK];
        block[..dest.len()].copy_from_slice(dest);
        match rule {
            Rule::Factors(fa, fb) => sources.add_products(&mut block, fa, fb),
            Rule::Multiply => sources.multiply(&mut block),
            Rule::Mode(mode) => sources.blend(&mut block, mode),
            Rule::Ratio => {}
        }
        dest.copy_from_slice(&block[..dest.len()]);
    }
}

impl Sources {
    fn new(source: &[u32], mask: Option<&[u32]>, by_channel: bool) -> Self {
        let mut colors = [[0; 4]; BLOCK];
        for (color, s) in colors.iter_mut().zip(source) {
            *color = s.to_le_bytes();
        }
        let mut alphas = alphas_of(&colors);
        if let Some(mask) = mask {
            let mut weights = [[0; 4]; BLOCK];
            for (weight, m) in weights.iter_mut().zip(mask) {
                *weight = m.to_le_bytes();
            }
            if !by_channel {
                weights = alphas_of(&weights);
            }
            multiply_each(&mut colors, &weights);
            multiply_each(&mut alphas, &weights);
        }
        Self { colors, alphas }
    }

    fn add_products(&self, dest: &mut [Pixel; BLOCK], fa: Factor, fb: Factor) {
        let (fa, fb) = (self.factors(fa, dest), self.factors(fb, dest));
        let (fa, fb) = (fa.as_flattened(), fb.as_flattened());
        let (d, s) = (dest.as_flattened_mut(), self.colors.as_flattened());
        for i in 0..4 * BLOCK {
            d[i] = mul(s[i], fa[i]).saturating_add(mul(d[i], fb[i]));
        }
    }

    /// A factor for every channel of every pixel.
    fn factors(&self, factor: Factor, dest: &[Pixel; BLOCK]) -> [Pixel; BLOCK] {
        match factor {
            Factor::Zero => [[0; 4]; BLOCK],
            Factor::One => [[255; 4]; BLOCK],
            Factor::Sa => self.alphas,
            Factor::Da => alphas_of(dest),
            Factor::NotSa => complement(self.alphas),
            Factor::NotDa => complement(alphas_of(dest)),
        }
    }

    fn multiply(&self, dest: &mut [Pixel; BLOCK]) {
        let (not_sa, not_da) = (complement(self.alphas), complement(alphas_of(dest)));
        let (not_sa, not_da) = (not_sa.as_flattened(), not_da.as_flattened());
        let (d, s) = (dest.as_flattened_mut(), self.colors.as_flattened());
        for i in 0..4 * BLOCK {
            let apart = mul(s[i], not_da[i]).saturating_add(mul(d[i], not_sa[i]));
            d[i] = apart.saturating_add(mul(d[i], s[i]));
        }
    }

    /// The source where the surface is not, the surface where the source is not, and `mode` where both are.
    fn blend(&self, dest: &mut [Pixel; BLOCK], mode: Mode) {
        match mode {
            Mode::Screen => self.blend_by(dest, |d, da, s, sa| d * sa + s * da - s * d),
            Mode::Overlay => self.blend_by(dest, |d, da, s, sa| hard_light(s, sa, d, da)),
            Mode::Darken => self.blend_by(dest, |d, da, s, sa| (s * da).min(d * sa)),
            Mode::Lighten => self.blend_by(dest, |d, da, s, sa| (s * da).max(d * sa)),
            Mode::HardLight => self.blend_by(dest, hard_light),
            Mode::Difference => self.blend_by(dest, |d, da, s, sa| (s * da - d * sa).abs()),
            Mode::Exclusion => {
                self.blend_by(dest, |d, da, s, sa| d * sa + s * da - 2 * d * s);
            }
        }
    }

    /// As [`Sources::blend`], where `mode` makes of a channel `(d, da, s, sa)`, all 0 to 255, a number 255 times as large.
    fn blend_by(&self, dest: &mut [Pixel; BLOCK], mode: impl Fn(i32, i32, i32, i32) -> i32) {
        for ((d, s), sa) in dest.iter_mut().zip(&self.colors).zip(&self.alphas) {
            let [whole_sa, da] = [s[3], d[3]].map(i32::from);
            for i in 0..3 {
                let [d_i, s_i, sa] = [d[i], s[i], sa[i]].map(i32::from);
                let apart = (255 - sa) * d_i + (255 - da) * s_i;
                d[i] = divide_by_255(apart + mode(d_i, da, s_i, sa));
            }
            d[3] = divide_by_255((da + whole_sa) * 255 - whole_sa * da);
        }
    }
}

/// `s + d·(1 − sa)`: OVER without a mask.
pub(super) fn over(dest: &mut [Pixel], source: &[u32]) {
    let (blocks, rest) = dest.as_chunks_mut();
    let (sources, last) = source.as_chunks();
    for (block, source) in blocks.iter_mut().zip(sources) {
        over_eight(block, source);
    }
    let (mut block, mut source) = ([[0; 4]; 8], [0; 8]);
    block[..rest.len()].copy_from_slice(rest);
    source[..last.len()].copy_from_slice(last);
    over_eight(&mut block, &source);
    rest.copy_from_slice(&block[..rest.len()]);
}

fn over_eight(dest: &mut [Pixel; 8], source: &[u32; 8]) {
    let colors = source.map(u32::to_le_bytes);
    let keep = source.map(|s| (!s >> 24).wrapping_mul(0x0101_0101).to_le_bytes());
    let (s, keep) = (colors.as_flattened(), keep.as_flattened());
    let d = dest.as_flattened_mut();
    for i in 0..32 {
        d[i] = s[i].saturating_add(mul(d[i], keep[i]));
    }
}

/// Multiplies every channel of every word by `alpha`.
pub(super) fn weaken(words: &mut [u32], alpha: u8) {
    let (blocks, rest) = words.as_chunks_mut();
    for block in blocks {
        weaken_eight(block, alpha);
    }
    let mut block = [0; 8];
    block[..rest.len()].copy_from_slice(rest);
    weaken_eight(&mut block, alpha);
    rest.copy_from_slice(&block[..rest.len()]);
}

fn weaken_eight(words: &mut [u32; 8], alpha: u8) {
    let mut bytes = words.map(u32::to_le_bytes);
    bytes
        .as_flattened_mut()
        .iter_mut()
        .for_each(|c| *c = mul(*c, alpha));
    *words = bytes.map(u32::from_le_bytes);
}

/// The alpha of each pixel in all its channels.
fn alphas_of(pixels: &[Pixel; BLOCK]) -> [Pixel; BLOCK] {
    pixels.map(|pixel| {
        (u32::from_le_bytes(pixel) >> 24)
            .wrapping_mul(0x0101_0101)
            .to_le_bytes()
    })
}

fn complement(pixels: [Pixel; BLOCK]) -> [Pixel; BLOCK] {
    pixels.map(|pixel| (!u32::from_le_bytes(pixel)).to_le_bytes())
}

fn multiply_each(values: &mut [Pixel; BLOCK], weights: &[Pixel; BLOCK]) {
    let (values, weights) = (values.as_flattened_mut(), weights.as_flattened());
    for i in 0..4 * BLOCK {
        values[i] = mul(values[i], weights[i]);
    }
}

fn hard_light(d: i32, da: i32, s: i32, sa: i32) -> i32 {
    if 2 * s < sa {
        2 * s * d
    } else {
        sa * da - 2 * (da - d) * (sa - s)
    }
}

/// `a·b / 255` to the nearest.
#[inline]
pub(super) fn mul(a: u8, b: u8) -> u8 {
    // At most 65153, and 65407 after the next step.
    let t = u16::from(a) * u16::from(b) + 0x80;
    ((t + (t >> 8)) >> 8) as u8
}

/// A number from 0 to 255² divided by 255, to the nearest; others count as the end they are beyond.
fn divide_by_255(n: i32) -> u8 {
    let t = n.clamp(0, 255 * 255) + 0x80;
    ((t + (t >> 8)) >> 8) as u8
}
