//! What a change of overrides does, laid out: the pools that it touches, what is worst first, then how it ended.

use super::super::status::words::{action, until};
use super::super::style::{Cell, Ink, Palette, Table};
use crate::control::overrides::blast::{Effect, Judgement, PoolEffect, SiteEffect};
use crate::control::overrides::{Changed, Refused, Removed};
use crate::control::status::{OverrideView, PlanView};
use crate::report::{count, listed};
use jiff::Timestamp;

/// So many pools are listed; those that are left out are no worse.
const POOLS_SHOWN_MAX: usize = 24;
/// So many names or sites stand in a line.
const NAMED_MAX: usize = 4;

/// An override was set, or would be.
pub(super) fn changed(changed: &Changed, now: Timestamp, palette: Palette) -> String {
    let Changed { pinned, also, replaced, effect, applied, notes } = changed;
    let mut text = effect_of(effect, *applied, palette);
    for old in replaced {
        let by = old.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        let what = action(old, now);
        text.push_str(&format!("replaces {what} {}{by}\n", until(now, old.until)));
    }
    text.push_str(&noted(notes, palette));
    let all = || std::iter::once(pinned).chain(also);
    let targets: Vec<&str> = all().map(|one| &*one.target).collect();
    let what = format!("{} {}", planned(pinned), targets.join(" and "));
    let until = match &pinned.weight {
        Some(PlanView { end: Some(end), .. }) => {
            // As an end is said, but for its first word.
            let reached = until(now, Some(*end)).replacen("until", "reached at", 1);
            format!(", {reached}; {}", until(now, pinned.until))
        }
        _ => format!(" {}", until(now, pinned.until)),
    };
    text.push_str(&match (applied, effect.refused) {
        (true, forced) => {
            let done = palette.paint(if forced { Ink::Doubt } else { Ink::Good }, "applied");
            let forced = if forced { ", by force" } else { "" };
            let undo = |one: &OverrideView| match one.weight {
                Some(_) => format!("fingerpost weight {} --reset", typed(one)),
                None => format!("fingerpost undrain {}", typed(one)),
            };
            let undo: Vec<String> = all().map(undo).collect();
            format!("{done}{forced}: {what}{until}; undo with: {}\n", undo.join(" && "))
        }
        (false, true) => {
            let refused = palette.paint(Ink::Bad, "would be refused");
            format!("{refused} without --force: {what}; nothing was changed\n")
        }
        (false, false) => {
            format!("dry run: {what}{until}; nothing was changed\n")
        }
    });
    text
}

/// Overrides were removed, or would be.
pub(super) fn removed(removed: &Removed, palette: Palette) -> String {
    let Removed { removed, effect, applied, notes } = removed;
    let mut text = effect_of(effect, *applied, palette) + &noted(notes, palette);
    for old in removed {
        let by = old.by.as_ref().map_or_else(String::new, |by| format!(", set by {by}"));
        let reason =
            if old.reason.is_empty() { String::new() } else { format!(": {}", old.reason) };
        let done = match (applied, effect.refused) {
            (true, false) => palette.paint(Ink::Good, "removed"),
            (true, true) => palette.paint(Ink::Doubt, "removed, by force"),
            (false, false) => palette.paint(Ink::Plain, "would be removed"),
            (false, true) => palette.paint(Ink::Bad, "would be refused without --force"),
        };
        let what = planned(old);
        text.push_str(&format!("{done}: {what} {}{by}{reason}\n", old.target));
    }
    text
}

/// `drain`, `weight 40 of`
fn planned(pinned: &OverrideView) -> String {
    pinned
        .weight
        .as_ref()
        .map_or_else(|| pinned.state.clone(), |plan| format!("weight {} of", plan.to))
}

/// What a refused change would have done; why it was refused is told as an error.
pub(super) fn refused(refused: &Refused, palette: Palette) -> String {
    let mut text = String::new();
    if let Some(effect) = &refused.details.effect {
        text.push_str(&effect_of(effect, false, palette));
    }
    // The first is the error itself.
    for finding in refused.details.findings.iter().skip(1) {
        let place = finding.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
        text.push_str(&format!("{place}{}\n", finding.message));
    }
    text + &noted(&refused.details.notes, palette)
}

fn noted(notes: &[String], palette: Palette) -> String {
    let word = palette.paint(Ink::Doubt, "note");
    notes.iter().map(|note| format!("{word}: {note}\n")).collect()
}

