//! What a change would take, and whether that may be.

use super::super::testing::Fixture;
use super::*;
use crate::steer::model::Endpoint;

/// Everything is up but what is named.
#[derive(Debug)]
struct By(Vec<(String, Standing)>);

impl By {
    /// `fra-1 down, iad-1 drained`
    fn new(text: &str) -> Self {
        let one = |one: &str| {
            let (name, word) = one.split_once(' ').unwrap();
            let standing = match word {
                "down" => Standing::Down,
                "drained" => Standing::Drained,
                "unknown" => Standing::Unknown,
                _ => panic!("{word}"),
            };
            (name.to_owned(), standing)
        };
        Self(text.split(", ").filter(|text| !text.is_empty()).map(one).collect())
    }
}

impl Standings for By {
    fn standing(&self, _: &Pool, endpoint: &Endpoint, _: Family) -> Standing {
        let known = self.0.iter().find(|(name, _)| *name == endpoint.name);
        known.map_or(Standing::Up, |(_, standing)| *standing)
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        true
    }
}

/// A pool of this many sites, of which fra has the weights 3, 1 and 0, then `more`.
fn fixture(sites: &[&str], more: &str) -> Fixture {
    let server: String =
        ["fra", "iad", "sin"].map(|site| format!("sites.{site}.coordinates = [1, 2]\n")).concat();
    let mut number = 0;
    let mut endpoint = |site: &str, weight: u8| {
        number += 1;
        format!("{{ site = \"{site}\", a = \"192.0.2.{number}\", weight = {weight} }},\n")
    };
    let endpoints: Vec<String> =
        sites.iter().flat_map(|site| [3, 1, 0].map(|weight| endpoint(site, weight))).collect();
    let web = format!(
        "[names.www]\npool = \"web\"\n[names.w3]\npool = \"web\"\n[pools.web]\nendpoints = [\n{}]\n{more}",
        endpoints.concat()
    );
    Fixture::new(&server, &[("example.com", &web)])
}

fn effect_of(fixture: &Fixture, [before, after, probed]: [&str; 3]) -> Effect {
    let [before, after, probed] = [before, after, probed].map(By::new);
    effect(
        &fixture.catalog,
        Change { before: &before, after: &after, probed: &probed, sessions: &|_| None },
    )
}

const FRA_DRAINED: &str = "fra-1 drained, fra-2 drained, fra-3 drained";
const ALL_THE_SAME: &str = "addresses would be handed out all the same (on_all_down = all)";

/// The one pool that is touched, as `NOW → THEN, verdict: why`.
fn check(fixture: &Fixture, before: &str, after: &str, expected: &str) {
    let effect = effect_of(fixture, [before, after, ""]);
    let told: Vec<String> = effect
        .pools
        .iter()
        .map(|pool| {
            let verdict = serde_json::to_value(pool.verdict).unwrap();
            let verdict = verdict.as_str().unwrap();
            format!("{} → {}, {verdict}: {}", pool.before, pool.after, pool.why)
        })
        .collect();
    assert_eq!(told, [expected], "{before} → {after}");
    assert_eq!(effect.refused, expected.contains("refused"));
    assert_eq!(effect.names, ["w3.example.com.", "www.example.com."]);
}

#[test]
fn reasons_for_what_goes() {
    let [one, two, three] =
        [&["fra"][..], &["fra", "iad"], &["fra", "iad", "sin"]].map(|sites| fixture(sites, ""));
    let (fra, all) = (FRA_DRAINED, ALL_THE_SAME);
    let iad = "iad-1 down, iad-2 down, iad-3 down";
    // The last site goes.
    check(&one, "", fra, &format!("whole → fail-open, refused: nothing of it would be up; {all}"));
    check(
        &two,
        iad,
        &format!("{fra}, {iad}"),
        &format!("degraded → fail-open, refused: nothing of it would be up; {all}"),
    );
    // What is left of a site is too little.
    let under = "what is left of site fra would fall under min_up = 0.5";
    check(&two, "", "fra-1 down", &format!("whole → degraded, refused: {under}"));
    check(
        &two,
        "fra-2 down",
        "fra-1 drained, fra-2 down",
        "whole → degraded, refused: only endpoints of weight 0 would be left of site fra",
    );
    check(
        &one,
        "fra-2 down",
        "fra-1 down, fra-2 down",
        "whole → degraded, refused: only endpoints of weight 0 would be left of site fra",
    );
    // A site goes and others remain.
    check(&two, "", fra, "whole → whole, warned: site fra would go; only iad would remain");
    check(&three, "", fra, "whole → whole, fine: site fra would go; there remain iad, sin");
    check(
        &two,
        "iad-1 down",
        &format!("{fra}, iad-1 down"),
        "degraded → degraded, warned: site fra would go; what remains is under min_up: iad",
    );
    check(
        &three,
        "",
        &format!("{fra}, {iad}"),
        "whole → degraded, warned: sites fra, iad would go; only sin would remain",
    );
}

