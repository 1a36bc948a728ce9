//! Pictures made by calculation, for benches and tests: a photograph, a desktop, a screen of text.
//!
//! They are made to be as hard to compress as the real thing. The same call gives the same picture, always.

/// A picture of 32-bit pixels: bytes B, G, R, 0, rows packed, top row first.
#[derive(Clone)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

/// A colour as `0x00RRGGBB`.
type Colour = u32;

/// Soft shapes at all scales under a sky, and the noise of a sensor.
pub fn photo(width: usize, height: usize) -> Picture {
    let mut picture = Picture::new(width, height, 0);
    let mut random = Random(7);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f32 / 480.0, y as f32 / 480.0);
            let cloud = fractal(u, v, 1);
            let ground = fractal(u * 3.0, v * 3.0, 2);
            let light = (1.0 - y as f32 / height as f32) * 0.5;
            let tree = fractal(u * 24.0, 0.5, 3) * 0.35;
            let colour = if y as f32 / (height as f32) < 0.7 - tree {
                [
                    0.5 + 0.4 * light + 0.2 * cloud,
                    0.25 + light + 0.3 * cloud,
                    0.05 + light + 0.5 * cloud,
                ]
            } else {
                [
                    0.1 + 0.3 * ground,
                    0.15 + 0.6 * ground,
                    0.1 + 0.4 * ground + 0.1 * cloud,
                ]
            };
            let shot = random.bell();
            let bgr = colour.map(|c| (c * 255.0 + shot + random.bell()).clamp(0.0, 255.0) as u8);
            picture.set(x, y, u32::from_le_bytes([bgr[0], bgr[1], bgr[2], 0]));
        }
    }
    picture
}

/// Windows with frames, titles and text on a flat ground, one of them with a photograph.
pub fn desktop(width: usize, height: usize) -> Picture {
    let mut picture = Picture::new(width, height, 0);
    for y in 0..height {
        let shade = (0xc8 - 0x28 * y / height) as u32;
        picture.fill(0, y, width, 1, shade * 0x01_0101);
    }
    let mut random = Random(11);
    let font = Font::new(&mut random);
    let (w, h) = (width / 16, height / 16);
    picture.window(&font, w, h, 8 * w, 11 * h);
    picture.terminal(
        &font,
        &mut random,
        (w + 1, h + 20),
        (8 * w - 2, 11 * h - 21),
        &DARK,
    );
    picture.window(&font, 8 * w, h / 2, 7 * w, 7 * h);
    picture.terminal(
        &font,
        &mut random,
        (8 * w + 1, h / 2 + 20),
        (7 * w - 2, 7 * h - 21),
        &LIGHT,
    );
    picture.window(&font, 2 * w, 10 * h, 4 * w, 5 * h);
    let small = photo(4 * w - 2, 5 * h - 21);
    picture.paste(&small, 2 * w + 1, 10 * h + 20);
    picture.window(&font, 10 * w, 8 * h, 3 * w, 6 * h);
    picture.buttons(&font, 10 * w + 1, 8 * h + 20, 3 * w - 2, 6 * h - 21);
    picture.fill(0, height - 24, width, 24, 0xe0_e0e8);
    for i in 0..8 {
        picture.bevel(i * 2 * w, height - 23, 2 * w - 4, 22, 0xe8_e8f0);
        picture.line(
            &font,
            i * 2 * w + 8,
            height - 19,
            "task list",
            0x30_3030,
            0xe8_e8f0,
        );
    }
    picture
}

/// A terminal over the whole screen, lines of varied length in a few colours.
pub fn text(width: usize, height: usize) -> Picture {
    let mut picture = Picture::new(width, height, DARK[0]);
    let mut random = Random(13);
    let font = Font::new(&mut random);
    picture.terminal(&font, &mut random, (0, 0), (width, height), &DARK);
    picture
}

