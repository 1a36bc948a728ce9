//! Samples: in WAV files, and in packets.

use std::io::Cursor;

use bytes::Bytes;
use capsaicin::channel::audio::{Format, Mode, Packet};
use capsaicin::sound::{BadPacket, Decoder, Encoder, wav};

const STEREO: Format = Format {
    channels: 2,
    rate: 44_100,
};

fn packet(mode: Mode, data: &[u8]) -> Packet {
    let data = Bytes::copy_from_slice(data);
    Packet { mode, data }
}

/// A file with these samples.
fn file(samples: &[i16]) -> Vec<u8> {
    let mut writer = wav::Writer::new(Cursor::new(Vec::new()), STEREO).unwrap();
    writer.write(samples).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_wav_file_is_44_bytes_and_its_samples() {
    let bytes = file(&[1, -2, 0x1234, -32_768]);
    // By the format's description: sizes 36 + 8 and 16, PCM, 2 channels, 44100 Hz, 176400 bytes a second, 4 a frame, 16 bits.
    let expected = [
        b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0"
            .as_slice(),
        b"data\x08\0\0\0\x01\0\xfe\xff\x34\x12\0\x80",
    ]
    .concat();
    assert_eq!(bytes, expected);
}

#[test]
fn what_was_written_is_read_in_pieces_of_any_size() {
    let samples: Vec<i16> = (0..1000).collect();
    let mut reader = wav::Reader::new(Cursor::new(file(&samples))).unwrap();
    assert_eq!(reader.format(), STEREO);
    let mut read = reader.read(3).unwrap();
    assert_eq!(read.len(), 6);
    read.extend(reader.read(10_000).unwrap());
    assert_eq!(read, samples);
    assert!(reader.read(1).unwrap().is_empty());
}

#[test]
fn a_file_that_was_never_finished_holds_what_was_told_last() {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = wav::Writer::new(&mut bytes, STEREO).unwrap();
    // More than a second: the header is brought up to date.
    writer.write(&[7; 88_200]).unwrap();
    writer.write(&[8; 10]).unwrap();
    let mut reader = wav::Reader::new(Cursor::new(bytes.into_inner())).unwrap();
    assert_eq!(reader.read(1 << 16).unwrap().len(), 88_200);
}

#[test]
fn other_chunks_and_the_longer_header_are_read_over() {
    let plain = file(&[5, 6]);
    let mut fmt = plain[12..36].to_vec();
    fmt[4] = 40;
    fmt[8..10].copy_from_slice(&[0xfe, 0xff]);
    // 22 more bytes: valid bits, speakers, and the id of PCM.
    fmt.extend([
        22, 0, 16, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71,
    ]);
    let bytes = [&plain[..12], b"LIST\x03\0\0\0abc\0", &fmt, &plain[36..]].concat();
    let mut reader = wav::Reader::new(Cursor::new(bytes)).unwrap();
    assert_eq!(reader.read(9).unwrap(), [5, 6]);
}

#[test]
fn files_that_are_none_or_of_other_samples_are_refused_in_words() {
    let refused = |bytes: &[u8]| {
        wav::Reader::new(Cursor::new(bytes))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(refused(b""), "not a WAV file");
    assert_eq!(refused(b"OggS and so on, and on"), "not a WAV file");
    let mut eight_bits = file(&[]);
    eight_bits[34] = 8;
    assert!(refused(&eight_bits).starts_with("not a WAV file of 16-bit samples"));
    let mut no_channel = file(&[]);
    no_channel[22] = 0;
    assert!(refused(&no_channel).starts_with("not a WAV file of 16-bit samples"));
}

#[test]
fn raw_packets_are_little_endian_and_lose_half_frames() {
    let mut decoder = Decoder::new(STEREO);
    let samples = decoder.decode(&packet(Mode::Raw, &[1, 0, 0xff, 0xff, 9, 9, 9]));
    assert_eq!(samples, Ok(&[1, -1][..]));
}

#[test]
fn a_coding_that_is_not_understood_is_an_error_and_the_next_packet_is_sound() {
    let mut decoder = Decoder::new(STEREO);
    let celt = packet(Mode::Celt, &[1, 2, 3]);
    assert_eq!(decoder.decode(&celt), Err(BadPacket::Unknown));
    // 44.1 kHz is none of Opus' rates.
    let opus = packet(Mode::Opus, &[0xfc]);
    assert_eq!(decoder.decode(&opus), Err(BadPacket::Unknown));
    assert!(decoder.decode(&packet(Mode::Raw, &[0; 4])).is_ok());
}

#[cfg(feature = "opus")]
#[test]
fn opus_packets_hold_ten_milliseconds_and_come_back_as_they_went() {
    let format = Format {
        channels: 2,
        rate: 48_000,
    };
    let tone = |at: usize| (8000.0 * (at as f64 * std::f64::consts::TAU / 120.0).sin()) as i16;
    let samples: Vec<i16> = (0..48_000).flat_map(|at| [tone(at), tone(at)]).collect();
    let mut encoder = Encoder::new(format, true);
    // In pieces that are no blocks.
    let packets: Vec<Packet> = samples
        .chunks(1234)
        .flat_map(|piece| encoder.encode(piece))
        .collect();
    assert_eq!(packets.len(), 100);
    assert!(
        packets
            .iter()
            .all(|p| p.mode == Mode::Opus && p.data.len() <= 480)
    );
    let mut decoder = Decoder::new(format);
    let mut back = Vec::new();
    for packet in &packets {
        back.extend_from_slice(decoder.decode(packet).unwrap());
    }
    assert_eq!(back.len(), samples.len());
    let error = |at: usize| f64::from(back[at + 624]) - f64::from(samples[at]);
    let span = 9600..80_000;
    let noise: f64 = span.clone().map(|at| error(at).powi(2)).sum();
    let signal: f64 = span.map(|at| f64::from(samples[at]).powi(2)).sum();
    let ratio = 10.0 * (signal / noise).log10();
    assert!(ratio > 30.0, "{ratio:.1} dB");
}

#[test]
fn raw_packets_are_blocks_of_480_frames_and_the_rest_waits() {
    let mut encoder = Encoder::new(STEREO, false);
    assert_eq!(encoder.encode(&[3; 959]), []);
    let packets = encoder.encode(&[3; 962]);
    let lengths: Vec<usize> = packets.iter().map(|p| p.data.len()).collect();
    assert_eq!(lengths, [1920, 1920]);
}
