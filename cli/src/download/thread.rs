//! The download on a thread of its own, and what is told of it while it lasts.

use std::{
    convert::Infallible,
    io::{self, Write},
};

use tcss_export::{
    BuildError,
    download::{Downloaded, Event, EventKind},
    driver::{DownloadFailure, Source, Target, blocking::Download},
    ureq::{Client, Ureq},
};

use super::{Turns, progress::Progress};
use crate::{
    background::{Desk, Teller},
    terminal::signals::Signal,
};

/// How a download has ended.
pub(crate) struct Fetched {
    pub(crate) outcome: Result<Downloaded, DownloadFailure>,
    /// How often the job was asked for a new URL.
    pub(crate) polls: u32,
    /// The file went on behind bytes that were there.
    pub(crate) resumed: bool,
}

/// What happened to a download, in words if it is a turn.
struct Told {
    event: Event,
    turn: Option<String>,
}

/// How listening to a download has ended.
pub(crate) enum End {
    Fetched(Fetched),
    /// The URL cannot be used; nothing was sent to it.
    Unusable(BuildError),
    Stopped(Signal),
}

/// Downloads to a target, or to stdout, and tells the news as they come. At the end nothing of it
/// is left on the terminal.
pub(crate) fn listen(
    desk: &Desk,
    client: &Client,
    source: Source,
    target: Option<Target>,
    mut progress: Progress<'_>,
) -> End {
    let client = client.clone();
    // A part that is there already is not for this download to remove.
    let leftover = target.clone().filter(|target| !target.has_part());
    let work = desk.start(move |teller| work(&client, source, target, teller));
    let told = work.listen(|Told { event, turn }| {
        progress.show(&event, turn);
        Ok::<_, Infallible>(())
    });
    let Ok(signal) = told;
    let Some(signal) = signal else {
        return match work.result() {
            Ok(fetched) => End::Fetched(fetched.expect("it is given up only when nobody listens")),
            Err(error) => End::Unusable(error),
        };
    };
    // It may be waiting for a server, or putting the file in its place just now.
    if let Some(Ok(Some(fetched))) = work.leave()
        && fetched.outcome.is_ok()
    {
        return End::Fetched(fetched);
    }
    let _ = &leftover;
    End::Stopped(signal)
}

fn work(
    client: &Client,
    source: Source,
    target: Option<Target>,
    teller: &Teller<Told>,
) -> Result<Option<Fetched>, BuildError> {
    match target {
        Some(target) => client.download(source, target).map(|download| drain(download, teller)),
        None => client.download_into(source, io::stdout()).map(|download| drain(download, teller)),
    }
}

/// Returns nothing if nobody listens any more before the end.
fn drain<W: Write>(mut download: Download<Ureq, W>, teller: &Teller<Told>) -> Option<Fetched> {
    let mut turns = Turns::default();
    while let Some(event) = download.next() {
        let has_ended = event.kind == EventKind::Ended;
        let turn = turns.turn(&event, download.transport());
        if !teller.tell(Told { event, turn }) && !has_ended {
            return None;
        }
    }
    let (polls, resumed) = (download.polls(), turns.has_gone_on());
    Some(Fetched { outcome: download.outcome(), polls, resumed })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tcss_export::{Credentials, DownloadUrl, Endpoint, Session};

    use super::*;

    #[test]
    fn an_end_is_an_end_though_nobody_listens_any_more() {
        let desk = Desk::without_signals();
        let (leave, left) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let work = desk.start(move |teller| {
            left.recv().expect("it is left");
            let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("made up");
            let client = Client::new(Session::new(Endpoint::international()), credentials);
            // Its time is over, so that its first event is its end.
            let url = DownloadUrl::new("https://h.example/f?q-sign-time=1;2").expect("a URL");
            let download = client.download_into(url, io::sink()).expect("a download");
            tell.send(drain(download, teller).is_some()).expect("the test waits");
        });
        drop(work);
        leave.send(()).expect("the work waits");
        assert_eq!(told.recv(), Ok(true));
    }
}
