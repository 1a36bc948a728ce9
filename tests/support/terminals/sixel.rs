//! A terminal that understands sixels, as DEC STD 070 and xterm's control sequences describe them, and keeps what it shows.
//!
//! Panics at anything else: a painter has no business with it.

use capsaicin::geometry::{Point, Rect, Size};

/// Red, green and blue of a dot; `None` where there is none, only the terminal's background.
pub type Dot = Option<[u8; 3]>;

/// Its screen.
pub struct SixelTerminal {
    columns: u16,
    rows: u16,
    cell: Size,
    /// The dots, top row first.
    plane: Vec<Dot>,
    /// Column and row of the cursor, from 0.
    cursor: (u32, u32),
    /// First and last row that scroll, from 0.
    margins: (u32, u32),
    registers: Vec<[u8; 3]>,
    /// Size and colours of each image so far.
    pub images: Vec<(Size, usize)>,
}

impl SixelTerminal {
    pub fn new(columns: u16, rows: u16, cell: Size) -> Self {
        let dots = u32::from(columns) * cell.width * u32::from(rows) * cell.height;
        Self {
            columns,
            rows,
            cell,
            plane: vec![None; dots as usize],
            cursor: (0, 0),
            margins: (0, u32::from(rows) - 1),
            registers: vec![[0; 3]; 256],
            images: Vec::new(),
        }
    }

    /// The dot at a pixel of the terminal.
    pub fn dot(&self, at: Point) -> Dot {
        self.plane[at.y as usize * self.width() + at.x as usize]
    }

    /// Takes the dots off some cells, as text that is written there does.
    pub fn blank(&mut self, cells: Rect) {
        let (wide, high) = (self.cell.width as i32, self.cell.height as i32);
        for y in cells.top * high..cells.bottom * high {
            for x in cells.left * wide..cells.right * wide {
                let width = self.width();
                self.plane[y as usize * width + x as usize] = None;
            }
        }
    }

    fn width(&self) -> usize {
        usize::from(self.columns) * self.cell.width as usize
    }

