use super::item::{LEARNING, PROPORTION, SMOOTHING_RESPONSE, SMOOTHING_SESSIONS};
use super::*;
use crate::steer::model::Method;
use proptest::prelude::*;

const DT: Duration = Duration::from_secs(2);
const LAG: Duration = Duration::from_secs(32);

const METHODS: [Method; 8] = [
    Method::LeastConnections,
    Method::WeightedLeastConnections,
    Method::LeastResponseTime,
    Method::PowerOfTwo,
    Method::Weighted,
    Method::RoundRobin,
    Method::Random,
    Method::Hash,
];

fn observed(name: &str, nominal: f64, load: Option<f64>) -> Observed<'_> {
    Observed { name, nominal, part: 1.0, load }
}

/// So many steps of two seconds with the same loads.
fn steps(favours: &mut Favours, method: Method, endpoints: &[Observed<'_>], count: usize) {
    for _ in 0..count {
        favours.step(method, endpoints, DT, LAG);
    }
}

#[test]
fn who_has_too_much_gets_less() {
    use Method::{LeastConnections, LeastResponseTime, PowerOfTwo, WeightedLeastConnections};
    let check = |method, a: (f64, f64), b: (f64, f64), expected: &dyn Fn(f64) -> bool| {
        let mut favours = Favours::default();
        let endpoints = [observed("a", a.0, Some(a.1)), observed("b", b.0, Some(b.1))];
        steps(&mut favours, method, &endpoints, 50);
        let ratio = favours.of("a") / favours.of("b");
        assert!(expected(ratio), "{method} {a:?} {b:?}: {ratio}");
    };
    let is_about = |wanted: f64| move |ratio: f64| (ratio / wanted - 1.0).abs() < 0.03;
    let is_below = |limit: f64| move |ratio: f64| ratio < limit;
    check(LeastConnections, (1.0, 100.0), (1.0, 100.0), &is_about(1.0));
    check(LeastConnections, (1.0, 200.0), (1.0, 100.0), &is_below(0.7));
    // Weights do not count: equal shares for equal sessions.
    check(LeastConnections, (3.0, 100.0), (1.0, 100.0), &is_about(1.0));
    check(WeightedLeastConnections, (3.0, 300.0), (1.0, 100.0), &is_about(1.0));
    check(WeightedLeastConnections, (3.0, 100.0), (1.0, 100.0), &|ratio| ratio > 1.5);
    check(PowerOfTwo, (3.0, 300.0), (1.0, 100.0), &is_about(1.0));
    check(PowerOfTwo, (1.0, 1e6), (1.0, 1.0), &is_below(0.4));
    // A long smoothing: after 100 s of 256 s a third of the way.
    check(LeastResponseTime, (1.0, 20.0), (1.0, 10.0), &is_about(0.5_f64.powf(0.324)));
    for method in METHODS {
        check(method, (2.0, 0.0), (1.0, 0.0), &is_about(1.0));
    }
}

#[test]
fn half_a_director_is_due_half() {
    let mut favours = Favours::default();
    let half = Observed { part: 0.5, ..observed("a", 4.0, Some(100.0)) };
    for method in [Method::LeastConnections, Method::WeightedLeastConnections] {
        let full = if method == Method::LeastConnections { 8.0 } else { 4.0 };
        let endpoints = [half, observed("b", full, Some(200.0))];
        steps(&mut favours, method, &endpoints, 50);
        let told = ["a", "b"].map(|name| favours.told(name).unwrap().due.unwrap());
        assert!((told[0] - 100.0).abs() < 1e-9 && (told[1] - 200.0).abs() < 1e-9, "{told:?}");
    }
}

#[test]
fn what_is_unknown_holds_and_then_relaxes() {
    for method in &METHODS[..4] {
        let mut favours = Favours::default();
        let b = observed("b", 1.0, Some(100.0));
        steps(&mut favours, *method, &[observed("a", 1.0, Some(200.0)), b], 200);
        let before = favours.of("a");
        assert!(before < 0.9, "{method}: {before}");
        let unknown = observed("a", 1.0, None);
        steps(&mut favours, *method, &[unknown, b], 60);
        let held = favours.of("a") / favours.of("b");
        assert!(held < 0.9, "{method}: {held} after two minutes");
        assert!(favours.told("a").unwrap().due.is_none());
        steps(&mut favours, *method, &[unknown, observed("b", 1.0, None)], 500);
        let ratio = favours.of("a") / favours.of("b");
        assert!((ratio - 1.0).abs() < 0.05, "{method}: {ratio} in the end");
    }
}

#[test]
fn who_comes_and_goes_does_not_disturb_the_others() {
    for method in &METHODS[..4] {
        let mut favours = Favours::default();
        let a = observed("a", 2.0, Some(300.0));
        let b = observed("b", 2.0, Some(200.0));
        let ratio = |favours: &Favours| favours.of("a") / favours.of("b");
        steps(&mut favours, *method, &[a, b], 100);
        let before = ratio(&favours);
        // Its load is just its due, so that nothing is to be corrected.
        let due = if *method == Method::LeastResponseTime { 244.9 } else { 250.0 };
        let newcomer = observed("c", 2.0, Some(due));
        steps(&mut favours, *method, &[a, b, newcomer], 1);
        let own = favours.of("c");
        assert!((own - 1.0).abs() < 0.1, "{method}: a newcomer's {own}");
        let with = ratio(&favours);
        steps(&mut favours, *method, &[a, b], 1);
        let after = ratio(&favours);
        // Of two among three is another thing than of two among two.
        let most = if *method == Method::PowerOfTwo { 0.1 } else { 0.03 };
        for now in [with, after] {
            assert!((now / before - 1.0).abs() < most, "{method}: {before}, then {now}");
        }
        assert!(favours.told("c").is_none());
    }
}

#[test]
fn noise_is_not_dealt() {
    let mut favours = Favours::default();
    let mut intakes = Intakes::default();
    let mut dealings = 0;
    for turn in 0..1000 {
        let noise = if turn % 2 == 0 { 10.0 } else { -10.0 };
        let endpoints =
            [observed("a", 1.0, Some(1000.0 + noise)), observed("b", 1.0, Some(1000.0 - noise))];
        let method = Method::WeightedLeastConnections;
        dealings += u32::from(favours.step(method, &endpoints, DT, LAG));
        let site = Filled { site: "fra", capacity: Some(1100.0), load: Some(1000.0 + noise) };
        dealings += u32::from(intakes.step(&[site], DT, LAG));
    }
    assert_eq!(dealings, 0);
    let mut last = 0;
    for turn in 0..1000 {
        let load = if turn / 50 % 2 == 0 { 3000.0 } else { 1000.0 };
        let endpoints = [observed("a", 1.0, Some(load)), observed("b", 1.0, Some(1000.0))];
        if favours.step(Method::WeightedLeastConnections, &endpoints, DT, LAG) {
            assert!(turn - last >= 2 || last == 0, "dealt at {last} and {turn}");
            last = turn;
        }
    }
    assert!(last > 0);
}

#[test]
fn a_full_site_sends_on_and_takes_back() {
    let check = |sites: &[(Option<f64>, Option<f64>)], is_whole: &[bool]| {
        let names = ["fra", "iad", "nrt"];
        let all = names.iter().zip(sites);
        let filled: Vec<Filled<'_>> =
            all.map(|(site, &(capacity, load))| Filled { site, capacity, load }).collect();
        let mut intakes = Intakes::default();
        for _ in 0..60 {
            intakes.step(&filled, DT, LAG);
        }
        for (name, is_whole) in names.iter().zip(is_whole) {
            assert_eq!(intakes.of(name) == 1.0, *is_whole, "{sites:?} {name}: {intakes:?}");
        }
        let roomy = filled.iter().map(|site| Filled { load: Some(1.0), ..*site });
        let roomy: Vec<Filled<'_>> = roomy.collect();
        for _ in 0..2000 {
            intakes.step(&roomy, DT, LAG);
        }
        assert!(names.iter().all(|name| intakes.of(name) == 1.0), "{sites:?}");
    };
    let full = Some(100.0);
    check(&[(full, Some(99.0)), (full, Some(10.0))], &[true, true]);
    check(&[(full, Some(150.0)), (full, Some(10.0))], &[false, true]);
    // All are full: who is fuller than the others sends on.
    check(&[(full, Some(300.0)), (full, Some(200.0))], &[false, true]);
    check(&[(full, Some(200.0)), (full, Some(200.0))], &[true, true]);
    // Who knows no limit, or no load, takes everybody; and where there is one without a limit, not all are full.
    check(&[(None, Some(1e9)), (full, None), (full, Some(150.0))], &[true, true, false]);
    check(&[(full, Some(150.0)), (None, None)], &[false, true]);
    check(&[(full, Some(150.0)), (full, None)], &[true, true]);
    check(&[(Some(0.0), Some(9.0)), (Some(f64::NAN), Some(9.0))], &[true, true]);
}

/// `(real, imaginary)` of a product.
fn product(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// `gain / (1 + jωT)`.
fn delayed(gain: f64, omega_t: f64) -> (f64, f64) {
    let size = gain / (1.0 + omega_t * omega_t);
    (size, -size * omega_t)
}

/// How near a controller's loop comes to −1 with caches for a time of 1, a feed that is so much behind, and sessions
/// of so many lags.
fn distance(control: impl Fn(f64) -> (f64, f64), behind: f64, stay: f64) -> f64 {
    let lag = 1.0 + behind;
    let at = |step: i32| {
        let omega = 10_f64.powf(f64::from(step) / 100.0);
        let (half, late) = (omega / 2.0, omega * (0.5 + behind));
        let size = half.sin() / half;
        let caches = (size * late.cos(), -size * late.sin());
        let around =
            product(control(omega * lag), product(caches, delayed(1.0, omega * lag * stay)));
        (1.0 + around.0).hypot(around.1)
    };
    (-400..200).map(at).fold(f64::INFINITY, f64::min)
}

#[test]
fn the_loop_keeps_its_distance_from_swinging() {
    let sessions = |omega: f64| {
        let met = delayed(PROPORTION, omega * SMOOTHING_SESSIONS);
        (met.0, met.1 - 1.0 / (omega * LEARNING))
    };
    let response = |slope: f64| move |omega: f64| delayed(slope, omega * SMOOTHING_RESPONSE);
    // At most half of the preference.
    let of_two = |omega: f64| delayed(1.5, omega * SMOOTHING_SESSIONS);
    for behind in [0.0, 0.07, 0.5] {
        for stay in [0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0, 10.0, 20.0, 30.0, 60.0] {
            let check = |what: &str, distance: f64, least: f64| {
                assert!(distance > least, "{what}, {behind} behind, {stay}: {distance}");
            };
            check("sessions", distance(sessions, behind, stay), 0.44);
            check("80 % utilised", distance(response(4.0), behind, stay), 0.5);
            check("90 % utilised", distance(response(9.0), behind, stay), 0.29);
            check("of two", distance(of_two, behind, stay), 0.38);
        }
    }
    assert!(distance(|omega| (0.0, -5.0 / omega), 0.0, 0.0) < 0.1, "five times too eager");
}

/// Any number at all, and often such as occur.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), 0.0..10.0, 0.0..1e6, Just(0.0), Just(f64::NAN), Just(f64::MAX)]
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![(0_u64..10_000_000).prop_map(Duration::from_millis), Just(Duration::MAX)]
}

type Numbers = (f64, f64, Option<f64>);

fn endpoints(rows: &[Numbers]) -> Vec<Observed<'_>> {
    let names = ["a", "b", "c", "d", "e", "f"];
    let all = names.iter().zip(rows);
    all.map(|(name, &(nominal, part, load))| Observed { name, nominal, part, load }).collect()
}

