//! One image, placed once, whose dots are edited.
//!
//! An image is sent whole only when there is none of that size; everything later is an edit of a rectangle (`a=f`), however
//! large. An image that is sent again by its own number is blank until its last chunk has come, and costs kitty 0.26.5 more
//! than twice as much as an edit of all of it. An edit, even of one dot, costs it as much as some thousands of compressed dots,
//! because it makes the whole image anew: hence few rectangles. They may have any number of chunks as long as each repeats
//! which frame of which image it edits; otherwise the terminal takes it for a new picture.
//!
//! Rows move by composing (`a=c`) from the frame that is shown to itself, or, when the two places overlap, to a second frame
//! that is never shown and back.

use super::command::Route;
use super::join::join;
use super::media::{Media, Medium};
use super::payload::{How, Payloads};
use super::pointer::PointerLayer;
use super::sight::Sight;
use super::{delete, quiet};
use crate::geometry::{Rect, Size};
use crate::pixels::{PixelFormat, PixelView};
use crate::term::paint::{Painted, Painter, Place, Quality, Room, Scene};
use crate::term::portion::{Portion, Sorted};
use crate::term::shadow::{Changes, Move, Moves, Shadow, Wanted};

/// What is compared and refined at once, dots.
const GRAIN: Size = Size::new(16, 16);

/// Most edits of a frame.
const MOST_EDITS: usize = 8;

/// Fewer dots than this are always sent exactly.
const FEW_DOTS: u64 = 64 << 10;

/// Bytes of one step on the way to an exact picture: enough to get there soon, few enough for a key press not to wait behind
/// them.
const STEP_BYTES: usize = 16 << 10;

/// Fewest bytes that are worth a file.
const WORTH_A_FILE: u64 = 4 << 10;

/// A painter for terminals with all of the protocol.
pub struct Edits {
    /// The image that is shown, and the one that is not.
    images: [u32; 2],
    shadow: Shadow,
    /// Where the image is; `None` without one.
    placed: Option<Place>,
    /// What is in sight of it.
    sight: Sight,
    /// Whether the image has a second frame.
    has_scratch: bool,
    /// An image that went out of sight without being deleted.
    lost: bool,
    pointer: PointerLayer,
    payloads: Payloads,
    media: Media,
    portion: Portion,
    /// The same for steps on the way to an exact picture.
    step: Portion,
    /// Whether the last one was such a step.
    is_refining: bool,
}

impl Edits {
    /// A painter that uses the image numbers from `id` to `id + 2`; they must be no other painter's, and are better chosen
    /// anew for each start of the program.
    pub fn new(id: u32, medium: Medium) -> Self {
        let id = id.clamp(1, u32::MAX - 2);
        Self {
            images: [id, id + 1],
            shadow: Shadow::new(GRAIN),
            placed: None,
            sight: Sight::default(),
            has_scratch: false,
            lost: false,
            pointer: PointerLayer::new(id + 2),
            payloads: Payloads::default(),
            media: Media::new(medium, id),
            portion: Portion::default(),
            step: Portion::default(),
            is_refining: false,
        }
    }

    /// Sends a whole image under the other number, shows it, and deletes the one before. Where there is no room for it, one
    /// without a picture, of which as much as has room is edited then.
    fn start(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        let [old, id] = self.images;
        self.pointer.lose_place();
        let had_one = self.lost || self.placed.is_some();
        let whole = scene.picture.size.to_rect();
        let keys = self.sight.begin(id, whole, scene, out);
        let rects = self
            .shadow
            .plan(scene.picture, &[], Wanted::default())
            .rects;
        let is_whole = self.send_whole(&keys, scene, out);
        if !is_whole {
            self.send_blank(&keys, whole.size(), out);
        }
        self.sight.show(id, whole, scene, out);
        if had_one {
            delete(Route::Direct, old, out);
        }
        self.images = [id, old];
        self.placed = Some(scene.place);
        (self.has_scratch, self.lost) = (false, false);
        if is_whole {
            return Painted {
                dots: whole.area(),
                ..Painted::default()
            };
        }
        self.draw(scene, &rects, out)
    }

    /// Sends all of the picture, if there is room for it.
    fn send_whole(&mut self, keys: &str, scene: &Scene<'_>, out: &mut Vec<u8>) -> bool {
        let (whole, start) = (scene.picture.size.to_rect(), out.len());
        if self.media.is_inline() && !self.portion.has_room_for(whole.area()) {
            return false;
        }
        let how = self.how(scene.quality, whole.area());
        let inexact = self.send(keys, quiet(), scene, whole, how, out);
        if self.media.is_inline() && (out.len() - start) / 2 > self.portion.room().bytes {
            out.truncate(start);
            return false;
        }
        self.shadow.show(scene.picture, whole, false);
        inexact.iter().for_each(|tile| self.shadow.coarsen(*tile));
        true
    }

