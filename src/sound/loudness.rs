//! How loud sound is to be, and how loud it is.

/// What the guest wants, applied to samples before they are heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loudness {
    /// Linear, one a channel, 65535 for no change; empty before the guest has said anything.
    volume: Vec<u16>,
    muted: bool,
    /// What the user takes off, per cent.
    cut: u8,
}

impl Loudness {
    /// The guest sets the volume of each channel: linear, 65535 changes nothing.
    pub fn set_volume(&mut self, volume: &[u16]) {
        self.volume = volume.to_vec();
    }

    /// The guest wants silence, or sound.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Whether the guest wants silence.
    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// What the user takes off, per cent.
    pub fn cut(&self) -> u8 {
        self.cut
    }

    /// The user takes off so much, per cent.
    pub fn set_cut(&mut self, percent: u8) {
        self.cut = percent.min(100);
    }

    /// The volume of the loudest channel, per cent.
    pub fn percent(&self) -> u8 {
        let loudest = self.volume.iter().max().copied().unwrap_or(u16::MAX);
        ((self.left(loudest) * 100 + i32::from(u16::MAX) / 2) / i32::from(u16::MAX)) as u8
    }

    /// What the user leaves of a volume, at most 65535.
    fn left(&self, volume: u16) -> i32 {
        i32::from(volume) * (100 - i32::from(self.cut)) / 100
    }

    /// Makes interleaved samples of `channels` channels as loud as the guest wants them and the user leaves them. Channels the guest has not
    /// mentioned are as loud as the last it has.
    pub fn apply(&self, samples: &mut [i16], channels: u8) {
        if self.muted {
            samples.fill(0);
        } else if self.cut > 0 || self.volume.iter().any(|volume| *volume != u16::MAX) {
            for frame in samples.chunks_mut(channels.max(1).into()) {
                for (at, sample) in frame.iter_mut().enumerate() {
                    let volume = self.volume.get(at).or(self.volume.last());
                    let volume = self.left(volume.copied().unwrap_or(u16::MAX));
                    // The product of 16 and 17 bits, divided by what is at least as large as its second factor.
                    *sample = (i32::from(*sample) * volume / i32::from(u16::MAX)) as i16;
                }
            }
        }
    }
}

/// The highest of samples, per cent of what there can be.
pub fn peak(samples: &[i16]) -> u8 {
    let highest = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
    (u32::from(highest) * 100 / 32_768) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_scales_each_channel_and_the_last_stands_for_those_after_it() {
        let mut loudness = Loudness::default();
        loudness.set_volume(&[65_535, 32_768]);
        let mut samples = [1000, 1000, -1000, i16::MIN, i16::MAX, 2];
        loudness.apply(&mut samples, 3);
        assert_eq!(samples, [1000, 500, -500, i16::MIN, 16_383, 1]);
        assert_eq!(loudness.percent(), 100);
    }

    #[test]
    fn what_the_user_takes_off_comes_on_top_of_what_the_guest_wants() {
        let mut loudness = Loudness::default();
        loudness.set_cut(50);
        let mut samples = [1000, -1000];
        loudness.apply(&mut samples, 2);
        // Half of 65535 is a little less than half.
        assert_eq!(samples, [499, -499]);
        assert_eq!(loudness.percent(), 50);
        loudness.set_volume(&[32_768]);
        assert_eq!(loudness.percent(), 25);
        loudness.set_cut(200);
        loudness.apply(&mut samples, 2);
        assert_eq!(samples, [0, 0]);
        loudness.set_cut(0);
        assert_eq!(loudness.percent(), 50);
    }

    #[test]
    fn nothing_said_changes_nothing_and_mute_is_silence() {
        let mut loudness = Loudness::default();
        let mut samples = [i16::MIN, 7, i16::MAX];
        loudness.apply(&mut samples, 1);
        assert_eq!(samples, [i16::MIN, 7, i16::MAX]);
        loudness.set_muted(true);
        loudness.apply(&mut samples, 1);
        assert_eq!(samples, [0; 3]);
    }

    #[test]
    fn the_peak_is_in_per_cent_of_full_scale() {
        assert_eq!(peak(&[]), 0);
        assert_eq!(peak(&[-100, 16_384, 3]), 50);
        assert_eq!(peak(&[i16::MIN]), 100);
    }
}
