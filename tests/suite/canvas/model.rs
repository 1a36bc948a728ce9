//! The rasterisation chapter as a program: each command decides every pixel of the surface by itself, with the formulas as
//! they stand in the text. Random commands must give the same words on the canvas.

use capsaicin::canvas::{
    Area, Brush, Clip, Cutout, Damage, Layout, Mask, Operands, Rop, ScaleMode, Surface,
};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::{PixelFormat, PixelView};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::pictures::{Picture, bits_of, painted, words_of};

/// The same cases in every run; `PROPTEST_CASES` asks for more than 256 of them.
pub fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Rectangles in and around a surface of about 16×16, some of them empty or inverted.
pub fn rect() -> impl Strategy<Value = Rect> {
    (-6..16_i32, -6..16_i32, -1..20_i32, -1..20_i32)
        .prop_map(|(x, y, width, height)| Rect::new(x, y, x + width, y + height))
}

#[derive(Clone, Debug)]
struct Command {
    bbox: Rect,
    clip: Option<Vec<Rect>>,
    mask: Option<(Picture, Point, bool)>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Fill(Paint, u16),
    Copy(Piece, u16),
    Opaque(Piece, Paint, u16),
    Blackness,
    Whiteness,
    Invers,
    CopyBits(Point),
}

#[derive(Clone, Debug)]
enum Paint {
    None,
    Solid(u32),
    Pattern(Picture, Point),
}

#[derive(Clone, Debug)]
struct Piece {
    picture: Picture,
    corner: Point,
    /// `None`: the size of the box.
    size: Option<Size>,
    scale: ScaleMode,
}

impl Piece {
    fn area(&self, bbox: Rect) -> Rect {
        Rect::at(
            self.corner.x,
            self.corner.y,
            self.size.unwrap_or(bbox.size()),
        )
    }
}

proptest! {
    // Commands have many sides, so this takes eight times the cases.
    #![proptest_config(ProptestConfig { cases: config().cases * 8, ..config() })]

    #[test]
    fn every_command_does_what_the_protocol_says(
        (format, width, start, commands) in scene()
    ) {
        let mut surface = painted(format, width, &start);
        let mut model = Model { format, width: i128::from(width), words: words_of(&surface) };
        for command in &commands {
            let before = model.words.clone();
            let mut damage = Damage::default();
            draw(&mut surface, command, &mut damage);
            model.draw(command);
            prop_assert_eq!(&words_of(&surface), &model.words, "after {:?}", command);
            for (i, (old, new)) in before.iter().zip(&model.words).enumerate() {
                let at = Point::new((i as u32 % width) as i32, (i as u32 / width) as i32);
                let noted = damage.rects().iter().any(|r| r.contains(at));
                prop_assert!(old == new || noted, "{:?} is missing in {:?}", at, damage);
            }
        }
    }
}

/// Draws on the canvas.
fn draw(surface: &mut Surface, command: &Command, damage: &mut Damage) {
    let clip = match &command.clip {
        Some(rects) => Clip::Rects(rects.clone()),
        None => Clip::None,
    };
    let mask = command.mask.as_ref().map(|(bits, origin, inverse)| {
        let view = PixelView::new(PixelFormat::A1, bits.size, bits.stride, &bits.bytes);
        let mask = Mask::new(view.expect("all its rows"), *origin).expect("1 bit");
        if *inverse { mask.inverse() } else { mask }
    });
    let area = Area {
        bbox: command.bbox,
        clip: &clip,
        mask,
    };
    let cutout = |piece: &Piece| (piece.area(command.bbox), piece.scale);
    let drawn = match &command.what {
        What::Fill(paint, rop) => {
            let rop = Rop::new(*rop, Operands::BrushOnSurface);
            surface.fill(&area, &brush(paint), rop, damage)
        }
        What::Copy(piece, rop) => {
            let (part, scale) = cutout(piece);
            let cutout = Cutout {
                source: piece.picture.source(),
                area: part,
                scale,
            };
            let rop = Rop::new(*rop, Operands::SourceOnSurface);
            surface.copy(&area, &cutout, rop, damage)
        }
        What::Opaque(piece, paint, rop) => {
            let (part, scale) = cutout(piece);
            let cutout = Cutout {
                source: piece.picture.source(),
                area: part,
                scale,
            };
            let rop = Rop::new(*rop, Operands::BrushOnSource);
            surface.opaque(&area, &cutout, &brush(paint), rop, damage)
        }
        What::Blackness => {
            surface.blackness(&area, damage);
            Ok(())
        }
        What::Whiteness => {
            surface.whiteness(&area, damage);
            Ok(())
        }
        What::Invers => {
            surface.invers(&area, damage);
            Ok(())
        }
        What::CopyBits(from) => {
            surface.copy_bits(command.bbox, &clip, *from, damage);
            Ok(())
        }
    };
    drawn.expect("every generated command is valid");
}