    fn send_blank(&mut self, keys: &str, size: Size, out: &mut Vec<u8>) {
        let stride = PixelFormat::Xrgb.row_bytes(size.width);
        let dots = vec![0; stride * size.height as usize];
        if let Some(blank) = PixelView::new(PixelFormat::Xrgb, size, stride, &dots) {
            let encoded = self.payloads.encode(blank, size.to_rect(), How::Exact);
            let keys = format!("{keys},{}", encoded.form.keys(size));
            Route::Direct.send(&keys, quiet(), encoded.bytes, out);
        }
    }

    /// Makes rows move in the image.
    fn make_move(&mut self, Move { area, up }: Move, out: &mut Vec<u8>) {
        let distance = up.unsigned_abs();
        let rows = area.height().saturating_sub(distance);
        let (from, to) = if up > 0 {
            (area.top + up, area.top)
        } else {
            (area.top, area.top - up)
        };
        if rows <= distance {
            self.compose((1, 1), area, (from, to), rows, out);
            return;
        }
        if !self.has_scratch {
            self.has_scratch = true;
            // It stands upon no other frame, and has alpha: kitty 0.26.5 composes garbage when a frame and the one it stands
            // upon differ in whether they have, which is up to how the image was sent.
            let keys = format!("a=f,i={},{},f=32,s=1,v=1", self.images[0], quiet());
            Route::Direct.send(&keys, "", &[0; 4], out);
        }
        self.compose((1, 2), area, (from, to), rows, out);
        self.compose((2, 1), area, (to, to), rows, out);
    }

    /// Copies rows of an area from one frame to another.
    fn compose(
        &self,
        (source, target): (u32, u32),
        area: Rect,
        (from, to): (i32, i32),
        rows: u32,
        out: &mut Vec<u8>,
    ) {
        let (id, left, width) = (self.images[0], area.left, area.width());
        let keys = format!(
            "a=c,i={id},{},r={source},c={target},C=1,w={width},h={rows},X={left},Y={from},x={left},y={to}",
            quiet()
        );
        Route::Direct.send(&keys, "", b"", out);
    }

    /// Sends a part of the picture that is there; the tiles of it that are not exact.
    fn edit(&mut self, scene: &Scene<'_>, rect: Rect, how: How, out: &mut Vec<u8>) -> Vec<Rect> {
        let more = format!("a=f,i={},r=1,{}", self.images[0], quiet());
        let keys = format!("{more},x={},y={}", rect.left, rect.top);
        self.send(&keys, &more, scene, rect, how, out)
    }

    /// Sends a part of the picture in a command, which goes on with the keys `more`; the tiles of it that are not exact.
    fn send(
        &mut self,
        keys: &str,
        more: &str,
        scene: &Scene<'_>,
        rect: Rect,
        how: How,
        out: &mut Vec<u8>,
    ) -> Vec<Rect> {
        if !self.media.is_inline() && rect.area() >= WORTH_A_FILE {
            let (form, dots) = self.payloads.plain(scene.picture, rect);
            if let Some((kind, name)) = self.media.write(dots) {
                let keys = format!("{keys},{},t={kind}", form.keys(rect.size()));
                Route::Direct.send(&keys, more, &name, out);
                return Vec::new();
            }
        }
        let encoded = self.payloads.encode(scene.picture, rect, how);
        let keys = format!("{keys},{}", encoded.form.keys(rect.size()));
        Route::Direct.send(&keys, more, encoded.bytes, out);
        encoded.inexact(scene.picture, GRAIN)
    }

    /// How so many dots are sent.
    fn how(&self, quality: Quality, dots: u64) -> How {
        if self.media.is_inline() && (!quality.is_best() || dots > FEW_DOTS) {
            How::Reduced(quality)
        } else {
            How::Exact
        }
    }

    /// Appends the changes to an image that is there.
    fn change(&mut self, scene: &Scene<'_>, changed: &[Rect], out: &mut Vec<u8>) -> Painted {
        let wanted = Wanted {
            tight: true,
            moves: Moves::Any,
            refine: false,
        };
        let changes = self.shadow.plan(scene.picture, changed, wanted);
        if let Some(moved) = changes.moved {
            self.make_move(moved, out);
        }
        if changes == Changes::default() && scene.quality.is_best() && self.shadow.is_coarse() {
            return self.refine(scene, out);
        }
        self.draw(scene, &changes.rects, out)
    }

