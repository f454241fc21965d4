//! What is only looked at.

use super::{Api, json, large_json};
use crate::admin::access::Caller;
use crate::admin::metrics::{self, Scrape};
use crate::admin::params::Params;
use crate::admin::problem::Problem;
use crate::admin::stream::{self, Listener, Stream};
use crate::control::explain::{ClientSubnet, Question, luck};
use crate::control::overrides;
use crate::wire::{Name, Rtype};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

type Answer = Result<Response, Problem>;

/// Whether the process lives: it does if it answers.
pub(super) async fn livez() -> Response {
    json(&json!({"alive": true}))
}

/// Whether queries are answered.
pub(super) async fn readyz(State(api): State<Arc<Api>>) -> Response {
    let readiness = api.handle.is_ready();
    let mut response = json(&readiness);
    if !readiness.ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// Everything at this moment.
pub(super) async fn status(State(api): State<Arc<Api>>, params: Params) -> Answer {
    params.finish()?;
    Ok(large_json(api.handle.status().await).await)
}

/// All counters, in the text format of OpenMetrics 1.0.
pub(super) async fn metrics(State(api): State<Arc<Api>>, params: Params) -> Answer {
    params.finish()?;
    let scrape = Scrape::take(&api.handle, api.panics.load(Ordering::Relaxed)).await;
    let page = tokio::task::spawn_blocking(move || scrape.page()).await;
    match page {
        Ok(Ok(page)) => Ok(([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], page).into_response()),
        _ => {
            let failed = StatusCode::INTERNAL_SERVER_ERROR;
            Err(Problem::new(failed, "the metrics cannot be written"))
        }
    }
}

/// Why a client gets what it gets.
pub(super) async fn explain(State(api): State<Arc<Api>>, mut params: Params) -> Answer {
    let name = params.required("name", "add ?name= and a name, as in www.example.com")?;
    let name = Name::parse(&name, None)
        .map_err(|error| Problem::bad_request(format!("name = {name:?}: {error}")))?;
    let rtype =
        params.parsed("type", "give a type as in A, AAAA or TYPE65", str::parse::<Rtype>)?;
    let help = "write 192.0.2.1 or 2001:db8::/56";
    let client = params.parsed("client", help, str::parse::<ClientSubnet>)?;
    let client = client.ok_or_else(|| Problem::bad_request("client is missing").help(help))?;
    let help = "give the address that the query comes from";
    let resolver = params.parsed("resolver", help, str::parse::<IpAddr>)?;
    let seed = params.parsed("seed", "give a whole number", str::parse::<u64>)?;
    params.finish()?;
    let readiness = api.handle.is_ready();
    if !readiness.ready {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, readiness.why)
            .help("ask again when /readyz says so"));
    }
    let question = Question {
        name,
        rtype: rtype.unwrap_or(Rtype::A),
        client: client.address,
        client_bits: client.bits,
        resolver,
        random: luck(seed.unwrap_or(0)),
    };
    Ok(json(&api.handle.explain(&question).await))
}

/// What has happened.
pub(super) async fn events(State(api): State<Arc<Api>>, mut params: Params) -> Answer {
    let after = params.parsed("after", "give the number of an event", str::parse::<u64>)?;
    params.finish()?;
    Ok(large_json(api.handle.events().after(after.unwrap_or(0))).await)
}

/// The overrides in force.
pub(super) async fn list_overrides(State(api): State<Arc<Api>>, params: Params) -> Answer {
    params.finish()?;
    Ok(large_json(overrides::list(&api.handle).await).await)
}

/// The status and what happens, live.
pub(super) async fn stream(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    mut params: Params,
) -> Answer {
    let help = "give the number of an event";
    let after = params.parsed("after", help, str::parse::<u64>)?;
    params.finish()?;
    // A browser that connects again says what it has heard last.
    let run_ms = api.handle.started().as_millisecond();
    let heard = |id: &HeaderValue| stream::heard(id.to_str().unwrap_or_default(), run_ms);
    let last = headers.get("last-event-id").filter(|id| !id.is_empty()).map(heard).or(after);
    let Ok(place) = api.streams.clone().try_acquire_owned() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "all live streams are taken")
            .help("close one, or ask /api/v1/status now and then"));
    };
    let guarded = api.clone();
    let is_admitted = move || guarded.door.still_admits(&caller, &guarded.handle);
    let listener = Listener { place, run_ms, last, is_admitted };
    let (stream, fed) = Stream::new(&api.feed, api.handle.events(), listener);
    let stop = api.stop.clone();
    api.tasks.spawn(async move {
        stop.run_until_cancelled(fed).await;
    });
    let kind = HeaderValue::from_static("text/event-stream");
    Ok(([(header::CONTENT_TYPE, kind)], Body::new(stream)).into_response())
}
