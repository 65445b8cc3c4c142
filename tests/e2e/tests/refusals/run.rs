//! Makes one client meet one row, and says in closed words what it did.
//!
//! Nothing here is a time that was measured: a client was told or was not, asked again or did not, went on or did not,
//! each within a bound that is far from what it takes.

use std::path::Path;
use std::time::{Duration, Instant};

use weir_pki::{ClientSubject, Usage, Validity};
use weir_testkit::{Acl, Identity, Pki, PrincipalSpec, RawClient, paths, wait};

use crate::program::{Program, Said};
use crate::row::{Case, Counted, HIDDEN, OTHER, Paper, Row, TOPIC, World};
use crate::stage::{self, Stage};
use crate::verdict;

/// How long a client may take to meet what it was made to meet.
const MEETS: Duration = Duration::from_secs(30);
/// How long it may keep an error to itself, from the first refusal on.
const TELLS: Duration = Duration::from_secs(6);
/// How long until one that says nothing asks again at the latest, and until it tells what the page says that it tells.
const ASKS_AGAIN: Duration = Duration::from_secs(40);
/// How long it may take to go on when nothing is in the way any more.
const GOES_ON: Duration = Duration::from_secs(30);
/// What a busy machine may take longer, where not every word and time of the page is held.
const PATIENCE: u32 = 2;
/// How much longer a certificate lives that is to expire, at each try.
const LIVES_LONGER: Duration = Duration::from_secs(40);

/// One client before one row.
pub struct Meeting<'a> {
    stage: &'a mut Stage,
    run: &'a Path,
    row: &'a Row,
    case: &'a Case,
    principal: String,
    identity: Identity,
    said: Option<String>,
    tries: u32,
}

impl<'a> Meeting<'a> {
    /// Nothing happens yet.
    pub fn new(stage: &'a mut Stage, client: &str, run: &'a Path, row: &'a Row, case: &'a Case) -> Self {
        let principal = format!("{client}-{}", row.name().replace('_', "-"));
        let identity = identity(&principal, case.world, 0);
        Self { stage, run, row, case, principal, identity, said: None, tries: 0 }
    }

    /// What the page says of it, and how often it was tried: who knows what to wait for waits longer for that.
    #[must_use]
    pub fn again(self, said: Option<String>, tries: u32) -> Self {
        let identity = identity(&self.principal, self.case.world, tries);
        Self { said, tries, identity, ..self }
    }

    /// What the client did, or why it cannot be said.
    pub fn held(&mut self) -> Result<String, String> {
        let (program, told) = self.meets()?;
        self.ends(program, told)
    }

    /// The client meets the row; what its program was told.
    pub fn meets(&mut self) -> Result<(Program, String), String> {
        let identity = self.identity.clone();
        self.stage.follow(&self.policy(false));
        match self.case.world {
            World::Suspended(words) => self.stage.command("suspend", words, &self.principal, &identity),
            World::Shows(Paper::Revoked) => self.stage.revoke(&identity),
            _ => {}
        }
        let crowd = self.crowd();
        let before = self.stage.met(self.row, self.case.counted);
        let program = self.start();
        let mut since = Instant::now();
        if self.case.world.is_while_reading() {
            self.goes_on(&program, since).map_err(|error| format!("before anything was in its way: {error}"))?;
            since = Instant::now();
            self.comes_in_the_way();
        }
        let told = match self.case.counted {
            Counted::Slower | Counted::NoError => self.quiet(&program, since)?,
            _ => self.told(&program, since, before)?,
        };
        drop(crowd);
        Ok((program, told))
    }

    /// What is in its way is taken out of it; all that the client did.
    pub fn ends(&mut self, mut program: Program, told: String) -> Result<String, String> {
        let after = self.after(&program);
        let _ = program.stop(Duration::from_secs(5));
        Ok(format!("{told}{after}"))
    }

    /// The policy with what is in the client's way, or without.
    fn policy(&self, lifted: bool) -> Acl {
        let name = &self.principal;
        let mut reader = PrincipalSpec::new(name, &[TOPIC]);
        let mut acl = stage::catalogue();
        // Its limits are new each time, so that each policy is another.
        match self.case.world {
            World::Limits(limits) if !lifted => reader = reader.within(limits),
            World::Crowded if !lifted => reader = reader.within("connections: 1"),
            World::NotGranted if lifted => reader.topics.push(OTHER.into()),
            World::NotCatalogued if lifted => {
                acl = stage::wider_catalogue();
                reader.topics.push(HIDDEN.into());
            }
            World::Elsewhere if !lifted => reader.cidrs = vec!["198.51.100.0/24".into()],
            World::Nobody if !lifted => return acl.principal(PrincipalSpec::new(&format!("{name}-other"), &[TOPIC])),
            World::TwoOfThem => {
                let mut other = PrincipalSpec::new(&format!("{name}-other"), &[TOPIC]);
                other.certificate = ("san_dns".into(), format!("{name}.b"));
                reader.certificate = ("san_dns".into(), format!("{name}.a"));
                acl = acl.principal(other);
            }
            _ => {}
        }
        acl.principal(reader)
    }

