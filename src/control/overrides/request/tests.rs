//! What can be asked, and what is said of what cannot.

use super::*;
use serde_json::{Value, json};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn what_can_be_asked() {
    let check = |request: Value, expected: (&str, Option<i64>)| {
        let request: Request = serde_json::from_value(request).unwrap();
        let asked = request.check(at(999) + SignedDuration::from_millis(1)).unwrap();
        let until = asked.until.map(Timestamp::as_second);
        assert_eq!((&*asked.wanted.to_string(), until), expected, "{request:?}");
    };
    let drain = |mut request: Value| {
        request["state"] = "drain".into();
        request
    };
    check(drain(json!({ "site": "fra" })), ("site:fra", Some(4600)));
    check(drain(json!({ "target": "fra", "for": "2h" })), ("fra", Some(8200)));
    check(drain(json!({ "target": "fra", "zone": "*" })), ("fra@*", Some(4600)));
    check(
        drain(json!({ "pool": "web", "zone": "example.com", "forever": true })),
        ("pool:web@example.com", None),
    );
    check(drain(json!({ "endpoint": "a" })), ("endpoint:a", Some(4600)));
    check(drain(json!({ "endpoint": "a", "pool": "web" })), ("web/a", Some(4600)));
    let until = "1970-01-01T02:00:00.9+01:00";
    check(drain(json!({ "endpoint": "a", "pool": "*", "until": until })), ("*/a", Some(3600)));
    check(json!({ "target": "a", "weight": 4, "over": "30m" }), ("a", None));
    check(json!({ "target": "a", "weight": 4, "over": "1h", "for": "1h" }), ("a", Some(4600)));
}

#[test]
fn what_cannot_be_asked_says_why() {
    let check = |mut request: Value, status: u16, expected: &str| {
        for (key, value) in [("state", "drain"), ("target", "fra")] {
            if request.get(key).is_none() && (key == "state" || request.get("site").is_none()) {
                request[key] = value.into();
            }
        }
        let request: Request = serde_json::from_value(request).unwrap();
        let refused = request.check(at(1000)).unwrap_err();
        assert_eq!(refused.status, status);
        let told = format!("{}; {}", refused.title, refused.help.unwrap_or_default());
        assert!(told.contains(expected), "{told}");
    };
    check(json!({ "state": "drian" }), 400, "did you mean \"drain\"?");
    check(json!({ "state": "" }), 400, "neither a state nor a weight is given");
    check(json!({ "over": "5m" }), 400, "over goes with a weight");
    check(json!({ "weight": 4 }), 400, "a state or a weight, not both");
    let weight = |more: Value| {
        let mut request = json!({ "state": "", "weight": 4 });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    check(weight(json!({ "weight": 1_000_001 })), 400, "from 0 to 1000000");
    check(weight(json!({ "over": "soon" })), 400, "is no duration");
    check(weight(json!({ "over": "31d" })), 400, "1s to 30d");
    check(weight(json!({ "over": "2h", "for": "1h" })), 400, "before its weight is reached");
    check(json!({ "site": "a", "pool": "b" }), 400, "several things");
    check(json!({ "target": "site:" }), 400, "names no site, pool, endpoint or director");
    check(json!({ "zone": "a..b" }), 400, "is no zone");
    check(json!({ "target": "a@b", "zone": "c" }), 400, "twice");
    check(json!({ "for": "2 hours" }), 400, "is no duration");
    check(json!({ "for": "0s" }), 400, "ended already");
    check(json!({ "for": "9999999999d" }), 400, "end of all calendars");
    check(json!({ "until": "tomorrow" }), 400, "is no moment");
    check(json!({ "until": "1970-01-01T00:00:00Z" }), 400, "ended already");
    check(json!({ "for": "1h", "forever": true }), 400, "one end only");
    check(json!({ "reason": "a\nb" }), 400, "one line");
    check(json!({ "by": "x".repeat(501) }), 400, "501 bytes");
    let nothing: Request = serde_json::from_value(json!({ "state": "up" })).unwrap();
    assert_eq!(nothing.check(at(0)).unwrap_err().title, "an override on nothing");
    assert!(serde_json::from_value::<Request>(json!({ "sit": "fra" })).is_err());
}

#[test]
fn what_can_be_removed() {
    let check = |removal: Value, expected: Option<Option<&str>>| {
        let removal: Removal = serde_json::from_value(removal).unwrap();
        let asked = removal.check().ok();
        let wanted = asked.map(|asked| asked.wanted.map(|wanted| wanted.to_string()));
        assert_eq!(wanted, expected.map(|expected| expected.map(str::to_owned)), "{removal:?}");
    };
    check(json!({ "all": true }), Some(None));
    check(json!({ "target": "fra" }), Some(Some("fra")));
    check(json!({ "site": "fra", "zone": "example.com" }), Some(Some("site:fra@example.com")));
    check(json!({ "site": "fra", "all": true }), None);
    check(json!({}), None);
}
