//! What the help says behind the options.

pub(super) const AFTER_HELP: &str = "\
Environment:
  TENCENTCLOUD_SECRET_ID      The id of the key pair.
  TENCENTCLOUD_SECRET_KEY     The key of the pair.
  TENCENTCLOUD_TOKEN          The token of temporary keys, if any. The first that is not
  TENCENTCLOUD_SESSION_TOKEN  empty of these three is taken.
  TENCENTCLOUD_SECURITY_TOKEN
  HTTPS_PROXY, ALL_PROXY      The proxy to go through; lower-case names count first.
  NO_PROXY                    The hosts that are reached without it.

Exit codes:
  0    It is done.
  1    The job has failed, or a replay decides otherwise.
  2    The arguments, the environment or a value is wrong.
  3    The job was not done, or the file not there, in time.
  4    The service or the file server refused.
  5    No whole answer came.
  6    An answer came that cannot be used.
  7    A file cannot be read or written, stdout included.
  130  SIGINT (Ctrl-C) has ended it.
  143  SIGTERM has ended it.";

pub(super) const AFTER_CREATE: &str = "\
The id stands alone on stdout; with --json it is an object of job_id and request_id.

What may have created a job is never sent again: the service would create two. If the request may
have arrived and no answer came, the error says so, and jobs shows whether there is a job. Only when
the service refuses because the clock is off is it sent once more, with the time corrected.";

pub(super) const AFTER_JOBS: &str = "\
The newest job comes first. The service does not say in which time zone it writes when a job was
created.

With --json there is one object: total_count, jobs and request_id. Each job has job_id, name, source,
status, progress, failure_message, timeout and insert_time; what there is not is null.";

pub(super) const AFTER_RESULT: &str = "\
It ends with 0 whatever the status, save that FAILURE ends with 1.";

pub(super) const AFTER_WAIT: &str = "\
Progress goes to stderr: as a bar on a terminal, else as a line for each change. With --json and
--quiet, stderr holds at most one error object.

The first request goes out at once. Passing faults, such as a broken connection or too many
requests, are retried, each time newly signed. An exchange that is under way when the time is
up is still waited for, at most 30 s or as long as --timeout, whichever is shorter.

Ctrl-C ends the wait at once and tells how to go on, as does the end of its time; the job is not touched. A second one ends it
without a word. With --json the outcome is cancelled, if an answer had come, and the kind of the
error is interrupted, or terminated after SIGTERM.

--events prints a JSON object a line, as things are decided, each with the same members: event
(waiting, retrying or ended), poll, status, progress, code, http_status, request_id, reason,
remedy (retry, back_off, clock_corrected or fresh_credentials), delay_seconds and
clock_offset_seconds. What there is not is null. The object of --json comes last.

--record keeps neither keys nor signatures nor the query of a URL, so the file can be sent with a
bug report; replay shows it.";

pub(super) const AFTER_DOWNLOAD: &str = "\
A job is followed as by wait. Then its file is downloaded: until it is whole and verified, its bytes
are in .FILE.part beside it, and a later download to the same FILE goes on there, even after a kill.
A FILE that exists stays as it is, unless --force is given, and then until the new one is whole.

What breaks off is tried again behind the bytes that are there. When the URL expires, the job is
asked for a new one; with --url there is nobody to ask. No redirect is followed, and no key is sent
to where the file is.

A download goes on as long as bytes come: --stall ends a try only when no byte comes at all. With
--download-timeout there is an end even if a server lets bytes drip; it ends with 3.

Of a URL, only https is taken, and only addresses of the public network are connected to; this
machine's own are taken anyway.

Progress goes to stderr: as a bar on a terminal, else as some lines. With --json there is one object:
job_id (null with --url), file, bytes, crc64, verified, resumed and polls:
  crc64     The CRC-64/XZ of the file, as a decimal text.
  verified  Whether the server has named the same; if false, it has named none, and the length
            alone was compared. With --require-crc it is never false.
  resumed   Whether the file went on behind bytes that were there, of this run or an earlier one;
            false after a start from the first byte.
  polls     How often the job was asked about.
