//! Mistakes in `overrides.toml`, and what is said of them.

use super::findings::assert_findings;
use super::{Fixture, SITES};

#[test]
fn of_overrides() {
    let sound = "until = 2999-01-01T00:00:00Z, reason = \"works\"";
    let check = |text: &str, expected: &[&str]| {
        let text = text.replace("SOUND", sound);
        let fixture = Fixture::with_server(&format!(
            "{SITES}[pools.web]\nendpoints = [ {{ site = \"fra\", a = \"192.0.2.1\" }} ]"
        ));
        fixture.write("overrides.toml", &text);
        assert_findings(&fixture, &text, expected);
    };
    check("", &[]);
    check("override = [", &["error overrides.toml:1:"]);
    check("override = [ { site = \"fra\", state = \"down\", SOUND } ]", &[]);
    check(
        "override = [ { pool = \"web\", endpoint = \"fra-1\", state = \"drain\", by = \"me\", SOUND } ]",
        &[],
    );
    check(
        "[[override]]\nsite = \"fra\"\nstate = \"up\"\n[[override]]\nsite = \"fra\"\nstate = \"up\"\nreason = \"x\"\n\
         until = 2020-01-01T00:00:00Z",
        &[
            "warning overrides.toml:1:1 an override without an end",
            "warning overrides.toml:1:1 an override without a reason",
            "warning overrides.toml:8:9 this override has ended",
        ],
    );
    check(
        "override = [\n{ state = \"up\", SOUND },\n{ site = \"fra\", pool = \"web\", state = \"up\", SOUND },\n\
         { site = \"fra\", state = \"dwn\", SOUND },\n{ site = \"fra\", SOUND },\n\
         { site = \"fra\", state = \"up\", until = 2999-01-01, reason = \"x\" },\n\
         { site = \"fra\", state = \"up\", until = \"soon\", reason = \"x\" },\n\
         { site = \"fra\", state = \"up\", until = 3, reason = \"x\" },\n\
         { site = \"fra\", state = \"up\", untill = 3, SOUND, zone = \"a..b\" },\n\
         { site = \"lhr\", state = \"up\", SOUND },\n]",
        &[
            "2:1 an override on nothing",
            "3:10 an override on a site has neither pool nor endpoint",
            "4:25 unknown state \"dwn\" | did you mean \"down\"?",
            "5:1 an override needs \"state\"",
            "6:39 \"2999-01-01\" is no moment in time",
            "7:39 \"soon\" is no moment in time",
            "8:39 \"until\" must be a date and time, not a whole number",
            "9:31 unknown key \"untill\" in an override | did you mean \"until\"?",
            "9:98 \"a..b\" is no zone",
            "warning overrides.toml:10:1 no endpoint matches site lhr",
        ],
    );
}

#[test]
fn of_planned_weights() {
    let check = |text: &str, expected: &[&str]| {
        let text = text.replace("FRA", "endpoint = \"fra-1\", reason = \"x\"");
        let fixture = Fixture::with_server(&format!(
            "{SITES}[pools.web]\nendpoints = [ {{ site = \"fra\", a = \"192.0.2.1\" }} ]"
        ));
        fixture.write("overrides.toml", &text);
        assert_findings(&fixture, &text, expected);
    };
    // A weight may well be without an end.
    check("override = [ { FRA, weight = 40 } ]", &[]);
    check(
        "override = [ { FRA, weight = 0, from = 1.5, begin = 2030-01-01T00:00:00Z, over = \"30m\" } ]",
        &[],
    );
    check(
        "override = [\n{ weight = 4, state = \"up\", FRA },\n{ FRA, weight = 1_000_001 },\n{ FRA, weight = \"4\" },\n\
         { weight = 4, site = \"fra\", reason = \"x\" },\n{ weight = 4, pool = \"web\", reason = \"x\" },\n\
         { weight = 4, over = \"30m\", from = 3, FRA },\n\
         { weight = 4, begin = \"now\", over = \"31d\", from = -1, FRA },\n\
         { over = \"30m\", FRA },\n]",
        &[
            "2:3 an override has a state or a weight, not both | write two overrides",
            "3:46 \"weight\" cannot be 1000001 | use a whole number from 0 to 1000000",
            "4:46 \"weight\" must be a whole number, not a text",
            "5:3 only endpoints have a weight | write endpoint =",
            "6:3 only endpoints have a weight",
            "7:15 \"over\" says nothing without a begin | add begin =",
            "7:29 \"from\" says nothing without a begin",
            "8:23 \"now\" is no moment in time",
            "8:37 \"over\" cannot be 31d | use 1s to 30d",
            "8:51 \"from\" cannot be -1",
            "9:1 an override needs \"state\" or \"weight\"",
            "9:3 \"over\" goes with a weight, and there is none",
        ],
    );
    check(
        "override = [\n{ weight = 4, begin = 2030-01-01T00:00:00Z, over = \"2h\", \
         until = 2030-01-01T01:00:00Z, FRA },\n]",
        &["warning overrides.toml:2:66 this override ends before its weight is reached"],
    );
}
