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
