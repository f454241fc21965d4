//! Paths and what stands behind them.

mod change;
mod look;

use super::access::Door;
use super::dashboard;
use super::feed::{Feed, Source};
use super::openapi;
use super::problem::Problem;
use super::stream;
use crate::control::Handle;
use crate::report::nearest;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use jiff::Timestamp;
use serde::Serialize;
use std::any::Any;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;

/// What every handler may use.
pub(super) struct Api {
    pub(super) handle: Handle,
    pub(super) door: Door,
    pub(super) feed: Arc<Feed>,
    /// Places for live streams.
    pub(super) streams: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    /// Handlers that have panicked.
    pub(super) panics: Arc<AtomicU64>,
}

/// Every path of the API, with what is served there.
pub(super) fn table() -> Vec<(&'static str, MethodRouter<Arc<Api>>)> {
    vec![
        ("/livez", get(look::livez)),
        ("/readyz", get(look::readyz)),
        ("/api/v1/status", get(look::status)),
        ("/api/v1/explain", get(look::explain)),
        ("/api/v1/events", get(look::events)),
        ("/api/v1/stream", get(look::stream)),
        ("/api/v1/reload", post(change::reload)),
        (
            "/api/v1/overrides",
            get(look::list_overrides).post(change::set_override).delete(change::remove_overrides),
        ),
        ("/metrics", get(look::metrics)),
        ("/openapi.json", get(openapi::serve)),
    ]
}

/// All of it, guarded.
pub(super) fn router(api: Arc<Api>) -> Router {
    let mut router = Router::new();
    for (path, methods) in table() {
        router = router.route(path, methods);
    }
    let panics = api.panics.clone();
    router
        .merge(dashboard::router())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(api.clone(), guard))
        .layer(CatchPanicLayer::custom(move |_: Box<dyn Any + Send>| panicked(&panics)))
        .with_state(api)
}

/// Keeps the feed of live streams fed until the server stops.
pub(super) async fn run_feed(api: Arc<Api>) {
    let events = api.handle.events().subscribe();
    let source = Watched { events, published: api.handle.published_at(), api: api.clone() };
    api.stop.run_until_cancelled(api.feed.run(source)).await;
}

/// The server, as the feed sees it.
struct Watched {
    api: Arc<Api>,
    events: watch::Receiver<u64>,
    published: watch::Receiver<Option<Timestamp>>,
}

impl Source for Watched {
    async fn look(&mut self) -> Option<Bytes> {
        let handle = self.api.handle.clone();
        // A task of its own, so that a panic there ends no stream.
        let status = tokio::spawn(async move {
            let status = handle.status().await;
            on_blocking_thread(move || stream::block("status", None, &status)).await
        });
        status.await.unwrap_or_else(|error| {
            tracing::debug!(%error, "admin: no status");
            self.api.panics.fetch_add(1, Ordering::Relaxed);
            None
        })
    }

    async fn changed(&mut self) {
        // The other ends live as long as the server, and without it there is nothing to wait for.
        tokio::select! {
            _ = self.events.changed() => {}
            _ = self.published.changed() => {}
        }
    }
}

async fn guard(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match api.door.admit(&parts, &api.handle) {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// A value as JSON that may be of megabytes: writing it takes milliseconds, which no connection must wait for.
async fn large_json(value: impl Serialize + Send + 'static) -> Response {
    on_blocking_thread(move || json(&value)).await
}

/// Does work where it stops nothing else. Its panic is one of whoever waits for it.
async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is being shut down: nothing that is said now is heard.
            Err(_) => std::future::pending().await,
        },
    }
}

/// A value as JSON.
fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => json_text(text.into()),
        Err(error) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, format!("the answer cannot be written: {error}")).into_response()
        }
    }
}

/// A text that is JSON.
pub(super) fn json_text(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}

async fn unknown_path(uri: Uri) -> Problem {
    let path = uri.path();
    let problem = Problem::new(StatusCode::NOT_FOUND, format!("nothing is served at {path}"));
    match nearest(path, table().iter().map(|(path, _)| *path)) {
        Some(near) => problem.help(format!("did you mean {near}?")),
        None => problem.help("/openapi.json describes what is"),
    }
}

/// The router itself adds which methods there are (RFC 9110 §15.5.6).
async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let title = format!("{method} is not served at {}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, title).help("the header Allow names what is")
}

/// The panic itself has been told by its hook, with its place.
fn panicked(panics: &AtomicU64) -> axum::http::Response<axum::body::Body> {
    panics.fetch_add(1, Ordering::Relaxed);
    let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "answering failed");
    problem
        .help("a mistake of fingerpost: the log names the place; please report it")
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_panic_is_an_answer_and_counted() {
        let panics = Arc::new(AtomicU64::new(0));
        let counted = panics.clone();
        // What a handler does that has a mistake.
        fn fail() -> String {
            let nothing: &[String] = &[];
            nothing.first().expect("something").clone()
        }
        let router: Router = Router::new()
            .route("/", get(|| async { fail() }))
            .route("/elsewhere", get(|| on_blocking_thread(fail)))
            .layer(CatchPanicLayer::custom(move |_: Box<dyn Any + Send>| panicked(&counted)));
        for (number, path) in (1..).zip(["/", "/elsewhere"]) {
            let request = Request::get(path).body(axum::body::Body::empty()).expect("a request");
            let Ok(response) = router.clone().oneshot(request).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            let kind = &response.headers()[header::CONTENT_TYPE];
            assert_eq!(kind, crate::admin::problem::MEDIA_TYPE, "{path}");
            assert_eq!(panics.load(Ordering::Relaxed), number, "{path}");
        }
    }
}
