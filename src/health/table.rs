//! The verdict of every probe, kept across reloads.
//!
//! One owner holds the table: it sets the probes that the configuration asks for, applies results, and asks for
//! verdicts. A probe that stays keeps its state. A new probe that asks what an old one asked (the check was
//! renamed, or is made more often) takes its state over. One that asks something else of an address whose old probe
//! leaves (the path was edited) takes over the verdict only, until its own first result: an edit of a check must
//! not make all that it probes unknown at once. Nothing is known of any other new probe.

use super::check::Probe;
use super::prober::ProbeResult;
use super::state::{Outcome, State, Thresholds, Verdict};
use super::tally::ProbeTally;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What is known of one probe.
#[derive(Clone, Debug)]
pub struct Row {
    /// The probe.
    pub probe: Arc<Probe>,
    /// Verdict, since when, and how near it is to turning.
    pub state: State,
    /// Why the verdict is what it is, for people; empty while unknown.
    pub cause: String,
    /// The latest result; none if there was none since the start.
    pub last: Option<Last>,
    /// Days until the certificate ends that was last shown, negative once it has; none if none was.
    pub certificate_days_left: Option<i64>,
}

/// The latest result of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// What was found.
    pub outcome: Outcome,
    /// When the result came.
    pub at: Timestamp,
    /// How long the probe took.
    pub latency: Duration,
}

/// A verdict that turned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Whose.
    pub probe: Arc<Probe>,
    /// What it was.
    pub from: Verdict,
    /// What it is.
    pub to: Verdict,
    /// Why, for people.
    pub reason: String,
}

/// The verdicts.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: HashMap<Arc<Probe>, Row>,
    /// How many rows have neither a verdict nor a result.
    unheard: usize,
    /// By name of the check.
    tallies: BTreeMap<String, ProbeTally>,
}

impl Table {
    /// Sets what is to be probed; equal probes are one. What is not named any more is forgotten.
    pub fn set_probes(&mut self, probes: impl IntoIterator<Item = Arc<Probe>>) {
        let mut old = std::mem::take(&mut self.rows);
        let mut newcomers = Vec::new();
        for probe in probes {
            match old.remove(&probe) {
                Some(row) => drop(self.rows.insert(probe, row)),
                None if self.rows.contains_key(&probe) => {}
                None => newcomers.push(probe),
            }
        }
        if !newcomers.is_empty() {
            let estate = Estate::new(&self.rows, &old);
            let heirs: Vec<Row> = newcomers.into_iter().map(|probe| estate.heir(probe)).collect();
            self.rows.extend(heirs.into_iter().map(|row| (row.probe.clone(), row)));
        }
        self.unheard = self.rows.values().filter(|row| !row.is_heard()).count();
    }

    /// Enters a result; says so if it turned the verdict. A result of a probe that is not in the table (any more)
    /// is passed over.
    pub fn apply(&mut self, result: &ProbeResult, now: Timestamp) -> Option<Transition> {
        let row = self.rows.get_mut(&*result.probe)?;
        let check = &result.probe.check.name;
        match self.tallies.get_mut(check) {
            Some(tally) => tally.add(&result.outcome, result.latency),
            None => {
                self.tallies.entry(check.clone()).or_default().add(&result.outcome, result.latency)
            }
        }
        let was_heard = row.is_heard();
        let transition = row.apply(result, now);
        self.unheard -= usize::from(!was_heard);
        transition
    }

    /// Takes over state and cause where there is no verdict yet, and `known` has them. Returns of how many probes.
    pub(super) fn take_over(&mut self, known: impl Fn(&Probe) -> Option<(State, String)>) -> usize {
        let unknown = self.rows.values_mut().filter(|row| row.state.verdict == Verdict::Unknown);
        let mut restored = 0;
        for row in unknown {
            if let Some((state, cause)) = known(&row.probe) {
                self.unheard -= usize::from(!row.is_heard());
                row.state = state;
                row.cause = cause;
                restored += 1;
            }
        }
        restored
    }

    /// The verdict of a probe; unknown for one that is not in the table.
    pub fn verdict(&self, probe: &Probe) -> Verdict {
        self.rows.get(probe).map_or(Verdict::Unknown, |row| row.state.verdict)
    }

    /// All that is known of a probe.
    pub fn row(&self, probe: &Probe) -> Option<&Row> {
        self.rows.get(probe)
    }

    /// How the probes of each check have gone since the start, by its name.
    pub fn tallies(&self) -> &BTreeMap<String, ProbeTally> {
        &self.tallies
    }

