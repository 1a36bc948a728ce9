//! COMPOSITE: spec 07b §13, and what the renderer underneath the reference makes of random compositions.

use capsaicin::canvas::{
    Area, Clip, Composite, Damage, Filter, Layout, Operator, Repeat, Source, Surface, Texture,
    Transform,
};
use capsaicin::geometry::{Point, Rect};
use capsaicin::pixels::PixelFormat;
use proptest::prelude::*;

use super::model;
use super::pictures::{Picture, blank, painted, words_of};

/// A picture as it is, from its corner on.
fn plain(source: Source<'_>) -> Texture<'_> {
    Texture {
        source,
        origin: Point::default(),
        transform: None,
        filter: Filter::Nearest,
        repeat: Repeat::None,
    }
}

fn composition(operator: Operator, source: Texture<'_>) -> Composite<'_> {
    Composite {
        operator,
        source,
        mask: None,
        component_alpha: false,
    }
}

/// Composes on all of a surface.
fn compose(surface: &mut Surface, composite: &Composite<'_>) -> Vec<u32> {
    let area = super::everywhere(surface);
    surface.composite(&area, composite, &mut Damage::default());
    words_of(surface)
}

/// One pixel over 40102030 on an ARGB surface.
fn over(source: Source<'_>) -> u32 {
    let mut surface = painted(PixelFormat::Argb, 1, &[0x4010_2030]);
    compose(&mut surface, &composition(Operator::Over, plain(source)))[0]
}

#[test]
fn the_vectors_of_the_reference_hold() {
    let picture = Picture::of_words(Layout::Argb, 1, &[0x8060_4020]);
    assert_eq!(over(picture.source()), 0xa068_5038);

    let light = painted(PixelFormat::Argb, 1, &[0x0060_4020]);
    let source = Source::surface(light.pixels());
    assert_eq!(over(source), 0x4070_6050, "components add without alpha");
    assert_eq!(over(source.without_alpha()), 0xff60_4020);
}

#[test]
fn a_transform_leads_from_the_box_to_the_source() {
    let row = Picture::of_words(Layout::Xrgb, 3, &[1, 2, 3]);
    let texture = Texture {
        transform: Some(Transform {
            t00: 0x8000,
            t01: 0,
            t02: 0,
            t10: 0,
            t11: 0x10000,
            t12: 0,
        }),
        repeat: Repeat::Normal,
        ..plain(row.source())
    };
    let mut surface = blank(PixelFormat::Argb, 6, 1);

    let words = compose(&mut surface, &composition(Operator::Src, texture));

    assert_eq!(words, [1, 1, 2, 2, 3, 3].map(|n| n | 0xff00_0000));
}

#[test]
fn outside_a_picture_is_what_its_repeat_says() {
    let repeated = |repeat| {
        let row = Picture::of_words(Layout::Xrgb, 3, &[1, 2, 3]);
        let texture = Texture {
            origin: Point::new(-4, 0),
            repeat,
            ..plain(row.source())
        };
        let mut surface = blank(PixelFormat::Xrgb, 11, 1);
        let words = compose(&mut surface, &composition(Operator::Src, texture));
        words.into_iter().map(|w| w & 0xff_ffff).collect::<Vec<_>>()
    };

    assert_eq!(repeated(Repeat::None), [0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0]);
    assert_eq!(repeated(Repeat::Normal), [3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1]);
    assert_eq!(repeated(Repeat::Pad), [1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3]);
    assert_eq!(repeated(Repeat::Reflect), [3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1]);
}

#[test]
fn coverage_is_a_mask() {
    let (white, half) = (
        Picture::of_words(Layout::Xrgb, 1, &[0xff_ffff]),
        Picture::of_words(Layout::A8, 1, &[0x80]),
    );
    for format in [PixelFormat::Argb, PixelFormat::Xrgb, PixelFormat::Rgb565] {
        let mut surface = blank(format, 1, 1);
        let masked = Composite {
            mask: Some(plain(half.source())),
            ..composition(Operator::Over, plain(white.source()))
        };

        let word = compose(&mut surface, &masked)[0];

        let expected = match format {
            PixelFormat::Argb => 0x8080_8080,
            PixelFormat::Xrgb => 0xff80_8080,
            _ => 0x8410,
        };
        assert_eq!(word, expected, "on {format:?}");
    }
}

#[test]
fn a_mask_by_component_weakens_each_channel_by_itself() {
    let source = Picture::of_words(Layout::Argb, 1, &[0xff80_ff40]);
    let mask = Picture::of_words(Layout::Argb, 1, &[0x40ff_8000]);
    let mut surface = painted(PixelFormat::Argb, 1, &[0xff10_2030]);
    let masked = Composite {
        mask: Some(plain(mask.source())),
        component_alpha: true,
        ..composition(Operator::Over, plain(source.source()))
    };

    let word = compose(&mut surface, &masked)[0];

    // Red replaced; green half of 0xff and half of 0x20; blue as before.
    assert_eq!(word, 0xff80_9030);
}

#[test]
fn on_16_bits_a_picture_loses_its_alpha_first() {
    let picture = Picture::of_words(Layout::Argb, 1, &[0x0060_4020]);
    let mut surface = painted(PixelFormat::Rgb555, 1, &[0x7fff]);

    let word = compose(
        &mut surface,
        &composition(Operator::Over, plain(picture.source())),
    )[0];

    assert_eq!(word, 12 << 10 | 8 << 5 | 4);
}

#[test]
fn a_surface_can_be_composed_with_itself() {
    let mut canvas = capsaicin::canvas::Canvas::default();
    let size = capsaicin::geometry::Size::new(4, 1);
    canvas
        .create(0, PixelFormat::Argb, size)
        .expect("a valid size");
    *canvas.surface_mut(0).expect("just made") = painted(
        PixelFormat::Argb,
        4,
        &[0x0101_0101, 0x0202_0202, 0x0404_0404, 0x0808_0808],
    );

    canvas
        .draw_from(0, &[0, 0], |surface, views| {
            let shifted = Texture {
                origin: Point::new(1, 0),
                repeat: Repeat::Normal,
                ..plain(Source::surface(views[0]))
            };
            compose(surface, &composition(Operator::Add, shifted))
        })
        .expect("it is there");

    let words = words_of(canvas.surface(0).expect("still there"));
    assert_eq!(words, [0x0303_0303, 0x0606_0606, 0x0c0c_0c0c, 0x0909_0909]);
}

#[test]
fn every_operator_has_its_number() {
    let known: Vec<u8> = (0..=255)
        .filter(|n| Operator::from_number(*n).is_some())
        .collect();
    let ranges = [0..=0x0d, 0x10..=0x1b, 0x20..=0x2b, 0x30..=0x3e];

    assert_eq!(known, ranges.into_iter().flatten().collect::<Vec<u8>>());
    assert!(
        Operator::ALL
            .iter()
            .all(|o| Operator::from_number(*o as u8) == Some(*o))
    );
}

#[test]
fn every_operator_does_what_the_reference_renderer_does() {
    let scenes = include_str!("../../fixtures/canvas/compositions.txt");
    for line in scenes.lines() {
        let scene = Scene::read(line);
        let mut surface = painted(scene.format, scene.width, &scene.before);

        let words = compose(&mut surface, &scene.composite());

        let used = match scene.format {
            PixelFormat::Xrgb => 0x00ff_ffff,
            PixelFormat::Rgb555 => 0x7fff,
            _ => !0,
        };
        let cut = |words: &[u32]| words.iter().map(|w| w & used).collect::<Vec<u32>>();
        assert_eq!(cut(&words), cut(&scene.after), "{line}");
    }
}

/// A line of the fixture.
struct Scene {
    operator: Operator,
    component_alpha: bool,
    format: PixelFormat,
    width: u32,
    source: Piece,
    mask: Option<Piece>,
    before: Vec<u32>,
    after: Vec<u32>,
}

struct Piece {
    picture: Picture,
    filter: Filter,
    repeat: Repeat,
    origin: Point,
    transform: Option<Transform>,
}

impl Scene {
    fn read(line: &str) -> Self {
        let parts: Vec<&str> = line.split('|').collect();
        let head: Vec<&str> = parts[0].split(' ').collect();
        let number = u8::from_str_radix(head[0], 16).expect("a number");
        Self {
            operator: Operator::from_number(number).expect("a known operator"),
            component_alpha: head[1] == "1",
            format: format(head[2]),
            width: head[3].parse().expect("a number"),
            source: Piece::read(parts[1]),
            mask: (parts[2] != "-").then(|| Piece::read(parts[2])),
            before: words(parts[3]),
            after: words(parts[4]),
        }
    }

    fn composite(&self) -> Composite<'_> {
        Composite {
            operator: self.operator,
            source: self.source.texture(),
            mask: self.mask.as_ref().map(Piece::texture),
            component_alpha: self.component_alpha,
        }
    }
}

impl Piece {
    fn read(text: &str) -> Self {
        let fields: Vec<&str> = text.split(' ').collect();
        let number = |i: usize| -> i32 { fields[i].parse().expect("a number") };
        let map = |text: &str| -> Vec<i32> {
            text.split(',')
                .map(|n| n.parse().expect("a number"))
                .collect()
        };
        let transform = (fields[7] != "id").then(|| map(fields[7]));
        Self {
            picture: Picture::of_words(
                Layout::Words(format(fields[0])),
                number(1) as u32,
                &words(fields[8]),
            ),
            filter: match number(3) {
                0 | 3 => Filter::Nearest,
                _ => Filter::Bilinear,
            },
            repeat: [Repeat::None, Repeat::Normal, Repeat::Pad, Repeat::Reflect]
                [number(4) as usize],
            origin: Point::new(number(5), number(6)),
            transform: transform.map(|t| Transform {
                t00: t[0],
                t01: t[1],
                t02: t[2],
                t10: t[3],
                t11: t[4],
                t12: t[5],
            }),
        }
    }

    fn texture(&self) -> Texture<'_> {
        Texture {
            source: self.picture.source(),
            origin: self.origin,
            transform: self.transform,
            filter: self.filter,
            repeat: self.repeat,
        }
    }
}

