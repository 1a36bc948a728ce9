//! Packets of sound and WAV files that are damaged, or anything at all.

use std::io::Cursor;

use bytes::Bytes;
use capsaicin::channel::audio::{Format, Mode, Packet};
use capsaicin::sound::{Decoder, Encoder, wav};

use crate::mutate::{Random, mutate, rounds};

const STEREO: Format = Format {
    channels: 2,
    rate: 48_000,
};

#[test]
fn damaged_packets_are_refused_or_at_most_120_milliseconds() {
    let mut random = Random::new(0x50c4_0001);
    let mut encoder = Encoder::new(STEREO, true);
    let noise: Vec<i16> = (0..48_000).map(|_| random.next() as i16 >> 2).collect();
    let packets = encoder.encode(&noise);
    for _ in 0..rounds(20) {
        let mut decoder = Decoder::new(STEREO);
        for packet in &packets {
            let data = match random.below(4) {
                0 => packet.data.to_vec(),
                1 => (0..random.below(600))
                    .map(|_| random.next() as u8)
                    .collect(),
                _ => mutate(&packet.data, &mut random),
            };
            let mode = if random.below(5) == 0 {
                Mode::Raw
            } else {
                packet.mode
            };
            let len = data.len();
            let packet = Packet {
                mode,
                data: Bytes::from(data),
            };
            if let Ok(samples) = decoder.decode(&packet) {
                assert!(samples.len() <= (5760 * 2).max(len / 2));
                assert!(samples.len().is_multiple_of(2));
            }
        }
    }
}

#[test]
fn damaged_wav_files_are_refused_or_read_to_an_end_no_longer_than_they_are() {
    let mut writer = wav::Writer::new(Cursor::new(Vec::new()), STEREO).unwrap();
    writer.write(&[1000; 400]).unwrap();
    let file = writer.finish().unwrap().into_inner();
    let mut random = Random::new(0x50c4_0002);
    let cut = (0..=file.len()).map(|end| file[..end].to_vec());
    let damaged: Vec<Vec<u8>> = (0..rounds(2000))
        .map(|_| mutate(&file, &mut random))
        .collect();
    for bytes in cut.chain(damaged) {
        let len = bytes.len();
        let Ok(mut reader) = wav::Reader::new(Cursor::new(bytes)) else {
            continue;
        };
        let mut samples = 0;
        loop {
            let more = reader.read(100).unwrap().len();
            samples += more;
            if more == 0 {
                break;
            }
        }
        assert!(samples * 2 <= len);
    }
}
