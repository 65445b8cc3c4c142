//! Who does what, where and when: the part that every kind of event draws from.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::chance::Chance;
use super::vocabulary::{self, Wiki};

/// One edit, or another action, on one page of one wiki.
pub struct Scene {
    pub now: String,
    pub now_unix: i64,
    /// The wiki's domain, or `canary`.
    pub domain: &'static str,
    pub wiki: &'static Wiki,
    pub page_id: u64,
    pub namespace: i64,
    pub title: String,
    pub is_redirect: bool,
    pub revision: u64,
    pub parent_revision: u64,
    pub size: u64,
    pub previous_size: u64,
    pub is_minor: bool,
    pub comment: &'static str,
    pub performer: Performer,
}

/// Whoever did it.
pub struct Performer {
    pub id: u64,
    pub name: String,
    pub groups: &'static [&'static str],
    pub is_bot: bool,
    /// A temporary account, which stands for someone who did not log in.
    pub is_temporary: bool,
    pub registered: String,
    pub edits: u64,
}

impl Scene {
    pub fn draw(chance: &mut Chance) -> Scene {
        let now = OffsetDateTime::now_utc();
        let wiki = chance.pick_early(&vocabulary::WIKIS);
        let (namespace, prefix) = *chance.pick(&vocabulary::NAMESPACES);
        let size = chance.between(200, 90_000);
        let revision = chance.between(1_200_000_000, 1_300_000_000);
        Scene {
            now: iso(now),
            now_unix: now.unix_timestamp(),
            domain: wiki.domain,
            wiki,
            page_id: chance.between(1_000, 80_000_000),
            namespace,
            title: format!("{prefix}{}", chance.pick(&vocabulary::TITLES)),
            is_redirect: chance.one_in(25),
            revision,
            parent_revision: revision - chance.between(1, 900_000),
            size,
            previous_size: size.saturating_sub(chance.below(600)) + chance.below(400),
            is_minor: chance.one_in(4),
            comment: chance.pick::<&str>(&vocabulary::COMMENTS),
            performer: Performer::draw(chance, now),
        }
    }

    /// Where a person would read the page.
    pub fn uri(&self) -> String {
        format!("https://{}/wiki/{}", self.domain, self.title)
    }

    /// An earlier moment, at most `days` ago.
    pub fn earlier(chance: &mut Chance, days: u64) -> String {
        iso(before(chance, OffsetDateTime::now_utc(), days))
    }
}

impl Performer {
    fn draw(chance: &mut Chance, now: OffsetDateTime) -> Performer {
        let kind = chance.below(10);
        let (name, groups): (String, &'static [&'static str]) = match kind {
            0..=2 => ((*chance.pick(&vocabulary::BOTS)).to_owned(), &["bot", "*", "user", "autoconfirmed"]),
            3 => (format!("~2026-{}-{:02}", chance.between(10_000, 99_999), chance.below(100)), &["*", "temp"]),
            _ => {
                ((*chance.pick(&vocabulary::EDITORS)).to_owned(), &["extendedconfirmed", "*", "user", "autoconfirmed"])
            }
        };
        Performer {
            id: chance.between(1_000, 48_000_000),
            name,
            groups,
            is_bot: kind <= 2,
            is_temporary: kind == 3,
            registered: iso(before(chance, now, 6_000)),
            edits: chance.between(1, 400_000),
        }
    }

    /// As the older schemas (`/mediawiki/*/1.x`) name it.
    pub fn legacy(&self) -> Value {
        json!({
            "user_id": self.id,
            "user_text": self.name,
            "user_groups": self.groups,
            "user_is_bot": self.is_bot,
            "user_registration_dt": self.registered,
            "user_edit_count": self.edits,
        })
    }

    /// As page_change names it.
    pub fn entity(&self) -> Value {
        json!({
            "user_id": self.id,
            "user_text": self.name,
            "groups": self.groups,
            "is_bot": self.is_bot,
            "is_registered": !self.is_temporary,
            "is_system": false,
            "is_temp": self.is_temporary,
            "registration_dt": self.registered,
            "edit_count": self.edits,
        })
    }
}

fn before(chance: &mut Chance, now: OffsetDateTime, days: u64) -> OffsetDateTime {
    now.saturating_sub(Duration::seconds(chance.between(1, days * 86_400).cast_signed()))
}

/// ISO 8601 in UTC, whole seconds. A moment that it cannot say (after the year 9999) becomes the epoch.
fn iso(moment: OffsetDateTime) -> String {
    moment.replace_nanosecond(0).unwrap_or(moment).format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".into())
}
