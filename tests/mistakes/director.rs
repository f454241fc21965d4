//! What can be wrong with directors and with what hands them out.

use super::{Mistake, append, mistake, replace};

const STEERED: &str = "zones/example.com.toml";
/// Begins in line 7 of the zone's file.
const DIRECTOR: &str = "[directors.lvs]\nsite = \"fra\"\nvip = { a = \"192.0.2.1\" }\nmode = \"dr\"\n\
    service = \"tcp/80\"\nreals = [ { address = \"10.0.0.2:80\" } ]\n";

/// Of directors, their feeds and their endpoints.
pub fn directors() -> Vec<Mistake> {
    let spoilt = |from: &'static str, to: &'static str| {
        move |dir: &crate::kit::ConfigDir| {
            append(STEERED, DIRECTOR)(dir);
            replace(STEERED, "{ site = \"fra\", a = \"192.0.2.1\" }", "{ director = \"lvs\" }")(
                dir,
            );
            replace(STEERED, from, to)(dir);
        }
    };
    vec![
        mistake(
            "an unknown director",
            spoilt("director = \"lvs\"", "director = \"lsv\""),
            "zones/example.com.toml:3:16",
            "unknown director \"lsv\"",
            "\"lvs\"",
            false,
        ),
        mistake(
            "an endpoint at a site of its own",
            spoilt("director = \"lvs\"", "director = \"lvs\", site = \"fra\""),
            "zones/example.com.toml:3:23",
            "\"site\" of this endpoint is its director's",
            "leave it out",
            false,
        ),
        mistake(
            "a port that the mode cannot change",
            spoilt("10.0.0.2:80", "10.0.0.2:8080"),
            "zones/example.com.toml:12:23",
            "mode \"dr\" does not change ports",
            "\"10.0.0.2:80\"",
            false,
        ),
        mistake(
            "a login in the URL of a feed",
            spoilt(
                "reals =",
                "feed = { type = \"ipvs\", url = \"http://a:b@10.0.0.1/\" }\nreals =",
            ),
            "zones/example.com.toml:12:31",
            "a login in a URL",
            "login_file",
            false,
        ),
        mistake(
            "a method by load that nobody tells",
            spoilt("endpoints =", "method = \"least-connections\"\nendpoints ="),
            "zones/example.com.toml:2:10",
            "nobody tells the sessions of \"lvs\"",
            "feed",
            false,
        ),
    ]
}
