//! Overrides set and removed: on files alone, and on a server at work.

use super::testing::{self, Fixture};
use super::*;
use crate::config;
use crate::control::knowledge::Knowledge;
use crate::control::testing::Scene;
use crate::control::{Options, Server};
use crate::health::ProbeResult;
use crate::health::overrides::Pin;
use crate::health::state as probe;
use crate::report::Source;
use crate::snapshot::Standings;
use audit::AUDIT_FILE;
use serde_json::Value;
use std::sync::Barrier;

fn ground(fixture: &Fixture) -> Ground {
    Ground {
        catalog: fixture.catalog.clone(),
        knowledge: Knowledge::default(),
        file: fixture.path("overrides.toml"),
        state: fixture.path("state"),
    }
}

fn ask(state: &str, target: &str) -> Request {
    let subject = Subject::target(target);
    let by = Some("ada".to_owned());
    Request {
        subject,
        state: state.to_owned(),
        reason: "CHG1".to_owned(),
        by,
        ..Request::default()
    }
}

fn release(target: &str) -> Removal {
    Removal { subject: Subject::target(target), by: Some("bob".to_owned()), ..Removal::default() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn audited(fixture: &Fixture) -> Vec<String> {
    let text = std::fs::read_to_string(fixture.path("state").join(AUDIT_FILE)).unwrap_or_default();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let word = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
        [word("action"), word("target"), word("by"), word("outcome")].join(", ")
    };
    text.lines().map(line).collect()
}

#[test]
fn set_refused_forced_and_removed() {
    let fixture = testing::two_zones();
    let ground = ground(&fixture);
    let done = |written: Written| written.told(Ok(())).unwrap();
    let set = |request: &Request| ground.set(request, at(0)).map(done);
    let file = || std::fs::read_to_string(&ground.file).unwrap_or_default();

    let tried = set(&Request { dry_run: true, ..ask("drain", "twin.1") });
    assert_eq!(tried.unwrap_err().status, 404);
    let tried = set(&Request { dry_run: true, ..ask("drain", "twin-1") }).unwrap();
    assert!(tried.is_dry_run && tried.effect.refused);
    assert_eq!(file(), "");

    let refused = set(&ask("drain", "twin-1")).unwrap_err();
    assert_eq!(refused.status, 409);
    assert!(
        refused.title.starts_with("pool twin A: nothing of it would be up"),
        "{}",
        refused.title
    );
    assert!(refused.details.effect.is_some_and(|effect| effect.refused));
    assert_eq!(file(), "");

    let forced = set(&Request { force: true, ..ask("drain", "twin-1") }).unwrap();
    assert_eq!(forced.pinned[0].until, Some(at(3600)));
    assert!(file().starts_with(edit::HEADER), "{}", file());
    assert!(file().contains("endpoint = \"twin-1\"\npool = \"twin\"\nzone = \"example.com.\""));
    let again = set(&Request { force: true, ..ask("down", "twin-1") }).unwrap();
    assert_eq!((again.replaced, again.pinned[0].pin()), (forced.pinned.clone(), Some(Pin::Down)));

    let missing = ground.remove(&release("fra"), at(0)).unwrap_err();
    assert_eq!(
        (missing.status, missing.help.as_deref()),
        (404, Some("there are overrides on twin/twin-1@example.com"))
    );
    let removed = ground.remove(&release("twin/twin-1"), at(0)).unwrap().told(Ok(())).unwrap();
    assert_eq!(removed.pinned, again.pinned);
    assert_eq!(file(), format!("{}\n", edit::HEADER));
    let all = Removal { all: true, ..Removal::default() };
    assert_eq!(ground.remove(&all, at(0)).unwrap_err().status, 404);

    let target = "endpoint twin-1 in twin of example.com.";
    assert_eq!(
        audited(&fixture),
        [
            format!("set, {target}, ada, dry-run"),
            format!("set, {target}, ada, refused"),
            format!("set, {target}, ada, applied"),
            format!("set, {target}, ada, applied"),
            format!("remove, {target}, bob, applied"),
        ]
    );
}

#[test]
fn what_holds_something_up_is_not_removed_unjudged() {
    let mut scene = Scene::all_up(0);
    for endpoint in ["fra-1", "fra-2", "iad-1", "spare-1"] {
        scene.probe(endpoint, probe::Outcome::Failure("refused".to_owned()), 1);
    }
    let fixture = testing::two_zones();
    let mut ground =
        Ground { catalog: scene.load.catalog, knowledge: scene.knowledge, ..ground(&fixture) };
    for (state, target) in [("up", "fra"), ("drain", "iad")] {
        let request = Request { force: true, ..ask(state, target) };
        let set = ground.set(&request, at(0)).unwrap();
        ground.knowledge.overrides.list.extend(set.pinned);
    }
    let file = || std::fs::read_to_string(&ground.file).unwrap();
    let before = file();

    let remove = |removal: &Removal, second: i64| {
        ground.remove(removal, at(second)).map(|written| written.effect.refused)
    };
    let all = Removal { all: true, ..release("") };
    let all = Removal { subject: Subject::default(), ..all };
    for removal in [&release("fra"), &all] {
        let refused = remove(removal, 10).unwrap_err();
        assert_eq!(refused.status, 409);
        assert!(refused.title.contains("nothing of it would be up"), "{}", refused.title);
        assert!(refused.details.effect.is_some_and(|effect| effect.refused));
        assert_eq!(remove(&Removal { dry_run: true, ..removal.clone() }, 10), Ok(true));
    }
    assert_eq!(file(), before);
    assert_eq!(audited(&fixture).last().unwrap(), "remove, site iad, bob, dry-run");

    let undo = |removal: &Removal, second: i64| {
        let done = remove(removal, second);
        std::fs::write(&ground.file, &before).unwrap();
        done
    };
    assert_eq!(undo(&release("iad"), 10), Ok(false), "a drain ends");
    assert_eq!(undo(&release("fra"), 3600), Ok(false), "it has ended by itself");
    assert_eq!(undo(&Removal { force: true, ..release("fra") }, 10), Ok(true));
}

#[test]
fn what_is_not_as_expected_is_noted() {
    let fixture = testing::two_zones();
    let ground = ground(&fixture);
    let set = |state: &str, target: &str| {
        let request = Request { force: true, ..ask(state, target) };
        ground.set(&request, at(0)).unwrap().told(Ok(())).unwrap().notes
    };
    assert_eq!(
        set("up", "web/fra-1@example.com"),
        ["no endpoint stands otherwise by it than it does now"]
    );
    assert_eq!(
        set("drain", "fra"),
        [
            "not for fra-1: the override on endpoint fra-1 in web of example.com. (up) comes before it"
        ]
    );
    let covered = ground.remove(&release("api/fra-1"), at(0)).unwrap_err();
    let help = "what holds for it is the override on site fra: remove \"site:fra\"";
    assert_eq!(covered.help.as_deref(), Some(help));
    // The state directory cannot be made: told, and done all the same.
    std::fs::remove_dir_all(fixture.path("state")).unwrap();
    std::fs::write(fixture.path("state"), "").unwrap();
    let notes = set("drain", "iad");
    assert!(notes.iter().any(|note| note.starts_with("no audit line was written")), "{notes:?}");
}

#[test]
fn a_director_is_drained_weighed_and_judged_under_all_names() {
    let server = "[sites]\nfra = { coordinates = [50, 8] }\niad = { coordinates = [39, -77] }\n\
                  [directors.lvs]\nsite = \"fra\"\nvip = { a = \"192.0.2.100\" }\nmode = \"dr\"\n\
                  service = \"tcp/80\"\nreals = [ { address = \"10.0.0.2:80\" } ]\n";
    let pool = |name: &str, endpoints: &str| {
        format!("[pools.{name}]\nendpoints = [{endpoints}]\n[names.{name}]\npool = \"{name}\"\n")
    };
    let com = pool("web", "{ director = \"lvs\" }, { site = \"iad\", a = \"192.0.2.1\" }")
        + &pool("img", "{ director = \"lvs\", name = \"edge\" }");
    let fixture = Fixture::new(server, &[("example.com", &com)]);
    let mut ground = ground(&fixture);
    ground.knowledge.directors.follow(ground.catalog.pools().vips());
    let probes: Vec<_> = ground.catalog.probes().cloned().collect();
    ground.knowledge.verdicts.set_probes(probes.iter().cloned());
    for probe in probes {
        let (outcome, latency) = (probe::Outcome::Success, std::time::Duration::ZERO);
        let result = ProbeResult { probe, outcome, latency, certificate_days_left: None };
        ground.knowledge.verdicts.apply(&result, at(0));
    }
    ground.knowledge.step(&ground.catalog, at(0));
    let done = |written: Written| written.told(Ok(())).unwrap();
    // It is all that img has.
    let refused = ground.set(&ask("drain", "lvs"), at(0)).unwrap_err();
    assert!(
        refused.title.starts_with("pool img A: nothing of it would be up"),
        "{}",
        refused.title
    );
    let forced = Request { force: true, ..ask("drain", "lvs") };
    let changed: Changed = done(ground.set(&forced, at(0)).unwrap()).into();
    let target = "endpoint lvs in web of example.com.";
    assert_eq!((&*changed.pinned.target, changed.effect.endpoints), (target, 2));
    let also: Vec<_> = changed.also.iter().map(|one| &*one.target).collect();
    assert_eq!(also, ["endpoint edge in img of example.com."]);
    let removed = done(ground.remove(&release("director:lvs"), at(0)).unwrap());
    assert_eq!(removed.pinned.len(), 2);
    let weighed = done(ground.set(&weigh(3, None, "lvs"), at(0)).unwrap());
    assert_eq!(weighed.pinned.iter().filter(|one| one.plan().is_some()).count(), 2);
    let removed = done(ground.remove(&reset("lvs"), at(0)).unwrap());
    assert_eq!(removed.pinned, weighed.pinned);
    let lines = ["set", "remove"]
        .map(|action| audited(&fixture).iter().filter(|line| line.starts_with(action)).count());
    assert_eq!(lines, [2 + 2 + 2, 2 + 2], "one for each, the refused included");
}

fn weigh(weight: u32, over: Option<&str>, target: &str) -> Request {
    let over = over.map(str::to_owned);
    Request { weight: Some(weight), over, state: String::new(), ..ask("", target) }
}

fn reset(target: &str) -> Removal {
    Removal { weight: true, ..release(target) }
}

#[test]
fn a_weight_is_planned_planned_anew_and_reset() {
    let fixture = testing::two_zones();
    let ground = ground(&fixture);
    let set = |request: &Request, second: i64| {
        let written = ground.set(request, at(second)).and_then(|written| written.told(Ok(())));
        Changed::from(written.unwrap_or_else(|refused| panic!("{refused:?}")))
    };
    let file = || std::fs::read_to_string(&ground.file).unwrap_or_default();
    let entry = |plan: &str| {
        format!(
            "{}\n[[override]]\nendpoint = \"iad-1\"\npool = \"web\"\nzone = \"example.com.\"\n{plan}\
             reason = \"CHG1\"\nby = \"ada\"\n",
            edit::HEADER
        )
    };
    // Of the configured weight 1.
    let done = set(&weigh(41, Some("20m"), "iad-1"), 1000);
    let begin = "begin = 1970-01-01T00:16:40Z\n";
    assert_eq!(file(), entry(&format!("weight = 41\n{begin}over = \"20m\"\n")));
    let plan = done.pinned.weight.unwrap();
    assert_eq!((plan.now, plan.end, done.pinned.until), (Some(1.0), Some(at(2200)), None));
    assert_eq!(done.effect.endpoints, 1);
    assert_eq!(
        done.notes,
        [
            "a weight decides among the endpoints of a site: no answer changes for web/iad-1, alone at its site",
            "it holds until somebody resets it; what is to stay so belongs into the file of zone example.com., \
             as weight = 41"
        ]
    );
    // Begins where the old one is: a pin on the same target stays.
    set(&ask("drain", "iad-1"), 1500);
    let done = set(&weigh(0, Some("20m"), "iad-1"), 1600);
    assert_eq!(done.replaced.len(), 1);
    let plan = done.pinned.weight.unwrap();
    assert_eq!((plan.from, plan.now, plan.end), (Some(21.0), Some(21.0), Some(at(2800))));
    assert_eq!(config::parse_overrides(&Source::new("o", file()), at(1600)).unwrap().list.len(), 2);

    // Each is removed by its own order.
    let gone = ground.remove(&release("iad-1"), at(1700)).unwrap();
    assert_eq!(gone.pinned[0].pin(), Some(Pin::Drain));
    let refused = ground.remove(&release("iad-1"), at(1700)).unwrap_err();
    assert_eq!(refused.status, 404);
    assert!(refused.help.is_some_and(|help| help.contains("weight … --reset")));
    let all = Removal { all: true, ..Removal::default() };
    let refused = ground.remove(&all, at(1700)).unwrap_err();
    assert_eq!(refused.title, "there are no overrides with a state");
    let gone = ground.remove(&reset("iad-1"), at(1700)).unwrap();
    assert!(gone.pinned[0].plan().is_some());
    assert_eq!(file(), format!("{}\n", edit::HEADER));
    assert_eq!(ground.remove(&reset("iad-1"), at(1700)).unwrap_err().status, 404);
    let said = audited(&fixture);
    assert_eq!(said[0], "set, endpoint iad-1 in web of example.com., ada, applied");
}

#[test]
fn a_weight_is_an_endpoints() {
    let fixture = testing::two_zones();
    let ground = ground(&fixture);
    let check = |target: &str, status: u16, expected: &str| {
        let refused = ground.set(&weigh(4, None, target), at(0)).unwrap_err();
        let told = format!("{}; {}", refused.title, refused.help.unwrap_or_default());
        assert_eq!((refused.status, told.contains(expected)), (status, true), "{told}");
    };
    check(
        "iad",
        400,
        "site iad has no weight; its endpoints have; name one of them: web/iad-1@example.com",
    );
    check("pool:api", 400, "api/fra-1@example.com, api/sin-1@example.com");
    check("fra-1@example.com", 409, "could mean 2 things");
    check("sin-2", 404, "unknown endpoint or director");
    // Not the site or the pool of that name.
    assert!(ground.set(&weigh(4, None, "endpoint:twin-1"), at(0)).is_ok());
}

#[test]
fn a_weight_that_empties_a_site_is_refused() {
    let fixture = testing::two_zones();
    let ground = ground(&fixture);
    let set = |request: &Request| ground.set(request, at(0));
    let refused = set(&weigh(0, Some("30m"), "twin-1")).unwrap_err();
    assert_eq!(refused.status, 409);
    assert!(refused.title.contains("only endpoints of weight 0"), "{}", refused.title);
    let forced = set(&Request { force: true, ..weigh(0, None, "twin-1") }).unwrap();
    assert!(forced.effect.refused);
    // Endpoints of one name that weigh differently have no weight to begin at.
    std::fs::remove_file(&ground.file).unwrap();
    set(&weigh(9, None, "web/fra-1@example.com")).unwrap();
    let many = set(&weigh(4, Some("30m"), "*/fra-1@*")).unwrap();
    assert_eq!(many.pinned[0].plan().unwrap().from, None);
    assert!(many.notes.iter().any(|note| note.contains("weigh differently")), "{:?}", many.notes);
    let narrower =
        "not for fra-1: the override on endpoint fra-1 in web of example.com. (weight 9)";
    assert!(many.notes.iter().any(|note| note.starts_with(narrower)), "{:?}", many.notes);
}

#[test]
fn a_file_with_mistakes_is_left_alone() {
    let fixture = testing::two_zones();
    let ground = ground(&fixture);
    let broken = "[[override]]\nsite = \"fra\"\nstate = \"dwon\"\n";
    std::fs::write(&ground.file, broken).unwrap();
    let refused = ground.set(&ask("drain", "iad"), at(0)).unwrap_err();
    assert_eq!((refused.status, refused.details.findings.len()), (422, 1));
    assert!(refused.title.contains("overrides.toml:3:9: unknown state"), "{}", refused.title);
    assert_eq!(std::fs::read_to_string(&ground.file).unwrap(), broken);
}

#[test]
fn two_at_a_time_do_not_together_drain_the_last_two() {
    for _ in 0..20 {
        let fixture = testing::two_zones();
        let ground = ground(&fixture);
        let barrier = Barrier::new(2);
        let drain = |target: &str| {
            barrier.wait();
            ground.set(&ask("drain", target), at(0)).map(|_| ())
        };
        let [one, other] = std::thread::scope(|scope| {
            ["web/fra-1@example.com", "web/iad-1@example.com"]
                .map(|target| scope.spawn(move || drain(target)))
                .map(|thread| thread.join().unwrap())
        });
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }
}

/// A server at work on a configuration.
async fn served(fixture: &Fixture) -> Server {
    let options = Options {
        config: fixture.path("fingerpost.toml"),
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        ..Options::default()
    };
    let (server, _) = Server::start(options).await.unwrap_or_else(|report| panic!("{report:?}"));
    server
}

#[tokio::test]
async fn a_server_at_work_follows() {
    let fixture = testing::two_zones();
    let server = served(&fixture).await;
    let handle = server.handle();
    let drained = || async {
        let known = handle.known().await;
        let now = known.knowledge.at(Timestamp::now());
        let mut names = Vec::new();
        for roster in known.snapshot.catalog().rosters() {
            let pool = &roster.tiers[0].pool;
            for endpoint in &pool.endpoints {
                if now.standing(pool, endpoint, roster.family) == crate::health::Standing::Drained {
                    names.push(format!("{}/{}", pool.name, endpoint.name));
                }
            }
        }
        names
    };
    let changed = change(handle, ask("drain", "site:iad")).await.unwrap();
    assert!(changed.applied && changed.notes.is_empty(), "{changed:?}");
    assert_eq!((changed.effect.endpoints, &*changed.pinned.target), (1, "site iad"));
    assert_eq!(drained().await, ["web/iad-1"]);
    assert_eq!(list(handle).await, std::slice::from_ref(&changed.pinned));
    let refused = change(handle, ask("down", "*/fra-1@example.com")).await.unwrap_err();
    assert_eq!(refused.status, 409);

    let removed = remove(handle, release("iad")).await.unwrap();
    assert_eq!((removed.applied, removed.removed), (true, vec![changed.pinned]));
    assert_eq!(drained().await, Vec::<String>::new());

    // The server's own file has been broken meanwhile: that keeps nobody from draining.
    std::fs::write(fixture.path("fingerpost.toml"), "[sites\n").unwrap();
    let changed = change(handle, ask("drain", "iad")).await.unwrap();
    assert!(changed.applied, "{changed:?}");
    assert_eq!(drained().await, ["web/iad-1"]);
    let outcomes: Vec<String> = audited(&fixture);
    assert!(outcomes.last().unwrap().ends_with("applied"), "{outcomes:?}");
    server.shutdown().await;
}