    /// All rows, in no order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Row> {
        self.rows.values()
    }

    /// Whether every probe has a verdict or at least one result (an inconclusive one leaves it unknown). True of an
    /// empty table.
    pub fn first_round_done(&self) -> bool {
        self.unheard == 0
    }

    /// How many probes the first round still waits for.
    pub fn unheard_count(&self) -> usize {
        self.unheard
    }
}

impl Row {
    /// A row of which nothing is known.
    fn new(probe: Arc<Probe>) -> Self {
        let cause = String::new();
        Self { probe, state: State::default(), cause, last: None, certificate_days_left: None }
    }

    fn is_heard(&self) -> bool {
        self.last.is_some() || self.state.verdict != Verdict::Unknown
    }

    fn apply(&mut self, result: &ProbeResult, now: Timestamp) -> Option<Transition> {
        let check = &self.probe.check;
        let thresholds = Thresholds { rise: check.rise, fall: check.fall };
        let before = self.state;
        self.state = before.step(&result.outcome, thresholds, now);
        let outcome = result.outcome.clone();
        self.last = Some(Last { outcome, at: now, latency: result.latency });
        if result.certificate_days_left.is_some() {
            self.certificate_days_left = result.certificate_days_left;
        }
        if self.state.verdict == before.verdict {
            return None;
        }
        let in_a_row = before.against.saturating_add(1);
        self.cause = match &result.outcome {
            Outcome::Failure(reason) if in_a_row > 1 => {
                format!("{in_a_row} failures in a row, the last: {reason}")
            }
            Outcome::Failure(reason) | Outcome::Inconclusive(reason) => reason.clone(),
            Outcome::Success if in_a_row > 1 => format!("{in_a_row} successes in a row"),
            Outcome::Success => "probed with success".to_owned(),
        };
        Some(Transition {
            probe: self.probe.clone(),
            from: before.verdict,
            to: self.state.verdict,
            reason: self.cause.clone(),
        })
    }
}

/// The old rows that new probes may inherit from, by address.
struct Estate<'a> {
    rows: HashMap<SocketAddr, Vec<(&'a Row, bool)>>,
}