    /// Shows what was written.
    pub fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let rest = bytes.strip_prefix(b"\x1b").expect("only sequences");
            bytes = match rest[0] {
                b'[' => self.control(&rest[1..]),
                b'P' => {
                    let end = rest.windows(2).position(|w| w == b"\x1b\\");
                    let end = end.expect("an image has an end");
                    self.image(&rest[1..end]);
                    &rest[end + 2..]
                }
                other => panic!("ESC {:?}", other as char),
            };
        }
    }

    fn control<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        let numbers = numbers(&mut rest);
        let number = |at: usize, otherwise| numbers.get(at).copied().flatten().unwrap_or(otherwise);
        match rest[0] {
            b'H' => {
                self.cursor = (number(1, 1) - 1, number(0, 1) - 1);
                assert!(self.cursor.0 < self.columns.into() && self.cursor.1 < self.rows.into());
            }
            b'r' => {
                self.margins = (number(0, 1) - 1, number(1, self.rows.into()) - 1);
                assert!(self.margins.0 < self.margins.1 && self.margins.1 < self.rows.into());
                self.cursor = (0, 0);
            }
            b'S' => self.scroll(number(0, 1) as i32),
            b'T' => self.scroll(-(number(0, 1) as i32)),
            other => panic!("CSI … {:?}", other as char),
        }
        &rest[1..]
    }

    fn scroll(&mut self, up: i32) {
        let high = self.cell.height as i32;
        let (top, bottom) = (
            self.margins.0 as i32 * high,
            (self.margins.1 as i32 + 1) * high,
        );
        let (old, width) = (self.plane.clone(), self.width());
        for y in top..bottom {
            let from = y + up * high;
            for x in 0..width {
                let inside = (top..bottom).contains(&from);
                self.plane[y as usize * width + x] = if inside {
                    old[from as usize * width + x]
                } else {
                    None
                };
            }
        }
    }

    fn image(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        let parameters = numbers(&mut rest);
        assert_eq!(parameters.get(1), Some(&Some(1)), "the rest stays as it is");
        rest = rest.strip_prefix(b"q").expect("sixels");
        rest = rest.strip_prefix(b"\"").expect("raster attributes");
        let raster = numbers(&mut rest);
        assert_eq!(raster[..2], [Some(1), Some(1)], "square dots");
        let size = Size::new(raster[2].unwrap(), raster[3].unwrap());
        let (left, top) = (
            self.cursor.0 * self.cell.width,
            self.cursor.1 * self.cell.height,
        );
        let last_row = (u32::from(self.rows) - 1) * self.cell.height;
        assert!(left as usize + size.width as usize <= self.width());
        assert!(top + size.height <= last_row, "the last row is touched");
        let (mut x, mut band, mut register) = (0, 0, 0);
        let (mut times, mut defined) = (1, Vec::new());
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                b'#' => {
                    let colour = numbers(&mut rest);
                    register = colour[0].unwrap() as usize;
                    if let [_, kind, a, b, c] = colour[..] {
                        let [a, b, c] = [a, b, c].map(|n| n.unwrap_or(0));
                        self.registers[register] = match kind {
                            Some(1) => from_hls(a, b, c),
                            Some(2) => [a, b, c].map(from_percent),
                            _ => panic!("a colour of kind {kind:?}"),
                        };
                        defined.push(register);
                    }
                }
                b'!' => times = numbers(&mut rest)[0].unwrap(),
                b'$' => x = 0,
                b'-' => (x, band) = (0, band + 1),
                b'?'..=b'~' => {
                    assert!(defined.contains(&register), "a register of another image");
                    for _ in 0..times {
                        self.strip(
                            Point::new((left + x) as i32, (top + band * 6) as i32),
                            *first - b'?',
                            register,
                        );
                        for bit in 0..6 {
                            let painted = (*first - b'?') >> bit & 1 == 1;
                            assert!(
                                !painted || (x < size.width && band * 6 + bit < size.height),
                                "outside of the image"
                            );
                        }
                        x += 1;
                    }
                    times = 1;
                }
                other => panic!("{:?} among sixels", *other as char),
            }
        }
        self.images.push((size, defined.len()));
    }

    fn strip(&mut self, at: Point, mask: u8, register: usize) {
        for bit in (0..6).filter(|bit| mask >> bit & 1 == 1) {
            let place = (at.y as usize + bit) * self.width() + at.x as usize;
            self.plane[place] = Some(self.registers[register]);
        }
    }
}

/// Numbers between semicolons; those left out are `None`.
fn numbers(rest: &mut &[u8]) -> Vec<Option<u32>> {
    let end = rest
        .iter()
        .position(|b| !b.is_ascii_digit() && *b != b';')
        .unwrap_or(rest.len());
    let (text, after) = rest.split_at(end);
    *rest = after;
    text.split(|b| *b == b';')
        .map(|n| std::str::from_utf8(n).unwrap().parse().ok())
        .collect()
}

fn from_percent(n: u32) -> u8 {
    assert!(n <= 100);
    ((n * 255 + 50) / 100) as u8
}

/// DEC's hue begins at blue.
fn from_hls(hue: u32, lightness: u32, saturation: u32) -> [u8; 3] {
    let (h, l, s) = (
        f64::from((hue + 240) % 360) / 60.0,
        f64::from(lightness) / 100.0,
        f64::from(saturation) / 100.0,
    );
    let chroma = (1.0 - (2.0 * l - 1.0).abs()) * s;
    let second = chroma * (1.0 - (h % 2.0 - 1.0).abs());
    let [r, g, b] = match h as u32 {
        0 => [chroma, second, 0.0],
        1 => [second, chroma, 0.0],
        2 => [0.0, chroma, second],
        3 => [0.0, second, chroma],
        4 => [second, 0.0, chroma],
        _ => [chroma, 0.0, second],
    };
    [r, g, b].map(|c| ((c + l - chroma / 2.0) * 255.0).round() as u8)
}
