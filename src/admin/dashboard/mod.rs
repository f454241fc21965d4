//! The dashboard: one page that shows all that the API tells, served out of the binary.
//!
//! The page is plain HTML, CSS and JavaScript modules, as they lie in `page/`; nothing is built, and nothing is fetched
//! from elsewhere. What it shows it asks of the API beside it, with the token that the person who looks at it gives, so
//! the page itself is no secret. `outlines.py` says where the map is from, and makes it.

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// A browser takes scripts, styles, pictures and data from this server alone, and runs nothing that stands in markup or
/// was made from text: should a name in a zone ever find its way into the page, it stays text.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
);

/// Kept by browsers, and asked about each time: a new binary brings a new page.
const CACHING: HeaderValue = HeaderValue::from_static("no-cache");

/// The page at `/` and its parts below `/assets/`.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        router.route(asset.path, get(async |headers: HeaderMap| asset.respond(&headers)))
    })
}

/// A file of the page.
struct Asset {
    path: &'static str,
    media_type: &'static str,
    text: &'static str,
}

/// An asset that lies in `page/` under the name that ends its path.
macro_rules! asset {
    ($media_type:ident, $file:literal) => {
        asset!($media_type, $file, concat!("/assets/", $file))
    };
    ($media_type:ident, $file:literal, $path:expr) => {
        Asset { path: $path, media_type: $media_type, text: include_str!(concat!("page/", $file)) }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";
const SVG: &str = "image/svg+xml";

static ASSETS: [Asset; 21] = [
    asset!(HTML, "index.html", "/"),
    asset!(CSS, "app.css"),
    asset!(SVG, "icon.svg"),
    asset!(JSON, "land.json"),
    asset!(JS, "api.js"),
    asset!(JS, "app.js"),
    asset!(JS, "directors.js"),
    asset!(JS, "dom.js"),
    asset!(JS, "endpoints.js"),
    asset!(JS, "explain.js"),
    asset!(JS, "format.js"),
    asset!(JS, "head.js"),
    asset!(JS, "history.js"),
    asset!(JS, "map.js"),
    asset!(JS, "override.js"),
    asset!(JS, "projection.js"),
    asset!(JS, "side.js"),
    asset!(JS, "sites.js"),
    asset!(JS, "state.js"),
    asset!(JS, "stream.js"),
    asset!(JS, "theme.js"),
];

impl Asset {
    fn respond(&self, request: &HeaderMap) -> Response {
        let tag = self.tag();
        let unchanged = is_among(request, &tag);
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.media_type)),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, CACHING),
            (HeaderName::from_static("cross-origin-opener-policy"), SAME_ORIGIN),
            (header::ETAG, tag),
        ];
        if unchanged {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, self.text).into_response()
    }

    /// What tells this text from that of another version (RFC 9110 §8.8.3).
    fn tag(&self) -> HeaderValue {
        let tag = format!("\"{:016x}\"", digest(self.text.as_bytes()));
        HeaderValue::from_str(&tag).expect("hexadecimal digits between quotes")
    }
}

const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

/// Whether the client has this version already (RFC 9110 §13.1.2: compared weakly).
fn is_among(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let lists = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    let mut known = lists.flat_map(|list| list.split(',')).map(str::trim);
    known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == tag)
}

/// FNV-1a: enough to tell versions of our own files apart.
fn digest(bytes: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{Method, Request};
    use http_body_util::BodyExt;
    use std::collections::BTreeSet;
    use tower::ServiceExt;

    /// The map is the largest part; the page is fetched over slow lines too.
    const LAND_BYTES_MAX: usize = 60_000;
    const PAGE_BYTES_MAX: usize = 200_000;

    async fn ask(
        method: Method,
        path: &str,
        known: Option<&str>,
    ) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = router::<()>().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body in memory").to_bytes();
        (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn every_asset_is_served_with_its_type_and_the_policy() {
        for asset in &ASSETS {
            let (status, headers, body) = ask(Method::GET, asset.path, None).await;
            assert_eq!((status, &body[..]), (StatusCode::OK, asset.text), "{}", asset.path);
            assert_eq!(headers[header::CONTENT_TYPE], asset.media_type, "{}", asset.path);
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], POLICY, "{}", asset.path);
            let (status, _, body) = ask(Method::HEAD, asset.path, None).await;
            assert_eq!((status, &body[..]), (StatusCode::OK, ""), "{}", asset.path);
        }
        assert!(!POLICY.to_str().expect("ASCII").contains("unsafe"));
        assert_eq!(ask(Method::GET, "/assets/mod.rs", None).await.0, StatusCode::NOT_FOUND);
        assert_eq!(ask(Method::POST, "/", None).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn what_a_browser_has_is_not_sent_again() {
        let (_, headers, _) = ask(Method::GET, "/", None).await;
        let tag = headers[header::ETAG].to_str().expect("ASCII").to_owned();
        let rows = [
            (tag.clone(), true),
            (format!("W/{tag}"), true),
            (format!("\"other\", {tag}"), true),
            ("*".to_owned(), true),
            ("\"other\"".to_owned(), false),
            (tag.trim_matches('"').to_owned(), false),
        ];
        for (known, unchanged) in rows {
            let (status, headers, body) = ask(Method::GET, "/", Some(&known)).await;
            let expected = if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
            assert_eq!((status, body.is_empty()), (expected, unchanged), "{known}");
            assert_eq!(headers[header::ETAG], tag[..], "{known}");
        }
        let tags: BTreeSet<_> = ASSETS.iter().map(|asset| digest(asset.text.as_bytes())).collect();
        assert_eq!(tags.len(), ASSETS.len());
    }

    #[test]
    fn all_files_of_the_page_are_assets_and_all_it_refers_to_are_files() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/src/admin/dashboard/page");
        let files = std::fs::read_dir(page).expect("the page").count();
        assert_eq!(files, ASSETS.len());
        for asset in &ASSETS {
            for (before, prefix) in
                [("\"/assets/", "/assets/"), ("'/assets/", "/assets/"), ("from './", "/assets/")]
            {
                for rest in asset.text.split(before).skip(1) {
                    let name = rest.split(['"', '\'']).next().expect("a first part");
                    let path = format!("{prefix}{name}");
                    assert!(
                        ASSETS.iter().any(|asset| asset.path == path),
                        "{} wants {path}",
                        asset.path
                    );
                }
            }
        }
    }

    #[test]
    fn the_page_is_small_and_keeps_to_its_policy() {
        let bytes = |asset: &Asset| asset.text.len();
        assert!(ASSETS.iter().map(bytes).sum::<usize>() <= PAGE_BYTES_MAX);
        assert!(
            ASSETS
                .iter()
                .filter(|asset| asset.path.ends_with("land.json"))
                .all(|it| bytes(it) <= LAND_BYTES_MAX)
        );
        let forbidden = [
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            " style=\"",
            " onclick=\"",
        ];
        for asset in &ASSETS {
            let found: Vec<_> =
                forbidden.iter().filter(|word| asset.text.contains(**word)).collect();
            assert!(found.is_empty(), "{}: {found:?}", asset.path);
        }
    }
}
