//! What is told: line by line as the steps are gone, or as one JSON object at the end.
//!
//! Must never: tell less in one form than in the other, or print anything else to standard output.

use serde_json::{Map, Value, json};

use super::finding::{Finding, Passed};
use super::step::Step;

/// What stands for itself in the sentences of faults.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) principal: Option<String>,
    pub(crate) topic: Option<String>,
    /// The address of this machine, as its own network sees it.
    pub(crate) address: Option<String>,
    /// `host:port` of the server.
    pub(crate) server: Option<String>,
}

/// In which form it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A line for each step, as it is gone.
    Lines,
    /// One JSON object, at the end.
    Object,
    /// Nothing is told but what went wrong.
    Failure,
    /// Nothing is told: somebody else does it.
    Nothing,
}

/// All that is told.
#[derive(Debug)]
pub(crate) struct Report {
    form: Form,
    pub(crate) names: Names,
    /// The step that is being gone.
    current: Step,
    passed: Vec<(Step, Passed)>,
    failed: Option<(Step, Finding)>,
}

impl Report {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, names: Names::default(), current: Step::Bundle, passed: Vec::new(), failed: None }
    }

    /// A step begins.
    pub(crate) fn at(&mut self, step: Step) {
        self.current = step;
    }

    /// The step that began last was gone.
    pub(crate) fn passed(&mut self, passed: Passed) {
        if self.form == Form::Lines {
            println!("passed  {:<10} {}", self.current.name(), passed.seen);
        }
        self.passed.push((self.current, passed));
    }

    /// The end. Where the fault is always told at one step, it is told there.
    pub(crate) fn end(&mut self, ended: Result<(), Finding>) {
        self.failed = ended.err().map(|finding| (finding.fault.step().unwrap_or(self.current), finding));
        match (self.form, &self.failed) {
            (Form::Object, _) => println!("{}", self.object()),
            (Form::Lines, None) => println!("all well: this machine reads and commits"),
            (Form::Nothing, _) | (Form::Failure, None) => {}
            (Form::Lines | Form::Failure, Some((step, finding))) => self.print_failed(*step, finding),
        }
    }

    /// What went wrong, for programs; nothing where nothing did.
    pub(crate) fn failure(&self) -> Option<Value> {
        let (step, finding) = self.failed.as_ref()?;
        let fault = finding.fault;
        Some(json!({
            "step": step.name(),
            "fault": fault.name(),
            "who": fault.who().name(),
            "wrong": self.filled(fault.wrong()),
            "to_do": self.filled(fault.fix()),
            "seen": finding.seen,
            "reasons": fault.reasons(),
        }))
    }

    /// The step that was not gone.
    pub(crate) fn failed_at(&self) -> Option<Step> {
        self.failed.as_ref().map(|(step, _)| *step)
    }

    fn print_failed(&self, step: Step, finding: &Finding) {
        let fault = finding.fault;
        println!("FAILED  {:<10} {}", step.name(), fault.name());
        println!("  wrong: {}", self.filled(fault.wrong()));
        println!("  to do ({}): {}", fault.who().name(), self.filled(fault.fix()));
        println!("  seen: {}", finding.seen);
        if !fault.reasons().is_empty() {
            println!("  in Weir's log and metrics: {}", fault.reasons().join(" or "));
        }
        let rest: Vec<_> = self.not_reached(step).map(Step::name).collect();
        if !rest.is_empty() && self.form == Form::Lines {
            println!("not looked at: {}", rest.join(", "));
        }
    }

    fn object(&self) -> Value {
        let mut steps: Vec<_> = self
            .passed
            .iter()
            .map(|(step, passed)| row(*step, "passed", Some(&passed.seen), &passed.details))
            .collect();
        let mut object = json!({
            "version": 1,
            "well": self.failed.is_none(),
            "principal": self.names.principal,
            "server": self.names.server,
            "address": self.names.address,
            "topic": self.names.topic,
        });
        if let Some((step, finding)) = &self.failed {
            // A fault may be told at a step that was gone before it showed.
            steps.retain(|row| row.get("step").and_then(Value::as_str) != Some(step.name()));
            steps.push(row(*step, "failed", Some(&finding.seen), &finding.details));
            let not_reached = self.not_reached(*step);
            steps.extend(not_reached.map(|step| row(step, "not-reached", None, &Map::new())));
        }
        if let Some(failure) = self.failure() {
            extend(&mut object, failure);
        }
        extend(&mut object, json!({ "steps": steps }));
        object
    }

    fn not_reached(&self, failed: Step) -> impl Iterator<Item = Step> {
        let gone: Vec<Step> = self.passed.iter().map(|(step, _)| *step).collect();
        Step::EXAMINED.into_iter().filter(move |step| *step != failed && !gone.contains(step))
    }

    /// A sentence with the names that are known.
    fn filled(&self, sentence: &str) -> String {
        let Names { principal, topic, address, .. } = &self.names;
        let mut filled = sentence.to_owned();
        for (placeholder, name) in [("PRINCIPAL", principal), ("TOPIC", topic), ("ADDRESS", address)] {
            if let Some(name) = name {
                filled = filled.replace(placeholder, name);
            }
        }
        filled
    }
}

fn row(step: Step, result: &str, seen: Option<&str>, details: &Map<String, Value>) -> Value {
    json!({ "step": step.name(), "result": result, "seen": seen, "details": details })
}

/// Adds the keys of one object to another.
pub(crate) fn extend(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}