fn brush(paint: &Paint) -> Brush<'_> {
    match paint {
        Paint::None => Brush::None,
        Paint::Solid(word) => Brush::Solid(*word),
        Paint::Pattern(picture, origin) => Brush::Pattern {
            pixels: picture.source(),
            origin: *origin,
        },
    }
}

/// A surface as the text sees it.
struct Model {
    format: PixelFormat,
    width: i128,
    words: Vec<u32>,
}

impl Model {
    fn draw(&mut self, command: &Command) {
        if command.bbox.left >= command.bbox.right || command.bbox.top >= command.bbox.bottom {
            return;
        }
        match &command.what {
            What::Fill(paint, rop) => self.each(command, |model, x, y, dest| {
                Some(combine(*rop, model.paint(paint, x, y), dest, 2, 4))
            }),
            What::Copy(piece, rop) => self.each(command, |model, x, y, dest| {
                let source = model.piece(piece, command.bbox, x, y)?;
                Some(combine(*rop, source, dest, 1, 4))
            }),
            What::Opaque(piece, paint, rop) => {
                self.each(command, |model, x, y, _| {
                    model.piece(piece, command.bbox, x, y)
                });
                self.each(command, |model, x, y, dest| {
                    Some(combine(*rop, model.paint(paint, x, y), dest, 2, 1))
                });
            }
            What::Blackness => self.each(command, |_, _, _, _| Some(0)),
            What::Whiteness => self.each(command, |_, _, _, _| Some(u32::MAX)),
            What::Invers => self.each(command, |_, _, _, dest| Some(!dest)),
            What::CopyBits(from) => {
                let unmasked = Command {
                    mask: None,
                    ..command.clone()
                };
                let bbox = command.bbox;
                self.each(&unmasked, |model, x, y, _| {
                    let from_x = x - i128::from(bbox.left) + i128::from(from.x);
                    let from_y = y - i128::from(bbox.top) + i128::from(from.y);
                    let inside = from_x >= 0 && from_x < model.width && from_y >= 0;
                    let i = (from_y * model.width + from_x) as usize;
                    inside.then(|| model.words.get(i).copied()).flatten()
                });
            }
        }
    }

    /// Offers every pixel of the region to `value`. All of them see the surface as it was before the command.
    fn each(&mut self, command: &Command, value: impl Fn(&Self, i128, i128, u32) -> Option<u32>) {
        let inside = |r: &Rect, x: i128, y: i128| {
            x >= i128::from(r.left)
                && x < i128::from(r.right)
                && y >= i128::from(r.top)
                && y < i128::from(r.bottom)
        };
        let mut after = self.words.clone();
        for (i, word) in after.iter_mut().enumerate() {
            let (x, y) = (i as i128 % self.width, i as i128 / self.width);
            let clipped = match &command.clip {
                Some(rects) => !rects.iter().any(|r| inside(r, x, y)),
                None => false,
            };
            let masked = match &command.mask {
                Some((bits, pos, inverse)) => {
                    let mx = x - i128::from(command.bbox.left) + i128::from(pos.x);
                    let my = y - i128::from(command.bbox.top) + i128::from(pos.y);
                    bits.number(mx, my) != Some(u32::from(!inverse))
                }
                None => false,
            };
            if inside(&command.bbox, x, y)
                && !clipped
                && !masked
                && let Some(new) = value(self, x, y, *word)
            {
                let bits = bits_of(Layout::Words(self.format));
                *word = (u64::from(new) & ((1_u64 << bits) - 1)) as u32;
            }
        }
        self.words = after;
    }

