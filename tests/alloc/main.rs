//! How often a warm client session allocates: a test binary of its own, because it counts what the allocator is asked for.
//!
//! A server repeats its messages until the session has every buffer it needs; what one more of them allocates after that is
//! what the hot path costs. The counter is of this thread, and `allocation-counter` was chosen because it needs no `unsafe`
//! here, has no dependencies, and tells threads apart.

mod commands;
#[path = "../support/mod.rs"]
mod support;

use allocation_counter::{AllocationInfo, measure};
use capsaicin::channel::Message;
use capsaicin::channel::display::draw::{Clip, DisplayBase};
use capsaicin::channel::display::image::{
    Bitmap, BitmapFlags, BitmapFormat, Image, ImageData, ImageFlags, LzPlt, Palette, PaletteRef,
    ZlibGlz,
};
use capsaicin::channel::display::messages::{CopyBits, ServerMessage};
use capsaicin::codec::{glz, lz, lz4, palette, quic, zlib};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::session::{ClientEvent, SessionConfig};
use capsaicin::wire::Frame;

use support::pictures;
use support::viewer::{DISPLAY, Viewer, copy, fill, primary};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 200;

/// Messages after which a session is warm: a GLZ window has then dropped images.
const WARM_UP: usize = 80;

/// Messages that are counted.
const COUNTED: usize = 20;

/// Where pictures are drawn.
fn place() -> Rect {
    Rect::at(8, 16, Size::new(WIDTH, HEIGHT))
}

fn viewer(config: SessionConfig) -> Viewer {
    let mut viewer = Viewer::with(config, &[0]);
    viewer.display(&primary(640, 480));
    viewer.events();
    viewer
}

/// What the counted messages allocate once a session is warm after so many, and the regions they change. After each of them
/// the user takes what there is to know.
fn allocations(
    config: SessionConfig,
    warm_up: usize,
    messages: impl IntoIterator<Item = Frame>,
) -> (AllocationInfo, u64) {
    let mut viewer = viewer(config);
    let mut messages = messages.into_iter();
    for frame in messages.by_ref().take(warm_up) {
        viewer.receive(DISPLAY, frame);
        viewer.events();
    }
    let frames: Vec<Frame> = messages.take(COUNTED).collect();
    assert_eq!(frames.len(), COUNTED);
    let mut regions = 0;
    let counted = measure(|| {
        for frame in frames {
            viewer.receive(DISPLAY, frame);
            while let Some(event) = viewer.session.poll_event() {
                assert!(matches!(event, ClientEvent::Display(_)), "{event:?}");
                regions += 1;
            }
        }
    });
    assert!(
        regions >= COUNTED as u64,
        "every message changed the screen"
    );
    (counted, regions)
}

/// Checks that nothing but the regions handed to the user allocates: for each the buffer with its pixels.
#[track_caller]
fn assert_only_regions_allocate(messages: impl IntoIterator<Item = Frame>) {
    let (counted, regions) = allocations(SessionConfig::default(), WARM_UP, messages);
    assert_eq!(
        counted.count_total, regions,
        "allocations of {COUNTED} messages, {regions} regions were handed over: {counted:?}"
    );
}

/// The same message again and again.
fn again(message: &ServerMessage<'_>) -> impl Iterator<Item = Frame> {
    std::iter::repeat_with({
        let frame = message.to_frame();
        move || frame.clone()
    })
}

/// DRAW_COPY of an image to one place.
fn draw(data: ImageData<'_>) -> Frame {
    let image = Image {
        id: 1,
        flags: ImageFlags::empty(),
        width: WIDTH,
        height: HEIGHT,
        data,
    };
    copy(place(), image).to_frame()
}

/// DRAW_COPY of the same image again and again.
fn draws(data: ImageData<'_>) -> impl Iterator<Item = Frame> {
    let frame = draw(data);
    std::iter::repeat_with(move || frame.clone())
}

/// Rows of 32-bit pixels.
fn pixels() -> Vec<u8> {
    pictures::desktop(WIDTH as usize, HEIGHT as usize).pixels
}

const STRIDE: usize = 4 * WIDTH as usize;

#[test]
fn a_fill_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    assert_only_regions_allocate(again(&fill(place(), 7)));
}

