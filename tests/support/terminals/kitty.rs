//! A terminal with kitty's graphics: reads bytes, keeps images, shows a plane of dots.
//!
//! Written from the protocol's description and what kitty 0.26.5 does. It is strict: what a terminal would refuse or take for
//! something else than was meant is a panic, and so is a command that asks for an answer.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use capsaicin::geometry::{Rect, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat};

/// What images may take together, bytes.
const QUOTA: usize = 320 << 20;

/// The character that stands for a part of an image.
const PLACEHOLDER: char = '\u{10eeee}';

/// The terminal.
pub struct Kitty {
    columns: u16,
    rows: u16,
    cell: Size,
    /// Column and row of the cursor.
    cursor: (u16, u16),
    /// The colour of the palette that characters are written in.
    ink: Option<u8>,
    images: BTreeMap<u32, Image>,
    loading: Option<Loading>,
    characters: HashMap<(u16, u16), Part>,
    /// Whether a tmux is around it, which lets nothing but wrapped graphics pass.
    tmux: bool,
    /// Bytes of a sequence that is not complete.
    rest: Vec<u8>,
    /// How often an image in sight had no dots to show.
    pub blanks: u32,
}

/// An image. Dots are bytes R, G, B, A.
#[derive(Default)]
struct Image {
    size: Size,
    frames: Vec<Vec<u8>>,
    placements: BTreeMap<u32, Placement>,
}

#[derive(Clone, Copy)]
struct Placement {
    column: u16,
    row: u16,
    offset: (u32, u32),
    part: Rect,
    z: i32,
    /// Columns and rows, when only characters show it.
    virtually: Option<(u32, u32)>,
}

struct Loading {
    keys: Keys,
    payload: Vec<u8>,
}

/// The part of an image that a character stands for.
#[derive(Clone, Copy)]
struct Part {
    id: u32,
    ink: u8,
    row: u32,
    column: u32,
}

#[derive(Clone, Debug, Default)]
struct Keys(HashMap<char, String>);

impl Keys {
    fn of(text: &str) -> Self {
        let pairs = text.split(',').map(|pair| {
            let (key, value) = pair.split_once('=').expect("key=value");
            assert_eq!(key.len(), 1, "{pair}");
            (key.chars().next().unwrap(), value.to_owned())
        });
        let keys = Self(pairs.collect());
        assert_eq!(keys.0.len(), text.split(',').count(), "a key twice: {text}");
        keys
    }

    fn text(&self, key: char, default: &str) -> String {
        self.0.get(&key).cloned().unwrap_or(default.to_owned())
    }

    fn number(&self, key: char) -> u32 {
        self.0
            .get(&key)
            .map_or(0, |value| value.parse().expect("a number"))
    }
}

impl Kitty {
    pub fn new(columns: u16, rows: u16, cell: Size) -> Self {
        Self {
            columns,
            rows,
            cell,
            cursor: (0, 0),
            ink: None,
            images: BTreeMap::new(),
            loading: None,
            characters: HashMap::new(),
            tmux: false,
            rest: Vec::new(),
            blanks: 0,
        }
    }

    /// The same behind a tmux.
    pub fn behind_tmux(columns: u16, rows: u16, cell: Size) -> Self {
        Self {
            tmux: true,
            ..Self::new(columns, rows, cell)
        }
    }

