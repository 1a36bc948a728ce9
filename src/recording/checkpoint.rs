//! Moments of a recording to which a player can go back at once, within a budget of memory.
//!
//! A checkpoint is a fork of the player whose pixels are put away, compressed with LZ4: those of surfaces in pieces, and those
//! of the GLZ window by image. What is as it was at the checkpoint before is held once; so are images of the pixmap cache,
//! which stay as they are. When there are too many checkpoints, those go whose loss costs least time.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use super::Player;
use super::source::Reopen;
use super::told::Told;
use crate::codec::glz;
use crate::geometry::Size;
use crate::pixels::PixelFormat;

/// Bytes of a surface that are held together.
const PIECE: usize = 64 << 10;

/// Bytes a checkpoint costs beside what it shares, generously: the reader's buffer is the most of it.
const OWN_BYTES: u64 = 64 << 10;

/// Bytes that a checkpoint has of each image of the GLZ window beside its pixels.
const IMAGE_BYTES: u64 = 64;

/// A moment to go back to.
pub(super) struct Checkpoint<R> {
    at: Duration,
    /// What it takes to play from the beginning to here.
    cost: Duration,
    /// Without surfaces, and without pixels in the GLZ window.
    player: Player<R>,
    surfaces: Vec<Packed>,
    /// The pixels of the GLZ window's images, in its order.
    window: Vec<Arc<Piece>>,
    /// The images of the pixmap cache: a number of each, and its bytes.
    pixmaps: Vec<(usize, u64)>,
    told: Told,
}

/// A surface that is put away.
#[derive(Clone)]
struct Packed {
    display: u8,
    surface: u32,
    format: PixelFormat,
    size: Size,
    /// With what is compared to find those that are alike.
    pieces: Vec<(u64, Arc<Piece>)>,
}

/// Pixels that are put away.
struct Piece {
    len: usize,
    coded: Box<[u8]>,
}

/// Makes checkpoints of a player, each of which shares what it can with the one before.
#[derive(Default)]
pub(super) struct Packer {
    hasher: RandomState,
    /// Of the one before.
    surfaces: Vec<Packed>,
    /// Images of the one before, by the numbers they have while they are here.
    images: HashMap<usize, (glz::Pixels, Arc<Piece>)>,
}

/// The checkpoints of a recording, in the order of their times.
pub(super) struct Checkpoints<R> {
    all: Vec<Checkpoint<R>>,
    budget: u64,
    /// What is shared: how often, and how large it is.
    shared: HashMap<usize, (u32, u64)>,
    bytes: u64,
}

impl Packer {
    /// A checkpoint of the player where it is, to which it takes `cost` to play; `None` where the session cannot be forked.
    pub(super) fn pack<R: Reopen>(
        &mut self,
        player: &Player<R>,
        told: &Told,
        cost: Duration,
    ) -> Option<Checkpoint<R>> {
        let mut fork = player.fork()?;
        let surfaces = self.put_surfaces_away(&mut fork);
        let window = self.put_window_away(&mut fork);
        Some(Checkpoint {
            at: player.now(),
            cost,
            surfaces,
            window,
            pixmaps: fork.session().shared().pixmaps.shared().collect(),
            player: fork,
            told: told.clone(),
        })
    }

    fn put_surfaces_away<R: Reopen>(&mut self, player: &mut Player<R>) -> Vec<Packed> {
        let displays: Vec<u8> = player.session().displays().map(|(id, _)| id).collect();
        let mut surfaces = Vec::new();
        for display in displays {
            let Some(client) = player.session_mut().display_mut(display) else {
                continue;
            };
            for (surface, found) in client.canvas().surfaces() {
                let same =
                    |packed: &&Packed| (packed.display, packed.surface) == (display, surface);
                let before = self.surfaces.iter().find(same);
                surfaces.push(Packed {
                    display,
                    surface,
                    format: found.format(),
                    size: found.size(),
                    pieces: self.pieces(found.pixels().data(), before),
                });
            }
            client.canvas_mut().clear();
        }
        self.surfaces.clone_from(&surfaces);
        surfaces
    }

    fn pieces(&self, rows: &[u8], before: Option<&Packed>) -> Vec<(u64, Arc<Piece>)> {
        let piece = |(place, rows): (usize, &[u8])| {
            let hash = self.hasher.hash_one(rows);
            let old = before.and_then(|before| before.pieces.get(place));
            match old.filter(|(old, piece)| *old == hash && piece.len == rows.len()) {
                Some((_, old)) => (hash, Arc::clone(old)),
                None => (hash, Arc::new(Piece::of(rows))),
            }
        };
        rows.chunks(PIECE).enumerate().map(piece).collect()
    }

    fn put_window_away<R: Reopen>(&mut self, player: &mut Player<R>) -> Vec<Arc<Piece>> {
        let window = &mut player.session_mut().shared_mut().glz;
        let mut images = HashMap::with_capacity(window.images());
        let mut pieces = Vec::with_capacity(window.images());
        let none = glz::Pixels::written(0, |_| {});
        window.replace_pixels(|pixels| {
            let number = pixels.identity();
            let piece = match self.images.get(&number) {
                Some((_, piece)) => Arc::clone(piece),
                None => Arc::new(Piece::of(pixels)),
            };
            pieces.push(Arc::clone(&piece));
            images.insert(number, (pixels.clone(), piece));
            none.clone()
        });
        self.images = images;
        pieces
    }
}

