//! Following the policy: an open connection is judged by what is in force now, not by what let it in.
//!
//! Must never: keep open what would not be let in again, or disturb who lost nothing.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use rustls_pki_types::UnixTime;
use weir_policy::Principal;

use super::Connection;
use super::broker::Broker;
use crate::close_reason::CloseReason;
use crate::live::Generation;
use crate::tls;

impl Connection {
    /// Takes up what is in force.
    pub(super) fn follow(&mut self, now: Instant) -> Result<(), CloseReason> {
        let generation = self.worker.generation();
        let listener = Arc::clone(generation.listener(&self.listener.name).ok_or(CloseReason::Internal)?);
        if !listener.allows(self.address) {
            return Err(CloseReason::AddressNotAllowed);
        }
        let principal = self.identify_again(&generation)?;
        if !principal.allows_address(self.address) {
            return Err(CloseReason::PrincipalAddress);
        }
        if is_another(&self.principal, &principal) || lost_everything(&self.principal, &principal) {
            return Err(CloseReason::RevokedLive);
        }
        let fewer = principal.limits.connections < self.principal.limits.connections;
        if fewer && !self.places.principal.is_within(&principal) {
            return Err(CloseReason::PrincipalConnections);
        }
        if !self.may_speak_on_for(&principal) {
            return Err(CloseReason::TierChanged);
        }
        self.principal = principal;
        self.listener = listener;
        self.snapshot = Arc::clone(&generation.snapshot);
        self.generation = generation;
        let view = self.listener.upstream.borrow_view();
        let whose = self.dues.whose(&self.principal, now);
        let env = self.listener.env(&self.snapshot, whose, view.as_deref(), true, now);
        self.session.follow(&env);
        Ok(())
    }

    /// Whether the broker's connection, where there is one, is what one for this principal would be: the brokers know
    /// it by the certificate of the tier that it was opened for.
    pub(super) fn may_speak_on_for(&self, principal: &Principal) -> bool {
        let tiers = (&self.principal.tier.name, &principal.tier.name);
        matches!(self.broker, Broker::None) || self.listener.upstream.share_identity(tiers.0, tiers.1)
    }

    /// Who the client is by now. Certificates are looked at only where something changed that they are judged by.
    fn identify_again(&mut self, generation: &Generation) -> Result<Arc<Principal>, CloseReason> {
        let (new, old) = (&generation.snapshot, &self.snapshot);
        if new.policy.suspends(&self.principal.name).is_some() {
            return Err(CloseReason::SuspendedLive);
        }
        if new.policy.identifies_as(&old.policy) && new.trusts_as(old, &self.listener.name) {
            return new.policy.principal(&self.principal.name).ok_or(CloseReason::RevokedLive);
        }
        let tls = self.client.link.server_tls().ok_or(CloseReason::Internal)?;
        let now = UnixTime::now();
        new.verify_again(&self.listener.name, tls, now)?;
        let peer = tls::peer(tls, new, now).map_err(|reason| match reason {
            CloseReason::PrincipalUnknown | CloseReason::Suspended => tls::while_connected(reason),
            reason => reason,
        })?;
        let valid_for = peer.expires.duration_since(SystemTime::now()).unwrap_or_default();
        self.deadlines.expires_at(Instant::now().checked_add(valid_for));
        Ok(peer.principal)
    }
}

/// Groups of another namespace are other groups: what this connection has under way would be mistaken for theirs.
fn is_another(before: &Principal, now: &Principal) -> bool {
    before.name != now.name || before.namespace != now.namespace || before.own_groups() != now.own_groups()
}

fn lost_everything(before: &Principal, now: &Principal) -> bool {
    reads_something(before) && !reads_something(now)
}

fn reads_something(principal: &Principal) -> bool {
    principal.granted_topics().next().is_some() || principal.granted_prefixes().next().is_some()
}
