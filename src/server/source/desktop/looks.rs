//! What the desktop's pointer looks like.

use std::sync::Arc;

use crate::channel::cursor::Shape;
use crate::geometry::{Point, Size};

/// What the pointer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Arrow,
    Beam,
    Move,
}

/// The pictures of the pointer.
pub struct Looks {
    arrow: Arc<Shape>,
    beam: Arc<Shape>,
    moving: Arc<Shape>,
}

impl Looks {
    pub fn new() -> Self {
        Self {
            arrow: shape(ARROW, Point::new(0, 0)),
            beam: shape(BEAM, Point::new(4, 8)),
            moving: shape(MOVE, Point::new(7, 7)),
        }
    }

    pub fn shape(&self, look: Look) -> Arc<Shape> {
        Arc::clone(match look {
            Look::Arrow => &self.arrow,
            Look::Beam => &self.beam,
            Look::Move => &self.moving,
        })
    }
}

/// A pointer from a drawing: `#` is black, `.` is white, anything else is nothing. All rows are equally long.
fn shape(drawing: &[&str], hot_spot: Point) -> Arc<Shape> {
    let width = drawing.first().map_or(0, |row| row.len());
    let pixel = |c| match c {
        b'#' => [0, 0, 0, 255],
        b'.' => [255, 255, 255, 255],
        _ => [0; 4],
    };
    let rows = drawing.iter().flat_map(|row| row.bytes().flat_map(pixel));
    Arc::new(Shape {
        size: Size::new(width as u32, drawing.len() as u32),
        hot_spot,
        pixels: rows.collect(),
        invert: vec![],
    })
}

#[rustfmt::skip]
const ARROW: &[&str] = &[
    "#           ",
    "##          ",
    "#.#         ",
    "#..#        ",
    "#...#       ",
    "#....#      ",
    "#.....#     ",
    "#......#    ",
    "#.......#   ",
    "#........#  ",
    "#.........# ",
    "#......#####",
    "#...#..#    ",
    "#..##..#    ",
    "#.#  #..#   ",
    "##   #..#   ",
    "#     #..#  ",
    "      #..#  ",
    "       ##   ",
];

#[rustfmt::skip]
const BEAM: &[&str] = &[
    "### ### ",
    "#..#..# ",
    " ##.##  ",
    "  #.#   ",
    "  #.#   ",
    "  #.#   ",
    "  #.#   ",
    "  #.#   ",
    "  #.#   ",
    "  #.#   ",
    "  #.#   ",
    "  #.#   ",
    "  #.#   ",
    " ##.##  ",
    "#..#..# ",
    "### ### ",
];

#[rustfmt::skip]
const MOVE: &[&str] = &[
    "       #       ",
    "      #.#      ",
    "     #...#     ",
    "      #.#      ",
    "      #.#      ",
    "  #   #.#   #  ",
    " #.####.####.# ",
    "#.............#",
    " #.####.####.# ",
    "  #   #.#   #  ",
    "      #.#      ",
    "      #.#      ",
    "     #...#     ",
    "      #.#      ",
    "       #       ",
];
