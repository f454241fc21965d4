//! The description of the API, for programs (OpenAPI 3.1).
//!
//! The document is kept by hand. Tests hold that it describes every path and method that is served and no other, and
//! that what is answered is as its schemas say.

use super::params::Params;
use super::problem::Problem;
use super::routes::json_text;
use axum::body::Bytes;
use axum::response::Response;

/// The document.
const DOCUMENT: &str = include_str!("openapi.json");

/// Serves the document.
pub(super) async fn serve(params: Params) -> Result<Response, Problem> {
    params.finish()?;
    Ok(json_text(Bytes::from_static(DOCUMENT.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::routes;
    use std::collections::BTreeSet;

    #[test]
    fn it_describes_what_is_served() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).expect("JSON");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let described: BTreeSet<&str> =
            document["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
        let served: BTreeSet<&str> = routes::table().into_iter().map(|(path, _)| path).collect();
        assert_eq!(described, served);
    }
}