    /// Those that hold the connections that there may be.
    fn crowd(&self) -> Option<RawClient> {
        let weir = &self.stage.weir;
        matches!(self.case.world, World::Crowded)
            .then(|| RawClient::connect(&weir.target(&weir.bootstrap(), &self.identity)).expect("a connection"))
    }

    fn start(&self) -> Program {
        let identity = &self.identity;
        let path = |path: &Path| path.display().to_string();
        let (weir, case) = (&self.stage.weir, self.case);
        let mut environment: Vec<(&str, String)> = vec![
            ("BOOTSTRAP", weir.bootstrap()),
            ("CA", path(&identity.ca)),
            ("STEP", case.step.into()),
            ("TOPIC", case.topic.into()),
            ("GROUP", "mine".into()),
        ];
        match case.world {
            World::Shows(Paper::Plaintext) => environment.push(("PLAINTEXT", "yes".into())),
            World::Shows(Paper::Nothing) => {}
            _ => environment.extend([("CERT", path(&identity.certificate)), ("KEY", path(&identity.key))]),
        }
        environment.extend(case.told.iter().map(|(key, value)| (*key, (*value).to_string())));
        let log = paths::run_dir("refusals").join(format!("{}.log", self.principal));
        Program::start(self.run, &environment, log)
    }

    /// What comes over a client that reads.
    fn comes_in_the_way(&mut self) {
        match self.case.world {
            World::SuspendedWhileReading(words) => {
                self.stage.command("suspend", words, &self.principal, &self.identity);
            }
            World::RevokedWhileReading => self.stage.revoke(&self.identity),
            World::HeldBackWhileReading => self.stage.follow(&self.policy(false).only_while_compacted(TOPIC)),
            _ => {}
        }
    }

    /// What the client's program is told, once Weir says that the client has met the row.
    fn told(&self, program: &Program, since: Instant, before: u64) -> Result<String, String> {
        let expected = self.said.as_deref().map(verdict::told);
        let met = || self.stage.met(self.row, self.case.counted).saturating_sub(before);
        let says = || errors(&program.said_since(since), expected);
        // Who is slow to ask may have told of time-outs before.
        let need_not_ask = expected.is_some_and(|told| told.starts_with("asks nothing"));
        let life =
            if self.case.world == World::ExpiresWhileReading { LIVES_LONGER * self.tries } else { Duration::ZERO };
        let met_in_time = wait::try_until(patient(MEETS) + life, || {
            let is_there = met() > 0 || (need_not_ask && says().is_some());
            is_there.then_some(()).ok_or_else(|| "nothing was met and nothing said".to_string())
        });
        if let (Err(error), None) = (met_in_time, says()) {
            return Err(self.failed(&error, program));
        }
        let has_told_code = || says().is_some_and(|told| verdict::code(&told).is_some());
        // Who has been refused once and is silent may be about to ask again: elsewhere, or after a broker that is down.
        let is_silent = || met() == 1 && says().is_none() && !program.said_since(since).contains(&Said::Ok);
        let is_late = || expected.and_then(verdict::code).is_some() && says().is_none();
        let is_clear = || met() > 0 && has_told_code() && expected.is_none_or(|told| says().as_deref() == Some(told));
        let (end, last) = (Instant::now() + TELLS, Instant::now() + ASKS_AGAIN);
        while (Instant::now() < end || (Instant::now() < last && (is_silent() || is_late()))) && !is_clear() {
            std::thread::sleep(Duration::from_millis(50));
        }
        let has_succeeded = program.said_since(since).contains(&Said::Ok) && !self.case.world.is_while_reading();
        Ok(match (says(), met()) {
            (Some(errors), 0) => format!("asks nothing: {errors}"),
            (Some(errors), _) => errors,
            (None, _) if has_succeeded => "no error".into(),
            (None, 2..) => "asks again".into(),
            (None, _) => verdict::SILENT.into(),
        })
    }

