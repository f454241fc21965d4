//! A change of overrides, from what was asked to the file that says it.
//!
//! All of it blocks, on the disk and for the time that dealing takes. The file is read, edited, judged and written in
//! one go; when somebody else changes it meanwhile, all is done again with what they wrote, so that two people who each
//! drain a site do not together drain the last two.

use super::audit::{self, Line, Outcome};
use super::blast::{self, Change, Effect};
use super::edit::{Edit, HEADER};
use super::file::{self, Unwritten};
use super::refused::Refused;
use super::request::{Asked, Removal, Removing, Request, Setting};
use super::target::{self, Wanted};
use super::weight;
use crate::config;
use crate::control::knowledge::Knowledge;
use crate::control::loader::Loader;
use crate::control::server::VERDICTS_FILE;
use crate::health::overrides::{Action, Override, Overrides, Pin};
use crate::health::persist::Saved;
use crate::health::prober::ProbeResult;
use crate::health::state as probe;
use crate::health::{Probe, Verdict};
use crate::report::{Report, listed};
use crate::snapshot::Catalog;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often a change is tried while others write to the file.
const ATTEMPTS_MAX: usize = 50;
/// Between two attempts: about what another writer needs.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(20);
/// So many endpoints are named in a note.
const NAMED_MAX: usize = 4;

/// What a change is judged by, and where it is written.
#[derive(Clone, Debug)]
pub struct Ground {
    /// What is served.
    pub catalog: Arc<Catalog>,
    /// What is known of endpoints, with the overrides that are in force.
    pub knowledge: Knowledge,
    /// The file of overrides; need not exist.
    pub file: PathBuf,
    /// The state directory, for the audit lines.
    pub state: PathBuf,
}

/// A change that is in the file, or would be.
#[derive(Clone, Debug)]
pub struct Written {
    /// The overrides that were set (one, or one for each name that a director's VIP bears) or removed.
    pub pinned: Vec<Override>,
    /// Those that the new ones take the place of.
    pub replaced: Vec<Override>,
    /// What it does.
    pub effect: Effect,
    /// Whether nothing was written, since only the effect was asked for.
    pub is_dry_run: bool,
    /// What whoever asked should know.
    pub notes: Vec<String>,
    /// Who asked.
    pub by: Option<String>,
    /// What was served when it was judged.
    pub catalog: Arc<Catalog>,
    /// When that was.
    pub at: Timestamp,
    action: audit::Action,
    forced: bool,
    state: PathBuf,
}

impl Ground {
    /// Ground without a server at work: what the server's file at `config` names, and the verdicts that a server has
    /// kept. Also how many probes have none of those; what they probe is taken for up, so that too much is refused
    /// rather than too little.
    pub fn from_files(config: &Path, now: Timestamp) -> Result<(Self, usize), Report> {
        let load = Loader::new(config).load()?;
        let config::Server { overrides, state, verdicts_max_age, .. } = &*load.server;
        let mut knowledge = Knowledge { overrides: load.overrides, ..Knowledge::default() };
        knowledge.verdicts.set_probes(load.catalog.probes().cloned());
        if let Ok(saved) = Saved::read(&state.join(VERDICTS_FILE), now, *verdicts_max_age) {
            knowledge.verdicts.restore(&saved);
        }
        let unknown = |probe: &&Arc<Probe>| knowledge.verdicts.verdict(probe) == Verdict::Unknown;
        let unknown: Vec<Arc<Probe>> = load.catalog.probes().filter(unknown).cloned().collect();
        for probe in &unknown {
            let (probe, outcome) = (probe.clone(), probe::Outcome::Success);
            let latency = Duration::ZERO;
            let supposed = ProbeResult { probe, outcome, latency, certificate_days_left: None };
            knowledge.verdicts.apply(&supposed, now);
        }
        let (file, state) = (overrides.clone(), state.clone());
        Ok((Self { catalog: load.catalog, knowledge, file, state }, unknown.len()))
    }

