//! A factor per endpoint of one site: what its weight is multiplied with when it is dealt.

use super::item::{Item, Pace, SMOOTHING_RESPONSE, SMOOTHING_SESSIONS, influence, is_news, sound};
use crate::steer::model::Method;
use std::collections::BTreeMap;
use std::f64::consts::LN_2;
use std::time::Duration;

/// The largest factor by which load moves an endpoint from its due, up or down.
const FAVOUR_MAX: f64 = 8.0;
/// Sessions are counted as if so many more were there for each endpoint, in due proportion: three against one is no
/// imbalance yet.
const PRIOR_SESSIONS: f64 = 2.0;
/// Errors of session counts beyond this are no larger to us: who is new and empty is not flooded.
const SESSION_ERROR_MAX: f64 = LN_2;
/// Differences below this are those of the network or of the clock, not of load.
const RESPONSE_MIN_MS: f64 = 0.1;
/// What weighs less is never drawn.
const WEIGHT_MIN: f64 = 1e-9;
/// How steeply `power-of-two` prefers the less loaded: half as loaded is preferred 8 : 1. The slope of the favour at
/// balance is half of this, times the others' part of the weight.
const PREFERENCE: f64 = 3.0;

/// The favours of the endpoints of one pool at one site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Favours {
    method: Option<Method>,
    endpoints: BTreeMap<String, State>,
    since_dealt_s: f64,
}

/// An endpoint that is dealt, and its load as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Its name, by which it is known from step to step.
    pub name: &'a str,
    /// Its weight as configured or planned.
    pub nominal: f64,
    /// The part of that weight which is there: live × come back, 0 to 1.
    pub part: f64,
    /// Sessions; for `least-response-time` milliseconds. None where it is not known, or not any more.
    pub load: Option<f64>,
}

/// What is known of an endpoint, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FavourTold {
    /// What its weight is multiplied with.
    pub favour: f64,
    /// The load that it was last seen with; none if it is unknown now.
    pub load: Option<f64>,
    /// The load that it should have by what the endpoints have together; none if `load` is.
    pub due: Option<f64>,
    /// How far it is off, smoothed: the logarithm of load over due.
    pub error: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct State {
    item: Item,
    /// As it is dealt.
    favour: f64,
    load: Option<f64>,
    due: Option<f64>,
}

/// An endpoint of a step with what it is measured by.
struct Seat<'a> {
    name: &'a str,
    /// Part of the deck that it gets without any favour, and of the load that it should have; all add up to 1.
    target: f64,
    load: Option<f64>,
}

impl Favours {
    /// Takes in what was measured, `dt` after the last step. `endpoints` are those that are dealt now; who is not among
    /// them is forgotten. Whether a share has moved so far that dealing again is worth it. For a method that does not
    /// go by load, all favours are 1.
    pub fn step(
        &mut self,
        method: Method,
        endpoints: &[Observed<'_>],
        dt: Duration,
        lag: Duration,
    ) -> bool {
        let is_other_method = self.method.replace(method) != Some(method);
        if is_other_method {
            // An error in milliseconds is none in sessions; what is dealt stays until the new method says otherwise.
            self.endpoints.values_mut().for_each(|state| state.item = Item::default());
        }
        let pace = Pace::new(dt, lag);
        let seats = seats(method, endpoints);
        self.endpoints.retain(|name, _| seats.iter().any(|seat| seat.name == name));
        let mut states: Vec<State> = seats.iter().map(|seat| self.state(seat)).collect();
        if method.is_by_load() {
            observe(method, &seats, &mut states, pace);
        }
        let favours = match method {
            Method::LeastConnections | Method::WeightedLeastConnections => {
                learnt(&seats, &mut states, pace)
            }
            Method::LeastResponseTime => {
                states.iter().map(|state| (-state.item.error).exp()).collect()
            }
            Method::PowerOfTwo => of_two(&seats, &states),
            _ => vec![1.0; seats.len()],
        };
        let favours = normalised(&seats, favours);
        let is_new = |seat: &Seat<'_>| !self.endpoints.contains_key(seat.name);
        let is_other = is_other_method || seats.iter().any(is_new);
        self.since_dealt_s += pace.dt_s;
        let is_worth_dealing = (is_other || pace.is_due(self.since_dealt_s))
            && states.iter().zip(&favours).any(|(state, new)| is_news(*new, state.favour));
        if is_worth_dealing {
            self.since_dealt_s = 0.0;
        }
        for ((seat, mut state), favour) in seats.iter().zip(states).zip(favours) {
            if is_worth_dealing {
                state.favour = favour;
            }
            self.endpoints.insert(seat.name.to_owned(), state);
        }
        is_worth_dealing
    }

    /// What the endpoint's weight is multiplied with; 1 for one that was in no step.
    pub fn of(&self, name: &str) -> f64 {
        self.endpoints.get(name).map_or(1.0, |state| state.favour)
    }

    /// What is known of an endpoint; none if it was not in the last step.
    pub fn told(&self, name: &str) -> Option<FavourTold> {
        self.endpoints.get(name).map(|state| FavourTold {
            favour: state.favour,
            load: state.load,
            due: state.due,
            error: state.item.error,
        })
    }

    fn state(&self, seat: &Seat<'_>) -> State {
        let known = self.endpoints.get(seat.name).cloned();
        known.unwrap_or(State { item: Item::default(), favour: 1.0, load: None, due: None })
    }
}

/// Those that can be dealt at all: of some weight. All weights of a site being 0, the deck takes them as equal, and so
/// do we by leaving them all alone.
fn seats<'a>(method: Method, endpoints: &[Observed<'a>]) -> Vec<Seat<'a>> {
    let seat = |endpoint: &Observed<'a>| {
        // `least-connections` knows no weights, but half of a director is still half of one.
        let target = method.counted(sound(endpoint.nominal)?) * sound(endpoint.part)?.min(1.0);
        let load = endpoint.load.and_then(sound);
        (target >= WEIGHT_MIN).then_some(Seat { name: endpoint.name, target, load })
    };
    let mut seats: Vec<Seat<'_>> = endpoints.iter().filter_map(seat).collect();
    let sum: f64 = seats.iter().map(|seat| seat.target).sum();
    seats.iter_mut().for_each(|seat| seat.target /= sum);
    seats
}

