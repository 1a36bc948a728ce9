//! Moments of a recording to which a player can go back at once, within a budget of memory.
//!
//! A checkpoint is a fork of the player. What it shares with others is held once: images of the caches by themselves, and
//! surfaces in pieces that are compared with those of the checkpoint before, and compressed with LZ4. When there are too
//! many, those go whose loss costs least time.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use super::Player;
use super::source::Reopen;
use super::told::Told;
use crate::geometry::Size;
use crate::pixels::PixelFormat;

/// Bytes of a surface that are held together.
const PIECE: usize = 64 << 10;

/// Bytes a checkpoint costs beside what it shares, generously: the reader's buffer is the most of it.
const OWN_BYTES: u64 = 64 << 10;

/// A moment to go back to.
pub(super) struct Checkpoint<R> {
    at: Duration,
    /// What it takes to play from the beginning to here.
    cost: Duration,
    /// Without surfaces.
    player: Player<R>,
    surfaces: Vec<Packed>,
    /// The images of its caches: a number of each, and its bytes.
    images: Vec<(usize, u64)>,
    told: Told,
}

/// A surface that is put away.
struct Packed {
    display: u8,
    surface: u32,
    format: PixelFormat,
    size: Size,
    pieces: Vec<Arc<Piece>>,
}

/// Some rows of a surface.
struct Piece {
    /// To find pieces that are alike.
    hash: u64,
    len: usize,
    coded: Vec<u8>,
}

/// The checkpoints of a recording, in the order of their times.
pub(super) struct Checkpoints<R> {
    all: Vec<Checkpoint<R>>,
    budget: u64,
    /// What is shared: how often, and how large it is.
    shared: HashMap<usize, (u32, u64)>,
    bytes: u64,
    hasher: RandomState,
}

impl<R: Reopen> Checkpoints<R> {
    /// None, and room for so many bytes.
    pub(super) fn new(budget: u64) -> Self {
        Self {
            all: Vec::new(),
            budget,
            shared: HashMap::new(),
            bytes: 0,
            hasher: RandomState::new(),
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

    /// Adds one behind the last. Without a word it does not where the session cannot be forked.
    pub(super) fn add(&mut self, player: &Player<R>, told: &Told, cost: Duration) {
        let Some(mut fork) = player.fork() else {
            return;
        };
        let surfaces = self.put_away(&mut fork);
        let checkpoint = Checkpoint {
            at: player.now(),
            cost,
            images: fork.session().shared().images().collect(),
            player: fork,
            surfaces,
            told: told.clone(),
        };
        for (identity, bytes) in checkpoint.parts() {
            let held = self.shared.entry(identity).or_insert((0, bytes));
            if held.0 == 0 {
                self.bytes += bytes;
            }
            held.0 += 1;
        }
        self.bytes += OWN_BYTES;
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
        Some((player, checkpoint.told.clone()))
    }

    fn put_away(&self, player: &mut Player<R>) -> Vec<Packed> {
        let displays: Vec<u8> = player.session().displays().map(|(id, _)| id).collect();
        let mut surfaces = Vec::new();
        for display in displays {
            let Some(client) = player.session_mut().display_mut(display) else {
                continue;
            };
            for (surface, found) in client.canvas().surfaces() {
                let before = self.all.last().and_then(|c| c.packed(display, surface));
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
        surfaces
    }

    fn pieces(&self, rows: &[u8], before: Option<&Packed>) -> Vec<Arc<Piece>> {
        let piece = |(place, rows): (usize, &[u8])| {
            let hash = self.hasher.hash_one(rows);
            let old = before.and_then(|before| before.pieces.get(place));
            match old.filter(|old| old.hash == hash && old.len == rows.len()) {
                Some(old) => Arc::clone(old),
                None => Arc::new(Piece {
                    hash,
                    len: rows.len(),
                    coded: lz4_flex::block::compress(rows),
                }),
            }
        };
        rows.chunks(PIECE).enumerate().map(piece).collect()
    }

    /// Drops the one between whose neighbours there is least to play.
    fn drop_least(&mut self) {
        let gap = |at: &usize| {
            let next = self.all.get(at + 1).map_or(Duration::MAX, |next| next.cost);
            let before = at.checked_sub(1).and_then(|at| self.all.get(at));
            next.saturating_sub(before.map_or(Duration::ZERO, |before| before.cost))
        };
        // The first one is the beginning, and the last one what the next is compared with.
        let least = (1..self.all.len().saturating_sub(1)).min_by_key(gap);
        let Some(least) = least else { return };
        let gone = self.all.remove(least);
        self.bytes = self.bytes.saturating_sub(OWN_BYTES);
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
    fn packed(&self, display: u8, surface: u32) -> Option<&Packed> {
        let same = |packed: &&Packed| (packed.display, packed.surface) == (display, surface);
        self.surfaces.iter().find(same)
    }

    /// What others may share: a number of each part, and its bytes.
    fn parts(&self) -> Vec<(usize, u64)> {
        let pieces = self.surfaces.iter().flat_map(|packed| &packed.pieces);
        let pieces = pieces.map(|piece| (Arc::as_ptr(piece).addr(), piece.coded.len() as u64 + 64));
        let images = self.images.iter().copied();
        images.chain(pieces).collect()
    }
}

impl Packed {
    /// Makes the surface again; `None` where it does not fit, which it did before.
    fn bring_back<R: std::io::Read>(&self, player: &mut Player<R>) -> Option<()> {
        let canvas = player.session_mut().display_mut(self.display)?.canvas_mut();
        canvas.create(self.surface, self.format, self.size).ok()?;
        let mut rows = Vec::with_capacity(self.pieces.iter().map(|piece| piece.len).sum());
        for piece in &self.pieces {
            rows.extend(lz4_flex::block::decompress(&piece.coded, piece.len).ok()?);
        }
        canvas
            .surface_mut(self.surface)?
            .put_rows(&rows)
            .then_some(())
    }
}