fn rows() -> impl Strategy<Value = Vec<Numbers>> {
    prop::collection::vec((number(), number(), prop::option::of(number())), 0..6)
}

proptest! {
    #[test]
    fn favours_stay_in_bounds(
        turns in prop::collection::vec(
            (prop::sample::select(&METHODS[..]), rows(), duration(), duration()),
            1..20,
        ),
    ) {
        let mut favours = Favours::default();
        for (method, rows, dt, lag) in &turns {
            let endpoints = endpoints(rows);
            let is_dealt = favours.step(*method, &endpoints, *dt, *lag);
            let mut mean = (0.0, 0.0);
            for endpoint in &endpoints {
                let favour = favours.of(endpoint.name);
                prop_assert!(favour.is_finite() && favour >= 0.0, "{method} {favour}");
                let Some(told) = favours.told(endpoint.name) else {
                    prop_assert_eq!(favour, 1.0);
                    continue;
                };
                prop_assert!(told.error.is_finite() && told.due.is_none_or(f64::is_finite));
                let weight = method.counted(endpoint.nominal) * endpoint.part.min(1.0);
                mean = (mean.0 + weight, mean.1 + weight * favour);
                if is_dealt && *method == Method::PowerOfTwo {
                    prop_assert!(favour <= 2.0 + 1e-9, "{favour}");
                }
                if is_dealt && *method == Method::WeightedLeastConnections {
                    prop_assert!((1.0 / 64.0 - 1e-9..=64.0 + 1e-9).contains(&favour), "{favour}");
                }
            }
            if is_dealt {
                prop_assert!((mean.1 / mean.0 - 1.0).abs() < 1e-6, "{method} {mean:?}");
            }
        }
    }

    #[test]
    fn intakes_stay_in_bounds(
        turns in prop::collection::vec((rows(), duration(), duration()), 1..20),
    ) {
        let mut intakes = Intakes::default();
        for (rows, dt, lag) in &turns {
            let sites = endpoints(rows);
            let sites: Vec<Filled<'_>> = sites
                .iter()
                .map(|site| Filled {
                    site: site.name,
                    capacity: Some(site.nominal),
                    load: site.load,
                })
                .collect();
            intakes.step(&sites, *dt, *lag);
            for site in &sites {
                prop_assert!((1.0 / 64.0..=1.0).contains(&intakes.of(site.site)));
                let told = intakes.told(site.site).unwrap();
                prop_assert!(told.aim >= 1.0 && told.utilisation.is_none_or(f64::is_finite));
            }
        }
    }

    #[test]
    fn more_load_never_means_more_favour(
        method in prop::sample::select(&METHODS[..4]),
        rows in prop::collection::vec((1.0..100.0, 0.1..1.0, (0.0..1e4).prop_map(Some)), 2..6),
        more in 0.0..1e4,
        // Later, a large error is learnt less than a small one.
        count in 1_usize..20,
    ) {
        let mut rows: Vec<Numbers> = rows;
        let of_first = |rows: &[Numbers]| {
            let mut favours = Favours::default();
            let endpoints = endpoints(rows);
            steps(&mut favours, method, &endpoints, count);
            favours.of("a")
        };
        let before = of_first(&rows);
        rows[0].2 = rows[0].2.map(|load| load + more);
        let after = of_first(&rows);
        prop_assert!(after <= before * 1.05, "{method} {before} {after}");
    }
}
