//! Lines: which pixels they have, solid and dashed (section 12).

use capsaicin::canvas::{
    Area, Brush, Clip, Damage, Dashes, Error, Layout, Mask, Operands, Path, Rop, Surface,
};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::{PixelFormat, PixelView};
use proptest::prelude::*;

use super::model::{config, rect};
use super::pictures::{Picture, blank, painted, words_of};

fn xor() -> Rop {
    Rop::new(0x40, Operands::BrushOnSurface)
}

/// A path of straight lines through whole pixels.
fn through(points: &[(i32, i32)]) -> Path {
    let mut path = Path::default();
    for (x, y) in points {
        path.line_to(Point::new(x * 16, y * 16));
    }
    path
}

fn stroke(surface: &mut Surface, clip: &Clip, path: &Path, dashes: Option<&Dashes>, rop: Rop) {
    let area = Area::new(surface.size().to_rect(), clip);
    surface
        .stroke(
            &area,
            path,
            dashes,
            &Brush::Solid(1),
            rop,
            &mut Damage::default(),
        )
        .expect("a solid brush fits every surface");
}

/// Rows of a blank surface after a stroke: `x` where it is drawn.
fn drawn(width: u32, height: u32, path: &Path, dashes: Option<&Dashes>) -> Vec<String> {
    let mut surface = blank(PixelFormat::A8, width, height);
    stroke(&mut surface, &Clip::None, path, dashes, Rop::PUT);
    let words = words_of(&surface);
    let rows = words.chunks(width as usize);
    rows.map(|row| {
        row.iter()
            .map(|w| if *w == 1 { 'x' } else { '.' })
            .collect()
    })
    .collect()
}

#[test]
fn the_last_point_of_a_line_is_not_drawn() {
    assert_eq!(drawn(5, 1, &through(&[(1, 0), (4, 0)]), None), [".xxx."]);
    assert_eq!(drawn(5, 1, &through(&[(4, 0), (1, 0)]), None), ["..xxx"]);
    assert_eq!(
        drawn(1, 4, &through(&[(0, 3), (0, 0)]), None),
        [".", "x", "x", "x"]
    );
    assert_eq!(drawn(2, 1, &through(&[(0, 0)]), None), [".."]);
}

#[test]
fn halfway_between_two_rows_a_line_going_right_and_one_going_left_choose_differently() {
    // By hand: e is -4, -2, 0 → down; and -5, -3, -1, 1 → down.
    assert_eq!(
        drawn(5, 3, &through(&[(0, 0), (4, 1)]), None),
        ["xx...", "..xx.", "....."]
    );
    assert_eq!(
        drawn(5, 3, &through(&[(4, 1), (0, 0)]), None),
        [".x...", "..xxx", "....."]
    );
}

#[test]
fn coordinates_round_to_the_nearest_pixel_and_halves_go_down() {
    // Sixteenths: 7 and 8 to 0, 9 to 1; -8 to -1, -7 to 0.
    let pixels = |x: i32| {
        let mut path = Path::default();
        path.line_to(Point::new(x, -x));
        let line = path.lines().next().expect("a line").to_vec();
        (line[0].x, line[0].y)
    };

    assert_eq!(pixels(7), (0, 0));
    assert_eq!(pixels(8), (0, -1));
    assert_eq!(pixels(9), (1, -1));
    assert_eq!(pixels(24), (1, -2));
    assert_eq!(pixels(i32::MAX), (1 << 27, -(1 << 27)));
}

#[test]
fn a_closed_line_draws_every_vertex_once() {
    let mut path = through(&[(0, 0), (3, 0), (3, 3), (0, 3)]);
    path.close();
    let mut surface = blank(PixelFormat::A8, 4, 4);

    stroke(&mut surface, &Clip::None, &path, None, xor());

    let frame = [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]];
    assert_eq!(words_of(&surface), frame.concat());
}