    /// How many images it has in memory.
    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// Has more or fewer cells from now on.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        (self.columns, self.rows) = (columns, rows);
    }

    /// Whether it has an image of this number.
    pub fn has_image(&self, id: u32) -> bool {
        self.images.contains_key(&id)
    }

    /// Shows these characters, row by row, each with the colour of the palette it is written in. What is no placeholder shows
    /// nothing.
    pub fn show<'a>(&mut self, rows: impl Iterator<Item = Vec<(&'a str, Option<u8>)>>) {
        self.characters.clear();
        for (row, cells) in (0..).zip(rows) {
            for (column, (text, ink)) in (0..).zip(cells) {
                if let Some(marks) = text.strip_prefix(PLACEHOLDER) {
                    self.cursor = (column, row);
                    self.ink = ink;
                    let marks: Vec<char> = marks.chars().collect();
                    let left = column
                        .checked_sub(1)
                        .and_then(|left| self.characters.get(&(left, row)));
                    // What was read may end between the marks of a character.
                    if marks.len() == 3 || marks.is_empty() && left.is_some() {
                        self.put(&marks);
                    }
                }
            }
        }
    }

    /// Reads bytes, which may end anywhere.
    pub fn read(&mut self, bytes: &[u8]) {
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let mut rest = &all[..];
        while let Some(length) = self.read_one(rest) {
            rest = &rest[length..];
        }
        self.rest = rest.to_vec();
    }

    /// Clears the screen, as a resize or another program would; images without a placement are forgotten.
    pub fn clear(&mut self) {
        self.images.clear();
        self.characters.clear();
    }

    /// Writes a blank over some cells, as text on the picture would.
    pub fn write_over(&mut self, cells: Rect) {
        self.characters.retain(|(column, row), _| {
            !cells.contains(capsaicin::geometry::Point::new(
                (*column).into(),
                (*row).into(),
            ))
        });
    }

    /// One sequence or character from the front: its length, `None` when it is not complete.
    fn read_one(&mut self, bytes: &[u8]) -> Option<usize> {
        match bytes {
            [] | [0x1b] | [0x1b, b'_'] => None,
            [0x1b, b'[', rest @ ..] => {
                let end = rest.iter().position(|byte| byte.is_ascii_alphabetic())?;
                let text = std::str::from_utf8(&rest[..end]).unwrap();
                self.control(text, rest[end]);
                Some(2 + end + 1)
            }
            [0x1b, b'_', b'G', rest @ ..] => {
                let end = find(rest, b"\x1b\\")?;
                assert!(!self.tmux, "tmux swallows this");
                self.graphics(&rest[..end]);
                Some(3 + end + 2)
            }
            [0x1b, b'P', rest @ ..] => {
                let (end, inner) = passed_through(rest)?;
                assert!(self.tmux, "there is no tmux here");
                self.tmux = false;
                let length = self.read_one(&inner);
                self.tmux = true;
                assert_eq!(length, Some(inner.len()), "one whole sequence");
                Some(2 + end)
            }
            [0x1b, ..] => panic!("unknown sequence {:?}", &bytes[..bytes.len().min(8)]),
            _ => {
                let length =
                    (1..=bytes.len().min(4)).find(|n| std::str::from_utf8(&bytes[..*n]).is_ok())?;
                let character = std::str::from_utf8(&bytes[..length])
                    .unwrap()
                    .chars()
                    .next()
                    .unwrap();
                if character != PLACEHOLDER {
                    panic!("a stray {character:?}");
                }
                self.placeholder(&bytes[length..])
                    .map(|marks| length + marks)
            }
        }
    }

    fn control(&mut self, text: &str, action: u8) {
        let numbers: Vec<u16> = text.split(';').map(|n| n.parse().unwrap_or(0)).collect();
        match (action, &numbers[..]) {
            (b'H', [row, column]) => {
                assert!(
                    (1..=self.rows).contains(row) && (1..=self.columns).contains(column),
                    "{text}"
                );
                self.cursor = (column - 1, row - 1);
            }
            (b'm', [38, 5, colour]) => self.ink = Some(*colour as u8),
            (b'm', [39]) => self.ink = None,
            (b'X', [count]) => {
                let (column, row) = self.cursor;
                assert!(column + count <= self.columns);
                self.characters
                    .retain(|(x, y), _| *y != row || !(column..column + count).contains(x));
            }
            _ => panic!("CSI {text} {}", action as char),
        }
    }

    /// A placeholder whose marks are at the front of `bytes`; their length. `None` when more could follow.
    fn placeholder(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut marks = Vec::new();
        let mut length = 0;
        loop {
            let rest = &bytes[length..];
            let next =
                (1..=rest.len().min(4)).find_map(|n| std::str::from_utf8(&rest[..n]).ok())?;
            let mark = next.chars().next().unwrap();
            // Marks of class 230 are from U+0305 on; none is a control or the placeholder itself.
            if mark < '\u{300}' || mark == PLACEHOLDER {
                break;
            }
            marks.push(mark);
            length += next.len();
        }
        self.put(&marks);
        self.cursor.0 += 1;
        assert!(self.cursor.0 <= self.columns);
        Some(length)
    }

    /// Puts a placeholder with these marks where the cursor is.
    fn put(&mut self, marks: &[char]) {
        let ink = self.ink.expect("a placeholder in no colour");
        let (column, row) = self.cursor;
        let left = column
            .checked_sub(1)
            .and_then(|left| self.characters.get(&(left, row)));
        let part = match *marks {
            [row, column, high] => Part {
                id: number(high) << 24 | u32::from(ink),
                ink,
                row: number(row),
                column: number(column),
            },
            [] => {
                let left = left.expect("nothing to go on from");
                assert_eq!(left.ink, ink);
                Part {
                    column: left.column + 1,
                    ..*left
                }
            }
            _ => panic!("{marks:?}"),
        };
        self.characters.insert((column, row), part);
    }

    fn graphics(&mut self, command: &[u8]) {
        let text = std::str::from_utf8(command).expect("ASCII");
        let (keys, payload) = text.split_once(';').unwrap_or((text, ""));
        assert!(payload.len() <= 4096, "a chunk of {}", payload.len());
        let keys = Keys::of(keys);
        assert_eq!(keys.text('q', ""), "2", "an answer would come: {text:.80}");
        let payload = from_base64(payload);
        let more = keys.number('m') == 1;
        if let Some(mut loading) = self.loading.take() {
            if loading.keys.text('a', "") == "f" {
                // Without these kitty 0.26.5 takes it for a new picture, or a new frame.
                for key in ['a', 'i', 'r'] {
                    assert_eq!(keys.text(key, ""), loading.keys.text(key, ""), "{keys:?}");
                }
            } else {
                assert!(keys.0.keys().all(|key| "mq".contains(*key)), "{keys:?}");
            }
            loading.payload.extend(payload);
            if more {
                self.loading = Some(loading);
            } else {
                self.command(&loading.keys, &loading.payload);
            }
            return;
        }
        if !more {
            return self.command(&keys, &payload);
        }
        // An image that comes again is blank until it is complete.
        if keys.text('a', "t") == "T"
            && let Some(image) = self.images.get_mut(&keys.number('i'))
        {
            self.blanks += u32::from(!image.placements.is_empty());
            image.frames.clear();
        }
        self.loading = Some(Loading { keys, payload });
    }

    fn command(&mut self, keys: &Keys, payload: &[u8]) {
        match keys.text('a', "t").as_str() {
            action @ ("T" | "t") => {
                let (size, dots) = self.dots(keys, payload);
                let id = keys.number('i');
                assert_ne!(id, 0);
                let frames = vec![dots];
                let image = Image {
                    size,
                    frames,
                    ..Image::default()
                };
                self.images.insert(id, image);
                if action == "T" {
                    self.place(keys);
                }
            }
            "p" => self.place(keys),
            "f" => self.edit(keys, payload),
            "c" => self.compose(keys),
            "d" => match keys.text('d', "").as_str() {
                "i" => match keys.number('p') {
                    0 => self.image(keys).placements.clear(),
                    number => {
                        let placement = self.image(keys).placements.remove(&number);
                        assert!(placement.is_some(), "no placement {number}");
                    }
                },
                "I" => {
                    let id = keys.number('i');
                    // One that is gone already is no error.
                    self.images.remove(&id);
                }
                other => panic!("d={other}"),
            },
            other => panic!("a={other}"),
        }
        let used: usize = self
            .images
            .values()
            .flat_map(|image| &image.frames)
            .map(Vec::len)
            .sum();
        assert!(used <= QUOTA, "{used} bytes of images");
    }

    fn image(&mut self, keys: &Keys) -> &mut Image {
        let id = keys.number('i');
        self.images
            .get_mut(&id)
            .unwrap_or_else(|| panic!("no image {id}"))
    }

    fn place(&mut self, keys: &Keys) {
        let ((column, row), cell) = (self.cursor, self.cell);
        let placement_id = keys.number('p');
        assert_ne!(placement_id, 0, "a placement nobody can move");
        let virtually = (keys.number('U') == 1).then(|| (keys.number('c'), keys.number('r')));
        if virtually.is_none() {
            assert_eq!(keys.number('C'), 1, "the cursor would move");
        }
        let offset = (keys.number('X'), keys.number('Y'));
        assert!(offset.0 < cell.width && offset.1 < cell.height, "{keys:?}");
        let z = keys.text('z', "0").parse().unwrap();
        let image = self.image(keys);
        let mut part = image.size.to_rect();
        if keys.number('w') != 0 {
            let size = Size::new(keys.number('w'), keys.number('h'));
            part = Rect::at(keys.number('x') as i32, keys.number('y') as i32, size);
            assert!(image.size.to_rect().covers(part));
        }
        let placement = Placement {
            column,
            row,
            offset,
            part,
            z,
            virtually,
        };
        image.placements.insert(placement_id, placement);
        let (right, bottom) = (
            u32::from(column) * cell.width + offset.0 + part.width(),
            u32::from(row) * cell.height + offset.1 + part.height(),
        );
        if virtually.is_none() {
            let last_row = u32::from(self.rows) * self.cell.height;
            assert!(right <= u32::from(self.columns) * self.cell.width && bottom <= last_row);
        }
    }

    fn edit(&mut self, keys: &Keys, payload: &[u8]) {
        let (size, dots) = self.dots(keys, payload);
        let image = self.image(keys);
        let whole = image.size.to_rect();
        match keys.number('r') {
            0 => {
                // Upon another frame kitty 0.26.5 needs both to have alpha or neither, and composes garbage otherwise.
                assert_eq!((keys.number('c'), keys.text('f', "32").as_str()), (0, "32"));
                let mut frame = vec![0; image.size.area() as usize * 4];
                blit(&mut frame, image.size, size.to_rect(), &dots, size, (0, 0));
                image.frames.push(frame);
            }
            n => {
                let at = (keys.number('x'), keys.number('y'));
                let rect = Rect::at(at.0 as i32, at.1 as i32, size);
                assert!(
                    whole.covers(rect) && !rect.is_empty(),
                    "{rect:?} of {whole:?}"
                );
                let frame = image
                    .frames
                    .get_mut(n as usize - 1)
                    .expect("a frame of that number");
                blit(frame, image.size, rect, &dots, size, (0, 0));
            }
        }
    }

    fn compose(&mut self, keys: &Keys) {
        assert_eq!(keys.number('C'), 1, "it would blend");
        let image = self.image(keys);
        let (source, target) = (keys.number('r') as usize, keys.number('c') as usize);
        let size = Size::new(keys.number('w'), keys.number('h'));
        let from = (keys.number('X'), keys.number('Y'));
        let to = Rect::at(keys.number('x') as i32, keys.number('y') as i32, size);
        let area = Rect::at(from.0 as i32, from.1 as i32, size);
        let whole = image.size.to_rect();
        assert!(whole.covers(area) && whole.covers(to) && !to.is_empty());
        assert!(
            source != target || !area.overlaps(to),
            "overlap within a frame"
        );
        let dots = image.frames[source - 1].clone();
        blit(
            &mut image.frames[target - 1],
            image.size,
            to,
            &dots,
            image.size,
            from,
        );
    }

    /// Size and dots of a payload.
    fn dots(&self, keys: &Keys, payload: &[u8]) -> (Size, Vec<u8>) {
        let size = Size::new(keys.number('s'), keys.number('v'));
        let payload = match keys.text('t', "d").as_str() {
            "d" => payload.to_vec(),
            "s" => take_file(&format!(
                "/dev/shm{}",
                std::str::from_utf8(payload).unwrap()
            )),
            "t" => {
                let name = std::str::from_utf8(payload).unwrap();
                assert!(name.contains("tty-graphics-protocol"));
                take_file(name)
            }
            other => panic!("t={other}"),
        };
        let payload = match keys.text('o', "").as_str() {
            "z" => inflate(&payload),
            _ => payload,
        };
        match keys.text('f', "32").as_str() {
            "24" => {
                assert_eq!(payload.len() as u64, size.area() * 3);
                let dots = payload
                    .chunks_exact(3)
                    .flat_map(|p| [p[0], p[1], p[2], 0xff]);
                (size, dots.collect())
            }
            "32" => {
                assert_eq!(payload.len() as u64, size.area() * 4);
                (size, payload)
            }
            "100" => {
                let image = image::load_from_memory_with_format(&payload, image::ImageFormat::Png)
                    .expect("a PNG file")
                    .into_rgba8();
                (Size::new(image.width(), image.height()), image.into_raw())
            }
            other => panic!("f={other}"),
        }
    }

    /// Red, green and blue of a dot of the topmost image that is placed there; `None` where there is none.
    pub fn dot(&self, at: capsaicin::geometry::Point) -> Option<[u8; 3]> {
        let mut found = None;
        for (id, image) in &self.images {
            let Some(dots) = image.frames.first() else {
                continue;
            };
            for placement in image.placements.values().filter(|p| p.virtually.is_none()) {
                let left = u32::from(placement.column) * self.cell.width + placement.offset.0;
                let top = u32::from(placement.row) * self.cell.height + placement.offset.1;
                let rect = Rect::at(left as i32, top as i32, placement.part.size());
                let place = (placement.z, *id);
                if rect.contains(at) && found.is_none_or(|(highest, _)| place > highest) {
                    let x = (at.x - rect.left + placement.part.left) as usize;
                    let y = (at.y - rect.top + placement.part.top) as usize;
                    let dot = (y * image.size.width as usize + x) * 4;
                    found = Some((place, [dots[dot], dots[dot + 1], dots[dot + 2]]));
                }
            }
        }
        found.map(|(_, dot)| dot)
    }

    /// The dots it shows: bytes B, G, R, 0; `background` where nothing is.
    pub fn plane(&self, background: [u8; 3]) -> PixelBuf {
        let (columns, rows) = (u32::from(self.columns), u32::from(self.rows));
        let size = Size::new(columns * self.cell.width, rows * self.cell.height);
        let [r, g, b] = background;
        let mut plane: Vec<u8> = [r, g, b, 0xff].repeat(size.area() as usize);
        let mut layers: Vec<(i32, u32, &Image, &Placement)> = Vec::new();
        for (id, image) in &self.images {
            let real = image
                .placements
                .values()
                .filter(|placement| placement.virtually.is_none());
            layers.extend(real.map(|placement| (placement.z, *id, image, placement)));
        }
        layers.sort_by_key(|(z, id, ..)| (*z, *id));
        for (_, _, image, placement) in layers {
            let Some(dots) = image.frames.first() else {
                continue;
            };
            let x = u32::from(placement.column) * self.cell.width + placement.offset.0;
            let y = u32::from(placement.row) * self.cell.height + placement.offset.1;
            let rect = Rect::at(x as i32, y as i32, placement.part.size());
            let from = (placement.part.left as u32, placement.part.top as u32);
            blit(&mut plane, size, rect, dots, image.size, from);
        }
        for ((column, row), part) in &self.characters {
            let Some(image) = self.images.get(&part.id) else {
                continue;
            };
            let virtually = image
                .placements
                .values()
                .find_map(|placement| placement.virtually);
            let (columns, rows) = virtually.expect("a virtual placement");
            // Only an image of exactly that many cells is not scaled.
            assert_eq!(
                image.size,
                Size::new(columns * self.cell.width, rows * self.cell.height)
            );
            assert!(part.column < columns && part.row < rows);
            let at = |cell: u32, side: u32| (cell * side) as i32;
            let (x, y) = (
                at((*column).into(), self.cell.width),
                at((*row).into(), self.cell.height),
            );
            let from = (part.column * self.cell.width, part.row * self.cell.height);
            blit(
                &mut plane,
                size,
                Rect::at(x, y, self.cell),
                &image.frames[0],
                image.size,
                from,
            );
        }
        let dots = plane.chunks_exact(4).flat_map(|p| [p[2], p[1], p[0], 0]);
        PixelBuf::from_data(PixelFormat::Xrgb, size, dots.collect()).expect("as many as it says")
    }
}