/// Takes the loads in: each state's error, and what is told of it.
fn observe(method: Method, seats: &[Seat<'_>], states: &mut [State], pace: Pace) {
    let known = || seats.iter().filter_map(|seat| Some((seat, seat.load?)));
    let target: f64 = known().map(|(seat, _)| seat.target).sum();
    let is_response = method == Method::LeastResponseTime;
    // Of response times the mean that a client meets, of sessions the sum.
    let mean_ms = (known().map(|(seat, load)| seat.target * load.max(RESPONSE_MIN_MS).ln()))
        .sum::<f64>()
        / target;
    let mean_ms = mean_ms.exp();
    let sessions: f64 = known().map(|(_, load)| load).sum();
    let prior = PRIOR_SESSIONS * known().count() as f64;
    for (seat, state) in seats.iter().zip(states.iter_mut()) {
        let part = seat.target / target;
        state.load = seat.load;
        state.due = seat.load.map(|_| if is_response { mean_ms } else { sessions * part });
        let error = seat.load.map(|load| match method {
            Method::LeastResponseTime => (load.max(RESPONSE_MIN_MS) / mean_ms).ln(),
            _ => ((load + prior * part) / (part * (sessions + prior))).ln(),
        });
        let largest = match method {
            Method::LeastResponseTime | Method::PowerOfTwo => FAVOUR_MAX.ln(),
            _ => SESSION_ERROR_MAX,
        };
        let smoothing = if is_response { SMOOTHING_RESPONSE } else { SMOOTHING_SESSIONS };
        let error = error.filter(|error| !error.is_nan());
        let error = error.map(|error| error.clamp(-largest, largest));
        state.item.observe(error, smoothing, pace);
    }
}

/// By the law for sessions.
fn learnt(seats: &[Seat<'_>], states: &mut [State], pace: Pace) -> Vec<f64> {
    states.iter_mut().for_each(|state| state.item.learn(influence, pace));
    // Only proportions matter: what all have learnt alike would one day be at the limit.
    let mean: f64 =
        seats.iter().zip(&*states).map(|(seat, state)| seat.target * state.item.learnt).sum();
    let largest = FAVOUR_MAX.ln();
    let favours = states.iter_mut().map(|state| {
        state.item.learnt = (state.item.learnt - mean).clamp(-largest, largest);
        state.item.response().clamp(-largest, largest).exp()
    });
    favours.collect()
}

/// As if two were drawn, with putting back, and the less loaded handed out.
fn of_two(seats: &[Seat<'_>], states: &[State]) -> Vec<f64> {
    let favour = |one: usize| {
        let others = (0..seats.len()).filter(|&other| other != one).map(|other| {
            let error = states[one].item.error - states[other].item.error;
            2.0 * seats[other].target / (1.0 + (PREFERENCE * error).exp())
        });
        seats[one].target + others.sum::<f64>()
    };
    (0..seats.len()).map(favour).collect()
}

/// So that the mean over what is dealt is 1.
fn normalised(seats: &[Seat<'_>], mut favours: Vec<f64>) -> Vec<f64> {
    let mean: f64 = seats.iter().zip(&favours).map(|(seat, favour)| seat.target * favour).sum();
    if mean.is_normal() {
        favours.iter_mut().for_each(|favour| *favour /= mean);
    }
    favours
}