#[test]
fn xor_undoes_itself_where_two_segments_cross() {
    let mut surface = blank(PixelFormat::A8, 3, 3);
    let mut path = through(&[(0, 1), (3, 1)]);
    path.end();
    path.line_to(Point::new(16, 0));
    path.line_to(Point::new(16, 48));

    stroke(&mut surface, &Clip::None, &path, None, xor());

    assert_eq!(words_of(&surface), [0, 1, 0, 1, 0, 1, 0, 1, 0]);
}

#[test]
fn lines_that_ended_are_not_joined() {
    let mut path = through(&[(0, 0), (2, 0)]);
    path.end();
    path.end();
    path.line_to(Point::new(48, 0));
    path.line_to(Point::new(80, 0));

    assert_eq!(drawn(6, 1, &path, None), ["xx.xx."]);
}

#[test]
fn a_pattern_brush_is_anchored_to_the_surface() {
    let tile = Picture::of_words(Layout::A8, 3, &[1, 2, 3]);
    let brush = Brush::Pattern {
        pixels: tile.source(),
        origin: Point::new(1, 0),
    };
    let mut surface = painted(PixelFormat::A8, 6, &[9; 6]);

    surface
        .stroke(
            &Area::new(Rect::new(0, 0, 6, 1), &Clip::None),
            &through(&[(0, 0), (5, 0)]),
            None,
            &brush,
            Rop::PUT,
            &mut Damage::default(),
        )
        .expect("same depth");

    assert_eq!(words_of(&surface), [3, 1, 2, 3, 1, 9]);
}

#[test]
fn a_line_on_words_of_16_bits_stores_the_colour_as_it_is() {
    let mut surface = blank(PixelFormat::Rgb565, 2, 1);
    let area = Area::new(Rect::new(0, 0, 2, 1), &Clip::None);
    let path = through(&[(0, 0), (1, 0)]);
    let brush = Brush::Solid(0x1234_fc08);

    surface
        .stroke(&area, &path, None, &brush, Rop::PUT, &mut Damage::default())
        .expect("a solid brush fits every surface");

    assert_eq!(words_of(&surface), [0xfc08, 0]);
}

#[test]
fn a_line_is_noted_where_it_was_drawn() {
    let mut surface = blank(PixelFormat::Xrgb, 100, 100);
    let mut damage = Damage::default();
    let area = Area::new(Rect::new(10, 0, 90, 100), &Clip::None);
    let path = through(&[(-50, 20), (150, 20)]);

    surface
        .stroke(&area, &path, None, &Brush::Solid(1), Rop::PUT, &mut damage)
        .expect("a solid brush fits every surface");

    assert_eq!(damage.rects(), [Rect::new(10, 20, 90, 21)]);
}

mod curves {
    use super::*;

    fn curve(points: [(i32, i32); 4]) -> Path {
        let [start, first, second, end] = points.map(|(x, y)| Point::new(x, y));
        let mut path = Path::default();
        path.line_to(start);
        path.curve_to([first, second], end).expect("it has a start");
        path
    }

    #[test]
    fn a_curve_needs_a_start() {
        let mut path = Path::default();
        path.line_to(Point::default());
        path.end();

        let refused = path.curve_to([Point::default(); 2], Point::default());

        assert_eq!(refused, Err(Error::CurveWithoutStart));
    }

    #[test]
    fn a_curve_whose_controls_lie_on_its_chord_is_a_line() {
        let path = curve([(0, 0), (160, 80), (320, 160), (480, 240)]);

        let points: Vec<&[Point]> = path.lines().collect();

        assert_eq!(points, [[Point::new(0, 0), Point::new(30, 15)]]);
    }

    #[test]
    fn a_curve_of_one_point_is_that_point() {
        let path = curve([(16, 16); 4]);

        assert_eq!(path.lines().next(), Some(&[Point::new(1, 1); 2][..]));
    }

