//! The brokers' settings that make the wall: a listener for Weir alone, with an authorizer behind it.
//!
//! Must never: name Weir a super user, or say what only the brokers' own operator knows.

use std::fmt::Write as _;

use super::Wall;

impl Wall<'_> {
    /// Lines for every broker's `server.properties`. What a broker has as a list already is in the comments.
    pub(super) fn listener_settings(&self) -> String {
        let mut text = self.listener_words();
        let listener = format!("listener.name.{}", self.options.listener.to_ascii_lowercase());
        let mut line = |key: &str, value: &str| {
            let _ = writeln!(text, "{key}={value}");
        };
        let shows_certificate = self.upstream.tls.as_ref().is_some_and(|tls| tls.identity.is_some());
        match &self.upstream.sasl {
            Some(sasl) => {
                let is_asked = if shows_certificate { "required" } else { "none" };
                line(&format!("{listener}.ssl.client.auth"), is_asked);
                line(&format!("{listener}.sasl.enabled.mechanisms"), sasl.mechanism.name());
            }
            None => {
                line(&format!("{listener}.ssl.client.auth"), "required");
                if self.options.users.is_empty() {
                    line(&format!("{listener}.ssl.principal.mapping.rules"), "DEFAULT");
                }
            }
        }
        line(&format!("{listener}.max.connections"), &self.connections().to_string());
        line("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
        line("allow.everyone.if.no.acl.found", "false");
        line("auto.create.topics.enable", "false");
        if !self.upstream.racks.is_empty() {
            line("replica.selector.class", "org.apache.kafka.common.replica.RackAwareReplicaSelector");
        }
        text
    }

    fn listener_words(&self) -> String {
        let listener = &self.options.listener;
        let ports: Vec<String> = self.ports().iter().map(u16::to_string).collect();
        let users: Vec<String> = self.users.iter().map(|user| format!("#   User:{}", user.name)).collect();
        format!(
            "\
# For server.properties of every broker of upstream {name}. Written by `weir render upstream`.
#
# Add to the lists that each broker has:
#   listeners                       {listener}://:{ports}
#   advertised.listeners            {listener}://HOST:{ports}   (HOST as this broker's certificate names it)
#   listener.security.protocol.map  {listener}:{protocol}
# Give it a key store (listener.name.{lower}.ssl.keystore.*), and a trust store with the CA of Weir's certificates and no other.
#
# FIRST, super.users: the brokers' own user, and those of administrators, tools and other clients without ACLs, or they
# are refused from the next start on. Never one of these, which are Weir:
{users}
# Brokers with ZooKeeper have another authorizer: kafka.security.authorizer.AclAuthorizer, before 2.4 kafka.security.auth.\
SimpleAclAuthorizer.
",
            name = self.name,
            protocol = if self.upstream.sasl.is_some() { "SASL_SSL" } else { "SSL" },
            ports = ports.join(" or "),
            lower = listener.to_ascii_lowercase(),
            users = users.join("\n"),
        )
    }
}
