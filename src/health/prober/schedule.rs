//! When each probe is due: pure, the clock is the caller's.
//!
//! A probe has a *beat* every interval; beats lie at phases spread evenly over the interval (the golden-ratio sequence, so
//! that any number of probes added in any order stay spread), and each is moved by a little jitter, so that several
//! servers that watch the same targets do not fall into step. Jitter moves a beat, never the rhythm. The first probe of a
//! new target comes before its rhythm: within the first spread. A probe that is still under way or waiting for a free
//! socket at its next beat lets that beat pass, so that slow targets and full limits never pile up work.

use super::Limits;
use crate::health::check::Probe;
use std::cmp::Reverse;
use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A beat is moved by up to this share of the interval, both ways.
const JITTER: f64 = 0.05;
/// The first spread grows with the number of new targets, by this much for each, up to its limit: a handful is probed at
/// once.
const FIRST_SPREAD_PER_PROBE: Duration = Duration::from_millis(1);
/// Intervals are taken for at least this long, so that no check can keep the thread busy alone.
const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// 1/φ: multiples of it, modulo 1, fill the unit interval evenly.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// The number of a scheduled probe; never used twice.
pub(super) type Id = u64;

/// What is due when.
pub(super) struct Schedule {
    limits: Limits,
    ids: HashMap<Arc<Probe>, Id>,
    slots: HashMap<Id, Slot>,
    /// Beats to come; those of removed probes are passed over when they come.
    beats: BinaryHeap<Reverse<(Instant, Id)>>,
    /// Due, but over the limit.
    waiting: VecDeque<Id>,
    in_flight: usize,
    next_id: Id,
    luck: Luck,
}

struct Slot {
    probe: Arc<Probe>,
    interval: Duration,
    /// The beat after the one that is in the heap, without jitter.
    next_beat: Instant,
    /// Under way or waiting.
    busy: bool,
}

impl Schedule {
    /// An empty schedule.
    pub(super) fn new(limits: Limits) -> Self {
        let limits = Limits { in_flight_max: limits.in_flight_max.max(1), ..limits };
        Self {
            limits,
            ids: HashMap::new(),
            slots: HashMap::new(),
            beats: BinaryHeap::new(),
            waiting: VecDeque::new(),
            in_flight: 0,
            next_id: 0,
            luck: Luck::new(),
        }
    }

    /// Sets what is probed; what stays keeps its beats.
    pub(super) fn set_probes(&mut self, probes: Vec<Arc<Probe>>, now: Instant) {
        let mut old = std::mem::take(&mut self.ids);
        let mut newcomers = Vec::new();
        for probe in probes {
            let stays = old.remove(&probe);
            if let Entry::Vacant(vacant) = self.ids.entry(probe) {
                let id = stays.unwrap_or_else(|| {
                    let id = self.next_id;
                    self.next_id += 1;
                    newcomers.push((id, vacant.key().clone()));
                    id
                });
                vacant.insert(id);
            }
        }
        for id in old.values() {
            self.slots.remove(id);
        }
        let count = u32::try_from(newcomers.len()).unwrap_or(u32::MAX);
        let spread = FIRST_SPREAD_PER_PROBE.saturating_mul(count).min(self.limits.first_spread_max);
        for (id, probe) in newcomers {
            self.add(id, probe, spread, now);
        }
    }

    /// When to look again; none: nothing to come but what ends or is set.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.beats.peek().map(|Reverse((due, _))| *due)
    }

    /// The next probe to start at `now`, if one is due and the limit allows; its end must be told.
    pub(super) fn next_start(&mut self, now: Instant) -> Option<(Id, Arc<Probe>)> {
        self.beat(now);
        while self.in_flight < self.limits.in_flight_max {
            let id = self.waiting.pop_front()?;
            if let Some(slot) = self.slots.get(&id) {
                self.in_flight += 1;
                return Some((id, slot.probe.clone()));
            }
        }
        None
    }

    /// A probe that was started has ended.
    pub(super) fn ended(&mut self, id: Id) {
        self.in_flight -= 1;
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.busy = false;
        }
    }

    /// How many probes are due but wait for others to end.
    pub(super) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    fn add(&mut self, id: Id, probe: Arc<Probe>, spread: Duration, now: Instant) {
        let interval = probe.check.interval.max(INTERVAL_MIN);
        let phase = (id as f64 * GOLDEN).fract();
        let first = now + spread.min(interval / 2).mul_f64(phase);
        // The first beat keeps some distance from the first probe, which comes before it.
        let skipped = if phase < 0.5 { 1.0 } else { 0.0 };
        let next_beat = now + interval.mul_f64(phase + skipped);
        self.beats.push(Reverse((first, id)));
        self.slots.insert(id, Slot { probe, interval, next_beat, busy: false });
    }

    /// Moves what is due at `now` from the beats to those that wait, and sets their next beats.
    fn beat(&mut self, now: Instant) {
        while let Some(&Reverse((due, id))) = self.beats.peek() {
            if due > now {
                return;
            }
            self.beats.pop();
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            if !slot.busy {
                slot.busy = true;
                self.waiting.push_back(id);
            }
            let beat = slot.take_beat(now);
            let jitter = slot.interval.mul_f64(JITTER);
            let due = beat - jitter + jitter.mul_f64(2.0 * self.luck.unit());
            self.beats.push(Reverse((due, id)));
        }
    }
}

impl Slot {
    /// The next beat after `now`, in the rhythm; beats that were slept through are left out.
    fn take_beat(&mut self, now: Instant) -> Instant {
        let late = now.saturating_duration_since(self.next_beat);
        if !late.is_zero() {
            let missed = late.as_nanos() / self.interval.as_nanos() + 1;
            let missed = u32::try_from(missed).unwrap_or(u32::MAX);
            self.next_beat += self.interval.saturating_mul(missed);
        }
        let beat = self.next_beat;
        self.next_beat += self.interval;
        beat
    }
}

/// Numbers that need not be secret, only different from one process to the next.
struct Luck(u64);

impl Luck {
    fn new() -> Self {
        Self(RandomState::new().hash_one("prober"))
    }

    /// Uniform in 0 to 1 (SplitMix64).
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