impl<R: Reopen> Checkpoints<R> {
    /// None, and room for so many bytes.
    pub(super) fn new(budget: u64) -> Self {
        Self {
            all: Vec::new(),
            budget,
            shared: HashMap::new(),
            bytes: 0,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds one behind the last.
    pub(super) fn add(&mut self, checkpoint: Checkpoint<R>) {
        for (identity, bytes) in checkpoint.parts() {
            let held = self.shared.entry(identity).or_insert((0, bytes));
            if held.0 == 0 {
                self.bytes += bytes;
            }
            held.0 += 1;
        }
        self.bytes += checkpoint.own_bytes();
        self.all.push(checkpoint);
        while self.bytes > self.budget && self.all.len() > 2 {
            self.drop_least();
        }
    }

    /// The time of the newest one that is not after `at`.
    pub(super) fn before(&self, at: Duration) -> Option<Duration> {
        let behind = self.all.partition_point(|checkpoint| checkpoint.at <= at);
        self.all.get(behind.checked_sub(1)?).map(|found| found.at)
    }

    /// A player at the newest checkpoint that is not after `at`, and what was told by then.
    pub(super) fn restore(&self, at: Duration) -> Option<(Player<R>, Told)> {
        let behind = self.all.partition_point(|checkpoint| checkpoint.at <= at);
        let checkpoint = self.all.get(behind.checked_sub(1)?)?;
        let mut player = checkpoint.player.fork()?;
        for packed in &checkpoint.surfaces {
            packed.bring_back(&mut player)?;
        }
        checkpoint.bring_window_back(&mut player);
        Some((player, checkpoint.told.clone()))
    }

    /// Drops the one between whose neighbours there is least to play.
    fn drop_least(&mut self) {
        let gap = |at: &usize| {
            let next = self.all.get(at + 1).map_or(Duration::MAX, |next| next.cost);
            let before = at.checked_sub(1).and_then(|at| self.all.get(at));
            next.saturating_sub(before.map_or(Duration::ZERO, |before| before.cost))
        };
        // The first one is the beginning, and behind the last one nothing is known yet.
        let least = (1..self.all.len().saturating_sub(1)).min_by_key(gap);
        let Some(least) = least else { return };
        let gone = self.all.remove(least);
        self.bytes = self.bytes.saturating_sub(gone.own_bytes());
        for (identity, _) in gone.parts() {
            if let Some(held) = self.shared.get_mut(&identity) {
                held.0 = held.0.saturating_sub(1);
                if held.0 == 0 {
                    self.bytes = self.bytes.saturating_sub(held.1);
                    self.shared.remove(&identity);
                }
            }
        }
    }
}

impl<R> Checkpoint<R> {
    /// What others may share: a number of each part, and its bytes.
    fn parts(&self) -> Vec<(usize, u64)> {
        let surfaces = self.surfaces.iter().flat_map(|packed| &packed.pieces);
        let pieces = surfaces.map(|(_, piece)| piece).chain(&self.window);
        let pieces = pieces.map(|piece| (Arc::as_ptr(piece).addr(), piece.coded.len() as u64 + 64));
        pieces.chain(self.pixmaps.iter().copied()).collect()
    }

    /// Bytes of what nobody shares.
    fn own_bytes(&self) -> u64 {
        OWN_BYTES + self.window.len() as u64 * IMAGE_BYTES
    }
}

impl<R: std::io::Read> Checkpoint<R> {
    fn bring_window_back(&self, player: &mut Player<R>) {
        let mut pieces = self.window.iter();
        let window = &mut player.session_mut().shared_mut().glz;
        window.replace_pixels(|none| match pieces.next() {
            Some(piece) => piece.pixels(),
            None => none.clone(),
        });
    }
}

impl Piece {
    fn of(bytes: &[u8]) -> Self {
        Self {
            len: bytes.len(),
            coded: lz4_flex::block::compress(bytes).into_boxed_slice(),
        }
    }

    /// The pixels of an image.
    fn pixels(&self) -> glz::Pixels {
        glz::Pixels::written(self.len / 4, |bytes| {
            // What was coded here fits.
            let _ = lz4_flex::block::decompress_into(&self.coded, bytes);
        })
    }
}

impl Packed {
    /// Makes the surface again; `None` where it does not fit, which it did before.
    fn bring_back<R: std::io::Read>(&self, player: &mut Player<R>) -> Option<()> {
        let canvas = player.session_mut().display_mut(self.display)?.canvas_mut();
        canvas.create(self.surface, self.format, self.size).ok()?;
        let pieces = self.pieces.iter().map(|(_, piece)| piece);
        let mut rows = Vec::with_capacity(pieces.clone().map(|piece| piece.len).sum());
        for piece in pieces {
            rows.extend(lz4_flex::block::decompress(&piece.coded, piece.len).ok()?);
        }
        canvas
            .surface_mut(self.surface)?
            .put_rows(&rows)
            .then_some(())
    }
}
