//! The command `check`: whether a run will work. It creates nothing.

use std::{env, iter, path::Path};

use console::Term;
use indicatif::HumanBytes;
use serde::Serialize;
use tcss_export::{
    Credentials, Endpoint, Target,
    actions::{
        DescribeExportJobManageList, DescribeExportJobManageListResponse, DescribeExportJobResult,
    },
    core::{ClockOffset, text::printable},
    credentials::Found,
    driver::{Proxies, Worker, clock},
    error::{ErrorCode, SendError},
    hyper::Client,
};

use super::credentials::owner;
use crate::{
    args::{self, Common},
    client::{repeating, send},
    error::{Error, ErrorKind, Result, hints},
    keys::Keys,
    output::{Ending, Output},
    progress::ExchangeProgress,
    secrets::masked,
    text::{columns, seconds, wrapped},
};

#[derive(Serialize)]
struct Report {
    checks: Vec<Line>,
}

/// The result of one check.
#[derive(Serialize)]
struct Line {
    check: &'static str,
    state: State,
    detail: String,
    hint: Option<String>,
    #[serde(skip)]
    exit_code: u8,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warning,
    Failed,
    Skipped,
}

pub(crate) async fn check(args: &args::Check, output: &Output) -> Result<Ending> {
    let endpoint = args.common.endpoint()?;
    let keys = Keys::new(&args.common)?;
    let found = ExchangeProgress::new(output).shown(keys.find(false)).await.map_err(Error::from);
    let name = Line::of("name", name(&endpoint).await);
    let has_address = name.exit_code == 0;
    let mut checks = vec![name];
    match has_address {
        true => checks.extend(service(found, &keys, &args.common, output).await?),
        false => checks.extend(without_service(found)),
    }
    if let Some(path) = &args.output {
        checks.extend(target(path, args.force));
    }
    let exit_code = checks.iter().map(|line| line.exit_code).find(|code| *code != 0);
    let report = Report { checks };
    let columns = columns(&Term::stdout());
    output.result(&report, || report.checks.iter().map(|line| line.text(columns)).collect())?;
    Ok(Ending::Checked(exit_code.unwrap_or_default()))
}

impl Line {
    const fn new(check: &'static str, state: State, detail: String) -> Self {
        Self { check, state, detail, hint: None, exit_code: 0 }
    }

    fn of(check: &'static str, result: Result<String>) -> Self {
        match result {
            Ok(detail) => Self::new(check, State::Ok, detail),
            Err(error) => {
                let exit_code = error.exit_code();
                let (detail, hint) = error.summary();
                Self { hint, exit_code, ..Self::new(check, State::Failed, detail) }
            }
        }
    }

    fn skipped(check: &'static str, reason: &str) -> Self {
        Self::new(check, State::Skipped, reason.to_owned())
    }

    /// Returns the text for a terminal with this number of columns.
    fn text(&self, columns: usize) -> String {
        let state = match self.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Failed => "FAILED",
            State::Skipped => "-",
        };
        let hint = self.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let (detail, hint) = (printable(&self.detail), printable(&hint));
        let line = format!("{state:<7}  {:<11}  {detail}{hint}", self.check);
        wrapped(&line, columns, "FAILED   ".len()) + "\n"
    }
}

/// Resolves the host of the service, unless a proxy does.
async fn name(endpoint: &Endpoint) -> Result<String> {
    let proxies = Proxies::from_variables(|name| env::var_os(name));
    let proxy = proxies.proxy_for(endpoint);
    let host = endpoint.uri().host().unwrap_or_default().trim_matches(['[', ']']);
    // Only the connection shows a proxy that cannot be used.
    if let Ok(Some(proxy)) = proxy {
        return Ok(format!("the proxy {proxy} resolves {host}"));
    }
    let failed = |error| {
        Error::new(ErrorKind::Transport, format!("{host} has no address: {error}"))
            .with_hint("check --endpoint, the network and the name servers of this machine")
            .with_endpoint(endpoint)
            .or_limit(&error)
    };
    let worker = Worker::start().map_err(failed)?;
    let addresses = worker.look_up(host.to_owned()).await.map_err(failed)?;
    let addresses: Vec<_> = addresses.map(|address| address.ip()).collect();
    let shown = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match addresses.iter().any(|address| hints::is_fake(*address)) {
        true => {
            let message = format!("{host} has the made-up address {shown}");
            Err(Error::new(ErrorKind::Usage, message).with_hint(hints::ALLOW_FAKE))
        }
        false => Ok(format!("{host} has the address {shown}")),
    }
}

/// The lines of a run that cannot ask the service.
fn without_service(found: Result<Found>) -> [Line; 2] {
    let key = match found {
        Ok(found) => Line::skipped("key", &format!("{}; not checked", found.origin)),
        Err(error) => Line::of("key", Err(error)),
    };
    [key, Line::skipped("permissions", "the service cannot be asked")]
}

