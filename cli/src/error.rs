//! The error of a command: its message, facts and hint, as text and as JSON.

mod download;
pub(crate) mod hints;
mod kind;
mod service;

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use serde::{Serialize, Serializer};
use tcss_export::{Endpoint, JobId, core::text::printable, driver::ResourceLimit};

pub(crate) use self::{download::DownloadContext, kind::ErrorKind};
use crate::{
    secrets::{masked, without_keys},
    shell::{CommandOption, command},
    signals::Signal,
    text::{requests, rows},
};

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a command has no result.
#[derive(Debug)]
pub(crate) struct Error {
    facts: Box<Facts>,
}

/// The members of the JSON object, and what only people and the next command need.
#[derive(Clone, Debug, Default, Serialize)]
struct Facts {
    kind: ErrorKind,
    code: Option<String>,
    /// Static text is ours and needs no masking.
    message: Cow<'static, str>,
    status: Option<u16>,
    request_id: Option<String>,
    /// The request id of the file server, if `request_id` is the service's.
    file_request_id: Option<String>,
    job_id: Option<String>,
    /// The URL of a job's file, without its secret part.
    url: Option<String>,
    /// Where a key was looked for, and why there is none.
    tried: Option<Vec<String>>,
    /// Our text. It contains text from outside only after masking.
    hint: Option<Cow<'static, str>>,
    /// The next command. It repeats the user's arguments, so it is not masked.
    command: Option<String>,
    #[serde(skip)]
    purpose_of_command: &'static str,
    /// The server that refused, if it is not the service.
    #[serde(skip)]
    server: Option<&'static str>,
    /// A path in the message. It comes from the user, so it is not masked.
    #[serde(skip)]
    path: Option<String>,
    #[serde(skip)]
    next_command: NextCommand,
    /// Bytes are already in a stdout that cannot be rewound.
    #[serde(skip)]
    starts_over: bool,
    /// The effort so far, with its label.
    #[serde(skip)]
    effort: Option<(&'static str, String)>,
}

/// The command that can help, compared with the one that failed.
#[derive(Clone, Debug, Default)]
enum NextCommand {
    #[default]
    Same,
    /// Without the time limit that ended it.
    Without(&'static str),
    /// With the option that allows what was refused.
    With(CommandOption),
    None,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let (message, hint) = (message.into(), Some(kind.hint().into()));
        Self { facts: Box::new(Facts { kind, message, hint, ..Facts::default() }) }
    }

    /// Creates the error of a command that a signal ended.
    pub(crate) fn stopped(signal: Signal, message: &'static str) -> Self {
        let kind = match signal {
            Signal::Interrupt => ErrorKind::Interrupted,
            Signal::Terminate => ErrorKind::Terminated,
        };
        Self::new(kind, message)
    }