    #[test]
    fn a_curve_that_turns_at_its_middle_is_divided_there() {
        // By hand: the first halves meet at (12, 9); each is then flat.
        let path = curve([(0, 0), (64, 192), (320, 192), (384, 0)]);
        let line = path.lines().next().expect("a line");

        assert_eq!(line.first(), Some(&Point::new(0, 0)));
        assert!(line.contains(&Point::new(12, 9)), "{line:?}");
        assert_eq!(line.last(), Some(&Point::new(24, 0)));
    }

    #[test]
    fn dividing_stops_before_memory_does() {
        let far = 1 << 30;
        let mut path = Path::default();
        path.line_to(Point::default());
        for _ in 0..20_000 {
            let controls = [Point::new(far, far), Point::new(-far, far)];
            path.curve_to(controls, Point::default())
                .expect("it has a start");
        }

        let points: usize = path.lines().map(<[Point]>::len).sum();

        assert!(points > 1 << 17, "{points}");
        assert!(points < Path::MAX_CURVE_POINTS + 50_000, "{points}");
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn the_points_of_a_curve_lie_on_it(
            points in prop::array::uniform4((-900..900_i32, -900..900_i32)),
        ) {
            let path = curve(points);
            let line = path.lines().next().expect("a line");
            // A curve starts at a whole pixel.
            let start = (f64::from(line[0].x), f64::from(line[0].y));
            let [_, b, c, d] = points.map(|(x, y)| (f64::from(x) / 16.0, f64::from(y) / 16.0));
            let place = |t: f64| {
                let [u, v, w, z] = [(1.0 - t).powi(3), 3.0 * t * (1.0 - t).powi(2), 3.0 * t * t * (1.0 - t), t.powi(3)];
                (u * start.0 + v * b.0 + w * c.0 + z * d.0, u * start.1 + v * b.1 + w * c.1 + z * d.1)
            };
            for point in line {
                let near = (0..=2000).map(|i| place(f64::from(i) / 2000.0)).map(|(x, y)| {
                    (x - f64::from(point.x)).hypot(y - f64::from(point.y))
                });
                let nearest = near.fold(f64::INFINITY, f64::min);
                prop_assert!(nearest < 1.2, "{point:?} is {nearest} away");
            }
        }
    }
}

mod dashed {
    use super::*;

    fn dashes(pixels: &[i32]) -> Dashes {
        let lengths: Vec<i32> = pixels.iter().map(|n| n * 16).collect();
        Dashes::new(&lengths).expect("it has a length")
    }

    fn gap_first(pixels: &[i32]) -> Dashes {
        let lengths: Vec<i32> = pixels.iter().map(|n| n * 16).collect();
        Dashes::with_gap_first(&lengths).expect("it has a length")
    }

    fn row(dashes: &Dashes) -> String {
        drawn(14, 1, &through(&[(0, 0), (13, 0)]), Some(dashes)).remove(0)
    }

    #[test]
    fn dashes_and_gaps_take_turns() {
        assert_eq!(row(&dashes(&[3, 2])), "xxx..xxx..xxx.");
    }

    #[test]
    fn the_first_and_the_last_of_an_odd_number_are_both_dashes() {
        assert_eq!(row(&dashes(&[3, 2, 1])), "xxx..xxxx..xx.");
    }

    #[test]
    fn a_line_can_start_with_a_gap() {
        assert_eq!(row(&gap_first(&[3, 2])), "...xx...xx....");
        // With more than two lengths the second goes first in the list and the third is the gap.
        assert_eq!(row(&gap_first(&[1, 2, 3, 4])), "...xxxx.xx....");
    }

    #[test]
    fn lengths_are_rounded_and_cut_to_8_bits() {
        assert_eq!(
            row(&Dashes::new(&[40, 41]).expect("a length")),
            "xx...xx...xx.."
        );
        assert_eq!(row(&dashes(&[256 + 3, 2])), "xxx..xxx..xxx.");
    }

    #[test]
    fn dashes_without_length_are_refused() {
        assert_eq!(Dashes::new(&[]), Err(Error::EmptyDashes));
        assert_eq!(Dashes::new(&[8, -7, 256 * 16]), Err(Error::EmptyDashes));
        assert_eq!(Dashes::with_gap_first(&[]), Err(Error::EmptyDashes));
    }