#[test]
fn reasons_for_what_stays_and_comes_back() {
    let [one, two] = [&["fra"][..], &["fra", "iad"]].map(|sites| fixture(sites, ""));
    let (fra, all) = (FRA_DRAINED, ALL_THE_SAME);
    // Less of a site that was not trusted before.
    check(
        &two,
        "fra-1 down",
        "fra-1 down, fra-2 down",
        "degraded → degraded, warned: only endpoints of weight 0 would be left of site fra",
    );
    // Within a site.
    let same = "every site stays as far to be relied on as it is";
    check(&two, "", "fra-1 drained", &format!("whole → whole, fine: {same}"));
    check(&two, "", "fra-2 down", &format!("whole → whole, fine: {same}"));
    // Back again.
    check(&two, fra, "", "whole → whole, fine: site fra goes from drained to trusted");
    check(&two, "fra-1 down", "", "degraded → whole, fine: site fra goes from degraded to trusted");
    check(
        &one,
        fra,
        "fra-1 down, fra-2 down, fra-3 down",
        &format!("fail-open → fail-open, warned: nothing of it is up, and would not be; {all}"),
    );
}

#[test]
fn what_no_probe_finds_up_is_warned_of() {
    let fixture = fixture(&["fra", "iad"], "");
    let effect =
        effect_of(&fixture, ["fra-2 down, iad-2 unknown", "", "fra-2 down, iad-2 unknown"]);
    assert_eq!(effect.pools[0].verdict, Judgement::Warned);
    assert_eq!(effect.pools[0].why, "handed out though no probe finds them up: fra-2, iad-2");
    assert_eq!(effect.endpoints, 2);
}

#[test]
fn pools_behind_a_pool_count_while_they_serve() {
    let spare = "on_all_down = \"fallback\"\nfallback = \"spare\"\n[pools.spare]\n\
                 on_all_down = \"servfail\"\n\
                 endpoints = [{ site = \"sin\", a = \"192.0.2.99\", name = \"spare\" }]\n";
    let fixture = fixture(&["fra"], spare);
    let down = "fra-1 down, fra-2 down, fra-3 down";
    let check = |before: &str, after: &str, expected: &[&str]| {
        let effect = effect_of(&fixture, [before, after, ""]);
        let told: Vec<String> = effect
            .pools
            .iter()
            .map(|pool| format!("{} {}: {}", pool.pool, pool.after, pool.why))
            .collect();
        assert_eq!(told, expected, "{before} → {after}");
    };
    check("", down, &["web fallback: nothing of it would be up; pool spare would serve"]);
    check("", "spare down", &["spare servfail: nothing of it would be up; queries would fail"]);
    let both = &format!("{down}, spare down");
    check(
        down,
        both,
        &[
            "web servfail: its fallback serves now, and would have nothing up: servfail",
            "spare servfail: nothing of it would be up; queries would fail",
        ],
    );
    check(
        both,
        down,
        &[
            "web fallback: its fallback makes it fallback",
            "spare whole: site sin goes from dead to trusted",
        ],
    );
    check(
        "",
        both,
        &[
            "web servfail: nothing of it would be up; queries would fail",
            "spare servfail: nothing of it would be up; queries would fail",
        ],
    );
}

