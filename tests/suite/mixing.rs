//! Draw commands that mix pictures with what is on the surface, as they arrive: ROP3, TRANSPARENT, ALPHA_BLEND and COMPOSITE.
//! What they do to pixels is in `canvas`; here is what they mean by their fields.

use capsaicin::channel::display::draw::{
    AlphaFlags, Brush, Clip, CompositeFlags, DisplayBase, DrawAlphaBlend, DrawComposite, DrawRop3,
    DrawTransparent, Point16, QMask, ScaleMode,
};
use capsaicin::channel::display::image::{BitmapFormat, Image, ImageData, ImageFlags};
use capsaicin::channel::display::messages::{
    ServerMessage as Display, SurfaceCreate, SurfaceFlags, SurfaceFormat,
};
use capsaicin::geometry::Rect;

use crate::support::images::{bitmap, image, one_pixel};
use crate::support::viewer::{Viewer, copy, fill, primary};

const PIXEL: Rect = Rect {
    left: 0,
    top: 0,
    right: 1,
    bottom: 1,
};

/// A screen of one pixel with this word on it.
fn screen(word: u32) -> Viewer {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.display(&primary(1, 1));
    viewer.display(&fill(PIXEL, word));
    viewer.events();
    viewer
}

/// Makes surface 1, of one pixel, with this word on it.
fn off_screen(viewer: &mut Viewer, format: SurfaceFormat, word: u32) {
    viewer.display(&Display::SurfaceCreate(SurfaceCreate {
        surface_id: 1,
        width: 1,
        height: 1,
        format,
        flags: SurfaceFlags::empty(),
    }));
    let Display::DrawFill(mut fill) = fill(PIXEL, word) else {
        unreachable!()
    };
    fill.base.surface_id = 1;
    viewer.display(&Display::DrawFill(fill));
}

fn surface_1() -> Image<'static> {
    image(0, ImageFlags::empty(), (1, 1), ImageData::Surface(1))
}

fn word(viewer: &Viewer) -> u32 {
    let surface = viewer.session.display(0).unwrap().canvas().surface(0);
    surface.unwrap().pixels().pixel(0, 0)
}

fn base() -> DisplayBase<'static> {
    DisplayBase {
        surface_id: 0,
        bbox: PIXEL,
        clip: Clip::None,
    }
}