    #[test]
    fn a_line_to_the_left_has_its_left_ends_inside() {
        let left = through(&[(12, 0), (0, 0)]);

        assert_eq!(
            drawn(14, 1, &left, Some(&dashes(&[3, 2]))),
            ["xx..xxx..xxx.."]
        );
    }

    #[test]
    fn the_pattern_goes_on_round_a_corner() {
        let path = through(&[(0, 0), (4, 0), (4, 4)]);

        assert_eq!(
            drawn(5, 5, &path, Some(&dashes(&[3, 3]))),
            ["xxx..", ".....", "....x", "....x", "....."]
        );
    }

    #[test]
    fn a_dash_that_goes_on_round_a_corner_covers_the_corner() {
        // Both segments end left of it.
        let path = through(&[(0, 0), (3, 2), (0, 4)]);

        assert_eq!(drawn(4, 5, &path, Some(&dashes(&[99])))[2], "...x");
        assert_eq!(drawn(4, 5, &path, Some(&dashes(&[3, 99])))[2], "....");
    }

    #[test]
    fn every_line_of_a_path_starts_anew() {
        let mut path = through(&[(0, 0), (4, 0)]);
        path.end();
        path.line_to(Point::new(0, 16));
        path.line_to(Point::new(64, 16));

        assert_eq!(
            drawn(5, 2, &path, Some(&dashes(&[3, 2]))),
            ["xxx..", "xxx.."]
        );
    }

    #[test]
    fn a_dashed_line_touches_each_pixel_once() {
        let mut surface = blank(PixelFormat::A8, 5, 1);
        let there_and_back = through(&[(0, 0), (5, 0), (0, 0)]);

        stroke(
            &mut surface,
            &Clip::None,
            &there_and_back,
            Some(&dashes(&[9])),
            xor(),
        );

        assert_eq!(words_of(&surface), [1; 5]);
    }

    /// Section 12.3 as it stands, run by run and in floating point.
    fn plainly(line: &[(i32, i32)], style: &[i32], gap_first: bool, size: Size) -> Vec<u32> {
        let mut dash = style.to_vec();
        let (mut index, mut remaining) = (0, dash[0]);
        if gap_first {
            dash.rotate_left(1);
            index = 1 % dash.len();
            remaining = dash[index];
        }
        let mut words = vec![0; size.area() as usize];
        let (mut first, mut last) = (None, None);
        let mut ended_painted = false;
        for ends in line.windows(2) {
            let [(ax, ay), (bx, by)] =
                [ends[0], ends[1]].map(|(x, y)| (f64::from(x), f64::from(y)));
            let length = (bx - ax).hypot(by - ay);
            let (ux, uy) = ((bx - ax) / length, (by - ay) / length);
            if ended_painted
                && index % 2 == 0
                && length > 0.0
                && let Some(last) = last
            {
                join(&mut words, size, (ax, ay), last, (ux, uy));
            }
            let mut start = 0.0;
            while start < length {
                let end = length.min(start + f64::from(remaining));
                for (i, word) in words.iter_mut().enumerate() {
                    let (x, y) = (i as u32 % size.width, i as u32 / size.width);
                    let (x, y) = (f64::from(x) + 1e-8 - ax, f64::from(y) + 1e-11 - ay);
                    let (t, d) = (x * ux + y * uy, x * uy - y * ux);
                    if index % 2 == 0 && d.abs() < 0.5 && t > start && t < end {
                        *word = 1;
                    }
                }
                ended_painted = index % 2 == 0;
                if start + f64::from(remaining) > length {
                    remaining = (f64::from(remaining) - (length - start)) as i32;
                    start = length;
                } else {
                    start += f64::from(remaining);
                    remaining = 0;
                }
                if remaining == 0 {
                    index = (index + 1) % dash.len();
                    remaining = dash[index];
                }
            }
            if length > 0.0 {
                first = first.or(Some((ux, uy)));
                last = Some((ux, uy));
            }
        }
        if let (Some(first), Some(last)) = (first, last)
            && line.first() == line.last()
            && ended_painted
            && (!gap_first || style.len() == 1)
        {
            let (x, y) = line[0];
            join(&mut words, size, (x.into(), y.into()), last, first);
        }
        words
    }

