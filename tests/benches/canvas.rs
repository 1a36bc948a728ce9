//! How fast the canvas draws, next to copying the same bytes from one buffer to another.
//!
//! `cargo bench --bench canvas` prints one line for each operation on a 1920×1080 surface: megapixels per second (median of
//! the rounds), and which share that is of a memcpy of as many 32-bit pixels, done in turn with it. Without `--bench`, as
//! `cargo test --all-targets` calls it, every operation runs just once.

use std::hint::black_box;
use std::time::{Duration, Instant};

use capsaicin::canvas::{
    Area, Brush, Clip, Composite, Coverage, Cutout, Damage, Dashes, Filter, Glyph, Layout, Mask,
    Operands, Operator, Path, Repeat, Rop, Rop3, ScaleMode, Source, Surface, Text, Texture,
};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat};

const SCREEN: Size = Size::new(1920, 1080);

fn main() {
    let rounds = if std::env::args().any(|arg| arg == "--bench") {
        101
    } else {
        1
    };
    for (name, mut draw) in operations() {
        let (rate, memcpy) = rates(rounds, &mut draw);
        let share = 100.0 * rate / memcpy;
        println!("{name:<36}{rate:>8.0} MPixel/s {share:>5.0} % of memcpy");
    }
    lines_and_text(rounds);
}

/// Prints pixels of lines, and glyphs, per second.
fn lines_and_text(rounds: usize) {
    let area = Area::new(SCREEN.to_rect(), &Clip::None);
    let brush = Brush::Solid(0x12_3456);
    let mut surface = Surface::new(PixelFormat::Xrgb, SCREEN).expect("a valid size");
    let millions = SCREEN.area() as f64 / 1e6;

    // Through one point; every line is as high as the screen.
    let side = SCREEN.height as i32 - 1;
    let mut path = Path::default();
    for i in (0..1000).map(|i| i * side / 1000) {
        path.line_to(Point::new(16 * i, 0));
        path.line_to(Point::new(16 * (side - i), 16 * side));
        path.end();
    }
    let pixels = 1000.0 * f64::from(side) / 1e6;
    let dashes = Dashes::new(&[96, 64]).expect("a length");
    for (name, dashes) in [("lines", None), ("dashed lines", Some(&dashes))] {
        let rate = median(rounds, || {
            black_box(&mut surface)
                .stroke(
                    &area,
                    &path,
                    dashes,
                    &brush,
                    Rop::PUT,
                    &mut Damage::default(),
                )
                .expect("it can be drawn");
        });
        println!("{name:<36}{:>8.0} MPixel/s", pixels * rate / millions);
    }

    let rows: Vec<u8> = (0..64).map(|i| i * 37).collect();
    for (name, coverage) in [
        ("glyphs, 1 bit", Coverage::A1),
        ("glyphs, 4 bits", Coverage::A4),
    ] {
        let glyphs: Vec<Glyph<'_>> = (0..100)
            .filter_map(|i| Glyph::new(coverage, Point::new(8 * i, 40), Size::new(8, 16), &rows))
            .collect();
        let text = Text {
            glyphs: &glyphs,
            fore: brush,
            back: None,
        };
        let rate = median(rounds, || {
            black_box(&mut surface)
                .text(&area, &text, &mut Damage::default())
                .expect("it can be drawn");
        });
        let thousands = 100.0 * rate / millions / 1e3;
        println!("{name:<36}{thousands:>8.0} thousand/s, 8×16 each");
    }
}

/// Screens of pixels per second in millions, going by the median of the rounds.
fn median(rounds: usize, mut round: impl FnMut()) -> f64 {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    SCREEN.area() as f64 / 1e6 / times[times.len() / 2].as_secs_f64()
}

type Draw = Box<dyn FnMut(&mut Surface, &mut Damage)>;

