//! A terminal that understands iTerm2's inline files, as its documentation describes them, and keeps what it shows.
//!
//! Panics at anything else: a painter has no business with it.

use std::collections::HashMap;

use capsaicin::geometry::{Rect, Size};

/// Its screen, in dots.
pub struct Iterm2Terminal {
    cell: Size,
    size: Size,
    /// Red, green and blue; `None` where nothing was drawn.
    pub plane: Vec<Option<[u8; 3]>>,
    /// Column and row, from 0.
    cursor: (u32, u32),
    /// Where files were drawn so far, in dots.
    pub files: Vec<Rect>,
}

impl Iterm2Terminal {
    pub fn new(columns: u16, rows: u16, cell: Size) -> Self {
        let size = Size::new(
            u32::from(columns) * cell.width,
            u32::from(rows) * cell.height,
        );
        Self {
            cell,
            size,
            plane: vec![None; size.area() as usize],
            cursor: (0, 0),
            files: Vec::new(),
        }
    }

    /// Shows what was written.
    pub fn write(&mut self, bytes: &[u8]) {
        let mut rest = std::str::from_utf8(bytes).expect("ASCII");
        while !rest.is_empty() {
            if let Some(control) = rest.strip_prefix("\x1b[") {
                let (place, after) = control.split_once('H').expect("a cursor position");
                let (row, column) = place.split_once(';').expect("two numbers");
                let number = |n: &str| n.parse::<u32>().expect("a number") - 1;
                (self.cursor, rest) = ((number(column), number(row)), after);
            } else {
                let command = rest.strip_prefix("\x1b]1337;").expect("a file");
                let (command, after) = command.split_once('\x07').expect("it ends");
                assert!(command.len() < 1 << 18, "terminals drop longer ones");
                self.command(command);
                rest = after;
            }
        }
    }

    fn command(&mut self, command: &str) {
        // Files in parts are known to iTerm2 alone.
        let file = command.strip_prefix("File=").expect("a file in one piece");
        let (keys, text) = file.split_once(':').expect("a colon");
        self.draw(&arguments(keys), text);
    }

    fn draw(&mut self, keys: &HashMap<String, String>, text: &str) {
        let file = from_base64(text);
        assert_eq!(keys["size"], file.len().to_string());
        assert_eq!((&*keys["inline"], &*keys["doNotMoveCursor"]), ("1", "1"));
        let image = image::load_from_memory(&file)
            .expect("a picture")
            .into_rgb8();
        assert_eq!(keys["width"], format!("{}px", image.width()));
        assert_eq!(keys["height"], format!("{}px", image.height()));
        let (left, top) = (
            self.cursor.0 * self.cell.width,
            self.cursor.1 * self.cell.height,
        );
        assert!(left + image.width() <= self.size.width);
        assert!(top + image.height() <= self.size.height - self.cell.height);
        for (x, y, pixel) in image.enumerate_pixels() {
            self.plane[((top + y) * self.size.width + left + x) as usize] = Some(pixel.0);
        }
        self.files.push(Rect::at(
            left as i32,
            top as i32,
            Size::new(image.width(), image.height()),
        ));
    }
}

fn arguments(keys: &str) -> HashMap<String, String> {
    let pairs = keys
        .split(';')
        .map(|pair| pair.split_once('=').expect("a pair"));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn from_base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text.bytes().filter(|digit| *digit != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            other => panic!("{:?} in base64", other as char),
        };
        (bits, held) = (bits << 6 | u32::from(value), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}