    /// The triangle between the outer corners of two strips that meet in a point, going the ways `u` and `v`.
    fn join(words: &mut [u32], size: Size, at: (f64, f64), u: (f64, f64), v: (f64, f64)) {
        let cross = |a: (f64, f64), b: (f64, f64)| a.0 * b.1 - a.1 * b.0;
        let turn = cross(u, v);
        if turn.abs() < 1e-9 {
            return;
        }
        let outer = |w: (f64, f64)| (turn.signum() * w.1 / 2.0, -turn.signum() * w.0 / 2.0);
        let corners = [(0.0, 0.0), outer(u), outer(v)];
        for (i, word) in words.iter_mut().enumerate() {
            let (x, y) = (i as u32 % size.width, i as u32 / size.width);
            let p = (f64::from(x) + 1e-8 - at.0, f64::from(y) + 1e-11 - at.1);
            let side = |i: usize| {
                let (a, b) = (corners[i], corners[(i + 1) % 3]);
                cross((b.0 - a.0, b.1 - a.1), (p.0 - a.0, p.1 - a.1))
            };
            let sides = [side(0), side(1), side(2)];
            if sides.iter().all(|s| *s > 0.0) || sides.iter().all(|s| *s < 0.0) {
                *word = 1;
            }
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn dashes_are_rectangles_around_the_ideal_line(
            mut line in prop::collection::vec((-10..30_i32, -10..30_i32), 2..5),
            closed in any::<bool>(),
            style in prop::collection::vec(1..9_i32, 1..6),
            starts_with_gap in any::<bool>(),
        ) {
            if closed {
                line.push(line[0]);
            }
            let size = Size::new(20, 20);
            let dashes = if starts_with_gap { gap_first(&style) } else { dashes(&style) };
            let mut surface = blank(PixelFormat::A8, 20, 20);

            stroke(&mut surface, &Clip::None, &through(&line), Some(&dashes), Rop::PUT);

            prop_assert_eq!(words_of(&surface), plainly(&line, &style, starts_with_gap, size));
        }
    }
}

/// Section 12.2 as it stands, one step at a time.
fn solid_plainly(line: &[(i32, i32)], mut plot: impl FnMut(i32, i32)) {
    for ends in line.windows(2) {
        let [(mut x, mut y), (x2, y2)] = [ends[0], ends[1]];
        let (dx, dy) = (x2 - x, y2 - y);
        let (ax, ay) = (i64::from(dx.abs()), i64::from(dy.abs()));
        if ax > ay {
            let mut e = -ax - i64::from(dx < 0);
            for _ in 0..ax {
                plot(x, y);
                e += 2 * ay;
                if e >= 0 {
                    y += dy.signum();
                    e -= 2 * ax;
                }
                x += dx.signum();
            }
        } else {
            let mut e = -ay - i64::from(dy < 0);
            for _ in 0..ay {
                plot(x, y);
                e += 2 * ax;
                if e >= 0 {
                    x += dx.signum();
                    e -= 2 * ay;
                }
                y += dy.signum();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..config() })]

    #[test]
    fn what_is_seen_of_a_line_is_the_line_without_what_is_cut_away(
        near in prop::collection::vec((-20..40_i32, -20..40_i32), 2..6),
        far in prop::collection::vec((-9000..9000_i32, -9000..9000_i32), 0..3),
        format in prop::sample::select(vec![PixelFormat::A8, PixelFormat::Xrgb, PixelFormat::Rgb555, PixelFormat::A1]),
        clip in prop::option::of(prop::collection::vec(rect(), 0..4)),
        bbox in rect(),
        masked in any::<bool>(),
    ) {
        let line = [near, far].concat();
        let size = Size::new(17, 15);
        let clip = clip.map_or(Clip::None, Clip::Rects);
        let bits: Vec<u8> = (0..51_u8).map(|i| i.wrapping_mul(89)).collect();
        let mask = PixelView::new(PixelFormat::A1, size, 3, &bits).expect("15 rows");
        let area = Area {
            bbox,
            clip: &clip,
            mask: if masked { Mask::new(mask, Point::default()) } else { None },
        };
        let visible = |x: i32, y: i32| {
            let clipped = match &clip {
                Clip::None => false,
                Clip::Rects(rects) => !rects.iter().any(|r| r.contains(Point::new(x, y))),
            };
            let drawn = || {
                let (mx, my) = (x - bbox.left, y - bbox.top);
                !masked || (mx < 17 && my < 15 && mask.pixel(mx as u32, my as u32) == 1)
            };
            bbox.contains(Point::new(x, y)) && size.to_rect().contains(Point::new(x, y)) && !clipped && drawn()
        };
        let mut expected = vec![0; size.area() as usize];
        solid_plainly(&line, |x, y| {
            if visible(x, y) {
                expected[(y * 17 + x) as usize] ^= 1;
            }
        });
        let mut surface = blank(format, size.width, size.height);
        let mut damage = Damage::default();

        surface
            .stroke(&area, &through(&line), None, &Brush::Solid(1), xor(), &mut damage)
            .expect("a solid brush fits every surface");

        prop_assert_eq!(&words_of(&surface), &expected);
        for (i, word) in expected.iter().enumerate() {
            let at = Point::new(i as i32 % 17, i as i32 / 17);
            prop_assert!(*word == 0 || damage.rects().iter().any(|r| r.contains(at)));
        }
    }
}

mod hostile {
    use std::time::{Duration, Instant};

