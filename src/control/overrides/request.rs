//! What is asked of overrides, as JSON has it, and the same checked.

#[cfg(test)]
mod tests;

use super::Refused;
use super::target::{Kind, Part, Wanted, zone_part};
use crate::config::defaults::ENDPOINT_WEIGHT_MAX;
use crate::config::{self, OVERRIDE_TEXT_BYTES_MAX};
use crate::health::overrides::Pin;
use crate::health::ramp::after;
use crate::report::nearest;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long an override holds if nothing is said: long enough for most work, short enough to be forgotten safely.
const FOR_DEFAULT: SignedDuration = SignedDuration::from_hours(1);

const PINS: [(&str, Pin); 3] = [("up", Pin::Up), ("down", Pin::Down), ("drain", Pin::Drain)];

/// Asks for an override to be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// What it is to be on.
    #[serde(flatten)]
    pub subject: Subject,
    /// `up`, `down` or `drain`; or nothing, and a weight.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// What an endpoint is to weigh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Over what time it comes to weigh that, as in `30m`; none: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// For how long, as in `2h`.
    #[serde(rename = "for")]
    pub lasting: Option<String>,
    /// Until when, RFC 3339.
    pub until: Option<String>,
    /// Until somebody removes it.
    pub forever: bool,
    /// Why.
    pub reason: String,
    /// Who asks.
    pub by: Option<String>,
    /// Whether it is set though too much would be lost.
    pub force: bool,
    /// Whether only to say what it would do.
    pub dry_run: bool,
}

/// Asks for overrides to be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Removal {
    /// What they are on.
    #[serde(flatten)]
    pub subject: Subject,
    /// Whether to remove all that there are; then nothing is named.
    pub all: bool,
    /// Whether planned weights are meant; otherwise states are.
    pub weight: bool,
    /// Who asks.
    pub by: Option<String>,
    /// Whether they are removed though too much would be lost.
    pub force: bool,
    /// Whether only to say what it would do.
    pub dry_run: bool,
}

/// What is meant: one of `site`, `pool` and `endpoint` (which may stand with `pool`), or a `target` whose kind is left
/// open. Zone and pool may be `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// As a person would say it, see [`Wanted`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// A site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// A pool, or the pool of an endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// An endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The zone whose file defines it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// A request, checked as far as it can be by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub wanted: Wanted,
    pub asked: Asked,
    pub until: Option<Timestamp>,
    pub reason: String,
    pub by: Option<String>,
    pub force: bool,
    pub dry_run: bool,
}

/// What is to become of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Pin(Pin),
    /// A weight that is reached over this time, from then on.
    Weight {
        weight: u32,
        begin: Timestamp,
        over: Duration,
    },
}

/// A removal, checked as far as it can be by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Removing {
    /// None: all.
    pub wanted: Option<Wanted>,
    pub weight: bool,
    pub by: Option<String>,
    pub force: bool,
    pub dry_run: bool,
}

impl Request {
    pub(super) fn check(&self, now: Timestamp) -> Result<Setting, Refused> {
        let wanted = self.subject.check()?;
        let asked = self.asked(now)?;
        let until = self.end(now)?;
        if let (Asked::Weight { begin, over, .. }, Some(until)) = (asked, until)
            && until < after(begin, over)
        {
            let title = "the override would end before its weight is reached";
            return Err(Refused::invalid(title, "give a later end, or a shorter over"));
        }
        Ok(Setting {
            wanted,
            asked,
            until,
            reason: one_line("reason", &self.reason)?,
            by: checked_by(self.by.as_deref())?,
            force: self.force,
            dry_run: self.dry_run,
        })
    }

    fn asked(&self, now: Timestamp) -> Result<Asked, Refused> {
        let Some(weight) = self.weight else {
            if self.over.is_some() {
                let help = "leave it out, or give a weight in place of the state";
                return Err(Refused::invalid("over goes with a weight, and there is none", help));
            }
            return pin(&self.state).map(Asked::Pin);
        };
        if !self.state.is_empty() {
            let help = "ask for one after the other: they do not touch each other";
            return Err(Refused::invalid("an override has a state or a weight, not both", help));
        }
        if u64::from(weight) > ENDPOINT_WEIGHT_MAX {
            let title = format!("the weight cannot be {weight}");
            let help = format!("give a whole number from 0 to {ENDPOINT_WEIGHT_MAX}");
            return Err(Refused::invalid(title, help));
        }
        let over = self.over.as_deref().map(over).transpose()?.unwrap_or_default();
        // Begun by now, so that it can be said since when.
        let begin = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Ok(Asked::Weight { weight, begin, over })
    }

    /// When it ends, to the second; none: never by itself.
    fn end(&self, now: Timestamp) -> Result<Option<Timestamp>, Refused> {
        let begin = full_second(now);
        let end = match (&self.lasting, &self.until, self.forever) {
            (None, None, true) => return Ok(None),
            // A state is for an emergency or some work; a weight is a setting.
            (None, None, false) if self.weight.is_some() => return Ok(None),
            (None, None, false) => begin.checked_add(FOR_DEFAULT),
            (Some(text), None, false) => {
                let no_duration =
                    || Refused::invalid(format!("{text:?} is no duration"), config::DURATION_FORM);
                let lasting = config::parse_duration(text).ok_or_else(no_duration)?;
                begin.checked_add(lasting)
            }
            (None, Some(text), false) => text.parse(),
            _ => {
                let title = "an override has one end only";
                return Err(Refused::invalid(title, "give one of for, until and forever"));
            }
        };
        let end = end.ok().and_then(|end: Timestamp| Timestamp::from_second(end.as_second()).ok());
        match (end, &self.until) {
            (Some(end), _) if end > now => Ok(Some(end)),
            (Some(end), _) => {
                let title = format!("the override would have ended already, at {end}");
                Err(Refused::invalid(title, "give a later end"))
            }
            (None, Some(text)) => {
                let help = "write date, time and offset, as in 2030-01-31T18:00:00Z";
                Err(Refused::invalid(format!("{text:?} is no moment in time"), help))
            }
            (None, None) => {
                let help = "give a shorter time, or say that it holds forever";
                Err(Refused::invalid("the override would end after the end of all calendars", help))
            }
        }
    }
}

