//! Directors that are heard or lost, that go into maintenance, and the real servers behind them.

use crate::control::events::{Event, Kind, Severity};
use crate::director::hearing::UNHEARD;
use crate::director::truth::NOT_PROBED;
use crate::director::{DirectorTruth, RealState, RealTruth, Source, Tier, Turned};
use crate::steer::director::Director;
use jiff::Timestamp;
use std::collections::HashMap;

/// So many real servers of a director are told one by one when they turn together; there may be thousands.
const REALS_TOLD_MAX: usize = 16;

/// What is known otherwise behind VIPs than before. Of what is known for the first time only what is wrong is news.
/// What has happened to two versions of a director is told once.
pub(in crate::control) fn directors_turned(
    turned: &[Turned],
    tier: &Tier,
    at: Timestamp,
) -> Vec<Event> {
    let mut news: Vec<Event> = Vec::new();
    for turned in turned {
        let has_twin = tier.versions(&turned.vip).nth(1).is_some();
        for event in director_turned(turned, tier, at) {
            let is_same = |told: &Event| (&told.what, &told.zone) == (&event.what, &event.zone);
            if !(has_twin && news.iter().any(is_same)) {
                news.push(event);
            }
        }
    }
    news
}

fn director_turned(turned: &Turned, tier: &Tier, at: Timestamp) -> Vec<Event> {
    let mut news = Vec::new();
    let Some(truth) = tier.truth(&turned.vip) else { return news };
    for (place, director) in turned.vip.directors.iter().enumerate() {
        let Some(now) = truth.directors.get(place) else { continue };
        let before = turned.before.as_ref().and_then(|before| before.directors.get(place));
        let look = Look { director, before, now, at };
        news.extend(look.feed());
        news.extend(look.maintenance());
        news.extend(look.reals());
    }
    news
}

struct Look<'a> {
    director: &'a Director,
    before: Option<&'a DirectorTruth>,
    now: &'a DirectorTruth,
    at: Timestamp,
}

impl Look<'_> {
    fn feed(&self) -> Option<Event> {
        // Whom nobody has asked yet is not lost.
        let lost =
            |truth: &DirectorTruth| truth.feed_fault.as_deref().is_some_and(|why| why != UNHEARD);
        let was_lost = self.before.is_some_and(lost);
        let name = &self.director.name;
        match self.now.feed_fault.as_ref().filter(|why| *why != UNHEARD) {
            Some(why) if !was_lost => {
                let is_seen = self.now.reals.iter().any(|real| real.source != Source::Check);
                let source = if is_seen { Source::Probes } else { Source::Check };
                let instead = source.instead_of_feed();
                let what = format!("director {name} is not heard any more: {instead}");
                let since = self.now.lost_since.map(|since| format!(" (since {since:.0})"));
                let cause = format!("{why}{}", since.unwrap_or_default());
                Some(self.event(Severity::Warning, what, &cause))
            }
            None if was_lost => {
                Some(self.event(Severity::Info, format!("director {name} is heard again"), ""))
            }
            _ => None,
        }
    }

    fn maintenance(&self) -> Option<Event> {
        let was = self.before.is_some_and(|before| before.is_maintenance);
        let name = &self.director.name;
        let what = match (was, self.now.is_maintenance) {
            (false, true) => format!("director {name} is in maintenance"),
            (true, false) => format!("director {name} is out of maintenance"),
            _ => return None,
        };
        Some(self.event(Severity::Info, what, ""))
    }

    /// Those that turned, or the first of them and how many more.
    fn reals(&self) -> Vec<Event> {
        let before = self.before.iter().flat_map(|before| &before.reals);
        let before: HashMap<&str, &RealTruth> = before.map(|row| (&*row.name, row)).collect();
        let turned = |real: &RealTruth| self.real(real, before.get(&*real.name).copied());
        let mut news: Vec<Event> = self.now.reals.iter().filter_map(turned).collect();
        if news.len() > REALS_TOLD_MAX {
            let rest = news.split_off(REALS_TOLD_MAX - 1);
            let severity = rest.iter().map(|event| event.severity).max().unwrap_or(Severity::Info);
            let (count, director) = (rest.len(), &self.director.name);
            let what = format!("{count} more real servers behind director {director} have turned");
            news.push(self.event(severity, what, ""));
        }
        news
    }

    fn real(&self, real: &RealTruth, known: Option<&RealTruth>) -> Option<Event> {
        // What was not probed yet is no news, and nothing that could change.
        let known = known.filter(|row| row.because != NOT_PROBED);
        // Nor is it news that nobody knows, or that what only stands in for others was always idle.
        let state = real.state?;
        let usual = if state == RealState::Standby { state } else { RealState::Up };
        let before = known.and_then(|row| row.state).unwrap_or(usual);
        if before == state || real.because == NOT_PROBED {
            return None;
        }
        let severity = match state {
            RealState::Up | RealState::Draining | RealState::Standby | RealState::Maintenance => {
                Severity::Info
            }
            RealState::Down => Severity::Warning,
        };
        let within = match state {
            RealState::Maintenance => "in ",
            RealState::Standby => "on ",
            _ => "",
        };
        let (name, director) = (&real.name, &self.director.name);
        let what = format!("{name} behind director {director} is {within}{state}");
        Some(self.event(severity, what, real.because))
    }

    fn event(&self, severity: Severity, what: String, cause: &str) -> Event {
        let mut event = Event::new(self.at, Kind::Director, severity, what, cause);
        event.zone = self.director.zone.as_ref().map(ToString::to_string);
        event.site = Some(self.director.site.name.clone());
        event.endpoint = Some(self.director.name.clone());
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::testing::{Scene, at};
    use crate::director::{FeedReport, RealReport, Report};
    use std::time::Duration;

    const STEERING: &str = r#"
[directors.lvs]
site = "fra"
vip = { a = "192.0.2.100" }
mode = "dr"
service = "tcp/80"
feed = { type = "json", url = "http://10.0.0.1:8054/" }

[pools.vips]
check = "web"
endpoints = [ { director = "lvs" } ]

[names.www]
pool = "vips"
"#;

    /// A table of thousands that flaps is not to drive all else out of the history of events.
    #[test]
    fn of_many_that_turn_together_the_first_are_told() {
        let check = |count: usize, expected: usize, last: &str| {
            let mut tier = Scene::read(STEERING).knowledge.directors;
            let mut hear = |state: RealState, second: i64| {
                let real = |number: usize| RealReport {
                    name: Some(format!("web{number}")),
                    address: None,
                    state,
                    weight: 1,
                    sessions: None,
                    is_backup: false,
                };
                let report = Report { reals: (0..count).map(real).collect(), ..Report::default() };
                let [feed] = &tier.feeds()[..] else { panic!("one feed") };
                let said = Ok(FeedReport::One(report));
                tier.hearings.hear(feed, at(second), Duration::ZERO, said);
                let turned = tier.judge(&Default::default(), at(second));
                directors_turned(&turned, &tier, at(second))
            };
            assert_eq!(hear(RealState::Up, 10).len(), 0);
            let news = hear(RealState::Down, 20);
            assert_eq!(news.len(), expected, "{count}: {news:?}");
            let told = news.last().expect("news");
            assert_eq!((&*told.what, told.severity), (last, Severity::Warning));
        };
        check(1, 1, "web0 behind director lvs is down");
        check(16, 16, "web15 behind director lvs is down");
        check(17, 16, "2 more real servers behind director lvs have turned");
        check(4000, 16, "3985 more real servers behind director lvs have turned");
    }
}