    /// Draws what there is room for.
    fn draw(&mut self, scene: &Scene<'_>, rects: &[Rect], out: &mut Vec<u8>) -> Painted {
        self.is_refining = false;
        let dots: u64 = rects.iter().map(|rect| rect.area()).sum();
        let how = self.how(scene.quality, dots);
        let mut portion = std::mem::take(&mut self.portion);
        let parts = portion.room().parts;
        let most = MOST_EDITS.min(parts);
        let sorted = if scene.quality.is_best() && portion.has_room_for(dots) {
            Sorted {
                small: Vec::new(),
                large: join(rects, most),
            }
        } else {
            let sorted = portion.sort(rects, GRAIN);
            Sorted {
                small: join(&sorted.small, MOST_EDITS.min(parts.div_ceil(2))),
                large: join(&sorted.large, most),
            }
        };
        let painted = self.draw_portion(&mut portion, sorted, scene, how, out);
        self.portion = portion;
        painted
    }

    fn draw_portion(
        &mut self,
        portion: &mut Portion,
        sorted: Sorted,
        scene: &Scene<'_>,
        how: How,
        out: &mut Vec<u8>,
    ) -> Painted {
        let whole = scene.picture.size.to_rect();
        let mut painted = Painted::default();
        let drawn = portion.draw(sorted, GRAIN, out, |rect, small, out| {
            let how = if small { How::Exact } else { how };
            let rect = how.aligned(rect, whole);
            (rect, self.edit(scene, rect, how, out))
        });
        for (_, (rect, inexact)) in drawn.shown {
            painted.dots += rect.area();
            self.shadow.show(scene.picture, rect, false);
            inexact.iter().for_each(|tile| self.shadow.coarsen(*tile));
        }
        for rect in drawn.owed {
            painted.owed += rect.area();
            self.shadow.owe(rect);
        }
        painted
    }

    /// Makes some of what is not exact exact.
    fn refine(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        let wanted = Wanted {
            refine: true,
            ..Wanted::default()
        };
        let rects = self.shadow.plan(scene.picture, &[], wanted).rects;
        let mut step = std::mem::take(&mut self.step);
        let room = self.portion.room();
        // Steps that cost much by themselves are large ones.
        let most = if room.parts < MOST_EDITS {
            usize::MAX
        } else {
            STEP_BYTES
        };
        step.limit(
            Room {
                bytes: room.bytes.min(most),
                ..room
            },
            &[],
        );
        if !std::mem::replace(&mut self.is_refining, true) {
            step.look_at(self.portion.eye());
            step.begin_at_eye(GRAIN);
        }
        let sorted = step.sort(&rects, GRAIN);
        let painted = self.draw_portion(&mut step, sorted, scene, How::Exact, out);
        self.step = step;
        // What is only not exact is no part of a frame that is not complete.
        Painted { owed: 0, ..painted }
    }
}

impl Painter for Edits {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        let whole = scene.picture.size.to_rect();
        if whole.is_empty() || scene.picture.packed().is_none() || scene.place.cell.is_empty() {
            return Painted::default();
        }
        let same_size = self
            .shadow
            .view()
            .is_some_and(|shown| shown.size == scene.picture.size);
        let painted = match self.placed.filter(|_| same_size) {
            Some(before) => {
                self.sight.show(self.images[0], whole, scene, out);
                if before == scene.place {
                    self.change(scene, scene.changed, out)
                } else {
                    self.placed = Some(scene.place);
                    self.pointer.lose_place();
                    self.change(scene, &[whole], out)
                }
            }
            None => self.start(scene, out),
        };
        self.pointer.paint(scene, &mut self.payloads, out);
        Painted {
            coarse: self.shadow.is_coarse(),
            ..painted
        }
    }

    fn limit(&mut self, room: Room, first: &[Rect]) {
        self.portion.limit(room, first);
    }

    fn forget(&mut self) {
        self.lost |= self.placed.take().is_some();
        self.shadow.forget();
        self.pointer.forget();
    }

    fn leave(&mut self, out: &mut Vec<u8>) {
        if self.lost || self.placed.is_some() {
            delete(Route::Direct, self.images[0], out);
        }
        self.pointer.leave(out);
        self.forget();
        self.lost = false;
        self.media.sweep();
    }

    fn has_pointer_layer(&self) -> bool {
        true
    }
}
