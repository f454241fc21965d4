//! What every connection listener of one transport is given.

use super::admission::Admission;
use super::counters::{ConnectionCounters, NetCounters};
use super::limits::Limits;
use super::responder::{Panicked, Responders};
use super::service::Service;
use super::stop::Stop;
use crate::answer::{Ends, Transport};
use std::sync::Arc;

/// Shared by the listeners and connections of one transport; a clone is a few reference counts.
pub(super) struct Lane<S: Service> {
    pub(super) transport: Transport,
    pub(super) responders: Arc<Responders<S>>,
    pub(super) admission: Arc<Admission>,
    pub(super) limits: Arc<Limits>,
    pub(super) counters: Arc<NetCounters>,
    pub(super) stop: Stop,
}

impl<S: Service> Clone for Lane<S> {
    fn clone(&self) -> Self {
        Self {
            transport: self.transport,
            responders: self.responders.clone(),
            admission: self.admission.clone(),
            limits: self.limits.clone(),
            counters: self.counters.clone(),
            stop: self.stop.clone(),
        }
    }
}

impl<S: Service> Lane<S> {
    /// Answers one query that came over this lane; `None`: send nothing.
    pub(super) fn respond(&self, query: &[u8], ends: &Ends) -> Result<Option<Vec<u8>>, Panicked> {
        self.responders.respond(query, ends, self.transport)
    }

    /// The counters of this lane's transport.
    pub(super) fn connections(&self) -> &ConnectionCounters {
        self.counters.of(self.transport)
    }
}