/// Ground, then the colours of lines.
const DARK: [Colour; 5] = [0x12_1418, 0xe6_e6e6, 0x6a_a0f0, 0x70_d070, 0xf0_6060];
const LIGHT: [Colour; 5] = [0xff_ffff, 0x00_0000, 0x00_0000, 0x00_0000, 0x20_2080];

impl Picture {
    fn new(width: usize, height: usize, colour: Colour) -> Self {
        let pixels = colour.to_le_bytes().repeat(width * height);
        Self {
            width,
            height,
            pixels,
        }
    }

    fn set(&mut self, x: usize, y: usize, colour: Colour) {
        if x < self.width && y < self.height {
            let at = (y * self.width + x) * 4;
            self.pixels[at..at + 4].copy_from_slice(&colour.to_le_bytes());
        }
    }

    fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
        for row in y..y + height {
            (x..x + width).for_each(|column| self.set(column, row, colour));
        }
    }

    fn paste(&mut self, small: &Picture, x: usize, y: usize) {
        for (i, pixel) in small.pixels.as_chunks::<4>().0.iter().enumerate() {
            let (row, column) = (i / small.width, i % small.width);
            self.set(x + column, y + row, u32::from_le_bytes(*pixel));
        }
    }

    /// A raised area: light above and on the left, dark below and on the right.
    fn bevel(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
        self.fill(x, y, width, height, 0x50_5050);
        self.fill(x, y, width - 1, height - 1, 0xff_ffff);
        self.fill(x + 1, y + 1, width - 2, height - 2, colour);
    }

    /// A frame of one pixel with a title of 19.
    fn window(&mut self, font: &Font, x: usize, y: usize, width: usize, height: usize) {
        self.fill(x, y, width, height, 0x40_4040);
        self.bevel(x + 1, y + 1, width - 2, 18, 0xdc_dce8);
        self.line(
            font,
            x + width / 2 - 32,
            y + 2,
            "window title",
            0x80_8080,
            0xdc_dce8,
        );
        for i in 1..=3 {
            self.bevel(x + width - 20 * i, y + 4, 14, 12, 0x90_9090);
        }
    }

    /// A pocket calculator: keys with a character or two.
    fn buttons(&mut self, font: &Font, x: usize, y: usize, width: usize, height: usize) {
        self.fill(x, y, width, height, 0xff_ffff);
        for row in 0..height / 30 {
            for column in 0..width / 42 {
                let (left, top) = (x + column * 42 + 2, y + row * 30 + 2);
                self.fill(left, top, 40, 28, 0);
                self.fill(left + 1, top + 1, 38, 26, 0xff_ffff);
                self.line(
                    font,
                    left + 12,
                    top + 6,
                    &WORDS[(row + column) % WORDS.len()][..2],
                    0,
                    0xff_ffff,
                );
            }
        }
    }

    /// Lines of words, in colours of which the first is the ground.
    fn terminal(
        &mut self,
        font: &Font,
        random: &mut Random,
        (x, y): (usize, usize),
        (width, height): (usize, usize),
        colours: &[Colour; 5],
    ) {
        self.fill(x, y, width, height, colours[0]);
        for line in 0..height / CELL_HEIGHT {
            let columns = width / CELL_WIDTH * (15 + random.below(55)) / 100;
            let mut text = format!("[{:9}]", line * 137_431 % 1_000_000);
            while text.len() < columns {
                text += " ";
                text += WORDS[random.below(WORDS.len())];
            }
            // Every other line or so is in the ordinary colour.
            let colour = colours[1 + random.below(8).saturating_sub(4)];
            self.line(font, x, y + line * CELL_HEIGHT, &text, colour, colours[0]);
        }
    }

    fn line(&mut self, font: &Font, x: usize, y: usize, text: &str, ink: Colour, ground: Colour) {
        for (i, byte) in text.bytes().enumerate() {
            let glyph = &font.0[usize::from(byte % 128)];
            for (row, line) in glyph.iter().enumerate() {
                for (column, &coverage) in line.iter().enumerate() {
                    let colour = blend(ground, ink, coverage);
                    self.set(x + i * CELL_WIDTH + column, y + row, colour);
                }
            }
        }
    }
}

