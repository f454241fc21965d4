//! What an operator does with the page.

use super::kit::{Backend, Mode, until};
use super::page::{Page, tell};
use super::stage::Stage;
use fantoccini::key::Key;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// After the API says that something changed, the page must show it within this: a part of a second, and what a busy
/// machine adds.
const SHOWN_WITHIN: Duration = Duration::from_secs(8);
/// The narrowest phone that is held in a hand today.
const PHONE_PX: u32 = 360;

#[test]
fn it_loads_and_tells_how_the_server_stands() {
    tell(None, None, &[], async |_, page| {
        page.says("#link-text", "live").await;
        page.says("#wrong-title", "All is well: 5 endpoints at 3 sites").await;
        for endpoint in ["fra-1", "fra-2", "iad-1", "iad-2", "sin-1"] {
            page.shows(&format!("tr[data-endpoint={endpoint}][data-state=up]")).await;
        }
        page.says("[data-site=sin]", "1 of 1 up").await;
        page.says("#zones", "example.com").await;
        page.shows("#events [data-kind=started]").await;
        page.holds("return document.querySelector('.land').getAttribute('d').length > 10000").await;
        page.holds("return document.querySelectorAll('.spot').length === 3").await;
    });
}

#[test]
fn an_endpoint_that_goes_down_is_shown_soon() {
    tell(None, None, &[], async |stage, page| {
        page.shows("tr[data-endpoint=fra-1][data-state=up]").await;
        stage.backends.get_mut("fra-1").expect("a backend").stop();
        until("the verdict", || (stage.standing("fra-1") == "down").then_some(()));
        let known = Instant::now();
        page.shows_within("tr[data-endpoint=fra-1][data-state=down]", SHOWN_WITHIN).await;
        page.says("[data-site=fra]", "1 of 2 up").await;
        page.says("#wrong-list", "fra-1").await;
        page.shows(".spot[data-state=degraded]").await;
        assert!(known.elapsed() < SHOWN_WITHIN, "shown after {:?}", known.elapsed());
        page.says("#events", "fra-1").await;

        stage.backends.get_mut("fra-1").expect("a backend").restart();
        page.shows("tr[data-endpoint=fra-1][data-state=up]").await;
        page.says("#wrong-title", "All is well").await;
    });
}

/// A director in Frankfurt whose feed is a backend of the story, and a pool that hands it out.
const DIRECTOR: &str = r#"
[directors.lvs-fra]
site = "fra"
vip = { a = "192.0.2.100" }
mode = "dr"
service = "tcp/80"
capacity = 1000
feed = { type = "json", url = "http://127.0.0.1:PORT/", interval = "100ms", timeout = "90ms", stale_after = "1s" }

[pools.vips]
endpoints = [ { director = "lvs-fra", weight = 4 }, { site = "iad", a = "192.0.2.29" } ]

[names.vips]
pool = "vips"
"#;

/// What the director says: two of its real servers, the second one in this state.
fn report(state: &str) -> Mode {
    let text = format!(
        r#"{{ "sessions": 123, "reals": [ {{ "name": "web1", "state": "up", "weight": 3 }},
        {{ "name": "web2", "state": "{state}", "weight": 1 }} ] }}"#
    );
    Mode::Answer(200, text)
}

/// The configuration gets a director, whose feed this is.
fn director_appears(stage: &Stage) -> Backend {
    let feed = Backend::http(Ipv4Addr::LOCALHOST.into(), 0);
    feed.set(report("up"));
    let steering = std::fs::read_to_string(stage.dir.file("zones/example.com.toml"));
    let director = DIRECTOR.replace("PORT", &feed.port().to_string());
    stage.dir.replace("zones/example.com.toml", steering.expect("a steering") + &director);
    feed
}

#[test]
fn what_stands_behind_a_vip_is_shown_and_followed() {
    tell(None, None, &[], async |stage, page| {
        page.shows("tr[data-endpoint=fra-1]").await;
        page.holds("return document.querySelector('.area-directors').hidden").await;
        let mut feed = director_appears(stage);
        let card = "[data-director=lvs-fra]";
        page.shows(&format!("{card}[data-state=up]")).await;
        page.says(card, "100 % live").await;
        page.says(card, "123 / 1\u{202f}000 sessions").await;
        page.says(card, "feed json").await;

        feed.set(report("down"));
        page.shows(&format!("{card} [data-real=web2][data-state=down]")).await;
        page.says(card, "75 % live").await;
        page.says("tr[data-endpoint=lvs-fra] [data-column=weight]", "3 of 4").await;
        page.says("tr[data-endpoint=lvs-fra] .weight-because", "1 of 2 real servers live").await;
        page.says("[data-pool=vips] .shed", "fra takes 75 %").await;
        page.says("#wrong-list", "director lvs-fra").await;
        explain(page, "vips.example.com", "198.51.100.7").await;
        page.says("#explained", "takes 75 % of the client networks").await;
        page.says("#explained .weights", "lvs-fra 3 of 4").await;

        feed.stop();
        page.says(card, "is not heard").await;
        page.says(card, "the check of the VIP decides alone").await;
        page.click(&format!("{card} button")).await;
        page.says(".effect", "1 endpoint").await;
        page.fill("#override-by", "alice").await;
        page.fill("#override-reason", "CHG124").await;
        page.click("dialog[open] .primary").await;
        page.lacks("dialog[open]").await;
        page.shows("tr[data-endpoint=lvs-fra][data-state=drained]").await;
        page.says(&format!("{card} button"), "Undrain").await;
    });
}