    /// What becomes of it.
    fn after(&mut self, program: &Program) -> &'static str {
        let world = self.case.world;
        if !world.is_lifted() || matches!(self.case.counted, Counted::Slower | Counted::NoError) {
            return "";
        }
        match world {
            World::Suspended(words) | World::SuspendedWhileReading(words) => {
                self.stage.command("resume", words, &self.principal, &self.identity);
            }
            // Whoever stopped the broker lets it go on.
            World::NotCounted => {}
            _ => self.stage.follow(&self.policy(true)),
        }
        match self.goes_on(program, Instant::now()) {
            Ok(()) => verdict::GOES_ON,
            Err(_) if program.has_stopped() => verdict::STOPS,
            Err(_) => verdict::STAYS,
        }
    }

    fn goes_on(&self, program: &Program, since: Instant) -> Result<(), String> {
        let mut last = Err(String::new());
        let _ = wait::try_until(patient(GOES_ON), || {
            last = match program.said_since(since).contains(&Said::Ok) {
                true => Ok(()),
                false => Err(self.failed("it does nothing", program)),
            };
            // A library that has stopped is not waited for.
            if last.is_ok() || program.has_stopped() { Ok(()) } else { Err(String::new()) }
        });
        last
    }

    /// Without the limit the step is done about fifteen times in this time.
    fn quiet(&self, program: &Program, began: Instant) -> Result<String, String> {
        self.goes_on(program, began)?;
        let since = Instant::now();
        std::thread::sleep(TELLS);
        let in_time = program.said_since(since);
        self.goes_on(program, since)?;
        let has_failed = program.said_since(since).iter().any(|one| *one != Said::Ok);
        match (self.case.counted, in_time.len()) {
            _ if has_failed => Err(self.failed("it is told errors", program)),
            (Counted::NoError, _) => Ok("no error".into()),
            (_, 0..=9) => Ok("no error; slower".into()),
            _ => Ok("no error; as fast".into()),
        }
    }

    fn failed(&self, what: &str, program: &Program) -> String {
        let said: Vec<Said> = program.said_since(Instant::now() - Duration::from_secs(120));
        let last = &said[said.len().saturating_sub(5)..];
        format!("{what}; last said {last:?}; log {}; counted\n{}", program.log().display(), self.stage.moved())
    }
}

/// The error that the program was told. One with Kafka's code says more than trouble with connections, and one with
/// another code than expected most. Of those without a code it is what is expected or else the last by name: which kinds
/// come beside it, and when, differs.
fn errors(said: &[Said], expected: Option<&str>) -> Option<String> {
    let words = said.iter().filter_map(|one| match one {
        Said::Error(call, class, Some(code)) => Some(format!("`{call}`: `{class}` ({code})")),
        Said::Error(call, class, None) => Some(format!("`{call}`: `{class}`")),
        _ => None,
    });
    let expected_code = expected.and_then(verdict::code);
    let is_coded = |words: &&String| verdict::code(words).is_some() && !verdict::is_own_timeout(words, expected_code);
    let all: Vec<String> = words.collect();
    let is_expected = |words: &&String| Some(words.as_str()) == expected;
    let other_code = || all.iter().filter(is_coded).find(|words| verdict::code(words) != expected_code);
    let other_code = expected.and_then(|_| other_code());
    let coded = all.iter().find(is_coded);
    other_code.or(all.iter().find(is_expected)).or(coded).or(all.iter().max()).cloned()
}

/// As long, and longer where a busy machine is no failure.
fn patient(limit: Duration) -> Duration {
    if verdict::is_exact() { limit } else { limit * PATIENCE }
}

/// What the client shows.
fn identity(name: &str, world: World, tries: u32) -> Identity {
    let pki = Pki::shared();
    let names = ["a", "b"].map(|end| format!("{name}.{end}"));
    let subject = ClientSubject { san_dns: names.into(), ..ClientSubject::named(name) };
    match world {
        World::Shows(Paper::Stranger) => Identity { ca: pki.ca(), ..Pki::new("Somebody else's CA").client(name) },
        World::Shows(Paper::Expired) => pki.client_with(&subject, Validity::seconds(-7200, -3600)),
        World::Shows(Paper::NotYet) => pki.client_with(&subject, Validity::seconds(3600, 7200)),
        World::Shows(Paper::ForServers) => {
            let issued = pki.authority().client_with_usages(&subject, Validity::days(1), &[Usage::Server]);
            pki.keep(issued.expect("a certificate"), "for-servers")
        }
        // A certificate counts for a minute more.
        World::ExpiresWhileReading => {
            let longer = i64::try_from(LIVES_LONGER.as_secs()).expect("seconds") * i64::from(tries);
            pki.client_with(&subject, Validity::seconds(-7200, longer - 35))
        }
        World::TwoOfThem => pki.client_with(&subject, Validity::days(2)),
        _ => pki.client(name),
    }
}