fn format(name: &str) -> PixelFormat {
    match name {
        "argb" => PixelFormat::Argb,
        "xrgb" => PixelFormat::Xrgb,
        "r565" => PixelFormat::Rgb565,
        "r555" => PixelFormat::Rgb555,
        "a8" => PixelFormat::A8,
        "a1" => PixelFormat::A1,
        other => panic!("no format is called {other}"),
    }
}

fn words(text: &str) -> Vec<u32> {
    let word = |w| u32::from_str_radix(w, 16).expect("a word");
    text.split(',').map(word).collect()
}

fn any_transform() -> impl Strategy<Value = Option<Transform>> {
    let near = prop_oneof![Just(0), Just(0x8000), Just(0x10000), -0x20000..0x20000_i32];
    let entry = prop_oneof![9 => near, 1 => any::<i32>()];
    prop::option::of(
        prop::array::uniform6(entry).prop_map(|[t00, t01, t02, t10, t11, t12]| Transform {
            t00,
            t01,
            t02,
            t10,
            t11,
            t12,
        }),
    )
}

proptest! {
    #![proptest_config(model::config())]

    /// Wherever box and clip cut, a pixel has the value it has in a composition of everything.
    #[test]
    fn a_composition_is_anchored_to_its_box(
        operator in prop::sample::select(Operator::ALL),
        bbox in model::rect(),
        clips in prop::collection::vec(model::rect(), 1..5),
        origin in (-5..5_i32, -5..5_i32),
        transform in any_transform(),
        bilinear in any::<bool>(),
        repeat in prop::sample::select(vec![Repeat::None, Repeat::Normal, Repeat::Pad, Repeat::Reflect]),
        source in prop::collection::vec(any::<u32>(), 30),
        before in prop::collection::vec(any::<u32>(), 256),
    ) {
        let picture = Picture::of_words(Layout::Argb, 6, &source);
        let texture = |origin| Texture {
            origin,
            transform,
            filter: if bilinear { Filter::Bilinear } else { Filter::Nearest },
            repeat,
            ..plain(picture.source())
        };
        let (x, y) = origin;
        let clip = Clip::Rects(clips.clone());
        let mut cut = painted(PixelFormat::Argb, 16, &before);
        let composite = composition(operator, texture(Point::new(x, y)));
        cut.composite(&Area::new(bbox, &clip), &composite, &mut Damage::default());
        let mut whole = painted(PixelFormat::Argb, 16, &before);
        let anchored = Point::new(x - bbox.left, y - bbox.top);
        let whole = compose(&mut whole, &composition(operator, texture(anchored)));

        for (i, word) in words_of(&cut).into_iter().enumerate() {
            let at = Point::new(i as i32 % 16, i as i32 / 16);
            let drawn = bbox.contains(at) && clips.iter().any(|c| c.contains(at));
            prop_assert_eq!(word, if drawn { whole[i] } else { before[i] }, "at {:?}", at);
        }
    }

    #[test]
    fn no_number_is_too_large_for_a_composition(
        operator in prop::sample::select(Operator::ALL),
        format in prop::sample::select(vec![
            PixelFormat::A1, PixelFormat::A8, PixelFormat::Rgb555, PixelFormat::Rgb565,
            PixelFormat::Xrgb, PixelFormat::Argb,
        ]),
        edges in prop::array::uniform6(prop::sample::select(vec![
            i32::MIN, i32::MIN + 1, -1, 0, 3, i32::MAX - 1, i32::MAX,
        ])),
        map in prop::array::uniform6(prop::sample::select(vec![i32::MIN, -1, 0, 0x8000, i32::MAX])),
        bilinear in any::<bool>(),
        repeat in prop::sample::select(vec![Repeat::None, Repeat::Normal, Repeat::Pad, Repeat::Reflect]),
        side in 0..3_u32,
    ) {
        let words = vec![0x8080_4020; (side * side) as usize];
        let picture = Picture::of_words(Layout::Argb, side, &words);
        let [left, top, right, bottom, x, y] = edges;
        let [t00, t01, t02, t10, t11, t12] = map;
        let texture = Texture {
            origin: Point::new(x, y),
            transform: Some(Transform { t00, t01, t02, t10, t11, t12 }),
            filter: if bilinear { Filter::Bilinear } else { Filter::Nearest },
            repeat,
            ..plain(picture.source())
        };
        let mut surface = blank(format, 5, 3);
        for mask in [None, Some(texture), Some(Texture { transform: None, ..texture })] {
            let composite = Composite { mask, ..composition(operator, texture) };
            let area = Area::new(Rect::new(left, top, right, bottom), &Clip::None);
            surface.composite(&area, &composite, &mut Damage::default());
        }
    }
}