For a job that has failed the object is job_id, what wait prints, and new_url_needed: why its URL
was of no use any more, if it had given one before. With -o - the object goes to stderr.

In the object of an error, request_id is that of whoever has refused. If a new URL could not be had,
that is the service's, and file_request_id is that of the file server.

Ctrl-C ends it at once and tells how to go on.";

pub(super) const AFTER_RUN: &str = "\
It is create, wait and download in one. The file is looked at before the job is created, which
happens once. From then on each end without a file tells the job's id and, if going on can help, the
command for it.

The help of create and download says more, that of download also what is printed.";

pub(super) const AFTER_REPLAY: &str = "\
Each line shows when something was decided, after which request, what had come of it and what was
decided. The last one says whether this version decides as the one that wrote the file; if not,
which line differs and how, and it ends with 1. A file that is no transcript ends it with 2.

With --json each decision is an object as of wait --events, with line and at_seconds before the
other members. The last object has as_recorded, lines and outcome (null if the transcript stops
before the wait has ended), and of a difference line, recorded and decided.

--endpoint, --region and --language have no effect here.";

pub(super) const AFTER_DEMO: &str = "\
A job is created, followed and downloaded; the service breaks the download off once and lets the URL
expire. The file goes to a temporary folder, which is removed at the end.

--endpoint, --region and --language have no effect here.";

pub(super) const AFTER_SERVE: &str = "\
Steps are separated by commas. Each accepted request of a job is answered by its next step, and
the last step repeats:
  RUNNING[:PROGRESS]  The job runs; the progress is 0 without a number.
  SUCCESS[:URL]       The job is done; SUCCESS: gives an empty URL.
  FAILURE[:TEXT]      The job has failed.
  STATUS:TEXT         The status is another text.
  NULLS               The job runs; URL, progress and message are null.
  ERROR:CODE          The service refuses with this error code.
  HTTP:STATUS         A page comes with this HTTP status, 200 to 599.
  EMPTY               An answer comes without a body.
  CUT                 The connection ends before the answer does.
  CUTJSON             The JSON stops in the middle.
  RESET               The connection is closed without an answer.
  HANG                No answer ever comes.
  SKEW:SECONDS        From here on the service's clock is so far ahead, or behind if negative;
                      the next step answers.

With --file, a SUCCESS without a URL gives one of the file, another one each time. Each accepted
download takes the next fault of --download-faults; after the last one all is well:
  OK                  Nothing goes wrong.
  CUT:N               The connection ends after N bytes.
  STALL:N             After N bytes nothing more comes.
  SLOW:N              N bytes come at a time, 20 times a second.
  RESET               The connection is closed without an answer.
  CHUNKED             The body comes in chunks, without its length.
  CHUNKED-CUT:N       The same, and the connection ends after N bytes.
  ETAG[:TEXT]         From here on the file has another ETag.
  NOETAG              The answer has no ETag.
  WEAK                The ETag is a weak one.
  CRC                 The checksum is that of other bytes.
  NOCRC               No checksum is named.
  FULL                A range is answered by the whole file.
  RANGE               A range is answered by another one.
  LESS:N              Only the first N bytes of a range come.
  GZIP                The answer names the content encoding gzip.
  REDIRECT            The answer leads elsewhere.
  EXPIRED             The URL has expired, from now on.
  DENIED              The file server refuses access.
  GONE                The file is not there.
  HTTP:STATUS         An error comes with this HTTP status, 200 to 599.

The key pair is TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or a made-up one if neither
is set. A request that is not signed with it is refused, as the service would.

Each request is logged on stderr, save with --quiet. --endpoint, --region and --language have no
effect here; with --json only errors are JSON.";