/// Each draws the whole screen once.
fn operations() -> Vec<(&'static str, Draw)> {
    let screen = SCREEN.to_rect();
    let copy = |rop: u16, layout: Layout, size: Size, scale: ScaleMode| -> Draw {
        let row = layout.row_bytes(size.width).expect("a small picture");
        let data: Vec<u8> = (0..row * size.height as usize).map(|i| i as u8).collect();
        Box::new(move |surface, damage| {
            let cutout = Cutout {
                source: Source::new(layout, size, row, &data).expect("as many rows as it says"),
                area: size.to_rect(),
                scale,
            };
            let area = Area::new(screen, &Clip::None);
            let rop = Rop::new(rop, Operands::SourceOnSurface);
            surface
                .copy(&area, &cutout, rop, damage)
                .expect("it can be drawn");
        })
    };
    let fill = |rop: u16| -> Draw {
        Box::new(move |surface, damage| {
            let area = Area::new(screen, &Clip::None);
            let rop = Rop::new(rop, Operands::BrushOnSurface);
            surface
                .fill(&area, &Brush::Solid(0x1234_5678), rop, damage)
                .expect("it can be drawn");
        })
    };
    let copy_bits = |x: i32, y: i32| -> Draw {
        Box::new(move |surface, damage| {
            surface.copy_bits(screen, &Clip::None, Point::new(x, y), damage);
        })
    };
    let tile: Vec<u8> = (0..8 * 8 * 4).map(|i| i as u8).collect();
    let pattern: Draw = Box::new(move |surface, damage| {
        let brush = Brush::Pattern {
            pixels: Source::new(Layout::Xrgb, Size::new(8, 8), 32, &tile).expect("8 rows"),
            origin: Point::new(3, 3),
        };
        surface
            .fill(&Area::new(screen, &Clip::None), &brush, Rop::PUT, damage)
            .expect("it can be drawn");
    });
    let masked_fill = masked(|surface, area, damage| surface.blackness(area, damage));
    let picture = noise(SCREEN.area() as usize * 4);
    let masked_copy = masked(move |surface, area, damage| {
        let cutout = Cutout::whole(source(Layout::Xrgb, SCREEN, &picture));
        surface
            .copy(area, &cutout, Rop::PUT, damage)
            .expect("it can be drawn");
    });
    let checks = (0..1080)
        .step_by(8)
        .flat_map(|y| {
            (0..1920)
                .step_by(16)
                .map(move |x| Rect::at(x, y, Size::new(12, 12)))
        })
        .collect();
    let clip = Clip::Rects(checks);
    let clipped: Draw = Box::new(move |surface, damage| {
        surface.blackness(&Area::new(screen, &clip), damage);
    });
    let (half, double) = (Size::new(960, 540), Size::new(3840, 2160));
    let odd = Size::new(1366, 768);
    let nearest = ScaleMode::Nearest;
    vec![
        ("fill", fill(OP_PUT)),
        ("fill, XOR", fill(OP_XOR)),
        ("fill with an 8×8 pattern", pattern),
        ("copy Xrgb", copy(OP_PUT, Layout::Xrgb, SCREEN, nearest)),
        (
            "copy Xrgb, XOR",
            copy(OP_XOR, Layout::Xrgb, SCREEN, nearest),
        ),
        (
            "copy XrgbOpaque",
            copy(OP_PUT, Layout::XrgbOpaque, SCREEN, nearest),
        ),
        ("copy Bgr24", copy(OP_PUT, Layout::Bgr24, SCREEN, nearest)),
        ("copy Rgb555", copy(OP_PUT, Layout::Rgb555, SCREEN, nearest)),
        (
            "copy Xrgb 960×540, nearest",
            copy(OP_PUT, Layout::Xrgb, half, nearest),
        ),
        (
            "copy Xrgb 960×540, interpolated",
            copy(OP_PUT, Layout::Xrgb, half, ScaleMode::Interpolate),
        ),
        (
            "copy Xrgb 1366×768, nearest",
            copy(OP_PUT, Layout::Xrgb, odd, nearest),
        ),
        (
            "copy Xrgb 1366×768, interpolated",
            copy(OP_PUT, Layout::Xrgb, odd, ScaleMode::Interpolate),
        ),
        (
            "copy Xrgb 3840×2160, nearest",
            copy(OP_PUT, Layout::Xrgb, double, nearest),
        ),
        (
            "copy Xrgb 3840×2160, interpolated",
            copy(OP_PUT, Layout::Xrgb, double, ScaleMode::Interpolate),
        ),
        ("rop3 0xca, solid brush", rop3(None)),
        ("rop3 0xca, 8×8 pattern", rop3(Some(noise(256)))),
        ("transparent", transparent()),
        ("alpha_blend Argb", alpha_blend(Layout::Argb, 255)),
        (
            "alpha_blend Argb, alpha 128",
            alpha_blend(Layout::Argb, 128),
        ),
        (
            "alpha_blend Xrgb, alpha 128",
            alpha_blend(Layout::Xrgb, 128),
        ),
        ("composite over", composite(Operator::Over, None)),
        (
            "composite over, A8 mask",
            composite(Operator::Over, Some(noise(SCREEN.area() as usize))),
        ),
        ("composite atop", composite(Operator::Atop, None)),
        ("composite screen", composite(Operator::Screen, None)),
        ("composite soft light", composite(Operator::SoftLight, None)),
        ("copy_bits, up by 16", copy_bits(0, 16)),
        ("copy_bits, down by 16", copy_bits(0, -16)),
        ("copy_bits, right by 16", copy_bits(-16, 0)),
        ("blackness through a mask", masked_fill),
        ("copy Xrgb through a mask", masked_copy),
        ("blackness, 16200 clip rectangles", clipped),
    ]
}

