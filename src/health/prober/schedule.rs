//! When each probe is due: pure, the clock is the caller's.
//!
//! A probe has a *beat* every interval; beats lie at phases spread evenly over the interval (the golden-ratio
//! sequence, so that any number of probes added in any order stay spread), and each is moved by a little jitter, so
//! that several servers that watch the same targets do not fall into step. Jitter moves a beat, never the rhythm.
//! The first probe of a new target comes before its rhythm: within the first spread. A probe that is still under
//! way or waiting for a free socket at its next beat lets that beat pass, so that slow targets and full limits
//! never pile up work.

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
/// The first spread grows with the number of new targets, by this much for each, up to its limit: a handful is
/// probed at once.
const FIRST_SPREAD_PER_PROBE: Duration = Duration::from_millis(1);
/// Intervals are taken for at least this long, so that no check can keep the thread busy alone.
const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// Beats are looked at on this grid: what falls between is started together, which costs far less than one by one.
const TICK: Duration = Duration::from_millis(10);
/// 1/φ: multiples of it, modulo 1, fill the unit interval evenly.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// The number of a scheduled probe; never used twice.
pub(super) type Id = u64;

/// What is due when.
pub(super) struct Schedule {
    limits: Limits,
    /// Where the grid of ticks begins.
    origin: Instant,
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
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        let limits = Limits { in_flight_max: limits.in_flight_max.max(1), ..limits };
        Self {
            limits,
            origin: now,
            ids: HashMap::new(),
            slots: HashMap::new(),
            beats: BinaryHeap::new(),
            waiting: VecDeque::new(),
            in_flight: 0,
            next_id: 0,
            luck: Luck::default(),
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
        let Reverse((due, _)) = self.beats.peek()?;
        let since = due.saturating_duration_since(self.origin).as_nanos();
        let wait_ns = since.next_multiple_of(TICK.as_nanos());
        Some(self.origin + Duration::from_nanos(u64::try_from(wait_ns).unwrap_or(u64::MAX)))
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
#[derive(Default)]
struct Luck {
    keys: RandomState,
    drawn: u64,
}

impl Luck {
    /// Uniform in 0 to 1.
    fn unit(&mut self) -> f64 {
        self.drawn += 1;
        // As many bits as a float holds.
        (self.keys.hash_one(self.drawn) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::check::tests::tcp;

    const SECOND: Duration = Duration::from_secs(1);
    /// The interval of [`tcp`].
    const INTERVAL: Duration = Duration::from_secs(5);

    fn probes(ports: std::ops::Range<u16>) -> Vec<Arc<Probe>> {
        ports.map(|port| Arc::new(tcp(port))).collect()
    }

    /// A schedule run by events alone, no clock.
    struct Run {
        schedule: Schedule,
        start: Instant,
        now: Instant,
        /// When each probe that is under way ends.
        ends: BinaryHeap<Reverse<(Instant, Id)>>,
        /// What was started: when, and on which port.
        starts: Vec<(Duration, u16)>,
        in_flight_most: usize,
    }

    impl Run {
        fn new(limits: Limits) -> Self {
            let now = Instant::now();
            let (ends, starts) = (BinaryHeap::new(), Vec::new());
            let schedule = Schedule::new(limits, now);
            Self { schedule, start: now, now, ends, starts, in_flight_most: 0 }
        }

        fn set(&mut self, probes: Vec<Arc<Probe>>) {
            self.schedule.set_probes(probes, self.now);
        }

        /// Runs on until a time from the start; probes take `latency`.
        fn until(&mut self, end: Duration, latency: Duration) -> &mut Self {
            let end = self.start + end;
            loop {
                while let Some((id, probe)) = self.schedule.next_start(self.now) {
                    self.starts.push((self.now - self.start, probe.target.port()));
                    self.ends.push(Reverse((self.now + latency, id)));
                    self.in_flight_most = self.in_flight_most.max(self.ends.len());
                }
                let ends = self.ends.peek().map(|Reverse((at, _))| *at);
                let next = [ends, self.schedule.wake_at()].into_iter().flatten().min();
                let Some(next) = next.filter(|next| *next <= end) else { break };
                self.now = self.now.max(next);
                while let Some(&Reverse((at, id))) = self.ends.peek()
                    && at <= self.now
                {
                    self.ends.pop();
                    self.schedule.ended(id);
                }
            }
            self.now = end;
            self
        }

        /// The start times of one port.
        fn of(&self, port: u16) -> Vec<Duration> {
            self.starts.iter().filter(|start| start.1 == port).map(|start| start.0).collect()
        }
    }

    #[test]
    fn the_first_round_is_spread_but_short() {
        let check = |count: u16, spread: Duration| {
            let mut run = Run::new(Limits::default());
            run.set(probes(0..count));
            run.until(spread + TICK, Duration::ZERO);
            let ports: std::collections::HashSet<u16> =
                run.starts.iter().map(|start| start.1).collect();
            assert_eq!((run.starts.len(), ports.len()), (count.into(), count.into()));
            let first_half = run.starts.iter().filter(|start| start.0 < spread / 2).count();
            let off = first_half.abs_diff(usize::from(count) / 2);
            assert!(off <= 10 + usize::from(count) / 100, "{first_half} of {count}");
        };
        check(1, Duration::from_millis(1));
        check(50, Duration::from_millis(50));
        check(10_000, FIRST_SPREAD);
    }

    const FIRST_SPREAD: Duration = crate::health::prober::FIRST_SPREAD_MAX;

    #[test]
    fn beats_keep_their_rhythm_and_are_spread() {
        let mut run = Run::new(Limits::default());
        run.set(probes(0..200));
        run.until(INTERVAL * 101, SECOND / 100);
        for port in 0..200 {
            let starts = run.of(port);
            assert!((100..=102).contains(&starts.len()), "no drift: {} starts", starts.len());
            let gap = starts[1] - starts[0];
            assert!(gap > INTERVAL / 4 && gap < INTERVAL * 8 / 5, "{gap:?}");
            let jitter = INTERVAL.mul_f64(2.0 * JITTER);
            for pair in starts[1..].windows(2) {
                let gap = pair[1] - pair[0];
                let most = jitter + TICK;
                assert!(gap >= INTERVAL - most && gap <= INTERVAL + most, "{gap:?}");
            }
        }
        let mut per_second = [0; 500];
        for (at, _) in &run.starts {
            if let Some(count) = per_second.get_mut(at.as_secs() as usize) {
                *count += 1;
            }
        }
        assert!(per_second[5..].iter().all(|count| (28..=52).contains(count)), "{per_second:?}");
    }

    #[test]
    fn slow_probes_do_not_pile_up() {
        let mut run = Run::new(Limits::default());
        run.set(probes(0..1));
        run.until(INTERVAL * 30, INTERVAL * 5 / 2);
        assert_eq!(run.in_flight_most, 1);
        assert!((9..=11).contains(&run.starts.len()), "every third beat: {:?}", run.starts);
    }

    #[test]
    fn no_more_than_the_limit_at_once_and_nobody_starves() {
        let mut run = Run::new(Limits { in_flight_max: 3, ..Limits::default() });
        run.set(probes(0..30));
        // Each takes a second, so three at once make 15 in an interval, and everyone has every second turn.
        run.until(INTERVAL * 20, SECOND);
        assert_eq!(run.in_flight_most, 3);
        assert!(run.schedule.waiting_count() <= 30);
        for port in 0..30 {
            assert!((8..=12).contains(&run.of(port).len()), "{:?}", run.of(port));
        }
    }

    #[test]
    fn a_new_set_leaves_what_stays_alone() {
        let alone = Run::new(Limits::default());
        let mut run = alone;
        run.set(probes(0..3));
        run.until(SECOND, Duration::ZERO);
        for seconds in 2..=50 {
            // The set is said again each second, in other orders and with probes named twice.
            let mut set = probes(1..6);
            set.rotate_left(seconds as usize % 5);
            set.extend(probes(2..4));
            run.set(set);
            run.until(SECOND * seconds, Duration::ZERO);
        }
        assert_eq!(run.of(0).len(), 1, "removed after the first round");
        for port in 1..6 {
            assert!((10..=11).contains(&run.of(port).len()), "{port}: {:?}", run.of(port));
        }
        run.set(Vec::new());
        assert_eq!(run.until(SECOND * 100, Duration::ZERO).schedule.wake_at(), None);
        assert!(run.starts.iter().all(|start| start.0 <= SECOND * 50));
    }

    #[test]
    fn beats_that_were_slept_through_are_left_out() {
        let mut run = Run::new(Limits::default());
        run.set(probes(0..10));
        run.until(SECOND, Duration::ZERO);
        run.now += SECOND * 100;
        run.until(SECOND * 101, Duration::ZERO);
        assert_eq!(run.starts.len(), 20);
    }

    #[test]
    fn tiny_intervals_are_bounded() {
        let mut probe = tcp(1);
        probe.check.interval = Duration::ZERO;
        let mut run = Run::new(Limits { in_flight_max: 0, ..Limits::default() });
        run.set(vec![Arc::new(probe)]);
        run.until(SECOND, Duration::ZERO);
        assert!((50..=101).contains(&run.starts.len()), "{}", run.starts.len());
    }
}