    /// Writes an override to the file, or several for what bears several names, unless too much would be lost by it.
    pub fn set(&self, request: &Request, now: Timestamp) -> Result<Written, Refused> {
        let setting = request.check(now)?;
        let Setting { wanted, asked, until, reason, by, force, dry_run } = setting;
        let targets = match asked {
            Asked::Pin(_) => target::find(&self.catalog, &wanted).map_err(Refused::lost)?,
            Asked::Weight { .. } => weight::find(&self.catalog, &wanted)?,
        };
        self.attempt(now, dry_run, |edit| {
            let old = Overrides { list: edit.list().to_vec() };
            let (mut pinned, mut replaced, mut notes) = (Vec::new(), Vec::new(), Vec::new());
            for target in &targets {
                let action = match asked {
                    Asked::Pin(pin) => Action::Pin(pin),
                    Asked::Weight { weight, begin, over } => {
                        let plan = (weight, begin, over);
                        let (plan, more) = weight::plan(&self.catalog, &old, target, plan);
                        notes.extend(more);
                        Action::Weight(plan)
                    }
                };
                let (target, reason, by) = (target.clone(), reason.clone(), by.clone());
                let new = Override { target, action, until, reason, by };
                replaced.extend(edit.set(&new));
                pinned.push(new);
            }
            let after = Overrides { list: edit.list().to_vec() };
            // Judged is what plans lead to.
            let reached = pinned.iter().fold(after.clone(), weight::reached);
            let effect = self.effect(&reached, now);
            for note in pinned.iter().flat_map(|new| self.notes(new, &after, &effect, now)) {
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
            let written = Written {
                by: by.clone(),
                pinned,
                replaced,
                notes,
                effect,
                is_dry_run: dry_run,
                catalog: self.catalog.clone(),
                at: now,
                action: audit::Action::Set,
                forced: force,
                state: self.state.clone(),
            };
            written.judged()
        })
    }

    /// Removes states from the file, or weights. Where a state pins something up, that is judged as setting one is: it
    /// may be all that a pool has; so is the end of a weight. Otherwise what it does is told and not judged: nothing is
    /// lost when a drain ends.
    pub fn remove(&self, removal: &Removal, now: Timestamp) -> Result<Written, Refused> {
        let Removing { wanted, weight, by, force, dry_run } = removal.check()?;
        let is_meant = |one: &Override| one.plan().is_some() == weight;
        self.attempt(now, dry_run, |edit| {
            let (list, others): (Vec<_>, Vec<_>) = edit.list().iter().cloned().partition(is_meant);
            let targets = match &wanted {
                None if list.is_empty() => return Err(Refused::none_there(weight, others.len())),
                Some(wanted) => {
                    target::find_set(&self.catalog, &list, wanted).map_err(|mut lost| {
                        if target::find_set(&self.catalog, &others, wanted).is_ok() {
                            lost.help = other_way(weight).to_owned();
                        } else if let Some(help) = self.covered(wanted, &list, now) {
                            lost.help = help;
                        }
                        Refused::lost(lost)
                    })?
                }
                None => list.iter().map(|one| one.target.clone()).collect(),
            };
            let removed = edit.remove(&targets, is_meant);
            let after = Overrides { list: edit.list().to_vec() };
            let held_up =
                |one: &Override| one.pin().is_none_or(|pin| pin == Pin::Up) && one.in_force(now);
            let effect = self.effect(&after, now);
            let effect = if removed.iter().any(held_up) { effect } else { effect.tolerated() };
            let written = Written {
                pinned: removed,
                replaced: Vec::new(),
                effect,
                is_dry_run: dry_run,
                notes: Vec::new(),
                by: by.clone(),
                catalog: self.catalog.clone(),
                at: now,
                action: audit::Action::Remove,
                forced: force,
                state: self.state.clone(),
            };
            written.judged()
        })
    }

    /// Edits the file, as often as somebody else comes in between.
    fn attempt(
        &self,
        now: Timestamp,
        dry_run: bool,
        plan: impl Fn(&mut Edit) -> Result<Written, Refused>,
    ) -> Result<Written, Refused> {
        for _ in 0..ATTEMPTS_MAX {
            let old = file::read(&self.file).map_err(|report| Refused::by_file(&report))?;
            let text = old.as_deref().unwrap_or(HEADER);
            let edit = Edit::new(&self.file, text, now);
            let mut edit = edit.map_err(|report| Refused::by_file(&report))?;
            let mut written = plan(&mut edit)?;
            let new = edit.finish().map_err(|report| Refused::by_file(&report))?;
            if dry_run {
                written.notes.extend(written.audit(Outcome::DryRun, None));
                return Ok(written);
            }
            match file::replace(&self.file, old.as_deref(), &new) {
                Ok(()) => return Ok(written),
                Err(Unwritten::Changed) => std::thread::sleep(ATTEMPT_INTERVAL),
                Err(Unwritten::Failed(finding)) => {
                    let notes = written.audit(Outcome::Failed, Some(&finding.message));
                    return Err(Refused::unwritten(finding).noting(notes));
                }
            }
        }
        Err(Refused::contended())
    }

    fn effect(&self, after: &Overrides, now: Timestamp) -> Effect {
        let with = |overrides: &Overrides| Knowledge {
            overrides: overrides.clone(),
            ..self.knowledge.clone()
        };
        let (after, probed) = (with(after), with(&Overrides::default()));
        let change = Change {
            before: &self.knowledge.at(now),
            after: &after.at(now),
            probed: &probed.at(now),
            sessions: &|endpoint| self.knowledge.at(now).behind(endpoint)?.sessions,
        };
        blast::effect(&self.catalog, change)
    }

    /// What is not as one might expect of a new override.
    fn notes(
        &self,
        new: &Override,
        after: &Overrides,
        effect: &Effect,
        now: Timestamp,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        let mut held: Vec<(&Override, Vec<&str>)> = Vec::new();
        for (pool, endpoint) in weight::endpoints(&self.catalog) {
            let subject = pool.subject(endpoint);
            let holding = match new.action {
                Action::Pin(_) => after.pin_for(&subject, now),
                Action::Weight(_) => after.weight_for(&subject, now),
            };
            let pinned = holding.filter(|_| new.target.matches(&subject));
            let Some(other) = pinned.filter(|pinned| pinned.target != new.target) else { continue };
            match held.iter_mut().find(|(known, _)| *known == other) {
                Some((_, names)) => names.push(&endpoint.name),
                None => held.push((other, vec![&endpoint.name])),
            }
        }
        for (other, names) in held {
            let shown = listed(&names, NAMED_MAX);
            notes.push(format!(
                "not for {shown}: the override on {} ({}) comes before it",
                other.target, other.action
            ));
        }
        if effect.endpoints == 0 {
            let verb = if new.pin().is_some() { "stands" } else { "weighs" };
            notes.push(format!("no endpoint {verb} otherwise by it than it does now"));
        }
        if new.plan().is_some() {
            notes.extend(weight::notes(&self.catalog, new));
        }
        notes
    }

    /// What to do about something that is held by an override on something larger.
    fn covered(&self, wanted: &Wanted, list: &[Override], now: Timestamp) -> Option<String> {
        let targets = target::find(&self.catalog, wanted).ok()?;
        let overrides = Overrides { list: list.to_vec() };
        let mut endpoints = weight::endpoints(&self.catalog);
        let pinned = endpoints.find_map(|(pool, endpoint)| {
            let subject = pool.subject(endpoint);
            let is_meant = targets.iter().any(|target| target.matches(&subject));
            overrides.pin_for(&subject, now).filter(|_| is_meant)
        })?;
        let larger = target::written(&pinned.target);
        Some(format!("what holds for it is the override on {}: remove {larger:?}", pinned.target))
    }
}

/// How to remove the kind of override that there is, where the other one was meant.
fn other_way(weight: bool) -> &'static str {
    match weight {
        true => {
            "it has a state and no weight: remove that without weight (on the command line: undrain)"
        }
        false => {
            "it has a weight and no state: remove that with weight=true (on the command line: weight … --reset)"
        }
    }
}