async fn explain(page: &Page, name: &str, client: &str) {
    page.fill("#explain-name", name).await;
    page.fill("#explain-client", client).await;
    page.click("#explain button").await;
}

#[test]
fn it_explains_a_query_and_draws_the_way() {
    tell(None, None, &["status of 4"], async |stage, page| {
        page.shows(".spot").await;
        explain(page, "www.example.com", "198.51.100.7").await;
        page.says(".verdict-line", "is served from Frankfurt").await;
        page.says(".trail", "EU-FR").await;
        page.says(".order .serves", "Frankfurt").await;
        page.holds("return document.querySelectorAll('.way').length === 3").await;
        page.holds("return document.querySelectorAll('.way.serves').length === 1").await;
        let ranks =
            "[...document.querySelectorAll('.rank')].map((it) => it.textContent).sort().join()";
        page.holds(&format!("return {ranks} === '1,2,3'")).await;
        page.holds("return document.querySelector('.client-mark') !== null").await;

        // The link to it says the same to whoever opens it.
        let hash = page.run("return location.hash").await;
        let hash = hash.as_str().expect("a text").to_owned();
        assert!(hash.contains("name=www.example.com") && hash.contains("198.51.100.7"), "{hash}");

        for endpoint in ["fra-1", "fra-2"] {
            stage.backends.get_mut(endpoint).expect("a backend").stop();
        }
        page.shows("[data-site=fra][data-state=down]").await;
        page.click("#explain button").await;
        page.says(".verdict-line", "is served from Ashburn").await;
        page.holds("return document.querySelectorAll('.way.dead').length === 1").await;

        // Data that is the same for everybody has no way; nonsense has a reason.
        explain(page, "plain.example.com", "203.0.113.7").await;
        page.says(".verdict-line", "plain data").await;
        page.lacks(".way").await;
        explain(page, "www.example.com", "nonsense").await;
        page.says("#explained .refusal", "nonsense").await;
    });
}

#[test]
fn a_site_is_drained_and_undrained() {
    tell(None, None, &[], async |stage, page| {
        page.click("[data-site=iad] button").await;
        page.shows("dialog[open]").await;
        page.says(".effect", "2 endpoints").await;
        page.says(".effect", "trusted → ").await;
        // Nothing happened yet.
        assert_eq!(stage.standing("iad-1"), "up");
        page.fill("#override-by", "alice").await;
        page.fill("#override-reason", "CHG123").await;
        page.click("dialog[open] .primary").await;
        page.lacks("dialog[open]").await;
        page.shows("[data-site=iad][data-state=drained]").await;
        page.shows("tr[data-endpoint=iad-1][data-state=drained]").await;
        page.says("#overrides", "alice: CHG123").await;
        page.says("#events", "iad").await;
        let written = std::fs::read_to_string(stage.dir.file("overrides.toml")).expect("overrides");
        assert!(written.contains("CHG123"), "{written}");

        page.click("[data-site=iad] button").await;
        page.says("dialog[open] .effect", " → trusted").await;
        page.click("dialog[open] .primary").await;
        page.shows("[data-site=iad][data-state=up]").await;
        page.says("#overrides-note", "none in force").await;
        assert_eq!(stage.standing("iad-1"), "up");
    });
}

#[test]
fn overrides_on_one_endpoint_are_removed_one_by_one() {
    tell(None, None, &[], async |stage, page| {
        page.shows("tr[data-endpoint=fra-1][data-state=up]").await;
        let set = |pool: &str| {
            format!(
                "fetch('/api/v1/overrides', {{ method: 'POST', \
                 headers: {{ 'content-type': 'application/json' }}, \
                 body: JSON.stringify({{ endpoint: 'fra-1', pool: '{pool}', state: 'drain' }}) }})"
            )
        };
        page.run(&format!("{}.then(() => {})", set("web"), set("*"))).await;
        page.holds("return document.querySelectorAll('[data-override=fra-1]').length === 2").await;
        // Each by itself, though the one takes in what the other is on.
        for left in [1, 0] {
            page.click("[data-override=fra-1]:last-child button").await;
            page.fill("#override-by", "alice").await;
            page.click("dialog[open] .primary").await;
            page.lacks("dialog[open]").await;
            let count = "return document.querySelectorAll('[data-override=fra-1]').length";
            page.holds(&format!("{count} === {left}")).await;
        }
        page.says("#overrides-note", "none in force").await;
        page.shows("tr[data-endpoint=fra-1][data-state=up]").await;
        assert_eq!(stage.standing("fra-1"), "up");
    });
}