    /// Converts the text of a clap error: its first paragraph is the message.
    pub(crate) fn arguments(text: &str, hint: Option<String>) -> Self {
        let message = text.split("\n\n").next().unwrap_or_default();
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
        let error = Self::new(ErrorKind::Usage, message);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// Creates the error of a panic in this program, from the text of the panic.
    pub(crate) fn panicked(text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self::new(ErrorKind::Internal, format!("this program has a fault: {text}"))
    }

    /// Turns the error into that of a resource limit, if its cause is one.
    pub(crate) fn or_limit(mut self, cause: &(dyn StdError + 'static)) -> Self {
        let Some(limit) = ResourceLimit::of(cause) else { return self };
        self.facts.kind = ErrorKind::Resource;
        self.with_hint(hints::of_limit(limit))
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.facts.hint = Some(hint.into());
        self
    }

    /// Adds the current endpoint to a hint that names the option.
    pub(crate) fn with_endpoint(mut self, endpoint: &Endpoint) -> Self {
        let option = "--endpoint";
        if let Some(hint) = self.facts.hint.as_deref().filter(|hint| hint.contains(option)) {
            let with_value = hint.replacen(option, &format!("{option} (now {endpoint})"), 1);
            self.facts.hint = Some(with_value.into());
        }
        self
    }

    /// Replaces the hint to check the job id, for a request without one.
    pub(crate) fn without_job_hint(self, hint: &'static str) -> Self {
        match self.facts.hint.as_deref() {
            Some(hints::WRONG_JOB) => self.with_hint(hint),
            _ => self,
        }
    }

    /// Sets the path that the message contains, in exactly the same form.
    pub(crate) fn with_path(mut self, path: String) -> Self {
        self.facts.path = Some(path);
        self
    }

    pub(crate) fn with_job(mut self, job: &JobId) -> Self {
        self.facts.job_id = Some(job.as_str().to_owned());
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<&str>) -> Self {
        self.facts.request_id = id.map(str::to_owned);
        self
    }

    /// Adds the next command. If it cannot be shown, the hint is to repeat the last one.
    pub(crate) fn with_command(mut self, purpose: &'static str, command: Option<String>) -> Self {
        if command.is_none() && self.facts.hint.as_deref() == Some("") {
            self.facts.hint = Some("repeat the command as it was".into());
        }
        self.facts.purpose_of_command = purpose;
        self.facts.command = command;
        self
    }

    /// Adds the command that continues with a job, where that can help.
    pub(crate) fn continue_with(
        self,
        name: &str,
        job: Option<&JobId>,
        options: &[CommandOption],
    ) -> Self {
        let mut options = options.to_vec();
        match &self.facts.next_command {
            NextCommand::Same => {}
            NextCommand::Without(name) => options.retain(|option| option.0 != *name),
            NextCommand::With(option) => options.push(option.clone()),
            NextCommand::None => return self,
        }
        let purpose = if self.facts.starts_over { "download with" } else { "continue with" };
        self.with_command(purpose, command(name, job, &options))
    }

    /// Adds why no job was created without the list of jobs.
    pub(crate) fn without_list(mut self) -> Self {
        self.add_to_message("; this run created no job, because --state needs the list of jobs");
        self
    }

    /// Adds that the file is complete in spite of the error.
    pub(crate) fn after_saving(mut self, name: &str) -> Self {
        self.add_to_message(&format!("; {name} is complete and in its place"));
        self.with_path(name.to_owned()).with_next_command(NextCommand::None)
    }

    /// Adds the message of a less important error.
    pub(crate) fn with_another(mut self, other: Self) -> Self {
        self.add_to_message(&format!("; {}", other.facts.message));
        self.facts.path = self.facts.path.or(other.facts.path);
        self
    }

    fn add_to_message(&mut self, text: &str) {
        self.facts.message.to_mut().push_str(text);
    }

    fn with_next_command(mut self, next_command: NextCommand) -> Self {
        self.facts.next_command = next_command;
        self
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        self.facts.kind.exit_code()
    }

    /// Adds the effort of a request that was repeated.
    pub(crate) fn with_effort(mut self, retries: u32, elapsed: Duration) -> Self {
        let requests = requests(retries.saturating_add(1), retries);
        self.facts.effort = Some(("sent", format!("{requests}, {:.1} s", elapsed.as_secs_f64())));
        self
    }

    /// Returns the message and the hint, with the secrets masked.
    pub(crate) fn summary(&self) -> (String, Option<String>) {
        let facts = self.masked_facts();
        let tried = facts.tried.iter().flatten().map(|tried| format!("; {tried}"));
        let message = facts.headline().into_owned() + &tried.collect::<String>();
        (message, facts.hint.map(Cow::into_owned))
    }

    /// Masks a text, except for the user's path in it.
    fn masked(&self, text: &str) -> String {
        match &self.facts.path {
            Some(path) => text.split(&**path).map(masked).collect::<Vec<_>>().join(path),
            None => masked(text),
        }
    }

    /// Returns the facts with the secrets masked.
    fn masked_facts(&self) -> Facts {
        let mut facts = (*self.facts).clone();
        if let Cow::Owned(message) = &facts.message {
            facts.message = self.masked(message).into();
        }
        let Facts { code, request_id, file_request_id, url, tried, .. } = &mut facts;
        for fact in [code, url] {
            *fact = fact.as_deref().map(masked);
        }
        for tried in tried.iter_mut().flatten() {
            *tried = masked(tried);
        }
        for id in [request_id, file_request_id] {
            *id = id.as_deref().map(without_keys);
        }
        facts.hint = facts.hint.filter(|hint| !hint.is_empty());
        facts
    }
}

impl Facts {
    fn headline(&self) -> Cow<'_, str> {
        let Self { kind, code, message, server, .. } = self;
        let server = server.unwrap_or("the service");
        match code {
            Some(code) if *kind == ErrorKind::Api => {
                let colon = if message.is_empty() { "" } else { ": " };
                format!("{server} refused with {code}{colon}{message}").into()
            }
            _ => Cow::Borrowed(&**message),
        }
    }
}

/// For people: the message, then one fact a line. After a signal, all of it is one line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.masked_facts();
        let headline = facts.headline().into_owned();
        let (hint, purpose) = (facts.hint.map(Cow::into_owned), facts.purpose_of_command);
        if matches!(facts.kind, ErrorKind::Interrupted | ErrorKind::Terminated) {
            let command = facts.command.map(|command| format!("{purpose}: {command}"));
            let advice: Vec<_> = hint.into_iter().chain(command).collect();
            return writeln!(f, "{}; {}", self.facts.message, printable(&advice.join("; ")));
        }
        let (label, effort) = facts.effort.unzip();
        let tried = facts.tried.into_iter().flatten().map(|tried| ("tried", Some(tried)));
        let labelled = [
            ("HTTP status", facts.status.map(|status| status.to_string())),
            ("request id", facts.request_id),
            ("file request id", facts.file_request_id),
            ("job id", facts.job_id),
            ("url", facts.url),
            (label.unwrap_or_default(), effort),
            ("hint", hint),
            (purpose, facts.command),
        ];
        writeln!(f, "error: {}", printable(&headline))?;
        f.write_str(&rows("  ", &tried.chain(labelled).collect::<Vec<_>>()))
    }
}

/// For programs: `{"error":{..}}`. Every member is always present.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("error", self.masked_facts())])
    }
}