fn effect_of(effect: &Effect, applied: bool, palette: Palette) -> String {
    let Effect { pools, endpoints, names, .. } = effect;
    if pools.is_empty() {
        return String::new();
    }
    let mut table = Table::new(2);
    let [now, then] = if applied { ["BEFORE", "AFTER"] } else { ["NOW", "THEN"] };
    table.header(&["", "POOL", "", now, then, "SITES", "WHY"]);
    for pool in pools.iter().take(POOLS_SHOWN_MAX) {
        table.row(row(pool));
    }
    let mut text = table.render(palette);
    if let Some(more) = pools.len().checked_sub(POOLS_SHOWN_MAX).filter(|more| *more > 0) {
        text.push_str(&format!("  and {more} more, no worse; --json has them all\n"));
    }
    let names = match names.len() {
        0 => "no name is served by these pools now".to_owned(),
        number => {
            let listed = listed(names, NAMED_MAX);
            format!("{}: {listed}", count(number, "name"))
        }
    };
    text.push_str(&format!("  {}; {names}\n\n", count(*endpoints, "endpoint")));
    text
}

fn row(effect: &PoolEffect) -> [Cell; 7] {
    let PoolEffect { zone, pool, family, sites, before, after, verdict, why } = effect;
    let (ink, word) = match verdict {
        Judgement::Refused => (Ink::Bad, "refused"),
        Judgement::Warned => (Ink::Doubt, "warned"),
        Judgement::Fine => (Ink::Good, "fine"),
    };
    let zone = zone.as_ref().map_or_else(String::new, |zone| format!("@{}", undotted(zone)));
    let moved: Vec<String> = sites
        .iter()
        .filter(|site| site.before != site.after)
        .map(|SiteEffect { site, before, after }| format!("{site} {before} → {after}"))
        .collect();
    let moved = match moved.is_empty() {
        true => Cell::inked(Ink::Faint, "as they are"),
        false => listed(&moved, NAMED_MAX).into(),
    };
    [
        Cell::inked(ink, word),
        format!("{pool}{zone}").into(),
        family.as_str().into(),
        before.to_string().into(),
        Cell::inked(if before == after { Ink::Plain } else { Ink::Strong }, after),
        moved,
        why.as_str().into(),
    ]
}

/// The target of an override as it has to be typed to mean just that.
fn typed(pinned: &OverrideView) -> String {
    let OverrideView { kind, zone, pool, name, .. } = pinned;
    let zone = zone.as_ref().map_or_else(String::new, |zone| format!("@{}", undotted(zone)));
    match (kind.as_str(), pool) {
        ("endpoint", Some(pool)) => format!("{pool}/{name}{zone}"),
        // Shells would take the star for file names.
        ("endpoint", None) => format!("'*/{name}{zone}'"),
        (kind, _) => format!("{kind}:{name}{zone}"),
    }
}

