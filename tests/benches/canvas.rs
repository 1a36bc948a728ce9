//! How fast the canvas draws, next to copying the same bytes from one buffer to another.
//!
//! `cargo bench --bench canvas` prints one line for each operation on a 1920×1080 surface: megapixels per second (median of
//! the rounds) and the share of memcpy. Without `--bench`, as `cargo test --all-targets` calls it, every operation runs
//! just once.

use std::hint::black_box;
use std::time::{Duration, Instant};

use capsaicin::canvas::{
    Area, Brush, Clip, Cutout, Damage, Layout, Mask, Operands, Rop, ScaleMode, Source, Surface,
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
    let memcpy = memcpy_rate(rounds);
    println!("{:<36}{memcpy:>8.0} MPixel/s", "memcpy, 32 bits");
    for (name, mut draw) in operations() {
        let rate = rate(rounds, &mut draw);
        let share = 100.0 * rate / memcpy;
        println!("{name:<36}{rate:>8.0} MPixel/s {share:>5.0} % of memcpy");
    }
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
    let bits = PixelBuf::new(PixelFormat::A1, SCREEN);
    let masked: Draw = Box::new(move |surface, damage| {
        let mask = Mask::new(bits.view(), Point::new(0, 0)).expect("1 bit");
        let area = Area {
            mask: Some(mask.inverse()),
            ..Area::new(screen, &Clip::None)
        };
        surface.blackness(&area, damage);
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
    let half = Size::new(960, 540);
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
        ("copy_bits, up by 16", copy_bits(0, 16)),
        ("copy_bits, down by 16", copy_bits(0, -16)),
        ("copy_bits, right by 16", copy_bits(-16, 0)),
        ("blackness through a mask", masked),
        ("blackness, 16200 clip rectangles", clipped),
    ]
}

/// Megapixels per second of one operation.
fn rate(rounds: usize, draw: &mut Draw) -> f64 {
    let mut surface = Surface::new(PixelFormat::Xrgb, SCREEN).expect("a valid size");
    let mut damage = Damage::default();
    median(rounds, || {
        draw(black_box(&mut surface), &mut damage);
        damage.clear();
    })
}

fn memcpy_rate(rounds: usize) -> f64 {
    let from = vec![1_u8; SCREEN.area() as usize * 4];
    let mut to = vec![0_u8; from.len()];
    median(rounds, || {
        black_box(&mut to).copy_from_slice(black_box(&from));
    })
}

/// Runs `round` often; the megapixels per second of the median one.
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

const OP_PUT: u16 = 0x8;
const OP_XOR: u16 = 0x40;
