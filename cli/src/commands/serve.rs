//! The command `serve`: the test service, and its log.

use std::{fs::File, io, path::Path};

use serde::Serialize;
use tcss_export::{
    Credentials, core::text::printable, credentials::SourceErrorKind, driver::ResourceLimit,
};
use tcss_export_testkit::{
    EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Seen, SeenAnswer, ServedFile, Service,
};

use crate::{
    args,
    error::{Error, ErrorKind, Result, hints},
    keys::Keys,
    output::{Ending, Output, Stdout},
    secrets::masked,
    signals::Signals,
    text::rows,
};

/// The requests so far, printed at the end.
#[derive(Serialize)]
struct Summary {
    starts: Vec<Starts>,
}

/// The requests of one action.
#[derive(Serialize)]
struct Starts {
    action: String,
    requests: usize,
    throttled: usize,
    most_in_a_second: usize,
}

pub(crate) async fn serve(args: &args::Serve, output: &Output) -> Result<Ending> {
    let given = Keys::of_pair().find(false).await;
    let is_made_up = given.as_ref().is_err_and(|error| error.kind() == SourceErrorKind::Absent);
    let credentials = match is_made_up {
        true => Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?,
        false => given?.credentials,
    };
    let mut signals = Signals::watch()?;
    let log = *output;
    let mut service = Service::builder()
        .key(credentials.secret_id(), credentials.secret_key())
        .script(args.script.clone())
        .create_faults(args.create_faults.clone())
        .download_faults(args.download_faults.clone())
        .port(args.port)
        .watch(move |seen| log.progress(&line(seen)));
    if let Some(path) = &args.file {
        service = service.file(served(path)?);
    }
    if let Some(limit) = args.limit {
        service = service.limit(limit);
    }
    if args.ipv6 {
        service = service.ipv6();
    }
    let service = service.start().map_err(|error| cannot_listen(&error))?;
    let url = service.url();
    let usage = usage(&url, args.file.is_some(), is_made_up);
    if output.print(&format!("listening on {url}\n{usage}"))? == Stdout::Open {
        signals.first().await;
        let summary = Summary::new(&service, credentials.secret_id());
        output.result(&summary, || summary.text())?;
    }
    Ok(Ending::Done)
}

impl Summary {
    fn new(service: &Service, secret_id: &str) -> Self {
        let starts = service.starts().into_iter().filter(|starts| starts.secret_id == secret_id);
        let starts = starts.map(|starts| Starts {
            action: starts.action,
            requests: starts.requests,
            throttled: starts.throttled,
            most_in_a_second: starts.most_in_a_second,
        });
        Self { starts: starts.collect() }
    }

    fn text(&self) -> String {
        let text = |starts: &Starts| {
            let Starts { requests, throttled, most_in_a_second, .. } = starts;
            format!(
                "requests {requests}, throttled {throttled}, most in a second {most_in_a_second}"
            )
        };
        let labelled: Vec<_> =
            self.starts.iter().map(|starts| (&*starts.action, Some(text(starts)))).collect();
        rows("", &labelled)
    }
}

pub(super) fn cannot_listen(error: &io::Error) -> Error {
    // Only a missing thread is reported as `WouldBlock`, not a port in use.
    if error.kind() == io::ErrorKind::WouldBlock {
        let message = format!("a thread cannot be started: {error}");
        let hint = hints::of_limit(ResourceLimit::Threads);
        return Error::new(ErrorKind::Resource, message).with_hint(hint);
    }
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => {
            "choose another --port, or leave it out for a free one"
        }
        _ => "leave out --ipv6 if this machine has no IPv6",
    };
    Error::new(ErrorKind::Usage, format!("the address cannot be used: {error}"))
        .with_hint(hint)
        .or_limit(error)
}

/// Checks the file first, so that its errors are not mistaken for those of the port.
fn served(path: &Path) -> Result<ServedFile> {
    let refused = |why: &str| {
        Error::of_file(path, why).with_hint("give --file a file that exists and can be read")
    };
    let opened = File::open(path).and_then(|file| file.metadata());
    let found =
        opened.map_err(|error| refused(&format!("cannot be read: {error}")).or_limit(&error))?;
    match found.is_file() {
        true => Ok(ServedFile::path(path)),
        false => Err(refused("is not a regular file")),
    }
}

/// Explains how to use the service. The key pair is shown only if it is made up.
fn usage(url: &str, has_file: bool, is_made_up: bool) -> String {
    let keys = match is_made_up {
        true => format!(
            "  export TENCENTCLOUD_SECRET_ID={EXAMPLE_SECRET_ID}\n  \
             export TENCENTCLOUD_SECRET_KEY={EXAMPLE_SECRET_KEY}\n"
        ),
        false => String::new(),
    };
    let command = if has_file { "download any-job -o FILE" } else { "wait any-job" };
    format!(
        "to use it from another terminal:\n{keys}  export TENCENTCLOUD_ENDPOINT={url}\n  \
         tcss-export {command}\n"
    )
}

/// Formats a request and its answer as one line.
fn line(seen: &Seen) -> String {
    let (seconds, method) = (seen.at.as_secs_f64(), printable(&seen.method));
    let (asked, answer) = (asked(seen), answer(&seen.answer));
    format!("{seconds:.3} s  {method} {}  {}", printable(&asked), printable(&answer))
}

fn asked(seen: &Seen) -> String {
    let Some(download) = &seen.download else {
        let action = seen.action.as_deref().unwrap_or("-");
        return format!("{action}  job {}", seen.job_id.as_deref().unwrap_or("-"));
    };
    let (path, query) = download.target.split_once('?').unwrap_or((&download.target, ""));
    let query = if query.is_empty() { "" } else { "?..." };
    format!("{path}{query}  {}", download.header("range").unwrap_or("all bytes"))
}

fn answer(answer: &SeenAnswer) -> String {
    match answer {
        SeenAnswer::Refused { code } => format!("refused: {code}"),
        SeenAnswer::Played(step) => masked(&step.to_string()),
        SeenAnswer::Created { job_id } => format!("created {job_id}"),
        SeenAnswer::CreateFault { fault, job_id: Some(job_id) } => {
            format!("{fault}, made {job_id}")
        }
        SeenAnswer::CreateFault { fault, job_id: None } => format!("{fault}, made no job"),
        SeenAnswer::Listed => "listed".to_owned(),
        SeenAnswer::GivenUrl => "URL given".to_owned(),
        SeenAnswer::GivenOwner => "owner given".to_owned(),
        SeenAnswer::Download { status, fault } => {
            let status = status.map_or("no answer".to_owned(), |status| status.to_string());
            let fault = fault.as_ref().map(ToString::to_string);
            [Some(status), fault].into_iter().flatten().collect::<Vec<_>>().join("  ")
        }
        _ => String::new(),
    }
}
