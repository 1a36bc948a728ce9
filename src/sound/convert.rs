//! Samples of one format made those of another: channels are spread or mixed, rates are met by straight lines.

use crate::channel::audio::Format;

/// Converts a stream of samples.
///
/// A stream of one channel is spread over all; the others are taken over as far as there are any, and what is left over on
/// either side is silent, or not heard. Between two samples a straight line is drawn, which is good enough for speech.
#[derive(Clone, Debug)]
pub struct Converter {
    from: Format,
    to: Format,
    /// The frame before the next one given, in channels of `to`.
    last: Vec<i16>,
    /// Place of the next frame to make between `last` and the one after it, in 1 / `to.rate` of the distance.
    place: u64,
    begun: bool,
}

impl Converter {
    /// At the beginning of a stream.
    pub fn new(from: Format, to: Format) -> Self {
        Self {
            from,
            to,
            last: Vec::new(),
            place: 0,
            begun: false,
        }
    }

    /// Converts the next samples, whole frames.
    pub fn convert(&mut self, samples: &[i16]) -> Vec<i16> {
        if self.from == self.to {
            return samples.to_vec();
        }
        let mut out = Vec::new();
        for frame in samples.chunks_exact(self.from.channels.max(1).into()) {
            let frame = self.spread(frame);
            if !std::mem::replace(&mut self.begun, true) {
                self.last = frame;
                continue;
            }
            let span = u64::from(self.to.rate);
            while self.place < span {
                let pairs = self.last.iter().zip(&frame);
                out.extend(pairs.map(|(a, b)| between(*a, *b, self.place, span)));
                self.place += u64::from(self.from.rate);
            }
            self.place -= span;
            self.last = frame;
        }
        out
    }

    fn spread(&self, frame: &[i16]) -> Vec<i16> {
        let channels = usize::from(self.to.channels);
        match frame {
            [only] => vec![*only; channels],
            [first, second, ..] if channels == 1 => {
                vec![((i32::from(*first) + i32::from(*second)) / 2) as i16]
            }
            frame => (0..channels)
                .map(|at| frame.get(at).copied().unwrap_or(0))
                .collect(),
        }
    }
}

/// The value `place / span` of the way from `a` to `b`, which lies between them.
fn between(a: i16, b: i16, place: u64, span: u64) -> i16 {
    let (a, b) = (i64::from(a), i64::from(b));
    (a + (b - a) * place as i64 / span as i64) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(channels: u8, rate: u32) -> Format {
        Format { channels, rate }
    }

    #[test]
    fn the_same_format_passes_unchanged() {
        let mut converter = Converter::new(format(2, 48_000), format(2, 48_000));
        assert_eq!(converter.convert(&[1, 2, 3, 4]), [1, 2, 3, 4]);
    }

    #[test]
    fn twice_the_rate_has_a_sample_half_way_between_two_also_across_calls() {
        let mut converter = Converter::new(format(1, 24_000), format(1, 48_000));
        let mut out = converter.convert(&[0, 100]);
        out.extend(converter.convert(&[200]));
        assert_eq!(out, [0, 50, 100, 150]);
    }

    #[test]
    fn a_third_of_the_rate_keeps_every_third_sample() {
        let mut converter = Converter::new(format(1, 48_000), format(1, 16_000));
        assert_eq!(converter.convert(&[1, 2, 3, 4, 5, 6, 7, 8]), [1, 4, 7]);
    }

    #[test]
    fn one_channel_is_spread_two_are_mixed_and_others_taken_as_far_as_they_go() {
        let with = |from, to, samples: &[i16]| {
            Converter::new(format(from, 8000), format(to, 8000)).convert(samples)
        };
        // The last frame waits for the one after it.
        assert_eq!(with(1, 2, &[5, 6]), [5, 5]);
        assert_eq!(with(2, 1, &[10, 20, 0, 0]), [15]);
        assert_eq!(with(2, 4, &[1, 2, 3, 4]), [1, 2, 0, 0]);
        assert_eq!(with(4, 2, &[1, 2, 3, 4, 0, 0, 0, 0]), [1, 2]);
    }
}
