//! LZ one element at a time, straight from the format: what the fast decoder makes of random tokens, and what tokens the
//! encoder makes.

use capsaicin::codec::Limits;
use capsaicin::codec::lz::{self, Header, Kind};
use capsaicin::codec::palette::Indices;
use proptest::prelude::*;

use super::pixels;
use crate::support::pictures::Random;

const HEADER_BYTES: usize = 28;

#[derive(Clone, Debug)]
enum Token {
    /// As they are in the stream, some bytes each.
    Literals(Vec<Vec<u8>>),
    Match {
        length: usize,
        distance: usize,
    },
}

/// How elements are coded.
#[derive(Clone, Copy, Debug)]
struct Class {
    /// Bytes of a literal.
    wire: usize,
    /// What a match is longer than its field.
    bias: usize,
}

const BYTES: Class = Class { wire: 1, bias: 2 };

fn class(kind: Kind) -> Class {
    match kind {
        Kind::Plt(_) | Kind::A8 | Kind::Xxxa => BYTES,
        Kind::Rgb16 => Class { wire: 2, bias: 1 },
        Kind::Rgb24 | Kind::Rgb32 | Kind::Rgba => Class { wire: 3, bias: 0 },
    }
}

/// Takes the tokens of so many elements from the front of `data`.
fn tokens(class: Class, elements: usize, data: &mut &[u8]) -> Vec<Token> {
    let mut take = |count: usize| {
        let (front, rest) = data.split_at(count);
        *data = rest;
        front.to_vec()
    };
    let (mut tokens, mut done) = (Vec::new(), 0);
    while done < elements {
        let first = usize::from(take(1)[0]);
        if first < 32 {
            tokens.push(Token::Literals(
                (0..=first).map(|_| take(class.wire)).collect(),
            ));
            done += first + 1;
            continue;
        }
        let mut length = first >> 5;
        let mut more = if length == 7 { 255 } else { 0 };
        while more == 255 {
            more = usize::from(take(1)[0]);
            length += more;
        }
        length += class.bias;
        let mut distance = (first & 31) * 256 + usize::from(take(1)[0]) + 1;
        if distance == 8192 {
            distance += usize::from(take(1)[0]) * 256;
            distance += usize::from(take(1)[0]);
        }
        tokens.push(Token::Match { length, distance });
        done += length;
    }
    assert_eq!(done, elements);
    tokens
}

/// The elements, in the form of literals.
fn elements(tokens: &[Token]) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    for token in tokens {
        match token {
            Token::Literals(literals) => elements.extend_from_slice(literals),
            Token::Match { length, distance } => {
                for _ in 0..*length {
                    elements.push(elements[elements.len() - distance].clone());
                }
            }
        }
    }
    elements
}

/// The bytes of a token.
fn coded(class: Class, token: &Token) -> Vec<u8> {
    let (length, distance) = match token {
        Token::Literals(literals) => {
            return [&[literals.len() as u8 - 1], &literals.concat()[..]].concat();
        }
        Token::Match { length, distance } => (length - class.bias, *distance),
    };
    let offset = if distance < 8192 { distance - 1 } else { 8191 };
    let mut bytes = vec![(length.min(7) as u8) << 5 | (offset >> 8) as u8];
    if length >= 7 {
        bytes.resize(1 + (length - 7) / 255, 255);
        bytes.push(((length - 7) % 255) as u8);
    }
    bytes.push(offset as u8);
    if distance >= 8192 {
        bytes.extend(((distance - 8192) as u16).to_be_bytes());
    }
    bytes
}

/// Random tokens for so many elements. Long and short ones, near and far.
fn random_tokens(class: Class, elements: usize, random: &mut Random) -> Vec<Token> {
    let (mut tokens, mut done) = (Vec::new(), 0);
    while done < elements {
        let room = elements - done;
        let most = [4, 20, 100, 3000][random.below(4)];
        let length = class.bias + 1 + random.below(most);
        if done == 0 || length > room || random.below(3) == 0 {
            let count = room.min(1 + random.below(32));
            let literal = |_| (0..class.wire).map(|_| random.next() as u8).collect();
            tokens.push(Token::Literals((0..count).map(literal).collect()));
            done += count;
        } else {
            let farthest = [3, 20, 300, 73_727][random.below(4)];
            let distance = 1 + random.below(done.min(farthest));
            tokens.push(Token::Match { length, distance });
            done += length;
        }
    }
    tokens
}