#[test]
fn what_would_leave_nobody_to_serve_asks_twice() {
    tell(None, None, &["status of 409"], async |stage, page| {
        page.click(".pool-head button").await;
        page.says(".effect", "Refused").await;
        page.fill("#override-by", "alice").await;
        page.fill("#override-reason", "a test").await;
        page.holds("return document.querySelector('dialog[open] .primary').disabled").await;
        page.click("#override-force").await;
        page.click("dialog[open] .primary").await;
        page.lacks("dialog[open]").await;
        page.holds("return document.querySelectorAll('tr[data-state=drained]').length === 5").await;
        assert_eq!(stage.standing("sin-1"), "drained");
    });
}

#[test]
fn everything_is_reached_by_keyboard() {
    tell(None, None, &[], async |_, page| {
        page.shows("tr[data-endpoint=fra-1]").await;
        // The shortcut goes to the form; its fields follow each other.
        page.press("e").await;
        page.press("www.example.com").await;
        page.tab_to("#explain-client").await;
        page.press("203.0.113.7").await;
        page.press_key(Key::Enter).await;
        page.says(".verdict-line", "is served from Ashburn").await;

        // From the top of the page: the link over everything, the sites on the map, the drain of a site.
        page.run("document.activeElement.blur(); scrollTo(0, 0)").await;
        page.press_key(Key::Tab).await;
        page.tab_to(".spot").await;
        page.tab_to("[data-site=sin] button").await;
        page.press_key(Key::Enter).await;
        page.shows("dialog[open]").await;
        page.holds("return document.activeElement.id === 'override-reason'").await;
        page.press("by keyboard").await;
        // The keyboard stays inside the dialog.
        let inside = "return document.activeElement === document.body \
            || document.activeElement.closest('dialog') !== null";
        for _ in 0..12 {
            page.press_key(Key::Tab).await;
            page.holds(inside).await;
        }
        page.tab_to("#override-by").await;
        page.press("alice").await;
        page.press_key(Key::Enter).await;
        page.shows("[data-site=sin][data-state=drained]").await;
        // The row was made anew, and the keyboard is still at its button.
        page.tab_to("[data-site=sin] button").await;
        page.press_key(Key::Enter).await;
        page.shows("dialog[open]").await;
        page.press_key(Key::Escape).await;
        page.lacks("dialog[open]").await;
        // The filter, by its shortcut.
        page.run("document.activeElement.blur()").await;
        page.press("/").await;
        page.press("iad").await;
        page.holds("return document.querySelectorAll('tbody tr').length === 2").await;
    });
}

#[test]
fn a_phone_needs_no_sideways_scrolling() {
    tell(None, Some(PHONE_PX), &[], async |stage, page| {
        let fits =
            "return document.documentElement.scrollWidth <= innerWidth && innerWidth === 360";
        page.shows("tr[data-endpoint=fra-1]").await;
        page.holds(fits).await;
        explain(page, "www.example.com", "198.51.100.7").await;
        page.says(".verdict-line", "Frankfurt").await;
        page.holds(fits).await;
        let feed = director_appears(stage);
        feed.set(report("down"));
        page.says("[data-director=lvs-fra]", "75 % live").await;
        page.holds(fits).await;
        page.run("document.querySelector('[data-site=fra] button').click()").await;
        page.says(".effect", "trusted → ").await;
        page.holds(fits).await;
        page.holds("return document.querySelector('dialog').getBoundingClientRect().right <= 360")
            .await;
    });
}

#[test]
fn a_token_is_asked_for_once() {
    tell(
        Some("open-sesame-of-some-length-0123456789\n"),
        None,
        &["status of 401"],
        async |_, page| {
            // What a header cannot bear is refused before it is sent.
            page.fill("#token", "open–sesame").await;
            page.click("#token-form .primary").await;
            page.says("#token-refusal", "no token").await;
            page.fill("#token", "wrong").await;
            page.click("#token-form .primary").await;
            page.says("#token-refusal", "refused").await;
            page.fill("#token", "open-sesame-of-some-length-0123456789").await;
            page.click("#token-form .primary").await;
            page.shows("tr[data-endpoint=fra-1]").await;
            page.lacks("dialog[open]").await;
            explain(page, "www.example.com", "198.51.100.7").await;
            page.says(".verdict-line", "Frankfurt").await;

            // One that was stored all the same is forgotten, and the page asks again.
            page.run(
                "sessionStorage.setItem('fingerpost-token', 'open–sesame'); location.reload()",
            )
            .await;
            page.fill("#token", "open-sesame-of-some-length-0123456789").await;
            page.click("#token-form .primary").await;
            page.shows("tr[data-endpoint=fra-1]").await;
        },
    );
}

#[test]
fn a_server_that_is_gone_leaves_a_page_that_says_so() {
    tell(None, None, &["ERR_", "Failed to fetch", "land.json"], async |stage, page| {
        page.shows("tr[data-endpoint=fra-1]").await;
        stage.kill_server();
        page.says("#link-text", "stale since").await;
        page.shows("body.stale tr[data-endpoint=fra-1]").await;
    });
}
