//! Every way to end without a result: its kind, exit code, wording and hint.

mod download;
mod errand;
mod file;
pub(crate) mod hints;
mod service;
mod url;

use std::fmt;

use serde::{Serialize, Serializer};
use tcss_export::{JobId, text::printable};

use self::hints::Hint;
pub(crate) use self::{errand::Errand, service::with_sources};
use crate::terminal::{
    masking::masked,
    rows,
    shell::{Setting, job_command},
    signals::Signal,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Usage,
    TimedOut,
    Api,
    Transport,
    Answer,
    File,
    Interrupted,
    Terminated,
}

impl Kind {
    const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::TimedOut => 3,
            Self::Api => 4,
            Self::Transport => 5,
            Self::Answer => 6,
            Self::File => 7,
            Self::Interrupted => Signal::Interrupt.exit_code(),
            Self::Terminated => Signal::Terminate.exit_code(),
        }
    }
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    hint: Hint,
    facts: Box<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    /// Who has refused, if it is not the service.
    by: Option<&'static str>,
    code: Option<String>,
    status: Option<u16>,
    request_id: Option<String>,
    /// That of the file server, where the other one is the service's.
    file_request_id: Option<String>,
    job_id: Option<String>,
    /// Where the file of a job is, without what is secret of its URL.
    url: Option<String>,
    /// The path in the message that the user has given: it is no secret, whatever it looks like.
    path: Option<String>,
    again: Again,
    /// Bytes are written already to where nothing can be taken back.
    starts_over: bool,
    /// What was going on and what it took, for people.
    effort: Option<(&'static str, String)>,
    /// What a command is good for, and the command.
    command: Option<(&'static str, String)>,
}

/// Whether the command can help once more.
#[derive(Debug, Default)]
enum Again {
    #[default]
    AsItWas,
    /// Without the limit of time that has led here.
    Without(&'static str),
    /// With the option that allows what was refused.
    With(&'static str),
    Never,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        let hint = hints::of_kind(kind).into();
        Self { kind, message: message.into(), hint, facts: Box::default() }
    }

    /// Tells that a signal has ended what was under way.
    pub(crate) fn stopped(signal: Signal, message: &str) -> Self {
        let kind = match signal {
            Signal::Interrupt => Kind::Interrupted,
            Signal::Terminate => Kind::Terminated,
        };
        Self::new(kind, message)
    }

    /// Takes what clap says: the error in the first paragraph, its advice in the others.
    pub(crate) fn arguments(text: &str) -> Self {
        let mut paragraphs = text.split("\n\n").map(one_line);
        let error = paragraphs.next().unwrap_or_default();
        let advice = paragraphs.filter(|advice| !advice.starts_with("For more information"));
        let advice = advice.collect::<Vec<_>>().join("; ");
        let failure = Self::new(Kind::Usage, error.strip_prefix("error: ").unwrap_or(&error));
        if advice.is_empty() { failure } else { failure.with_hint(advice) }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Takes the path in the message that the user has given, as it stands there.
    pub(crate) fn with_path(mut self, path: String) -> Self {
        self.facts.path = Some(path);
        self
    }

    /// Gives another hint than the one to check the job id, where none was asked about.
    pub(crate) fn instead_of_job_id(self, hint: &'static str) -> Self {
        if matches!(self.hint, Hint::WrongJob) { self.with_hint(hint) } else { self }
    }

    /// Names the job that it is about.
    pub(crate) fn of_job(mut self, job: &JobId) -> Self {
        self.facts.job_id = Some(job.as_str().to_owned());
        self
    }

    /// Adds what the user can do next; a command that cannot be shown is to be repeated as it was.
    pub(crate) fn with_command(mut self, purpose: &'static str, command: Option<String>) -> Self {
        if command.is_none() && self.hint.text().is_empty() {
            self.hint = hints::AS_IT_WAS.into();
        }
        self.facts.command = command.map(|command| (purpose, command));
        self
    }

    /// Adds the command that goes on with a job, if there is one that can help.
    pub(crate) fn continue_with(self, name: &str, job: &JobId, options: &[Setting]) -> Self {
        let mut options = options.to_vec();
        match self.facts.again {
            Again::AsItWas => {}
            Again::Without(name) => options.retain(|option| option.name != name),
            Again::With(name) => options.push(Setting::flag(name)),
            Again::Never => return self,
        }
        let purpose = if self.facts.starts_over { "download with" } else { "continue with" };
        self.with_command(purpose, job_command(name, job, &options))
    }

    /// Adds that the file is there all the same.
    pub(crate) fn after_saving(mut self, name: &str) -> Self {
        self.message += &format!("; {name} is complete and in its place");
        self.with_path(name.to_owned()).with_again(Again::Never)
    }

    /// Tells of something else that went wrong as well, which counts for less.
    pub(crate) fn with_another(mut self, other: Self) -> Self {
        self.message += &format!("; {}", other.message);
        self.facts.path = self.facts.path.or(other.facts.path);
        self
    }

    fn with_again(mut self, again: Again) -> Self {
        self.facts.again = again;
        self
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    const fn is_stopped(&self) -> bool {
        matches!(self.kind, Kind::Interrupted | Kind::Terminated)
    }

    fn headline(&self) -> String {
        let by = self.facts.by.unwrap_or("the service");
        match (self.kind, &self.facts.code) {
            (Kind::Api, Some(code)) if self.message.is_empty() => {
                format!("{by} refused with {code}")
            }
            (Kind::Api, Some(code)) => format!("{by} refused with {code}: {}", self.message),
            _ => self.message.clone(),
        }
    }

    /// Masks a text of this failure, save the path that the user has given.
    fn masked(&self, text: &str) -> String {
        match &self.facts.path {
            Some(path) => text.split(&**path).map(masked).collect::<Vec<_>>().join(path),
            None => masked(text),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(masked(self.hint.text())).filter(|hint| !hint.is_empty())
    }

    /// Returns hint and command in one line. The command is what the user has typed: it must stay
    /// as it is.
    fn advice(&self) -> String {
        let hint = self.hint();
        let command = self.facts.command.as_ref();
        let command = command.map(|(purpose, command)| format!("{purpose}: {command}"));
        hint.into_iter().chain(command).collect::<Vec<_>>().join("; ")
    }
}

/// For people: what happened, then the facts one a line. Who has stopped it gets one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_stopped() {
            return writeln!(f, "{}; {}", self.message, printable(&self.advice()));
        }
        let Facts { status, request_id, file_request_id, job_id, url, effort, command, .. } =
            &*self.facts;
        let effort = effort.as_ref().map(|(label, effort)| (*label, Some(effort.clone())));
        let masked_fact = |fact: &Option<String>| fact.as_deref().map(masked);
        let facts = [
            ("HTTP status", status.map(|status| status.to_string())),
            ("request id", masked_fact(request_id)),
            ("file request id", masked_fact(file_request_id)),
            // The user has given it, or has to give it.
            ("job id", job_id.clone()),
            ("url", masked_fact(url)),
            effort.unwrap_or_default(),
            ("hint", self.hint()),
        ];
        let facts = facts.into_iter().filter_map(|(label, fact)| Some((label, fact?)));
        let command = command.as_ref().map(|(purpose, command)| (*purpose, command.clone()));
        writeln!(f, "error: {}", printable(&self.masked(&self.headline())))?;
        f.write_str(&rows("  ", &facts.chain(command).collect::<Vec<_>>()))
    }
}

/// For programs: `{"error":{..}}`.
#[derive(Serialize)]
struct Object {
    error: Members,
}

/// What is told of an error, where every member is always there.
#[derive(Serialize)]
struct Members {
    kind: Kind,
    code: Option<String>,
    message: String,
    status: Option<u16>,
    request_id: Option<String>,
    file_request_id: Option<String>,
    job_id: Option<String>,
    url: Option<String>,
    hint: Option<String>,
    command: Option<String>,
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Facts { code, status, request_id, file_request_id, job_id, url, command, .. } =
            &*self.facts;
        let masked_fact = |fact: &Option<String>| fact.as_deref().map(masked);
        let error = Members {
            kind: self.kind,
            code: masked_fact(code),
            message: self.masked(&self.message),
            status: *status,
            request_id: masked_fact(request_id),
            file_request_id: masked_fact(file_request_id),
            job_id: job_id.clone(),
            url: masked_fact(url),
            hint: self.hint(),
            command: command.as_ref().map(|(_, command)| command.clone()),
        };
        Object { error }.serialize(serializer)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
