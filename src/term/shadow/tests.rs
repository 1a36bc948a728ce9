//! A terminal that does what it is told shows the picture, whatever happens.

use super::*;
use crate::pixels::PixelBuf;

const SIZE: Size = Size::new(70, 50);

/// A terminal that does what changes say.
struct Terminal(PixelBuf);

impl Terminal {
    fn apply(&mut self, changes: &Changes, picture: &PixelBuf) {
        if self.0.size != picture.size {
            self.0 = PixelBuf::new(PixelFormat::Xrgb, picture.size);
        }
        if let Some(Move { area, up }) = changes.moved {
            assert!(area.height() as i32 > up.abs() && up != 0);
            let old = self.0.clone();
            for y in area.top..area.bottom {
                for x in area.left..area.right {
                    // What moves in is made to look wrong.
                    let from = Some(y + up).filter(|from| (area.top..area.bottom).contains(from));
                    let word =
                        from.map_or(0x00ff_00ff, |from| old.view().pixel(x as u32, from as u32));
                    self.0.set_pixel(x as u32, y as u32, word);
                }
            }
        }
        for (at, rect) in changes.rects.iter().enumerate() {
            assert!(picture.size.to_rect().covers(*rect) && !rect.is_empty());
            assert!(
                changes.rects[..at]
                    .iter()
                    .all(|other| !other.overlaps(*rect))
            );
            for y in rect.top as u32..rect.bottom as u32 {
                for x in rect.left as u32..rect.right as u32 {
                    self.0.set_pixel(x, y, picture.view().pixel(x, y));
                }
            }
        }
    }
}

/// Numbers without a pattern, the same in each run.
fn numbers(seed: u64) -> impl FnMut(u32) -> u32 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 33) as u32) % below.max(1)
    }
}

fn noise(size: Size, seed: u64) -> PixelBuf {
    let mut next = numbers(seed);
    let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
    picture
        .data_mut()
        .iter_mut()
        .for_each(|byte| *byte = next(256) as u8);
    picture
}

fn words(picture: &PixelBuf) -> Vec<u32> {
    let dots = picture.data().chunks_exact(4);
    dots.map(|d| u32::from_le_bytes([d[0], d[1], d[2], 0]))
        .collect()
}

fn scrolled(picture: &PixelBuf, area: Rect, up: i32) -> PixelBuf {
    let mut moved = picture.clone();
    for y in area.top..area.bottom {
        for x in area.left as u32..area.right as u32 {
            let from = y + up;
            let word = if (area.top..area.bottom).contains(&from) {
                picture.view().pixel(x, from as u32)
            } else {
                x * 77 + y as u32
            };
            moved.set_pixel(x, y as u32, word);
        }
    }
    moved
}

#[test]
fn an_unknown_terminal_is_told_everything_and_then_nothing() {
    let picture = noise(SIZE, 1);
    let mut shadow = Shadow::new(Size::new(8, 16));
    let whole = [SIZE.to_rect()];
    let first = shadow.update(picture.view(), &whole, Wanted::default(), false);
    assert_eq!(first.rects, whole);
    let again = shadow.update(picture.view(), &whole, Wanted::default(), false);
    assert_eq!(again, Changes::default());
    shadow.forget();
    let anew = shadow.update(picture.view(), &[], Wanted::default(), false);
    assert_eq!(anew.rects, whole);
}

#[test]
fn a_changed_dot_is_a_tile_or_just_itself() {
    let mut picture = noise(SIZE, 2);
    let mut shadow = Shadow::new(Size::new(8, 16));
    let whole = [SIZE.to_rect()];
    shadow.update(picture.view(), &whole, Wanted::default(), false);
    picture.set_pixel(69, 49, 0x0012_3456);
    let tile = shadow.update(picture.view(), &whole, Wanted::default(), false);
    assert_eq!(tile.rects, [Rect::new(64, 48, 70, 50)]);
    picture.set_pixel(69, 49, 0x0065_4321);
    let tight = Wanted {
        tight: true,
        ..Wanted::default()
    };
    let dot = shadow.update(picture.view(), &whole, tight, false);
    assert_eq!(dot.rects, [Rect::new(69, 49, 70, 50)]);
}

#[test]
fn what_was_lost_is_drawn_again_even_if_it_is_the_same() {
    let picture = PixelBuf::new(PixelFormat::Xrgb, SIZE);
    let mut shadow = Shadow::new(Size::new(10, 10));
    shadow.update(picture.view(), &[], Wanted::default(), false);
    let lost = Rect::new(10, 20, 30, 30);
    shadow.lose(lost);
    let changes = shadow.update(picture.view(), &[lost], Wanted::default(), false);
    assert_eq!(changes.rects, [lost]);
}

#[test]
fn coarse_tiles_are_drawn_again_once_when_that_is_wanted() {
    let picture = noise(SIZE, 3);
    let mut shadow = Shadow::new(Size::new(10, 10));
    shadow.update(picture.view(), &[], Wanted::default(), true);
    assert!(shadow.is_coarse());
    let nothing = shadow.update(picture.view(), &[], Wanted::default(), false);
    assert_eq!(nothing, Changes::default());
    let refine = Wanted {
        refine: true,
        ..Wanted::default()
    };
    let all = shadow.update(picture.view(), &[], refine, false);
    assert_eq!(all.rects, [SIZE.to_rect()]);
    assert!(!shadow.is_coarse());
}