/// Puts dots over others, by their alpha.
fn blit(target: &mut [u8], size: Size, rect: Rect, dots: &[u8], dots_size: Size, from: (u32, u32)) {
    for y in 0..rect.height() {
        for x in 0..rect.width() {
            let source = ((from.1 + y) * dots_size.width + from.0 + x) as usize * 4;
            let (column, row) = (rect.left as u32 + x, rect.top as u32 + y);
            if column >= size.width || row >= size.height {
                continue;
            }
            let to = (row * size.width + column) as usize * 4;
            let [r, g, b, a] = [0, 1, 2, 3].map(|n| u32::from(dots[source + n]));
            for (n, c) in [r, g, b].into_iter().enumerate() {
                let under = u32::from(target[to + n]);
                target[to + n] = ((c * a + under * (255 - a) + 127) / 255) as u8;
            }
            let under = u32::from(target[to + 3]);
            target[to + 3] = (a + under * (255 - a) / 255) as u8;
        }
    }
}

fn take_file(path: &str) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("a file to read");
    std::fs::remove_file(path).expect("a file to remove");
    bytes
}

fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::ZlibDecoder::new(bytes)
        .read_to_end(&mut out)
        .expect("a zlib stream");
    out
}

fn find(bytes: &[u8], end: &[u8]) -> Option<usize> {
    bytes.windows(end.len()).position(|window| window == end)
}