    fn paint(&self, paint: &Paint, x: i128, y: i128) -> u32 {
        match paint {
            Paint::None => 0,
            Paint::Solid(word) => *word,
            Paint::Pattern(picture, pos) => {
                let i = (x - i128::from(pos.x)).rem_euclid(i128::from(picture.size.width));
                let j = (y - i128::from(pos.y)).rem_euclid(i128::from(picture.size.height));
                self.word(picture, i, j).expect("inside by the modulo")
            }
        }
    }

    /// The value a copy has at (x, y); `None` where it draws nothing.
    fn piece(&self, piece: &Piece, bbox: Rect, x: i128, y: i128) -> Option<u32> {
        let area = piece.area(bbox);
        let (i, j) = (x - i128::from(bbox.left), y - i128::from(bbox.top));
        let (sx, sy) = (i128::from(area.left), i128::from(area.top));
        if area.size() == bbox.size() {
            return self.word(&piece.picture, i + sx, j + sy);
        }
        let position = |from: u32, to: u32, start: i128, i: i128| {
            let f = i128::from(from) * 65536 / i128::from(to);
            ((f * 0x8000 + 0x8000) >> 16) + (start << 16) + f * i
        };
        let xi = position(area.width(), bbox.width(), sx, i);
        let yj = position(area.height(), bbox.height(), sy, j);
        let p = |x: i128, y: i128| self.word(&piece.picture, x, y).unwrap_or(0);
        Some(match piece.scale {
            ScaleMode::Nearest => p((xi - 1) >> 16, (yj - 1) >> 16),
            ScaleMode::Interpolate => {
                let (u, v) = (xi - 0x8000, yj - 0x8000);
                let (x1, wx) = (u >> 16, ((u >> 9) & 127) as u32);
                let (y1, wy) = (v >> 16, ((v >> 9) & 127) as u32);
                let format = match piece.picture.layout {
                    Layout::Words(format) => format,
                    _ => self.format,
                };
                let split = |x, y| channels(format, p(x, y));
                let (a, b) = (split(x1, y1), split(x1 + 1, y1));
                let (c, d) = (split(x1, y1 + 1), split(x1 + 1, y1 + 1));
                join(
                    format,
                    [0, 1, 2, 3].map(|k| {
                        (a[k] * (128 - wx) * (128 - wy)
                            + b[k] * wx * (128 - wy)
                            + c[k] * (128 - wx) * wy
                            + d[k] * wx * wy)
                            >> 14
                    }),
                )
            }
        })
    }

