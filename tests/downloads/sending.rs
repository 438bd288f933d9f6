//! The line and the headers of the request, and URLs that are not sent.

use tcss_export::{
    Source,
    download::{ErrorKind, Fault},
    driver::TransportErrorKind,
};
use tcss_export_testkit::wire::WireAnswer;

use crate::{
    clients::{HttpClient, Setup, job},
    folder::Folder,
    requests::only_request,
    setup::{DownloadResult, FILE, file, kind, source},
};

pub(crate) fn an_expired_url_is_not_requested(setup: &Setup) {
    let (server, folder) = (setup.server([file(&[], FILE)]), Folder::new());
    let url = format!("{}/a.csv?q-sign-time=1699979400;1699983000", server.url());
    let result = setup.client_for(&server).download(source(&url), folder.target());
    let error = result.unwrap_err();
    let error = error.download_error().expect("an error of the download");
    assert_eq!(error.kind, ErrorKind::Expired { refusal: None });
    assert_eq!(error.report.requests, 0);
    assert_eq!(server.connections(), 0);
    folder.assert_empty();
}

/// Downloads a file from a URL with this target; returns the line of the only request.
fn line_for(setup: &Setup, target: &str) -> String {
    let (server, folder) = (setup.server([file(&[], FILE)]), Folder::new());
    let url = format!("{}{target}", server.url());
    let result = setup.client_for(&server).download(source(&url), folder.target());
    result.expect("a whole file");
    only_request(&server).line
}

pub(crate) fn the_request_target_is_the_text_of_the_url(setup: &Setup) {
    for target in ["/p%2Fq%2B(1)%20x.csv?q-sign-time=1699979400;99999999999&k=a%2Bb", "/?"] {
        assert_eq!(line_for(setup, target), format!("GET {target} HTTP/1.1"));
    }
    let odd = "/a//b/../c?x=%e5%AF&y='{}|^`~\\&&=";
    if setup.library.rewrites_urls() {
        let server = setup.server([file(&[], FILE)]);
        let url = format!("{}{odd}", server.url());
        let result = setup.client_for(&server).download(source(&url), Folder::new().target());
        assert_eq!(
            *kind(&result),
            ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent))
        );
        assert_eq!(server.connections(), 0);
    } else {
        assert_eq!(line_for(setup, odd), format!("GET {odd} HTTP/1.1"));
    }
    assert_eq!(line_for(setup, "?sign=abc"), "GET /?sign=abc HTTP/1.1");
    assert_eq!(line_for(setup, ""), "GET / HTTP/1.1");
}

pub(crate) fn the_request_has_these_headers_and_no_others(setup: &Setup) {
    let run = setup.run([file(&[], FILE)]);
    run.downloaded();
    let request = only_request(&run.server);
    let host = run.server.url().split_once("://").unwrap().1.to_owned();
    assert_eq!(request.all("host"), [host]);
    assert_eq!(request.all("accept-encoding"), ["identity"]);
    assert!(request.body.is_empty());
    // A custom client may have any user agent.
    let names = request.headers.iter().map(|(name, _)| name.as_str());
    let is_custom = setup.http == HttpClient::Custom;
    let names = names.filter(|name| !is_custom || *name != "user-agent");
    let mut names: Vec<_> = names.filter(|name| !setup.library.adds(name)).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept-encoding", "host"]);
}

pub(crate) fn the_first_request_downloads_the_file(setup: &Setup) {
    let run = setup.run([file(&[], FILE)]);
    run.folder.assert_holds(FILE);
    let request = only_request(&run.server);
    assert_eq!(request.line, "GET /report.csv?q-signature=EXAMPLE HTTP/1.1");
    assert_eq!(run.server.connections(), 1);
    assert_eq!(run.downloaded().report.requests, 1);
}

/// Downloads from the URL of a job; returns the line of the request, and the result.
fn line_for_answer(setup: &Setup, target: &str) -> (String, DownloadResult) {
    let files = setup.server([file(&[], FILE)]);
    let url = format!("{}{target}", files.url()).replace('/', "\\/");
    let answer = format!(
        r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{url}","RequestId":"r-1"}}}}"#
    );
    let api = setup.server([WireAnswer::json(answer)]);
    let client = setup.client(&api.url(), &[api.ca_der(), files.ca_der()]);
    let finished = client.wait().expect("a job that has ended well");
    let folder = Folder::new();
    let source = Source::new(finished.download_url).of_job(job());
    let result = client.download(source, folder.target());
    (only_request(&files).line, result)
}

pub(crate) fn json_escapes_in_the_url_of_an_answer_are_decoded(setup: &Setup) {
    let (line, result) = line_for_answer(setup, "/a?x=1\\u0026y=2");
    assert_eq!(line, "GET /a?x=1&y=2 HTTP/1.1");
    assert_eq!(result.unwrap().bytes, 9);
}

pub(crate) fn the_query_is_sent_unchanged(setup: &Setup) {
    let (line, result) = line_for_answer(setup, "/a.csv?sign=abc");
    assert_eq!(line, "GET /a.csv?sign=abc HTTP/1.1");
    assert_eq!(result.unwrap().bytes, 9);
}