fn undotted(zone: &str) -> &str {
    zone.strip_suffix('.').filter(|zone| !zone.is_empty()).unwrap_or(zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn effect(refused: bool) -> Value {
        let pool = |pool: &str, verdict: &str, why: &str, after: &str| {
            json!({
                "zone": "example.com.", "pool": pool, "family": "A", "before": "whole", "after": after,
                "sites": [
                    { "site": "fra", "before": "trusted", "after": "drained" },
                    { "site": "iad", "before": "trusted", "after": "trusted" },
                ],
                "verdict": verdict, "why": why,
            })
        };
        let worst = if refused {
            ["refused", "nothing of it would be up", "fail-open"]
        } else {
            ["fine", "x", "whole"]
        };
        json!({
            "pools": [
                pool("web", worst[0], worst[1], worst[2]),
                pool("api", "warned", "only iad would remain", "whole"),
            ],
            "endpoints": 2, "names": ["api.example.com.", "www.example.com."], "refused": refused,
        })
    }

    fn pinned(kind: &str, pool: Option<&str>, zone: Option<&str>) -> Value {
        json!({
            "target": format!("{kind} fra"), "kind": kind, "zone": zone, "pool": pool, "name": "fra", "state": "drain",
            "weight": null, "until": "2026-01-01T02:00:00Z", "reason": "CHG1", "by": "ada",
        })
    }

    fn check(text: &str, parts: &[&str]) {
        for part in parts {
            assert!(text.contains(part), "{part:?} is missing in:\n{text}");
        }
    }

    #[test]
    fn what_was_set_is_told_with_its_effect() {
        let now = "2026-01-01T00:00:00Z".parse().expect("a moment");
        let told_also = |also: Value, refused: bool, applied: bool| {
            let answer = json!({
                "override": pinned("site", None, None), "replaced": [pinned("site", None, None)],
                "also": also, "effect": effect(refused), "applied": applied, "notes": ["look out"],
            });
            changed(&serde_json::from_value(answer).expect("an answer"), now, Palette::PLAIN)
        };
        let told = |refused, applied| told_also(json!([]), refused, applied);
        let also = told_also(json!([pinned("endpoint", Some("web"), None)]), false, true);
        check(
            &also,
            &["applied: drain site fra and endpoint fra until 02:00 UTC, in 2 h; undo with: \
                 fingerpost undrain site:fra && fingerpost undrain web/fra\n"],
        );
        check(
            &told(false, true),
            &[
                "          POOL                BEFORE  AFTER  SITES",
                "  fine    web@example.com  A  whole   whole  fra trusted → drained  x\n",
                "  warned  api@example.com  A",
                "  2 endpoints; 2 names: api.example.com., www.example.com.\n",
                "replaces drain until 02:00 UTC, in 2 h by ada\n",
                "note: look out\n",
                "applied: drain site fra until 02:00 UTC, in 2 h; undo with: fingerpost undrain site:fra\n",
            ],
        );
        check(&told(true, true), &["applied, by force: drain site fra"]);
        check(
            &told(true, false),
            &["refused  web@example.com", "would be refused without --force: drain site fra"],
        );
        check(&told(false, false), &["dry run: drain site fra until", "nothing was changed"]);
    }

    #[test]
    fn a_weight_is_told_with_when_it_is_reached() {
        let now = "2026-01-01T00:00:00Z".parse().expect("a moment");
        let weight = |end: Option<&str>| {
            let begin = end.map(|_| "2026-01-01T00:00:00Z");
            let mut one = pinned("endpoint", Some("web"), None);
            one["state"] = "weight".into();
            one["until"] = Value::Null;
            one["weight"] =
                json!({ "to": 40, "from": null, "now": 22.5, "begin": begin, "end": end });
            one
        };
        let told = |end: Option<&str>| {
            let answer = json!({
                "override": weight(end), "also": [], "replaced": [weight(end)], "effect": effect(false),
                "applied": true, "notes": [],
            });
            changed(&serde_json::from_value(answer).expect("an answer"), now, Palette::PLAIN)
        };
        check(
            &told(Some("2026-01-01T00:30:00Z")),
            &[
                "replaces weight 40 (now 22.5, since 0 s, until 00:30 UTC, in 30 m) without end by ada\n",
                "applied: weight 40 of endpoint fra, reached at 00:30 UTC, in 30 m; without end; \
                 undo with: fingerpost weight web/fra --reset\n",
            ],
        );
        check(
            &told(None),
            &[
                "replaces weight 40 without end by",
                "applied: weight 40 of endpoint fra without end;",
            ],
        );
    }

    #[test]
    fn what_was_removed_is_told() {
        let told = |refused: bool, applied: bool, what: &str| {
            let answer = json!({
                "removed": [pinned("site", None, None)], "effect": effect(refused), "applied": applied, "notes": [],
            });
            let text = removed(&serde_json::from_value(answer).expect("an answer"), Palette::PLAIN);
            check(&text, &[&format!("\n{what}: drain site fra, set by ada: CHG1\n")]);
        };
        told(false, true, "removed");
        told(false, false, "would be removed");
        told(true, true, "removed, by force");
        told(true, false, "would be refused without --force");
    }

    #[test]
    fn a_refusal_shows_what_would_have_been() {
        let answer = json!({
            "status": 409, "title": "nothing of it would be up", "effect": effect(true), "notes": ["look out"],
        });
        let text = refused(&serde_json::from_value(answer).expect("a refusal"), Palette::PLAIN);
        check(&text, &["  refused  web@example.com  A  whole  fail-open", "note: look out\n"]);
    }

    #[test]
    fn targets_are_told_as_they_are_typed() {
        let check = |kind, pool, zone, expected: &str| {
            let pinned = serde_json::from_value(pinned(kind, pool, zone)).expect("an override");
            assert_eq!(typed(&pinned), expected);
        };
        check("site", None, None, "site:fra");
        check("pool", None, Some("example.com."), "pool:fra@example.com");
        check("endpoint", Some("web"), Some("."), "web/fra@.");
        check("endpoint", None, None, "'*/fra'");
    }
}