    /// A pixel of a picture as a word of this surface; `None` outside.
    fn word(&self, picture: &Picture, x: i128, y: i128) -> Option<u32> {
        use PixelFormat::*;
        let number = picture.number(x, y)?;
        let [b, g, r, a] = number.to_le_bytes().map(u32::from);
        let (five_r, five_g, five_b) = (number >> 10 & 0x1f, number >> 5 & 0x1f, number & 0x1f);
        let wide = |v: u32| (v << 3) | (v >> 2);
        Some(match (picture.layout, self.format) {
            (Layout::Words(_), _) => number,
            (Layout::Xrgb | Layout::Argb | Layout::Bgr24 | Layout::Entries, Xrgb | Argb) => number,
            (Layout::XrgbOpaque, Xrgb | Argb) => number | 0xff00_0000,
            (Layout::Rgb555, Xrgb | Argb) => {
                0xff00_0000 | wide(five_r) << 16 | wide(five_g) << 8 | wide(five_b)
            }
            (Layout::Rgb555, Rgb555) => number,
            (Layout::Entries, Rgb555) => number & 0xffff,
            (Layout::Rgb555, Rgb565) => {
                five_r << 11 | ((five_g << 1) | (five_g >> 4)) << 5 | five_b
            }
            (Layout::Argb, A8) => a,
            (Layout::A8, A8) => number,
            (_, Rgb555) => (r >> 3) << 10 | (g >> 3) << 5 | b >> 3,
            (_, Rgb565) => (r >> 3) << 11 | (g >> 2) << 5 | b >> 3,
            pair => panic!("the text does not know {pair:?}"),
        })
    }
}

/// Section 3: descriptor, operands, and which bits invert them.
fn combine(descriptor: u16, a: u32, b: u32, inverts_a: u16, inverts_b: u16) -> u32 {
    let set = |bit: u16| descriptor & bit != 0;
    let left = if set(inverts_a) { !a } else { a };
    let right = if set(inverts_b) { !b } else { b };
    let result = |r: u32| if set(0x400) { !r } else { r };
    if set(0x8) {
        result(left)
    } else if set(0x10) {
        result(left | right)
    } else if set(0x20) {
        result(left & right)
    } else if set(0x40) {
        result(left ^ right)
    } else if set(0x80) {
        0
    } else if set(0x100) {
        u32::MAX
    } else if set(0x200) {
        !b
    } else {
        a
    }
}

/// The channels of a word, widened to 8 bits.
fn channels(format: PixelFormat, word: u32) -> [u32; 4] {
    let wide = |v: u32| (v << 3) | (v >> 2);
    match format {
        PixelFormat::Rgb555 => [
            wide(word & 0x1f),
            wide(word >> 5 & 0x1f),
            wide(word >> 10 & 0x1f),
            0,
        ],
        PixelFormat::Rgb565 => {
            let green = word >> 5 & 0x3f;
            [
                wide(word & 0x1f),
                (green << 2) | (green >> 4),
                wide(word >> 11 & 0x1f),
                0,
            ]
        }
        _ => word.to_le_bytes().map(u32::from),
    }
}

fn join(format: PixelFormat, [b, g, r, a]: [u32; 4]) -> u32 {
    match format {
        PixelFormat::Rgb555 => (r >> 3) << 10 | (g >> 3) << 5 | b >> 3,
        PixelFormat::Rgb565 => (r >> 3) << 11 | (g >> 2) << 5 | b >> 3,
        _ => a << 24 | r << 16 | g << 8 | b,
    }
}

/// A surface (format, width, words) and commands for it.
fn scene() -> impl Strategy<Value = (PixelFormat, u32, Vec<u32>, Vec<Command>)> {
    let format = prop::sample::select(vec![
        PixelFormat::Xrgb,
        PixelFormat::Argb,
        PixelFormat::Rgb555,
        PixelFormat::Rgb565,
        PixelFormat::A8,
        PixelFormat::A1,
    ]);
    (format, 1..18_u32, 1..18_u32).prop_flat_map(|(format, width, height)| {
        let words = prop::collection::vec(any::<u32>(), (width * height) as usize);
        let commands = prop::collection::vec(command(format), 1..6);
        (Just(format), Just(width), words, commands)
    })
}

