//! What the server asked to be told about a stream.

use std::time::Duration;

use crate::channel::display::messages::{StreamActivateReport, StreamReport};

/// Counts frames until a report is due (spec 07c §5).
#[derive(Clone, Debug)]
pub(super) struct Report {
    unique_id: u32,
    /// Frames after which a report is due.
    window: u32,
    /// Time after which a report is due; looked at when a frame comes.
    timeout: Duration,
    /// When the first frame counted came, and its time.
    start: (Duration, u32),
    frames: u32,
    drops: u32,
    /// Late frames in a row.
    late_in_a_row: u32,
}

/// Late frames in a row that are worth a report.
const LATE_IN_A_ROW: u32 = 3;

/// What stands for the delay of sound while none is played.
const NO_SOUND: u32 = u32::MAX;

impl Report {
    pub fn new(order: &StreamActivateReport) -> Self {
        Self {
            unique_id: order.unique_id,
            window: order.max_window_size,
            timeout: Duration::from_millis(order.timeout_ms.into()),
            start: (Duration::ZERO, 0),
            frames: 0,
            drops: 0,
            late_in_a_row: 0,
        }
    }

    /// A frame for `time` came, `margin` milliseconds before it, while `sound` is heard with this delay; the report, if one is
    /// due.
    pub fn count(
        &mut self,
        stream: u32,
        time: u32,
        margin: i32,
        sound: Option<Duration>,
        now: Duration,
    ) -> Option<StreamReport> {
        if self.frames == 0 {
            self.start = (now, time);
        }
        self.frames += 1;
        if margin < 0 {
            self.drops += 1;
            self.late_in_a_row += 1;
        } else {
            self.late_in_a_row = 0;
        }
        let is_due = self.frames >= self.window
            || now.saturating_sub(self.start.0) >= self.timeout
            || self.late_in_a_row >= LATE_IN_A_ROW;
        is_due.then(|| {
            let report = StreamReport {
                stream_id: stream,
                unique_id: self.unique_id,
                start_frame_mm_time: self.start.1,
                end_frame_mm_time: time,
                num_frames: self.frames,
                num_drops: self.drops,
                last_frame_delay: margin,
                audio_delay: sound.map_or(NO_SOUND, |delay| delay.as_millis() as u32),
            };
            (self.frames, self.drops, self.late_in_a_row) = (0, 0, 0);
            report
        })
    }
}