/// What tmux makes of the rest of a device control string: its length, and what it passes on.
fn passed_through(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    const NAME: &[u8] = b"tmux;";
    if bytes.len() < NAME.len() {
        return None;
    }
    assert!(bytes.starts_with(NAME));
    let (mut at, mut inner) = (NAME.len(), Vec::new());
    loop {
        match *bytes.get(at..)? {
            [0x1b, 0x1b, ..] => {
                inner.push(0x1b);
                at += 2;
            }
            [0x1b, b'\\', ..] => return Some((at + 2, inner)),
            [0x1b, other, ..] => panic!("escape {other} within"),
            [0x1b] | [] => return None,
            [byte, ..] => {
                inner.push(byte);
                at += 1;
            }
        }
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    assert!(
        text.len().is_multiple_of(4),
        "base64 of {} characters",
        text.len()
    );
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => 0,
        _ => panic!("{byte} in base64"),
    };
    let mut out = Vec::new();
    for four in text.as_bytes().chunks_exact(4) {
        let bits = four
            .iter()
            .fold(0, |bits, byte| bits << 6 | u32::from(value(*byte)));
        let padding = four.iter().filter(|byte| **byte == b'=').count();
        out.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    out
}

/// The number a diacritic stands for. The runs are those of the protocol's list, written down from it once more.
fn number(mark: char) -> u32 {
    const STARTS: &str = "\
        305 30d+1 310 312 33d+2 346 34a+2 350+2 357 35b 363+c 483+4 592+3 597+2 59c+5 5a8+1 5ab+1 5af 5c4 610+7 657+4 65d+1 \
        6d6+6 6df+3 6e4 6e7+1 6eb+1 730 732+1 735+1 73a 73d 73f+2 743 745 747 749+1 7eb+6 7f3 816+3 81b+8 825+2 829+4 951 \
        953+1 f82+1 f86+1 135d+2 17dd 193a 1a17 1a75+7 1b6b 1b6d+6 1cd0+2 1cda+1 1ce0 1dc0+1 1dc3+6 1dcb+1 1dd1+15 1dfe \
        20d0+1 20d4+3 20db+1 20e1 20e7 20e9 20f0 2cef+2 2de0+1f a66f a67c+1 a6f0+1 a8e0+11 aab0 aab2+1 aab7+1 aabe+1 aac1 \
        fe20+6 10a0f 10a38 1d185+4 1d1aa+3 1d242+2";
    let mut count = 0;
    for run in STARTS.split_whitespace() {
        let (start, more) = run.split_once('+').unwrap_or((run, "0"));
        let start = u32::from_str_radix(start, 16).unwrap();
        let more = u32::from_str_radix(more, 16).unwrap();
        if (start..=start + more).contains(&u32::from(mark)) {
            return count + u32::from(mark) - start;
        }
        count += more + 1;
    }
    panic!("{mark:?} numbers nothing");
}