#[test]
fn a_coarse_tile_drawn_again_in_part_stays_coarse() {
    let mut picture = noise(SIZE, 6);
    let mut shadow = Shadow::new(Size::new(10, 10));
    let tight = Wanted {
        tight: true,
        ..Wanted::default()
    };
    shadow.update(picture.view(), &[], tight, false);
    shadow.coarsen(Rect::new(25, 25, 26, 31));
    picture.set_pixel(22, 22, 0x0012_3456);
    shadow.update(picture.view(), &[SIZE.to_rect()], tight, false);
    let refine = Wanted {
        refine: true,
        ..tight
    };
    let rest = shadow.update(picture.view(), &[], refine, false);
    assert_eq!(rest.rects, [Rect::new(20, 20, 30, 40)]);
    assert!(!shadow.is_coarse());
}

#[test]
fn what_was_drawn_poorly_moves_with_its_rows_and_nothing_else_is_drawn_again() {
    let before = noise(Size::new(200, 160), 7);
    let all = before.size.to_rect();
    let after = scrolled(&before, all, 30);
    let mut shadow = Shadow::new(Size::new(20, 20));
    let moves = Wanted {
        moves: Moves::Any,
        ..Wanted::default()
    };
    shadow.update(before.view(), &[], moves, false);
    shadow.coarsen(Rect::new(40, 80, 60, 100));
    let changes = shadow.update(after.view(), &[all], moves, false);
    assert_eq!(changes.moved, Some(Move { area: all, up: 30 }));
    let refine = Wanted {
        refine: true,
        ..Wanted::default()
    };
    // Its rows 80 to 100 are at 50 to 70, on two rows of tiles.
    let rest = shadow.update(after.view(), &[], refine, false);
    assert_eq!(rest.rects, [Rect::new(40, 40, 60, 80)]);
}

#[test]
fn a_scroll_is_one_move_and_the_new_rows() {
    let before = noise(Size::new(200, 160), 4);
    let area = Rect::new(20, 10, 180, 150);
    let after = scrolled(&before, area, 16);
    let mut shadow = Shadow::new(Size::new(8, 16));
    shadow.update(before.view(), &[], Wanted::default(), false);
    let wanted = Wanted {
        tight: true,
        moves: Moves::Any,
        refine: false,
    };
    let changes = shadow.update(after.view(), &[after.size.to_rect()], wanted, false);
    assert_eq!(changes.moved, Some(Move { area, up: 16 }));
    let drawn: u64 = changes.rects.iter().map(|rect| rect.area()).sum();
    assert_eq!(drawn, 160 * 16);
}

#[test]
fn moves_by_grains_take_the_full_width() {
    let before = noise(Size::new(80, 160), 5);
    let area = Rect::new(0, 16, 80, 144);
    let after = scrolled(&before, area, -32);
    let mut shadow = Shadow::new(Size::new(8, 16));
    shadow.update(before.view(), &[], Wanted::default(), false);
    let wanted = Wanted {
        moves: Moves::Grains,
        ..Wanted::default()
    };
    let changes = shadow.update(after.view(), &[after.size.to_rect()], wanted, false);
    assert_eq!(changes.moved, Some(Move { area, up: -32 }));
    assert_eq!(changes.rects, [Rect::new(0, 16, 80, 48)]);
}

#[test]
fn whatever_happens_the_terminal_ends_with_the_picture() {
    for seed in 0..300 {
        let mut next = numbers(seed + 100);
        let size = Size::new(60 + next(60), 60 + next(100));
        let grain = Size::new(1 + next(12), 1 + next(20));
        let mut picture = noise(size, seed);
        let mut shadow = Shadow::new(grain);
        let mut terminal = Terminal(PixelBuf::new(PixelFormat::Xrgb, Size::new(0, 0)));
        for _ in 0..6 {
            let wanted = Wanted {
                tight: next(2) == 0,
                moves: [Moves::None, Moves::Any, Moves::Grains][next(3) as usize],
                refine: next(3) == 0,
            };
            let mut corner = || {
                let (x, y) = (next(size.width) as i32, next(size.height) as i32);
                (x, y)
            };
            let ((x0, y0), (x1, y1)) = (corner(), corner());
            let area = Rect::new(x0.min(x1), y0.min(y1), x0.max(x1) + 1, y0.max(y1) + 1);
            let mut damage = area;
            match next(4) {
                0 => {}
                1 => {
                    shadow.lose(area);
                    // The terminal really lost it.
                    for y in area.top as u32..area.bottom as u32 {
                        (area.left as u32..area.right as u32).for_each(|x| {
                            if terminal.0.size == size {
                                terminal.0.set_pixel(x, y, 0x00ab_cdef);
                            }
                        });
                    }
                }
                2 => {
                    let rows = area.height().min(40) as i32;
                    picture = scrolled(&picture, area, next(2 * rows as u32) as i32 - rows);
                }
                _ => {
                    let whole = noise(size, u64::from(next(1000)));
                    for y in area.top as u32..area.bottom as u32 {
                        for x in area.left as u32..area.right as u32 {
                            picture.set_pixel(x, y, whole.view().pixel(x, y));
                        }
                    }
                    damage = size.to_rect();
                }
            }
            let changes = shadow.update(picture.view(), &[damage], wanted, next(2) == 0);
            if wanted.moves == Moves::Grains
                && let Some(Move { area, up }) = changes.moved
            {
                let high = grain.height as i32;
                assert_eq!((area.left, area.right), (0, size.width as i32));
                assert_eq!([area.top % high, area.bottom % high, up % high], [0, 0, 0]);
            }
            terminal.apply(&changes, &picture);
            assert_eq!(words(&terminal.0), words(&picture), "seed {seed}");
        }
    }
}