#[test]
fn what_is_tolerated_is_warned_of() {
    let fixture = fixture(&["fra"], "");
    let verdicts = |after: &str| {
        let effect = effect_of(&fixture, ["", after, ""]).tolerated();
        assert!(!effect.refused, "{after}");
        effect.pools.iter().map(|pool| pool.verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(FRA_DRAINED), [Judgement::Warned]);
    assert_eq!(verdicts("fra-2 drained"), [Judgement::Fine]);
}

#[test]
fn nothing_moves_nothing() {
    let fixture = fixture(&["fra"], "");
    assert_eq!(effect_of(&fixture, ["fra-1 down", "fra-1 down", ""]), Effect::default());
    assert_eq!(Effect::default().in_short(), "0 endpoints, no pool touched");
    let effect = effect_of(&fixture, ["", "fra-2 drained", ""]);
    assert_eq!(
        effect.in_short(),
        "1 endpoint; web A whole → whole: every site stays as far to be relied on as it is"
    );
}

/// VIPs of weights 3 and 1 at three sites, whose feeds tell sessions.
fn vips(sites: &[&str], more: &str) -> Fixture {
    let mut server: String =
        sites.iter().map(|site| format!("sites.{site}.coordinates = [1, 2]\n")).collect();
    let mut endpoints = String::new();
    for (number, site) in sites.iter().enumerate() {
        for (place, weight) in [(1, 3), (2, 1)] {
            server += &format!(
                "[directors.{site}-{place}]\nsite = \"{site}\"\nmode = \"dr\"\nservice = \"tcp/80\"\n\
                 vip = {{ a = \"192.0.2.{number}{place}\" }}\nreals = [ {{ address = \"10.0.0.2:80\" }} ]\n\
                 feed = {{ type = \"json\", url = \"http://10.0.0.1/{number}{place}\" }}\n",
                number = number + 1
            );
            endpoints += &format!("{{ director = \"{site}-{place}\", weight = {weight} }},\n");
        }
    }
    let web =
        format!("[names.www]\npool = \"web\"\n[pools.web]\nendpoints = [\n{endpoints}]\n{more}");
    Fixture::new(&server, &[("example.com", &web)])
}

#[test]
fn what_remains_may_carry_too_little() {
    let sites = ["fra", "iad", "sin"];
    let check = |capacity: &str, sessions: [Option<u64>; 3], after: &str, expected: &str| {
        let fixture = vips(&sites, capacity);
        let (before, after) = (By::new(""), By::new(after));
        // The first of each site has them.
        let sessions = |endpoint: &Endpoint| {
            let site = sites.iter().position(|site| *site == endpoint.site.name).unwrap();
            if endpoint.name.ends_with("-1") { sessions[site] } else { Some(0) }
        };
        let change =
            Change { before: &before, after: &after, probed: &before, sessions: &sessions };
        let effect = effect(&fixture.catalog, change);
        let [pool] = &effect.pools[..] else { panic!("one pool") };
        let verdict = serde_json::to_value(pool.verdict).unwrap();
        assert_eq!(format!("{}: {}", verdict.as_str().unwrap(), pool.why), expected, "{after:?}");
        assert_eq!(effect.refused, expected.contains("refused"));
    };
    let known = "capacity = { fra = 100, iad = 100, sin = 100 }";
    let [well, full] = [[Some(60); 3], [Some(90); 3]];
    let gone = "site fra would go; there remain iad, sin";
    check(known, well, FRA_DRAINED, &format!("fine: {gone}"));
    let lacks = "what remains carries 200 sessions well, and there are 270";
    check(known, full, FRA_DRAINED, &format!("warned: {gone}; {lacks}"));
    // Where something is not known, nothing is said of it.
    check("", full, FRA_DRAINED, &format!("fine: {gone}"));
    check("capacity = { iad = 100 }", full, FRA_DRAINED, &format!("fine: {gone}"));
    check(
        "capacity = { iad = 100, sin = 100 }",
        full,
        FRA_DRAINED,
        &format!("warned: {gone}; {lacks}"),
    );
    check(known, [Some(90), None, Some(90)], FRA_DRAINED, &format!("fine: {gone}"));
    // A quarter of a site.
    let same = "every site stays as far to be relied on as it is";
    let lacks = "what remains carries 275 sessions well, and there are 280";
    check(
        known,
        [Some(100), Some(90), Some(90)],
        "fra-2 drained",
        &format!("warned: {same}; {lacks}"),
    );
    check(known, full, "fra-2 drained", &format!("fine: {same}"));
    // What is refused stays so.
    let under = "what is left of site fra would fall under min_up = 0.5";
    let lacks = "what remains carries 225 sessions well, and there are 270";
    check(known, full, "fra-1 down", &format!("refused: {under}; {lacks}"));
}