    use super::*;

    const ENDS: [i32; 6] = [i32::MIN, i32::MIN + 9, -1, 170, i32::MAX - 9, i32::MAX];

    /// Lines between all the corners of the number line.
    fn far_path() -> Path {
        let mut path = Path::default();
        for x in ENDS {
            for y in ENDS {
                path.line_to(Point::new(x, y));
                path.curve_to([Point::new(y, x), Point::new(y, y)], Point::new(x, x))
                    .expect("it has a start");
            }
            path.close();
        }
        path
    }

    #[test]
    fn lines_across_all_coordinates_cost_what_is_visible_of_them() {
        let start = Instant::now();
        let path = far_path();
        let dashes = Dashes::new(&[i32::MAX, i32::MIN + 40, 16]).expect("a length");
        for format in [PixelFormat::A1, PixelFormat::Rgb555, PixelFormat::Argb] {
            for dashes in [None, Some(&dashes)] {
                let mut surface = blank(format, 61, 47);
                stroke(&mut surface, &Clip::None, &path, dashes, xor());
            }
        }
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn the_diagonal_of_all_coordinates_passes_through_the_surface() {
        let mut surface = blank(PixelFormat::A8, 3, 3);
        let mut path = Path::default();
        path.line_to(Point::new(i32::MIN, i32::MIN));
        path.line_to(Point::new(i32::MAX, i32::MAX));

        stroke(&mut surface, &Clip::None, &path, None, Rop::PUT);

        assert_eq!(words_of(&surface), [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn many_clip_rectangles_are_looked_at_once() {
        let rects = (0..10_000).map(|i| Rect::at(i % 100, i / 100, Size::new(1, 1 + i as u32 % 2)));
        let clip = Clip::Rects(rects.collect());
        let mut surface = blank(PixelFormat::A8, 100, 100);
        let points: Vec<(i32, i32)> = (0..20_000).map(|i| (i * 7 % 100, i * 13 % 100)).collect();
        let start = Instant::now();

        stroke(&mut surface, &clip, &through(&points), None, Rop::PUT);

        assert!(start.elapsed() < Duration::from_secs(20));
        assert!(words_of(&surface).contains(&1));
    }
}