fn command(format: PixelFormat) -> impl Strategy<Value = Command> {
    let clip = prop::option::of(prop::collection::vec(rect(), 0..6));
    let mask = (
        picture(vec![Layout::Words(PixelFormat::A1)]),
        point(),
        any::<bool>(),
    );
    // Masks are stored top row first.
    let mask = mask.prop_map(|(mut bits, origin, inverse)| {
        bits.bottom_up = false;
        (bits, origin, inverse)
    });
    (
        rect(),
        clip,
        prop::option::weighted(0.3, mask),
        what(format),
    )
        .prop_map(|(bbox, clip, mask, what)| Command {
            bbox,
            clip,
            mask,
            what,
        })
}

fn what(format: PixelFormat) -> impl Strategy<Value = What> {
    prop_oneof![
        3 => (paint(format), rop()).prop_map(|(p, r)| What::Fill(p, r)),
        5 => (piece(format), rop()).prop_map(|(p, r)| What::Copy(p, r)),
        2 => (piece(format), paint(format), rop()).prop_map(|(s, p, r)| What::Opaque(s, p, r)),
        3 => point().prop_map(What::CopyBits),
        1 => prop::sample::select(vec![What::Blackness, What::Whiteness, What::Invers]),
    ]
}

fn paint(format: PixelFormat) -> impl Strategy<Value = Paint> {
    prop_oneof![
        Just(Paint::None),
        any::<u32>().prop_map(Paint::Solid),
        (picture(layouts(format)), point()).prop_map(|(p, o)| Paint::Pattern(p, o)),
    ]
}

fn piece(format: PixelFormat) -> impl Strategy<Value = Piece> {
    let size = (1..14_u32, 1..14_u32).prop_map(|(w, h)| Size::new(w, h));
    let scale = prop::sample::select(vec![ScaleMode::Nearest, ScaleMode::Interpolate]);
    let picture = picture(layouts(format));
    (picture, point(), prop::option::of(size), scale).prop_map(
        move |(picture, corner, size, scale)| Piece {
            picture,
            corner,
            // The protocol does not scale on 1-bit surfaces.
            size: size.filter(|_| format != PixelFormat::A1),
            scale,
        },
    )
}

/// Plain copies, every operation with every inversion, and any bits at all.
fn rop() -> impl Strategy<Value = u16> {
    let operation = prop::sample::select(vec![0x8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200]);
    prop_oneof![
        Just(0x8),
        (operation, 0..8_u16, any::<bool>())
            .prop_map(|(op, inversions, res)| op | inversions | u16::from(res) << 10),
        any::<u16>(),
    ]
}

fn point() -> impl Strategy<Value = Point> {
    (-8..12_i32, -8..12_i32).prop_map(|(x, y)| Point::new(x, y))
}

/// What the text says can be read by a surface of `format`.
fn layouts(format: PixelFormat) -> Vec<Layout> {
    use PixelFormat::*;
    let colour = [
        Layout::Xrgb,
        Layout::XrgbOpaque,
        Layout::Argb,
        Layout::Bgr24,
        Layout::Rgb555,
    ];
    match format {
        A1 => vec![Layout::Words(A1)],
        A8 => vec![Layout::A8, Layout::Argb, Layout::Words(A8)],
        Rgb555 => [&colour[..], &[Layout::Entries, Layout::Words(Rgb565)]].concat(),
        Rgb565 => [&colour[..], &[Layout::Words(Rgb555)]].concat(),
        Xrgb | Argb => [&colour[..], &[Layout::Entries, Layout::Words(Argb)]].concat(),
    }
}

fn picture(layouts: Vec<Layout>) -> impl Strategy<Value = Picture> {
    let layout = prop::sample::select(layouts);
    (layout, 1..14_u32, 1..14_u32, 0..4_usize, any::<bool>()).prop_flat_map(
        |(layout, width, height, padding, bottom_up)| {
            let stride = (width as usize * bits_of(layout)).div_ceil(8) + padding;
            let bytes = prop::collection::vec(any::<u8>(), stride * height as usize);
            bytes.prop_map(move |bytes| Picture {
                layout,
                size: Size::new(width, height),
                stride,
                bottom_up,
                bytes,
            })
        },
    )
}
