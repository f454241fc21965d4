//! Orders: what changes something.

use super::{Api, json};
use crate::admin::access::Caller;
use crate::admin::order::Order;
use crate::admin::params::Params;
use crate::admin::problem::Problem;
use crate::control::Reloaded;
use crate::control::overrides::{self, Refused, Removal, Request, Subject};
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
    let by = overrides::checked_by(caller.asking(order.by).as_deref())?;
    let by = by.unwrap_or_else(|| ANONYMOUS.to_owned());
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

/// Sets an override, or tells what that would do.
pub(super) async fn set_override(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    params: Params,
    Order(mut order): Order<Request>,
) -> Result<Response, Problem> {
    params.finish()?;
    order.by = caller.asking(order.by);
    let handle = api.handle.clone();
    let changed = to_its_end(async move { overrides::change(&handle, order).await }).await?;
    Ok(json(&changed))
}

/// Removes overrides.
pub(super) async fn remove_overrides(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    mut params: Params,
) -> Result<Response, Problem> {
    let subject = Subject {
        target: params.take("target")?,
        site: params.take("site")?,
        pool: params.take("pool")?,
        endpoint: params.take("endpoint")?,
        zone: params.take("zone")?,
    };
    let help = "write true or false";
    let all = params.parsed("all", help, str::parse::<bool>)?.unwrap_or(false);
    let weight = params.parsed("weight", help, str::parse::<bool>)?.unwrap_or(false);
    let force = params.parsed("force", help, str::parse::<bool>)?.unwrap_or(false);
    let dry_run = params.parsed("dry_run", help, str::parse::<bool>)?.unwrap_or(false);
    let by = caller.asking(params.take("by")?);
    params.finish()?;
    let handle = api.handle.clone();
    let removal = Removal { subject, all, weight, by, force, dry_run };
    let removed = to_its_end(async move { overrides::remove(&handle, removal).await }).await?;
    Ok(json(&removed))
}

/// Carries a change out even if whoever asked hangs up in the middle of it.
async fn to_its_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(change).await {
        Ok(done) => done.map_err(Problem::from),
        // It is never aborted while the runtime runs, so it has panicked: so does who asked.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
