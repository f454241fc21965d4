//! Orders: what changes something.

use super::{Api, json};
use crate::admin::access::Caller;
use crate::admin::order::Order;
use crate::admin::params::Params;
use crate::admin::problem::Problem;
use crate::control::Reloaded;
use crate::control::status::FindingView;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who asks if neither the order nor a token says.
const ANONYMOUS: &str = "the admin API";

/// An order to read everything again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReloadOrder {
    /// Who asks, for the record.
    by: Option<String>,
}

/// How a reload went.
#[derive(Debug, Serialize)]
struct ReloadOutcome {
    outcome: String,
    /// What is served now.
    generation: u64,
    findings: Vec<FindingView>,
}

/// Reads everything again and tells how that went.
pub(super) async fn reload(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    params: Params,
    Order(order): Order<ReloadOrder>,
) -> Result<Response, Problem> {
    params.finish()?;
    let by = order.by.or(caller.name).unwrap_or_else(|| ANONYMOUS.to_owned());
    let reloaded = api.handle.reload(&by).await;
    let mut response = json(&ReloadOutcome {
        outcome: reloaded.outcome().to_string(),
        generation: api.handle.snapshot().generation(),
        findings: reloaded.report().findings.iter().map(FindingView::from).collect(),
    });
    if matches!(reloaded, Reloaded::Refused(_)) {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}