/// Asks for the list of jobs. The answer also shows whether the service can be reached, even
/// without a key.
async fn service(
    found: Result<Found>,
    keys: &Keys,
    common: &Common,
    output: &Output,
) -> Result<Vec<Line>> {
    let endpoint = common.endpoint()?;
    let region = found.as_ref().ok().and_then(|found| found.region.as_deref());
    let session = common.session(region)?;
    let client = match &found {
        Ok(_) => keys.client(session),
        // The answer to a made-up key tells as much about the service.
        Err(_) => {
            let made_up = Credentials::new("none", "none")?;
            let client = Client::with_transport(session, made_up, keys.transport.clone());
            client.with_policy(repeating(None))
        }
    };
    let mut list = DescribeExportJobManageList::new().newest_first();
    list.limit = Some(1);
    let started = clock::now().mono;
    let answer = send(&client, &list, output).await.map_err(|f| f.error);
    let elapsed = seconds(clock::now().mono.saturating_since(started));

    let code = match &answer {
        Err(SendError::Answer(error)) => error.code().cloned(),
        _ => None,
    };
    let is_certificate =
        matches!(&answer, Err(SendError::Transport(error)) if error.tls_problem().is_some());
    let answer = answer.map_err(|error| Error::from(error).with_endpoint(&endpoint));
    let answer = match answer {
        Err(error) if code.is_none() => {
            let check = if is_certificate { "certificate" } else { "connection" };
            let failed = Line::of(check, Err(error));
            return Ok(iter::once(failed).chain(without_service(found)).collect());
        }
        answer => answer.map(|answer| answer.response),
    };
    let mut lines = reached(&endpoint, elapsed);
    lines.push(clock_line(client.clock_offset()));
    match (found, answer) {
        (Err(error), _) => lines.push(Line::of("key", Err(error))),
        (Ok(_), Err(error)) if code.as_ref().is_some_and(is_of_key) => {
            lines.push(Line::of("key", Err(error)));
        }
        (Ok(found), answer) => {
            lines.push(key(found, keys, common, output).await);
            lines.extend(permissions(answer, &client, output).await);
        }
    }
    Ok(lines)
}

fn reached(endpoint: &Endpoint, seconds: f64) -> Vec<Line> {
    let answered = format!("{endpoint} answered in {seconds} s");
    let mut lines = vec![Line::of("connection", Ok(answered))];
    if endpoint.uri().scheme_str() == Some("https") {
        lines.push(Line::of("certificate", Ok("this machine trusts it".to_owned())));
    }
    lines
}

/// Checks what the key may do, by the list of jobs.
async fn permissions(
    list: Result<DescribeExportJobManageListResponse>,
    client: &Client,
    output: &Output,
) -> [Line; 3] {
    let newest = list.as_ref().ok().and_then(|list| list.jobs.first()?.job_id.clone());
    let listed = list.map(|list| {
        let total = list.total_count.unwrap_or_default();
        format!("the account has {total} job{}", if total == 1 { "" } else { "s" })
    });
    let poll = match newest {
        Some(job) => {
            let action = DescribeExportJobResult::new(job);
            let answer = send(client, &action, output).await;
            let status = answer.map(|answer| masked(answer.response.status.as_str()));
            let detail = status.map(|status| format!("the newest job has the status {status}"));
            Line::of("poll", detail.map_err(Error::from))
        }
        None => Line::skipped("poll", "there is no job to ask about"),
    };
    let create = "not tried, because it would create a job; it needs the permission for \
        CreateExportComplianceStatusListJob of tcss";
    [Line::of("list", listed), poll, Line::skipped("create", create)]
}

/// Returns whether a code is about the key, not about its permissions.
fn is_of_key(code: &ErrorCode) -> bool {
    code.family() == "AuthFailure" && code.as_str() != "AuthFailure.UnauthorizedOperation"
}

fn clock_line(offset: ClockOffset) -> Line {
    if offset == ClockOffset::default() {
        let limit = ClockOffset::TOLERATED.as_secs();
        return Line::of("clock", Ok(format!("at most {limit} s off")));
    }
    let detail = format!("the clock of the service is off by {offset} from here; it is corrected");
    let hint = Some("set the clock of this machine".to_owned());
    Line { hint, ..Line::new("clock", State::Warning, detail) }
}

/// Names the owner of an accepted key.
async fn key(found: Found, keys: &Keys, common: &Common, output: &Output) -> Line {
    let (owner, hint) = match owner(keys, common, output).await {
        Ok(owner) => (format!("account {}, {}", owner.account_id, owner.arn), None),
        Err(error) => {
            let (reason, hint) = error.summary();
            (format!("accepted, but STS does not say whose it is: {reason}"), hint)
        }
    };
    let state = match (&found.warning, &hint) {
        (None, None) => State::Ok,
        _ => State::Warning,
    };
    let warning = found.warning.map(|warning| format!("; {warning}")).unwrap_or_default();
    Line { hint, ..Line::new("key", state, format!("{}; {owner}{warning}", found.origin)) }
}

/// Checks the file, and the room beside it.
fn target(path: &Path, force: bool) -> Vec<Line> {
    let target = Target::new(path);
    let target = if force { target.replacing() } else { target };
    let checked = target.check().map_err(|error| Error::of_target(&error, Some(path)));
    let mut lines =
        vec![Line::of("output", checked.map(|()| format!("{} can be written", path.display())))];
    lines.extend(room(path));
    lines
}

#[cfg(unix)]
fn room(path: &Path) -> Option<Line> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let found = rustix::fs::statvfs(folder).ok()?;
    let bytes = found.f_bavail.saturating_mul(found.f_frsize);
    Some(Line::of(
        "room",
        match bytes {
            0 => {
                Err(Error::new(ErrorKind::File, format!("no room is left in {}", folder.display()))
                    .with_hint("make room"))
            }
            _ => Ok(format!("{} free in {}", HumanBytes(bytes), folder.display())),
        },
    ))
}

#[cfg(not(unix))]
fn room(_: &Path) -> Option<Line> {
    None
}