impl Written {
    /// Itself, unless too much would be lost by it and nobody insists.
    fn judged(self) -> Result<Self, Refused> {
        if self.effect.refused && !self.forced && !self.is_dry_run {
            let notes = self.audit(Outcome::Refused, None);
            return Err(Refused::by_effect(self.effect).noting(notes));
        }
        Ok(self)
    }

    /// Whether the file was read as it was written.
    pub(super) fn holds_in(&self, overrides: &Overrides) -> bool {
        let stands = |pinned: &Override| overrides.list.contains(pinned);
        match self.action {
            audit::Action::Set => self.pinned.iter().all(stands),
            audit::Action::Remove => !self.pinned.iter().any(stands),
        }
    }

    /// Writes the audit line, once it is known whether the change is in force; what came of it. Of a dry run it is
    /// written already.
    pub fn told(mut self, in_force: Result<(), Refused>) -> Result<Self, Refused> {
        match in_force {
            Ok(()) if self.is_dry_run => Ok(self),
            Ok(()) => {
                self.notes.extend(self.audit(Outcome::Applied, None));
                Ok(self)
            }
            Err(refused) => {
                let notes = self.audit(Outcome::Failed, Some(&refused.title));
                Err(refused.noting(notes).with_effect(self.effect))
            }
        }
    }

    /// Writes one line for each override; what went wrong with that.
    fn audit(&self, outcome: Outcome, error: Option<&str>) -> Vec<String> {
        let mut notes = Vec::new();
        for pinned in &self.pinned {
            let line = Line::new(self.action, pinned, &self.effect, outcome);
            let line = Line { by: self.by.as_deref(), forced: self.forced, error, ..line };
            // The reason is the same for all of them.
            notes = line.write(&self.state).err().into_iter().collect();
        }
        notes
    }
}