const CELL_WIDTH: usize = 8;
const CELL_HEIGHT: usize = 16;

const WORDS: [&str; 24] = [
    "kernel:",
    "usb",
    "mounted",
    "read-only",
    "virtio",
    "0x7ff0-0x7fff",
    "session",
    "Started",
    "eth0",
    "link",
    "initialized",
    "of",
    "cargo",
    "--release",
    "error[E0308]:",
    "types",
    "ok",
    "drm",
    "irq",
    "12",
    "cgroup",
    "/usr/share/doc",
    "agent",
    "EXT4-fs",
];

/// Coverage of the cells of 128 characters that look like a smooth font from afar.
struct Font(Vec<[[u8; CELL_WIDTH]; CELL_HEIGHT]>);

impl Font {
    fn new(random: &mut Random) -> Self {
        let glyph = |byte: u8| {
            let mut cell = [[0; CELL_WIDTH]; CELL_HEIGHT];
            if byte == b' ' {
                return cell;
            }
            // Two to four strokes between the points of a grid, as letters have.
            let strokes: Vec<_> = (0..2 + random.below(3))
                .map(|_| {
                    let mut point = || {
                        [
                            1.0 + 2.5 * random.below(3) as f32,
                            3.5 + 4.0 * random.below(3) as f32,
                        ]
                    };
                    (point(), point())
                })
                .collect();
            for (y, row) in cell.iter_mut().enumerate() {
                for (x, coverage) in row.iter_mut().enumerate() {
                    let at = [x as f32 + 0.5, y as f32 + 0.5];
                    let distances = strokes.iter().map(|(from, to)| distance(at, *from, *to));
                    let nearest = distances.fold(f32::MAX, f32::min);
                    *coverage = ((1.4 - nearest).clamp(0.0, 1.0) * 255.0) as u8;
                }
            }
            cell
        };
        Self((0..128).map(glyph).collect())
    }
}

/// How far a point is from a straight stroke.
fn distance(at: [f32; 2], from: [f32; 2], to: [f32; 2]) -> f32 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let dot = (at[0] - from[0]) * along[0] + (at[1] - from[1]) * along[1];
    let part = if length > 0.0 {
        (dot / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (at[0] - from[0] - part * along[0]).hypot(at[1] - from[1] - part * along[1])
}

fn blend(ground: Colour, ink: Colour, coverage: u8) -> Colour {
    let mix = |from: u8, to: u8| {
        let (from, to, part) = (i32::from(from), i32::from(to), i32::from(coverage));
        (from + (to - from) * part / 255) as u8
    };
    let (from, to) = (ground.to_le_bytes(), ink.to_le_bytes());
    u32::from_le_bytes(std::array::from_fn(|i| mix(from[i], to[i])))
}

/// Value noise in seven octaves, about 0 to 1.
fn fractal(x: f32, y: f32, seed: u32) -> f32 {
    (0..7)
        .map(|octave| {
            let scale = (1 << octave) as f32;
            smooth_noise(x * scale, y * scale, seed + octave) / scale / 2.0
        })
        .sum()
}

fn smooth_noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - left), ease(y - top));
    let corner = |dx: u32, dy: u32| {
        let (column, row) = (left as u32 + dx, top as u32 + dy);
        let mut random = Random(u64::from(column) << 40 ^ u64::from(row) << 20 ^ u64::from(seed));
        random.below(1 << 16) as f32 / 65536.0
    };
    let mix = |a: f32, b: f32, part: f32| a + (b - a) * part;
    mix(
        mix(corner(0, 0), corner(1, 0), u),
        mix(corner(0, 1), corner(1, 1), u),
        v,
    )
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// About normally distributed, with a deviation of 1.
    fn bell(&mut self) -> f32 {
        let bytes = self.next().to_le_bytes();
        let sum: i32 = bytes.iter().map(|&byte| i32::from(byte)).sum();
        (sum - 1020) as f32 / 209.0
    }
}
