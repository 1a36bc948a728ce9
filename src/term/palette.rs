//! The xterm palette, and the nearest colour of it.
//!
//! *Nearest* is by the sum of squared differences of red, green and blue; among equals, the lowest index.

/// Levels of each component in the colour cube, indices 16 to 231.
const CUBE_LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The sixteen colours as xterm ships them.
const FIRST_SIXTEEN: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

/// Red, green and blue of palette entry `index`.
pub fn rgb(index: u8) -> [u8; 3] {
    match index {
        0..=15 => FIRST_SIXTEEN[usize::from(index)],
        16..=231 => {
            let n = usize::from(index - 16);
            [
                CUBE_LEVELS[n / 36],
                CUBE_LEVELS[n / 6 % 6],
                CUBE_LEVELS[n % 6],
            ]
        }
        grey => [8 + 10 * (grey - 232); 3],
    }
}

/// The nearest of entries 16 to 255.
///
/// Exact without a search: the cube is nearest component by component, and on the grey ramp the distance depends only
/// on how far a grey is from the mean of the three components.
pub fn nearest_256(red: u8, green: u8, blue: u8) -> u8 {
    let level = |c: u8| match c {
        // Halfway points belong to the lower level, which has the lower index.
        0..=47 => 0,
        48..=115 => 1,
        116..=155 => 2,
        156..=195 => 3,
        196..=235 => 4,
        236..=255 => 5u8,
    };
    let cube = 16 + 36 * level(red) + 6 * level(green) + level(blue);

    // Greys are 8 + 10 n for n in 0..24. Nearest to the mean m of the components: n = ⌈(m − 8 − 5) / 10⌉ with halfway
    // points downwards; times three, to stay with whole numbers.
    let sum = i32::from(red) + i32::from(green) + i32::from(blue);
    let step = ((sum - 39).max(0) as u32).div_ceil(30).min(23) as u8;
    let grey = 232 + step;

    let target = [red, green, blue];
    if distance(rgb(grey), target) < distance(rgb(cube), target) {
        grey
    } else {
        cube
    }
}

/// The nearest of entries 0 to 15.
pub fn nearest_16(red: u8, green: u8, blue: u8) -> u8 {
    (0..16)
        .min_by_key(|i| distance(rgb(*i), [red, green, blue]))
        .unwrap_or_default()
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter()
        .zip(b)
        .map(|(a, b)| u32::from(a.abs_diff(b)).pow(2))
        .sum()
}
