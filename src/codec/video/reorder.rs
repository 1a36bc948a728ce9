//! Puts pictures that were decoded in another order than shown back into order, with as little delay as the stream allows.

/// Pictures that wait for earlier ones.
#[derive(Debug)]
pub(super) struct Reorder<T> {
    /// How many pictures may come before one that is shown earlier.
    depth: usize,
    /// With their place in the order; at most `depth` between calls.
    waiting: Vec<(i32, T)>,
    /// Place of the picture that left last.
    last: Option<i32>,
}

impl<T> Default for Reorder<T> {
    fn default() -> Self {
        Self {
            depth: 0,
            waiting: Vec::new(),
            last: None,
        }
    }
}

impl<T> Reorder<T> {
    /// Most pictures held back. Encoders in use hold back two.
    const MAX_DEPTH: usize = 4;

    /// The stream says how many pictures have to be held back.
    pub fn set_depth(&mut self, depth: u32) {
        self.depth = usize::try_from(depth)
            .unwrap_or(Self::MAX_DEPTH)
            .min(Self::MAX_DEPTH);
    }

    /// A new sequence begins, in which places count from 0 again: everything that waits is shown before.
    pub fn restart(&mut self, out: &mut Vec<T>) {
        self.waiting.sort_by_key(|(place, _)| *place);
        out.extend(self.waiting.drain(..).map(|(_, picture)| picture));
        self.last = None;
    }

    /// Takes the next decoded picture, and gives those whose turn it is. One that is too late is given at once, and more are
    /// held back from then on.
    pub fn push(&mut self, place: i32, picture: T, out: &mut Vec<T>) {
        if self.last.is_some_and(|last| place < last) {
            self.depth = (self.depth + 1).min(Self::MAX_DEPTH);
            out.push(picture);
            return;
        }
        self.waiting.push((place, picture));
        while self.waiting.len() > self.depth {
            let places = self.waiting.iter().enumerate();
            let Some((first, _)) = places.min_by_key(|(_, (place, _))| *place) else {
                return;
            };
            let (place, picture) = self.waiting.remove(first);
            self.last = Some(place);
            out.push(picture);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(reorder: &mut Reorder<i32>, places: &[i32]) -> Vec<i32> {
        let mut out = Vec::new();
        places
            .iter()
            .for_each(|place| reorder.push(*place, *place, &mut out));
        out
    }

    #[test]
    fn pictures_in_order_pass_at_once() {
        assert_eq!(play(&mut Reorder::default(), &[0, 2, 4]), [0, 2, 4]);
    }

    #[test]
    fn pictures_wait_for_as_many_as_the_stream_says() {
        let mut reorder = Reorder::default();
        reorder.set_depth(1);
        assert_eq!(play(&mut reorder, &[0, 6, 2, 4, 12, 8]), [0, 2, 4, 6, 8]);
    }

    #[test]
    fn a_stream_that_does_not_say_is_in_order_after_the_first_late_picture() {
        let mut reorder = Reorder::default();
        assert_eq!(
            play(&mut reorder, &[0, 6, 2, 4, 12, 8, 10, 18]),
            [0, 6, 2, 4, 8, 10]
        );
    }

    #[test]
    fn a_new_sequence_lets_everything_go() {
        let mut reorder = Reorder::default();
        reorder.set_depth(3);
        assert!(play(&mut reorder, &[4, 2]).is_empty());
        let mut out = Vec::new();
        reorder.restart(&mut out);
        assert_eq!(out, [2, 4]);
        reorder.set_depth(0);
        assert_eq!(play(&mut reorder, &[0]), [0]);
    }
}