fn blend(src_bitmap: Image<'_>, alpha_flags: AlphaFlags, alpha: u8) -> Display<'_> {
    Display::DrawAlphaBlend(DrawAlphaBlend {
        base: base(),
        alpha_flags,
        alpha,
        src_bitmap,
        src_area: PIXEL,
    })
}

fn composite(flags: u32, src_bitmap: Image<'_>) -> DrawComposite<'_> {
    let origin = || Point16 { x: 0, y: 0 };
    DrawComposite {
        base: base(),
        flags: CompositeFlags(flags),
        src_bitmap,
        mask_bitmap: None,
        src_transform: None,
        mask_transform: None,
        src_origin: origin(),
        mask_origin: origin(),
    }
}

#[test]
fn rop3_joins_brush_image_and_surface() {
    let mut viewer = screen(0x00aa_aaaa);

    viewer.display(&Display::DrawRop3(DrawRop3 {
        base: base(),
        src_bitmap: one_pixel(0, ImageFlags::empty(), &[0xcc, 0xcc, 0xcc, 0]),
        src_area: PIXEL,
        brush: Brush::Solid(0x00f0_f0f0),
        rop3: 0xca,
        scale_mode: ScaleMode::Nearest,
        mask: QMask::default(),
    }));

    // The image where the brush is 1, the surface where it is 0.
    assert_eq!(word(&viewer), 0x00ca_caca);
}

#[test]
fn transparent_leaves_the_true_colour_out() {
    let draw = |color: [u8; 4]| {
        let mut viewer = screen(9);
        viewer.display(&Display::DrawTransparent(DrawTransparent {
            base: base(),
            src_bitmap: one_pixel(0, ImageFlags::empty(), &color),
            src_area: PIXEL,
            src_color: 0x0055_5555,
            true_color: 0x0011_2233,
        }));
        word(&viewer)
    };

    assert_eq!(draw([0x33, 0x22, 0x11, 0]), 9);
    assert_eq!(draw([0x55, 0x55, 0x55, 0]), 0x0055_5555);
}

#[test]
fn an_alpha_blend_reads_the_unused_byte_of_a_surface_only_if_it_is_told_to() {
    let blended = |format, flags| {
        let mut viewer = screen(0x4010_2030);
        off_screen(&mut viewer, format, 0x8060_4020);
        viewer.display(&blend(surface_1(), flags, 255));
        word(&viewer)
    };

    let has_alpha = AlphaFlags::SRC_SURFACE_HAS_ALPHA;
    assert_eq!(blended(SurfaceFormat::Xrgb, has_alpha), 0xa068_5038);
    assert_eq!(
        blended(SurfaceFormat::Xrgb, AlphaFlags::empty()),
        0xff60_4020
    );
    assert_eq!(
        blended(SurfaceFormat::Argb, AlphaFlags::empty()),
        0xa068_5038
    );
}

#[test]
fn a_blend_that_draws_nothing_still_keeps_its_image() {
    let mut viewer = screen(9);
    let kept = one_pixel(42, ImageFlags::CACHE_ME, &[7, 0, 0, 0]);

    viewer.display(&blend(kept, AlphaFlags::empty(), 0));

    assert_eq!(word(&viewer), 9);
    let stats = viewer.session.stats(viewer.now);
    assert_eq!(stats.pixmap_cache_pixels, 1);
}

#[test]
fn a_source_surface_is_opaque_to_a_composition_that_says_so() {
    let composed = |flags| {
        let mut viewer = screen(0x0010_2030);
        off_screen(&mut viewer, SurfaceFormat::Argb, 0x0060_4020);
        viewer.display(&Display::DrawComposite(composite(flags, surface_1())));
        word(&viewer) & 0xff_ffff
    };

    assert_eq!(composed(3), 0x70_6050);
    assert_eq!(composed(3 | CompositeFlags::SOURCE_OPAQUE.0), 0x60_4020);
}

#[test]
fn a_mask_of_a_composition_may_be_a_bitmap_of_coverage() {
    let mut viewer = screen(0);
    let white = one_pixel(0, ImageFlags::empty(), &[255; 4]);
    let half = bitmap(BitmapFormat::EightBitAlpha, 1, &[0x80]);

    viewer.display(&Display::DrawComposite(DrawComposite {
        mask_bitmap: Some(image(0, ImageFlags::empty(), (1, 1), half)),
        ..composite(3, white)
    }));

    assert_eq!(word(&viewer) & 0xff_ffff, 0x80_8080);
}

#[test]
fn what_a_composition_cannot_mean_is_told() {
    let told = |flags| {
        let mut viewer = screen(9);
        let pixel = one_pixel(0, ImageFlags::empty(), &[7; 4]);
        viewer.display(&Display::DrawComposite(composite(flags, pixel)));
        assert_eq!(word(&viewer), 9);
        viewer.notices()
    };

    let [operator] = &told(0x0e)[..] else {
        panic!("one notice")
    };
    assert!(
        operator.ends_with("DRAW_COMPOSITE: operator 0x0e is unknown"),
        "{operator}"
    );
    let [filter] = &told(3 | 5 << 8)[..] else {
        panic!("one notice")
    };
    assert!(
        filter.ends_with("DRAW_COMPOSITE: filter 5 is unknown"),
        "{filter}"
    );
}

#[test]
fn a_screen_can_be_composed_with_itself() {
    let mut viewer = screen(0x0010_2030);
    let itself = image(0, ImageFlags::empty(), (1, 1), ImageData::Surface(0));

    viewer.display(&Display::DrawComposite(composite(0x0c, itself)));

    assert_eq!(word(&viewer) & 0xff_ffff, 0x20_4060);
}

#[test]
fn a_draw_on_the_screen_is_told_and_one_beside_it_is_not() {
    let mut viewer = screen(9);
    let pixel = || one_pixel(0, ImageFlags::empty(), &[7; 4]);

    let Display::DrawAlphaBlend(mut beside) = blend(pixel(), AlphaFlags::empty(), 255) else {
        unreachable!()
    };
    beside.base.bbox = PIXEL.translate(5, 5);
    viewer.display(&Display::DrawAlphaBlend(beside));
    assert_eq!(viewer.events().len(), 0);

    viewer.display(&blend(pixel(), AlphaFlags::empty(), 255));
    assert_eq!(viewer.events().len(), 1);
    viewer.display(&copy(PIXEL, pixel()));
    assert_eq!(viewer.events().len(), 1);
}
