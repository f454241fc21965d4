//! Verdicts on disk, so that a restart does not flap, and returns under way, so that it does not end holds.
//!
//! The file is JSON: a version, when it was written, the verdict of each probe under the probe's
//! [identity](super::check::Probe::identity), and each [`Return`] that is under way under the names of its endpoint
//! (files of before there were any are read too). It is replaced in one step. A file that is absent, too old, of
//! another version or damaged gives a message and no verdicts: everything starts from unknown. How far a verdict was
//! from turning is not kept, since "in a row" ends with the process.

use super::comeback::{Return, ReturnKey};
use super::state::{State, Verdict};
use super::table::Table;
use crate::disk;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Duration;

/// What the file says it is.
const FORMAT: &str = "fingerpost health states";
/// The layout of the file; another one is not read.
const VERSION: u32 = 1;
/// How far ahead of the clock a file may have been written: clocks are set back a little now and then.
const AHEAD_S_MAX: i64 = 60;

/// Verdicts and returns as they are or were on disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    states: HashMap<String, (State, String)>,
    returns: HashMap<ReturnKey, Return>,
}

impl Saved {
    /// What a table knows: its verdicts other than unknown. Of probes that ask the same, the verdict that came
    /// last.
    pub fn of(table: &Table) -> Self {
        let mut states: HashMap<String, (State, String)> = HashMap::new();
        for row in table.rows().filter(|row| row.state.verdict != Verdict::Unknown) {
            let state = State { against: 0, ..row.state };
            let entry = states.entry(row.probe.identity());
            let newer = entry.or_insert_with(|| (state, row.cause.clone()));
            if state.since > newer.0.since {
                *newer = (state, row.cause.clone());
            }
        }
        Self { states, returns: HashMap::new() }
    }

    /// The same with those of these returns that are under way.
    pub fn with_returns(mut self, returns: impl IntoIterator<Item = (ReturnKey, Return)>) -> Self {
        self.returns = returns.into_iter().filter(|(_, state)| state.is_under_way()).collect();
        self
    }

    /// The returns that were under way. The time since then counts: a hold may have ended meanwhile.
    pub fn returns(&self) -> &HashMap<ReturnKey, Return> {
        &self.returns
    }

    /// Writes the file; blocks, and is best called where that does no harm.
    pub fn write(&self, path: &Path, now: Timestamp) -> io::Result<()> {
        let mut states: Vec<StateOnDisk> = self.states.iter().map(to_disk).collect();
        states.sort_unstable_by(|one, other| one.probe.cmp(&other.probe));
        let on_disk =
            |(of, state): (&ReturnKey, &Return)| ReturnOnDisk { of: of.clone(), state: *state };
        let mut returns: Vec<ReturnOnDisk> = self.returns.iter().map(on_disk).collect();
        returns.sort_unstable_by(|one, other| one.of.cmp(&other.of));
        let (format, version, written) = (FORMAT.into(), VERSION, now);
        let file = FileOnDisk { format, version, written, states, returns };
        let mut text = serde_json::to_vec_pretty(&file)?;
        text.push(b'\n');
        disk::replace(path, &text)
    }

    /// Reads the file, if it was written less than `age_max` before `now`; else says why not, for people.
    pub fn read(path: &Path, now: Timestamp, age_max: Duration) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("no health states are kept in {shown} yet"),
            _ => format!("cannot read the health states in {shown}: {error}"),
        })?;
        let damaged = |error| format!("the health states in {shown} are damaged: {error}");
        let head: HeadOnDisk = serde_json::from_slice(&text).map_err(damaged)?;
        if head.format != FORMAT || head.version != VERSION {
            return Err(format!(
                "{shown} holds {:?} version {}, not {FORMAT:?} version {VERSION}",
                head.format, head.version
            ));
        }
        let file: FileOnDisk = serde_json::from_slice(&text).map_err(damaged)?;
        let age_s = now.as_second().saturating_sub(file.written.as_second());
        if age_s < -AHEAD_S_MAX {
            return Err(format!(
                "the health states in {shown} are from the future: {}",
                file.written
            ));
        }
        if age_s.max(0).unsigned_abs() > age_max.as_secs() {
            return Err(format!(
                "the health states in {shown} are {age_s} s old, more than {} s",
                age_max.as_secs()
            ));
        }
        let states = file.states.into_iter().map(from_disk).collect();
        let returns = file.returns.into_iter().map(|entry| (entry.of, entry.state)).collect();
        Ok(Self { states, returns })
    }
}

impl Table {
    /// Takes verdicts over from an earlier run, where there are none yet. Returns how many.
    pub fn restore(&mut self, saved: &Saved) -> usize {
        self.take_over(|probe| saved.states.get(&probe.identity()).cloned())
    }
}