/// Draws through a mask that lets every other pixel through, or so.
fn masked(mut draw: impl FnMut(&mut Surface, &Area<'_>, &mut Damage) + 'static) -> Draw {
    let row = PixelFormat::A1.row_bytes(SCREEN.width);
    let bits = noise(row * SCREEN.height as usize);
    let bits = PixelBuf::from_data(PixelFormat::A1, SCREEN, bits).expect("packed rows");
    Box::new(move |surface, damage| {
        let area = Area {
            mask: Mask::new(bits.view(), Point::new(0, 0)),
            ..Area::new(SCREEN.to_rect(), &Clip::None)
        };
        draw(surface, &area, damage);
    })
}

fn rop3(tile: Option<Vec<u8>>) -> Draw {
    let picture = noise(SCREEN.area() as usize * 4);
    Box::new(move |surface, damage| {
        let brush = match &tile {
            Some(tile) => Brush::Pattern {
                pixels: source(Layout::Xrgb, Size::new(8, 8), tile),
                origin: Point::new(3, 3),
            },
            None => Brush::Solid(0x1234_5678),
        };
        let cutout = Cutout::whole(source(Layout::Xrgb, SCREEN, &picture));
        let area = Area::new(SCREEN.to_rect(), &Clip::None);
        surface
            .rop3(&area, &cutout, &brush, Rop3::new(0xca), damage)
            .expect("it can be drawn");
    })
}

fn transparent() -> Draw {
    let picture = noise(SCREEN.area() as usize * 4);
    Box::new(move |surface, damage| {
        let cutout = Cutout::whole(source(Layout::Xrgb, SCREEN, &picture));
        let area = Area::new(SCREEN.to_rect(), &Clip::None);
        surface
            .transparent(&area, &cutout, 0x0012_3456, damage)
            .expect("it can be drawn");
    })
}

fn alpha_blend(layout: Layout, alpha: u8) -> Draw {
    let picture = noise(SCREEN.area() as usize * 4);
    Box::new(move |surface, damage| {
        let cutout = Cutout::whole(source(layout, SCREEN, &picture));
        let area = Area::new(SCREEN.to_rect(), &Clip::None);
        surface
            .alpha_blend(&area, &cutout, alpha, damage)
            .expect("it can be drawn");
    })
}

fn composite(operator: Operator, mask: Option<Vec<u8>>) -> Draw {
    let picture = noise(SCREEN.area() as usize * 4);
    Box::new(move |surface, damage| {
        let mask = mask.as_ref();
        let composite = Composite {
            operator,
            source: plain(source(Layout::Argb, SCREEN, &picture)),
            mask: mask.map(|mask| plain(source(Layout::A8, SCREEN, mask))),
            component_alpha: false,
        };
        let area = Area::new(SCREEN.to_rect(), &Clip::None);
        surface.composite(&area, &composite, damage);
    })
}

/// A picture as it is.
fn plain(source: Source<'_>) -> Texture<'_> {
    Texture {
        source,
        origin: Point::default(),
        transform: None,
        filter: Filter::Nearest,
        repeat: Repeat::None,
    }
}

/// A picture of packed rows.
fn source(layout: Layout, size: Size, data: &[u8]) -> Source<'_> {
    let row = layout.row_bytes(size.width).expect("a small picture");
    Source::new(layout, size, row, data).expect("as many rows as it says")
}

/// Bytes without a pattern.
fn noise(len: usize) -> Vec<u8> {
    (0..len as u32)
        .map(|i| (i.wrapping_mul(0x9e37_79b9) >> 13) as u8)
        .collect()
}

/// Megapixels per second of one operation and of memcpy.
fn rates(rounds: usize, draw: &mut Draw) -> (f64, f64) {
    let mut surface = Surface::new(PixelFormat::Xrgb, SCREEN).expect("a valid size");
    let mut damage = Damage::default();
    let from = vec![1_u8; SCREEN.area() as usize * 4];
    let mut to = vec![0_u8; from.len()];
    let (mut drawing, mut copying) = (vec![], vec![]);
    for _ in 0..rounds {
        drawing.push(time(|| draw(black_box(&mut surface), &mut damage)));
        damage.clear();
        copying.push(time(|| {
            black_box(&mut to).copy_from_slice(black_box(&from))
        }));
    }
    (rate(drawing), rate(copying))
}

fn time(what: impl FnOnce()) -> Duration {
    let start = Instant::now();
    what();
    start.elapsed()
}

/// Megapixels per second of the median time.
fn rate(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    SCREEN.area() as f64 / 1e6 / times[times.len() / 2].as_secs_f64()
}

const OP_PUT: u16 = 0x8;
const OP_XOR: u16 = 0x40;