impl Removal {
    pub(super) fn check(&self) -> Result<Removing, Refused> {
        let wanted = match (self.all, self.subject == Subject::default()) {
            (true, true) => None,
            (true, false) => {
                let title = "either all overrides are meant or one target";
                return Err(Refused::invalid(title, "leave one of the two out"));
            }
            (false, _) => Some(self.subject.check()?),
        };
        let by = checked_by(self.by.as_deref())?;
        let Self { weight, force, dry_run, .. } = *self;
        Ok(Removing { wanted, weight, by, force, dry_run })
    }
}

impl Subject {
    /// A subject as a person says it.
    pub fn target(text: &str) -> Self {
        Self { target: Some(text.to_owned()), ..Self::default() }
    }

    fn check(&self) -> Result<Wanted, Refused> {
        let Self { target, site, pool, endpoint, zone } = self;
        let zone = zone.as_deref().map(zone_part).transpose()?;
        let zone = zone.unwrap_or_default();
        let named = |kind, pool, name: &String| {
            Ok(Wanted { kind: Some(kind), zone: zone.clone(), pool, name: name.clone() })
        };
        match (target, site, pool, endpoint) {
            (Some(target), None, None, None) => {
                let wanted: Wanted = target.parse()?;
                match (&wanted.zone, &zone) {
                    (_, Part::Open) => Ok(wanted),
                    (Part::Open, _) => Ok(Wanted { zone, ..wanted }),
                    _ => {
                        Err(Refused::invalid("the zone is given twice", "leave one of the two out"))
                    }
                }
            }
            (None, Some(site), None, None) => named(Kind::Site, Part::Open, site),
            (None, None, Some(pool), None) => named(Kind::Pool, Part::Open, pool),
            (None, None, pool, Some(endpoint)) => {
                let pool = match pool.as_deref() {
                    None => Part::Open,
                    Some("*") => Part::Any,
                    Some(pool) => Part::Only(pool.to_owned()),
                };
                named(Kind::Endpoint, pool, endpoint)
            }
            (None, None, None, None) => {
                let help = "give site, pool or endpoint, or target with any of their names";
                Err(Refused::invalid("an override on nothing", help))
            }
            _ => {
                let help =
                    "give site alone, pool alone, endpoint with or without pool, or target alone";
                Err(Refused::invalid("an override on several things", help))
            }
        }
    }
}

/// What begins within a second begins at its end, so that two hours are not a little less.
fn full_second(now: Timestamp) -> Timestamp {
    let second = now.as_second() + i64::from(now.subsec_nanosecond() > 0);
    Timestamp::from_second(second).unwrap_or(now)
}

/// Over what time a weight is reached.
fn over(text: &str) -> Result<Duration, Refused> {
    let over = config::parse_duration(text).ok_or_else(|| {
        Refused::invalid(format!("{text:?} is no duration"), config::DURATION_FORM)
    })?;
    let (min, max) = (config::PLAN_OVER_MIN, config::PLAN_OVER_MAX);
    if !over.is_zero() && !(min..=max).contains(&over) {
        let help = format!(
            "give {} to {}, or leave it out",
            config::shown_duration(min),
            config::shown_duration(max)
        );
        return Err(Refused::invalid(format!("a weight cannot be reached over {text}"), help));
    }
    Ok(over)
}

fn pin(word: &str) -> Result<Pin, Refused> {
    let known = PINS.iter().find(|(known, _)| *known == word);
    known.map(|(_, pin)| *pin).ok_or_else(|| {
        let help = match nearest(word, PINS.map(|(known, _)| known)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "give state as \"up\", \"down\" or \"drain\", or a weight".to_owned(),
        };
        let title = if word.is_empty() {
            "neither a state nor a weight is given".to_owned()
        } else {
            format!("unknown state {word:?}")
        };
        Refused::invalid(title, help)
    })
}

/// Who asks, as records can show it: one line of at most [`OVERRIDE_TEXT_BYTES_MAX`] bytes; none if it is empty.
pub fn checked_by(by: Option<&str>) -> Result<Option<String>, Refused> {
    by.filter(|by| !by.is_empty()).map(|by| one_line("by", by)).transpose()
}

/// A text that tables and log lines can show: neither long nor of several lines.
fn one_line(key: &str, text: &str) -> Result<String, Refused> {
    if text.len() > OVERRIDE_TEXT_BYTES_MAX {
        let title = format!("{key:?} holds {} bytes", text.len());
        return Err(Refused::invalid(
            title,
            format!("use {OVERRIDE_TEXT_BYTES_MAX} bytes at most"),
        ));
    }
    if text.contains(char::is_control) {
        let title = format!("{key:?} holds a line end or another control character");
        return Err(Refused::invalid(title, "write it in one line"));
    }
    Ok(text.to_owned())
}