/// What is read first: another version may be laid out otherwise in all but this.
#[derive(Deserialize)]
struct HeadOnDisk {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct FileOnDisk {
    format: String,
    version: u32,
    written: Timestamp,
    states: Vec<StateOnDisk>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    returns: Vec<ReturnOnDisk>,
}

#[derive(Serialize, Deserialize)]
struct ReturnOnDisk {
    #[serde(flatten)]
    of: ReturnKey,
    state: Return,
}

#[derive(Serialize, Deserialize)]
struct StateOnDisk {
    probe: String,
    verdict: VerdictOnDisk,
    since: Option<Timestamp>,
    flaps: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    provisional: bool,
    cause: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum VerdictOnDisk {
    Up,
    Down,
}

fn to_disk((probe, (state, cause)): (&String, &(State, String))) -> StateOnDisk {
    let verdict =
        if state.verdict == Verdict::Up { VerdictOnDisk::Up } else { VerdictOnDisk::Down };
    StateOnDisk {
        probe: probe.clone(),
        verdict,
        since: state.since,
        flaps: state.flaps,
        provisional: state.provisional,
        cause: cause.clone(),
    }
}

fn from_disk(on_disk: StateOnDisk) -> (String, (State, String)) {
    let verdict = match on_disk.verdict {
        VerdictOnDisk::Up => Verdict::Up,
        VerdictOnDisk::Down => Verdict::Down,
    };
    let StateOnDisk { since, flaps, provisional, .. } = on_disk;
    let state = State { verdict, provisional, against: 0, since, flaps };
    (on_disk.probe, (state, on_disk.cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Comeback;
    use crate::health::check::tests::tcp;
    use crate::health::state::Outcome;
    use crate::health::table::tests::{at, result};
    use std::sync::Arc;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Port 1 up since second 10, port 2 down since 20, port 3 unknown.
    fn table() -> Table {
        let mut table = Table::default();
        table.set_probes((1..=3).map(|port| Arc::new(tcp(port))));
        table.apply(&result(&Arc::new(tcp(1)), Outcome::Success), at(10));
        table.apply(&result(&Arc::new(tcp(1)), Outcome::Failure("once".into())), at(15));
        table.apply(&result(&Arc::new(tcp(2)), Outcome::Failure("refused".into())), at(20));
        table
    }

    #[test]
    fn a_restart_goes_on_where_it_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("health.json");
        Saved::of(&table()).write(&path, at(1000)).unwrap();
        Saved::of(&table()).write(&path, at(1001)).unwrap();
        let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");

        let saved = Saved::read(&path, at(1010), HOUR).unwrap();
        assert_eq!(saved.states.len(), 2);
        let mut renamed = tcp(2);
        renamed.check.name = "renamed".into();
        let renamed = Arc::new(renamed);
        let mut table = Table::default();
        table.set_probes([Arc::new(tcp(1)), renamed.clone(), Arc::new(tcp(9))]);
        assert_eq!(table.restore(&saved), 2);
        assert_eq!(table.unheard_count(), 1);
        let state = table.row(&tcp(1)).unwrap().state;
        assert_eq!((state.verdict, state.since, state.against), (Verdict::Up, Some(at(10)), 0));
        assert_eq!(table.row(&renamed).unwrap().cause, "refused");
        assert_eq!(table.verdict(&tcp(9)), Verdict::Unknown);

        // No flap: one failure after the restart is one of three.
        let failed = result(&Arc::new(tcp(1)), Outcome::Failure("refused".into()));
        assert_eq!(table.apply(&failed, at(1011)), None);
        // What has been probed by now is newer than the file.
        table.apply(&result(&Arc::new(tcp(9)), Outcome::Success), at(1012));
        assert_eq!(table.restore(&saved), 0);
    }

    #[test]
    fn returns_under_way_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("health.json");
        let minute = Duration::from_secs(60);
        let settings =
            Comeback { slow_start: minute, failback_delay: minute, ..Comeback::default() };
        let key = |endpoint: &str, zone: Option<&str>| ReturnKey {
            zone: zone.map(Into::into),
            pool: "web".into(),
            endpoint: endpoint.into(),
            family: "AAAA".into(),
        };
        let whole = Return::default().step(true, &settings, at(0));
        let held = whole.step(false, &settings, at(10)).step(true, &settings, at(20));
        let returns = [
            (key("fra-1", Some("example.com.")), held),
            (key("fra-1", None), held.step(false, &settings, at(30))),
            (key("fra-2", None), whole),
        ];
        let saved = Saved::of(&table()).with_returns(returns.clone());
        saved.write(&path, at(1000)).unwrap();
        let read = Saved::read(&path, at(1010), HOUR).unwrap();
        assert_eq!(read.returns(), &HashMap::from_iter(returns.into_iter().take(2)));
        assert_eq!(read, saved);

        // What was written before there were any.
        Saved::of(&table()).write(&path, at(1000)).unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("returns"));
        assert!(Saved::read(&path, at(1010), HOUR).unwrap().returns().is_empty());
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("health.json");
        let check = |now, expected: &str| {
            let error = Saved::read(&path, at(now), HOUR).unwrap_err();
            assert!(error.contains(expected) && error.contains("health.json"), "{error}");
        };
        check(0, "no health states are kept");
        Saved::of(&table()).write(&path, at(5000)).unwrap();
        assert!(Saved::read(&path, at(4990), HOUR).is_ok());
        assert!(Saved::read(&path, at(8600), HOUR).is_ok());
        check(8601, "3601 s old, more than 3600 s");
        check(4900, "from the future");

        let text = std::fs::read_to_string(&path).unwrap();
        let change = |from, to| std::fs::write(&path, text.replace(from, to)).unwrap();
        change("\"version\": 1", "\"version\": 2");
        check(5000, "version 2, not");
        std::fs::write(&path, format!(r#"{{"format": "{FORMAT}", "version": 9, "other": []}}"#))
            .unwrap();
        check(5000, "version 9, not");
        change("\"up\"", "\"sideways\"");
        check(5000, "damaged");
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        check(5000, "damaged");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        check(5000, "cannot read");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("absent").join("health.json");
        assert!(Saved::default().write(&path, at(0)).is_err());
    }
}
