use tcss_export::text::printable;
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Seen, SeenAnswer, Service};

use super::Ending;
use crate::{
    args,
    failure::{Failure, Kind},
    keys::{self, Pair, SECRET_ID, SECRET_KEY},
    masking::masked,
    output::{Output, Reader},
};

pub(super) fn run(args: &args::Serve, output: &Output) -> Result<Ending, Failure> {
    let given = keys::pair()?;
    let is_made_up = given.is_none();
    let pair = given.unwrap_or_else(|| Pair {
        secret_id: EXAMPLE_SECRET_ID.to_owned(),
        secret_key: EXAMPLE_SECRET_KEY.to_owned(),
    });
    let (log, is_logged) = (Output::new(false, false), !output.is_quiet());
    let service = Service::builder()
        .key(pair.secret_id, pair.secret_key)
        .script(args.script.clone())
        .port(args.port)
        .watch(move |seen| {
            if is_logged {
                log.complain(&line(seen));
            }
        })
        .start()
        .map_err(|error| cannot_listen(&error))?;
    let url = service.url();
    if output.print(&format!("listening on {url}\n{}", usage(&url, is_made_up)))? == Reader::There {
        service.join();
    }
    Ok(Ending::Done)
}

pub(super) fn cannot_listen(error: &std::io::Error) -> Failure {
    Failure::new(Kind::Usage, format!("the port cannot be had: {error}"))
        .with_hint("name another --port, or none for a free one")
}

/// Tells how to ask the service; a key pair is shown only if it is made up.
fn usage(url: &str, is_made_up: bool) -> String {
    let keys = match is_made_up {
        true => format!(
            "  export {SECRET_ID}={EXAMPLE_SECRET_ID}\n  export {SECRET_KEY}={EXAMPLE_SECRET_KEY}\n"
        ),
        false => String::new(),
    };
    format!("ask it from another terminal:\n{keys}  tcss-export wait any-job --endpoint {url}\n")
}

/// Words a request and its answer in one line; what a script plays is shown as if it were real.
fn line(seen: &Seen) -> String {
    let answer = match &seen.answer {
        SeenAnswer::Refused { code } => format!("refused: {code}"),
        SeenAnswer::Played(step) => masked(&step.to_string()),
        _ => String::new(),
    };
    let (seconds, method) = (seen.at.as_secs_f64(), printable(&seen.method));
    let action = printable(seen.action.as_deref().unwrap_or("-"));
    let job = printable(seen.job_id.as_deref().unwrap_or("-"));
    format!("{seconds:.3} s  {method} {action}  job {job}  {}\n", printable(&answer))
}