/// The pixels of the decoder, given the elements of the one or two streams.
fn laid_out(kind: Kind, first: &[Vec<u8>], alpha: &[Vec<u8>]) -> Vec<u8> {
    let pixel = |(i, element): (usize, &Vec<u8>)| match kind {
        Kind::Rgb16 => vec![element[1], element[0]],
        Kind::Rgb32 => [&element[..], &[0]].concat(),
        Kind::Rgba => [&element[..], &alpha[i]].concat(),
        Kind::Xxxa => vec![0, 0, 0, element[0]],
        Kind::Rgb24 | Kind::Plt(_) | Kind::A8 => element.clone(),
    };
    first.iter().enumerate().flat_map(pixel).collect()
}

#[test]
fn random_tokens_decode_as_one_element_at_a_time() {
    for kind in [
        Kind::Plt(Indices::EightBit),
        Kind::Rgb16,
        Kind::Rgb24,
        Kind::Rgb32,
        Kind::Rgba,
        Kind::Xxxa,
        Kind::A8,
    ] {
        for seed in 0..60 {
            let mut random = Random(seed);
            let width = 1 + random.below([40, 1000, 100_000][seed as usize % 3]);
            let first = random_tokens(class(kind), width, &mut random);
            let alpha = match kind {
                Kind::Rgba => random_tokens(BYTES, width, &mut random),
                _ => Vec::new(),
            };
            let [row, one] = [kind.row_bytes(width as u32) as u32, 1];
            let header = [
                0x2020_5a4c,
                0x1_0001,
                kind.number(),
                width as u32,
                1,
                row,
                one,
            ];
            let mut data: Vec<u8> = header.into_iter().flat_map(u32::to_be_bytes).collect();
            data.extend(first.iter().flat_map(|token| coded(class(kind), token)));
            data.extend(alpha.iter().flat_map(|token| coded(BYTES, token)));

            let mut out = Vec::new();
            lz::decode(&data, &Limits::default(), &mut out).unwrap();

            let expected = laid_out(kind, &elements(&first), &elements(&alpha));
            assert!(out == expected, "{kind:?}, seed {seed}");
        }
    }
}

/// Holds the tokens of one stream against what every decoder is used to.
fn assert_cautious(elements: usize, tokens: &[Token]) {
    assert!(matches!(tokens[0], Token::Literals(_)));
    let mut done = 0;
    for token in tokens {
        match token {
            Token::Literals(literals) => done += literals.len(),
            Token::Match { length, distance } => {
                assert!((1..=done.min(73_724)).contains(distance));
                assert!(done + 6 < elements, "a match among the last six");
                done += length;
                assert!(done + 2 <= elements, "a match over the last two");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_encoder_makes_streams_that_every_decoder_is_used_to(
        kind in proptest::sample::select(vec![Kind::A8, Kind::Rgb16, Kind::Rgb24, Kind::Rgb32, Kind::Rgba]),
        width in 1u32..400,
        height in 1u32..400,
        content in pixels::content(),
    ) {
        let stride = kind.row_bytes(width) as usize;
        let source = content.rows(kind.row_bytes(1) as usize, width, height, stride);
        let mut stream = Vec::new();
        lz::encode(kind, width, height, stride, false, &source, &mut stream).unwrap();

        let count = (width * height) as usize;
        let mut rest = &stream[HEADER_BYTES..];
        let mut longest = HEADER_BYTES + count * class(kind).wire + count.div_ceil(32);
        assert_cautious(count, &tokens(class(kind), count, &mut rest));
        if kind == Kind::Rgba {
            longest += count + count.div_ceil(32);
            assert_cautious(count, &tokens(BYTES, count, &mut rest));
        }
        prop_assert!(rest.is_empty(), "{} bytes left over", rest.len());
        prop_assert!(stream.len() <= longest);
        let header = Header { kind, width, height, stride: stride as u32, top_down: false };
        prop_assert_eq!(Header::parse(&stream), Ok(header));
    }
}