#[test]
fn moving_pixels_allocates_nothing() {
    let moved = ServerMessage::CopyBits(CopyBits {
        base: DisplayBase {
            surface_id: 0,
            bbox: place(),
            clip: Clip::None,
        },
        src_pos: Point::new(100, 120),
    });
    let (counted, _) = allocations(SessionConfig::default(), WARM_UP, again(&moved));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_raw_bitmap_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    let pixels = pixels();
    let bitmap = ImageData::Bitmap(Bitmap {
        format: BitmapFormat::ThirtyTwoBit,
        flags: BitmapFlags::TOP_DOWN,
        stride: STRIDE as u32,
        palette: PaletteRef::None,
        rows: &pixels,
    });
    assert_only_regions_allocate(draws(bitmap));
}

#[test]
fn a_bitmap_of_16_bits_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    let pixels = pixels();
    let bitmap = ImageData::Bitmap(Bitmap {
        format: BitmapFormat::SixteenBit,
        flags: BitmapFlags::empty(),
        stride: 2 * WIDTH,
        palette: PaletteRef::None,
        rows: &pixels[..pixels.len() / 2],
    });
    assert_only_regions_allocate(draws(bitmap));
}

#[test]
fn a_quic_image_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    let mut data = Vec::new();
    quic::encode(
        quic::Kind::Rgb32,
        WIDTH,
        HEIGHT,
        STRIDE,
        &pixels(),
        &mut data,
    )
    .unwrap();
    assert_only_regions_allocate(draws(ImageData::Quic(&data)));
}

#[test]
fn an_lz_image_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    let mut data = Vec::new();
    let kind = lz::Kind::Rgb32;
    lz::encode(kind, WIDTH, HEIGHT, STRIDE, true, &pixels(), &mut data).unwrap();
    assert_only_regions_allocate(draws(ImageData::LzRgb(&data)));
}

#[test]
fn an_lz4_image_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    let mut data = Vec::new();
    lz4::encode(8, true, WIDTH, HEIGHT, STRIDE, &pixels(), &mut data).unwrap();
    assert_only_regions_allocate(draws(ImageData::Lz4(&data)));
}

/// The GLZ streams of a session, in a window that holds a few images.
fn glz_streams() -> impl Iterator<Item = Vec<u8>> {
    let mut encoder = glz::Encoder::new(5 * u64::from(WIDTH * HEIGHT)).unwrap();
    let pixels = pixels();
    std::iter::repeat_with(move || {
        let mut data = Vec::new();
        let bitmap = glz::Bitmap {
            kind: glz::Kind::Rgb32,
            width: WIDTH,
            height: HEIGHT,
            stride: STRIDE,
            top_down: true,
            pixels: &pixels,
        };
        encoder.encode(&bitmap, &mut data).unwrap();
        data
    })
}

#[test]
fn a_glz_image_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    let frames = glz_streams().map(|data| draw(ImageData::GlzRgb(&data)));
    assert_only_regions_allocate(frames);
}

#[test]
fn a_deflated_glz_image_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    let frames = glz_streams().map(|glz| {
        let mut data = Vec::new();
        zlib::deflate(&glz, 3, &mut data);
        draw(ImageData::ZlibGlzRgb(ZlibGlz {
            glz_data_size: glz.len() as u32,
            data: &data,
        }))
    });
    assert_only_regions_allocate(frames);
}

/// Sixteen colours.
const COLORS: [[u8; 4]; 16] = [[0x40, 0x80, 0xc0, 0]; 16];

#[test]
fn a_bitmap_with_a_palette_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    let bitmap = ImageData::Bitmap(Bitmap {
        format: BitmapFormat::FourBitBe,
        flags: BitmapFlags::TOP_DOWN,
        stride: WIDTH / 2,
        palette: PaletteRef::Inline(Palette {
            unique: 7,
            entries: &COLORS,
        }),
        rows: &pixels()[..(WIDTH / 2 * HEIGHT) as usize],
    });
    assert_only_regions_allocate(draws(bitmap));
}

#[test]
fn an_lz_image_with_a_palette_allocates_the_pixels_handed_to_the_user_and_nothing_else() {
    let (kind, stride) = (
        lz::Kind::Plt(palette::Indices::FourBitBe),
        WIDTH as usize / 2,
    );
    let mut data = Vec::new();
    lz::encode(kind, WIDTH, HEIGHT, stride, true, &pixels(), &mut data).unwrap();
    let colors = PaletteRef::Inline(Palette {
        unique: 7,
        entries: &COLORS,
    });
    let image = ImageData::LzPlt(LzPlt {
        flags: BitmapFlags::empty(),
        palette: colors,
        data: &data,
    });
    assert_only_regions_allocate(draws(image));
}