impl<'a> Estate<'a> {
    fn new(
        staying: &'a HashMap<Arc<Probe>, Row>,
        leaving: &'a HashMap<Arc<Probe>, Row>,
    ) -> Estate<'a> {
        let mut rows: HashMap<SocketAddr, Vec<(&Row, bool)>> = HashMap::new();
        let staying = staying.values().map(|row| (row, false));
        for (row, leaves) in leaving.values().map(|row| (row, true)).chain(staying) {
            if row.state.verdict != Verdict::Unknown {
                rows.entry(row.probe.target).or_default().push((row, leaves));
            }
        }
        Self { rows }
    }

    /// The row that a new probe begins with.
    fn heir(&self, probe: Arc<Probe>) -> Row {
        let rows = self.rows.get(&probe.target).map_or(&[][..], Vec::as_slice);
        if let Some((row, _)) = rows.iter().find(|(row, _)| row.probe.same_question(&probe)) {
            let state = State { against: 0, ..row.state };
            return Row { probe, state, ..(*row).clone() };
        }
        // Of several that leave, the most cautious verdict is taken, so that the choice does not hang on their
        // order.
        let leaving = rows.iter().filter(|(_, leaves)| *leaves).map(|(row, _)| row);
        match leaving.max_by_key(|row| row.state.verdict == Verdict::Down) {
            Some(row) => Row {
                state: State { provisional: true, against: 0, ..row.state },
                cause: format!("taken over from an earlier check: {}", row.cause),
                ..Row::new(probe)
            },
            None => Row::new(probe),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::health::check::tests::{http, tcp};
    use crate::health::check::{Check, CheckKind};

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    pub(crate) fn result(probe: &Arc<Probe>, outcome: Outcome) -> ProbeResult {
        let latency = Duration::from_millis(3);
        ProbeResult { probe: probe.clone(), outcome, latency, certificate_days_left: None }
    }

    fn failure(reason: &str) -> Outcome {
        Outcome::Failure(reason.into())
    }

    /// A table of one probe with one success.
    fn up(probe: &Arc<Probe>) -> Table {
        let mut table = Table::default();
        table.set_probes([probe.clone()]);
        table.apply(&result(probe, Outcome::Success), at(1));
        table
    }

    #[test]
    fn turns_are_told_with_their_reason() {
        let probe = Arc::new(tcp(80));
        let mut table = Table::default();
        table.set_probes([probe.clone()]);
        let mut apply = |outcome, second| {
            let turned = table.apply(&result(&probe, outcome), at(second));
            turned.map(|turned| (turned.from, turned.to, turned.reason))
        };
        let (unknown, up, down) = (Verdict::Unknown, Verdict::Up, Verdict::Down);
        assert_eq!(apply(Outcome::Inconclusive("no sockets".into()), 0), None);
        assert_eq!(apply(Outcome::Success, 1), Some((unknown, up, "probed with success".into())));
        assert_eq!(apply(failure("refused"), 2), None);
        assert_eq!(apply(failure("refused"), 3), None);
        let reason = "3 failures in a row, the last: reset".to_owned();
        assert_eq!(apply(failure("reset"), 4), Some((up, down, reason.clone())));
        assert_eq!(apply(failure("still"), 5), None);
        let row = table.row(&probe).unwrap();
        assert_eq!((row.state.since, row.state.flaps, &row.cause), (Some(at(4)), 1, &reason));
        assert_eq!(
            row.last.as_ref().map(|last| (last.at, last.latency.as_millis())),
            Some((at(5), 3))
        );
    }

    #[test]
    fn certificate_days_are_remembered_over_a_refused_connection() {
        let probe = Arc::new(tcp(443));
        let mut table = up(&probe);
        let shown =
            ProbeResult { certificate_days_left: Some(9), ..result(&probe, Outcome::Success) };
        table.apply(&shown, at(2));
        table.apply(&result(&probe, failure("refused")), at(3));
        assert_eq!(table.row(&probe).unwrap().certificate_days_left, Some(9));
    }

    #[test]
    fn the_first_round_waits_for_every_probe_once() {
        let (one, other) = (Arc::new(tcp(1)), Arc::new(tcp(2)));
        let mut table = Table::default();
        assert!(table.first_round_done());
        table.set_probes([one.clone(), other.clone(), Arc::new(tcp(1))]);
        assert_eq!(table.unheard_count(), 2);
        table.apply(&result(&one, Outcome::Success), at(1));
        table.apply(&result(&one, Outcome::Success), at(2));
        assert!(!table.first_round_done());
        table.apply(&result(&Arc::new(tcp(3)), Outcome::Success), at(2));
        assert!(!table.first_round_done());
        table.apply(&result(&other, Outcome::Inconclusive("no sockets".into())), at(2));
        assert!(table.first_round_done());
        assert_eq!(table.verdict(&other), Verdict::Unknown);
        table.set_probes([one.clone(), Arc::new(tcp(4))]);
        assert_eq!(table.unheard_count(), 1);
    }

    #[test]
    fn state_survives_a_reload() {
        let probe = Arc::new(tcp(80));
        let mut table = up(&probe);
        table.apply(&result(&probe, failure("refused")), at(2));
        table.set_probes([Arc::new(tcp(81)), Arc::new(tcp(80)), Arc::new(tcp(80))]);
        assert_eq!(table.row(&probe).unwrap().state.against, 1);
        assert_eq!(
            (table.verdict(&probe), table.verdict(&tcp(81))),
            (Verdict::Up, Verdict::Unknown)
        );
        table.set_probes([Arc::new(tcp(81))]);
        assert!(table.row(&probe).is_none());
        assert_eq!(table.apply(&result(&probe, failure("late")), at(3)), None);
        assert_eq!(table.rows().len(), 1);
    }

    #[test]
    fn an_edited_check_takes_over_what_still_holds() {
        let probe = Arc::new(tcp(80));
        let edit = |edit: &dyn Fn(&mut Check)| {
            let mut edited = tcp(80);
            edit(&mut edited.check);
            Arc::new(edited)
        };
        let seen = |table: &Table, probe: &Probe| {
            let state = table.row(probe).unwrap().state;
            (state.verdict, state.provisional)
        };

        let slower = edit(&|check| check.interval *= 2);
        let mut table = up(&probe);
        table.set_probes([slower.clone()]);
        assert_eq!(seen(&table, &slower), (Verdict::Up, false));
        assert!(table.first_round_done());

        let asks_more = edit(&|check| check.kind = CheckKind::Http(http()));
        let mut table = up(&probe);
        table.set_probes([asks_more.clone()]);
        assert_eq!(seen(&table, &asks_more), (Verdict::Up, true));
        let turned = table.apply(&result(&asks_more, failure("answered 404")), at(2)).unwrap();
        assert_eq!((turned.to, turned.reason.as_str()), (Verdict::Down, "answered 404"));

        // The old check stays, so the new one is no edit of it: it must earn its own verdict.
        let mut table = up(&probe);
        table.set_probes([probe.clone(), asks_more.clone()]);
        assert_eq!(seen(&table, &asks_more), (Verdict::Unknown, false));
        let mut table = up(&probe);
        table.set_probes([probe.clone(), slower.clone()]);
        assert_eq!(seen(&table, &slower), (Verdict::Up, false));
    }
}
