//! What operators pin up, down or to drain, and the weights that they plan: found by name, judged by what it would do,
//! written to one file, told.
//!
//! ```text
//! Request ─ target ─► OverrideTarget ─ edit ─► text ─ blast ─┬─► file: overrides.toml ─ reload ─► served
//!                                                            └─► refused                          └─► audit
//! ```
//!
//! The file is the only place where overrides live: a person, a repository and these functions edit the same text, and
//! what is served follows from it by the same reload as any other change. [`change`] and [`remove`] do that on a server
//! at work; [`Ground`] is what they stand on, and serves without a server too.

mod audit;
pub mod blast;
mod edit;
mod file;
mod ground;
mod refused;
mod request;
pub mod target;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub(in crate::control) mod weight;

pub use ground::{Ground, Written};
pub use refused::{Details, Refused};
pub use request::{Removal, Request, Subject, checked_by};

use super::status::OverrideView;
use super::{Handle, Reloaded};
use crate::health::overrides::Override;
use crate::snapshot::Catalog;
use blast::Effect;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An override was set, or would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// The override.
    #[serde(rename = "override")]
    pub pinned: OverrideView,
    /// The same on the other names that a director's VIP bears in the pools that hand it out.
    pub also: Vec<OverrideView>,
    /// Those on the same targets that they take the place of, ended ones included.
    pub replaced: Vec<OverrideView>,
    /// What that does.
    pub effect: Effect,
    /// Whether it is in force; not if only the effect was asked for.
    pub applied: bool,
    /// What whoever asked should know, in words.
    pub notes: Vec<String>,
}

/// Overrides were removed, or would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Removed {
    /// The overrides that there were, ended ones included.
    pub removed: Vec<OverrideView>,
    /// What that does.
    pub effect: Effect,
    /// Whether they are gone; not if only the effect was asked for.
    pub applied: bool,
    /// What whoever asked should know, in words.
    pub notes: Vec<String>,
}

/// Sets an override on a server at work, and waits until it is in force.
pub async fn change(handle: &Handle, request: Request) -> Result<Changed, Refused> {
    carry_out(handle, move |ground| ground.set(&request, Timestamp::now())).await.map(Into::into)
}

/// Removes overrides from a server at work, and waits until what the probes say is in force.
pub async fn remove(handle: &Handle, removal: Removal) -> Result<Removed, Refused> {
    carry_out(handle, move |ground| ground.remove(&removal, Timestamp::now())).await.map(Into::into)
}

/// The overrides in force, in the order of the file.
pub async fn list(handle: &Handle) -> Vec<OverrideView> {
    let (known, now) = (handle.known().await, Timestamp::now());
    let in_force = known.knowledge.overrides.list.iter().filter(|one| one.in_force(now));
    in_force.map(|one| view(known.snapshot.catalog(), one, now)).collect()
}

/// An override as it is at this moment, with what its endpoints weigh by it.
pub(super) fn view(catalog: &Catalog, one: &Override, at: Timestamp) -> OverrideView {
    let mut view = OverrideView::from(one);
    if let Some(plan) = &mut view.weight {
        plan.now = weight::weighed(catalog, one, at);
    }
    view
}

async fn carry_out(
    handle: &Handle,
    write: impl FnOnce(&Ground) -> Result<Written, Refused> + Send + 'static,
) -> Result<Written, Refused> {
    let config = handle.config();
    let known = handle.known().await;
    let ground = Ground {
        catalog: known.snapshot.catalog().clone(),
        knowledge: known.knowledge,
        file: config.overrides.clone(),
        state: config.state.clone(),
    };
    let written = blocking(move || write(&ground)).await??;
    if written.is_dry_run {
        return Ok(written);
    }
    let by = written.by.clone().unwrap_or_else(|| "the admin API".to_owned());
    let reloaded = handle.reload(&by).await;
    // Overrides are taken up even where other files have mistakes, and the reload as a whole is refused.
    let in_force = if written.holds_in(&handle.knowledge().await.overrides) {
        Ok(())
    } else if let Reloaded::Refused(report) = reloaded {
        Err(Refused::not_in_force(&report))
    } else {
        Err(Refused::overtaken())
    };
    blocking(move || written.told(in_force)).await?
}

/// Runs what waits for a disk, where that stops nothing else.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refused::interrupted())
}

impl From<Written> for Changed {
    fn from(written: Written) -> Self {
        let Written { pinned, replaced, effect, is_dry_run, notes, catalog, at, .. } = written;
        let all = |list: &[Override]| list.iter().map(|one| view(&catalog, one, at)).collect();
        let (first, also) = pinned.split_first().expect("what has no target is refused");
        Self {
            pinned: view(&catalog, first, at),
            also: all(also),
            replaced: all(&replaced),
            effect,
            applied: !is_dry_run,
            notes,
        }
    }
}

impl From<Written> for Removed {
    fn from(written: Written) -> Self {
        let Written { pinned, effect, is_dry_run, notes, catalog, at, .. } = written;
        let removed = pinned.iter().map(|old| view(&catalog, old, at)).collect();
        Self { removed, effect, applied: !is_dry_run, notes }
    }
}
