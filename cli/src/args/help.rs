//! The part of each help text after the options. A paragraph is one line, which clap wraps.

/// The end of the short help of the program.
pub(super) const MORE_OF_ALL: &str = "\
All commands take --json and --quiet. For more: --help, and help COMMAND.";

/// The end of the short help of a command.
pub(super) const MORE: &str = "\
All commands take --json and --quiet. --help describes all options.";

pub(super) const PROGRAM: &str = "\
Environment:
  TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY
      The key pair. The help of credentials has the other places for a key.
  TENCENTCLOUD_TOKEN, TENCENTCLOUD_SESSION_TOKEN, TENCENTCLOUD_SECURITY_TOKEN
      The token, for temporary keys: the first of these that is not empty.
  TENCENTCLOUD_ENDPOINT, TENCENTCLOUD_REGION
      The values of --endpoint and --region, if these are not given.
  TCSS_EXPORT_URL
      The URL for download without JOB_ID and --url.
  HTTPS_PROXY, ALL_PROXY
      The proxy to use; lower-case names take precedence.
  NO_PROXY
      The hosts to connect to without the proxy.
  SSL_CERT_FILE
      A file with other TLS roots, on Linux.

Exit codes:
  0
      Success.
  1
      The job failed, a replay differs from the recording, or a compared request differs.
  2
      An argument, an environment variable or a value is wrong.
  3
      The job was not done, or the file not downloaded, in time.
  4
      The service or the file server refused the request.
  5
      No complete answer arrived.
  6
      An answer arrived that cannot be used.
  7
      A file or stdout cannot be read or written, or the process reached a limit of threads \
(ulimit -u), open files (ulimit -n) or file size (ulimit -f). Most commands need two threads, and \
a download four.
  101
      A bug in this program.
  130
      Stopped by SIGINT (Ctrl-C): create, wait, download and run.
  143
      Stopped by SIGTERM: the same.

With --json an error is one object, {\"error\": {..}}, with kind, code, message, status, \
request_id, file_request_id, job_id, url, tried (where a key was looked for), hint and command, the \
command to continue with. Missing values are null. Each object of the output has version, 1, as its \
first member.";

pub(super) const CREATE: &str = "\
Only the id goes to stdout. With --json it is an object with job_id and request_id.

A request that may have created a job is never repeated, because that could create a second job. If \
the request may have arrived but no answer came, the error says so; use the jobs command to check. A \
request that certainly had no effect is repeated after growing pauses until --timeout: too many \
requests, no connection, a name that does not resolve, or a wrong clock. Except for too many \
requests it is repeated at most eight times in a row.";

pub(super) const JOBS: &str = "\
The newest job comes first; why a job failed is on a line below it. On a terminal that is too \
narrow for the table, each job is a block of lines. The service does not document the time zone of \
its creation times.

With --json there is one object: total_count, jobs and request_id. Each job has job_id, name, \
source, status, progress, failure_message, timeout and insert_time. Missing values are null.";

pub(super) const RESULT: &str = "\
The exit code is 1 if the status is FAILURE, and 0 for any other status.";

pub(super) const WAIT: &str = "\
Progress goes to stderr: a bar on a terminal, otherwise a line for each change. With --json and \
--quiet, stderr holds at most one error object.

The first request is sent at once. After a temporary fault, such as a broken connection or too \
many requests, the request is signed again and retried. A request that is under way when the time \
is up may still finish: it is given at most 30 s, or the value of --timeout if that is shorter.

Ctrl-C stops waiting at once; a second Ctrl-C ends the program without a message. After Ctrl-C or \
a timeout, a message gives the command to continue with. The job itself is not affected. With \
--json, Ctrl-C gives the outcome cancelled if an answer had arrived, and an error of the kind \
interrupted (terminated after SIGTERM).

--print url prints only the URL of the file, as for curl \"$(tcss-export wait JOB_ID --print url)\". \
Its query is a secret that other users of the machine can read in the arguments of curl; with \
tcss-export download --url - it is not an argument. A failed job prints nothing to stdout.

--events prints one JSON object per line for each decision, always with the same members: event \
(waiting, retrying or ended), poll, status, progress, code, http_status, request_id, reason, \
remedy (retry, back_off, clock_corrected or fresh_credentials), delay_seconds and \
clock_offset_seconds. Missing values are null. The object of --json comes last.

--record leaves out keys, signatures and the queries of URLs, so the file can be attached to a \
bug report. The replay command shows it.";

pub(super) const DOWNLOAD: &str = "\
The command waits for the job as the wait command does, then downloads its file. Until the file \
is complete and verified, its bytes are in .FILE.part beside it. A later download to the same \
FILE resumes there, even after a kill. An existing FILE is kept unless --force is given; then it \
is replaced once the new file is complete.

A new FILE is for its owner alone (mode 0600 minus the umask). With --force, it takes the \
permissions and the group of the old file.

A download that breaks off is retried and resumes after the bytes that are there. If the file \
does not exist yet, the command requests it again up to 4 times within some seconds. If the URL \
expires, it asks the job for a new one, except with --url. It follows no redirects, and never \
sends keys to the file server.

A download may take any time as long as bytes arrive: --stall ends an attempt only if no byte \
arrives at all. --download-timeout limits the whole download, even if a server sends bytes very \
slowly; the exit code is then 3.

A URL must use https and lead to a public address. On a virtual machine of Tencent Cloud, use \
--allow-private: names of the object store resolve to private addresses there. Addresses of this \
machine (loopback) need a loopback --endpoint, --url or --allow-network 127.0.0.1.

The query of a URL is a secret, and other users of the machine can read the arguments of a \
process. So pass the URL on stdin, with --url -, or in TCSS_EXPORT_URL.

Progress goes to stderr: a bar on a terminal, otherwise a few lines. With --json there is one \
object: job_id (null with --url), file, bytes, crc64, verified, resumed and polls:
  crc64
      The CRC-64/XZ of the file, as decimal text.
  verified
      Whether the server gave the same CRC-64. If false, it gave none and only the length was \
checked. With --require-crc it is never false.
  resumed
      Whether the download resumed after bytes of this run or an earlier one; false if it started \
again from the first byte.
  polls
      How many times the service was asked about the job.

If the job failed, the object has job_id, what the wait command prints, and new_url_needed: if \
the job had given a URL before, why it could no longer be used. With -o - the object goes to \
stderr.

In an error object, request_id comes from the server that refused. If no new URL could be \
obtained, or the URL that the job gave cannot be used, request_id is the service's and \
file_request_id is the file server's. url is where the file of a job is, without the secret part \
of its URL.

Ctrl-C stops the download at once and prints the command to continue with.";

pub(super) const RUN: &str = "\
This is create, wait and download in one. The output file is checked before the job is created, \
and the job is created only once. --timeout limits the create and then the wait. If no file is \
downloaded after that, the error gives the job's id and, where continuing can help, the command to \
continue with.

The help of create and download has more details; that of download also describes the output.

--state FILE records the export: before the create, what is requested and which jobs exist; then the \
id of the job; at the end the result. So after a kill at any time, the same command continues. If \
it was killed before it received the id of its job, the next run lists the jobs again. With no new \
one, it creates the job; otherwise it shows the new ones and ends with exit code 2, because they \
may be somebody else's. Then use one of these:
  --adopt JOB_ID
      Continues with this job.
  --create-anew
      Creates another job. Do not leave it in a script: it never continues with a job.
  --adopt-single
      Adopts the new job if there is exactly one, for accounts whose jobs only this program creates.

A create may still be under way 30 s after a kill, and the next run waits for that long. Once the \
file is complete, the same command prints the result again and ends; --again starts another \
export. After a failed job the next run creates another one. FILE is for one export, site and \
permanent key, and contains no secret. The output must be a file. Use --force with it: a run may \
be killed between the last rename and the last record.";

pub(super) const REPLAY: &str = "\
Each line shows the time of a decision, the number of the request it followed, what came back and \
what was decided. The last line says whether this version decides as recorded. If not, it shows \
the line that differs and how, and the exit code is 1. If the file is not a recording, the exit \
code is 2.

With --json each decision is an object as printed by wait --events, with line and at_seconds \
before the other members. The last object has as_recorded, lines and outcome (null if the \
recording stops before the end of the wait) and, if there is a difference, line, recorded and \
decided.

--svg draws the requests, pauses, faults and the progress over time, for a bug report. With \
--svg - the picture goes to stdout and the table to stderr.";

pub(super) const DEMO: &str = "\
The demo creates a job, waits for it and downloads its file. On the way, the service breaks off \
the download once and lets the URL expire. The file goes to a temporary folder that is removed at \
the end, unless a signal comes before. No network is needed.";

pub(super) const SERVE: &str = "\
Steps are separated by commas. Each accepted request about a job is answered with its next step, \
and the last step repeats:
  RUNNING[:PROGRESS]
      The job is running; the progress is 0 if not given.
  SUCCESS[:URL]
      The job is done; SUCCESS: gives an empty URL.
  FAILURE[:TEXT]
      The job has failed.
  STATUS:TEXT
      The status is this text.
  NULLS
      The job is running; URL, progress and message are null.
  ERROR:CODE
      The service refuses with this error code.
  HTTP:STATUS
      The answer is a page with this HTTP status, 200 to 599.
  EMPTY
      The answer has no body.
  CUT
      The connection ends before the answer does.
  CUTJSON
      The JSON stops in the middle.
  RESET
      The connection is closed without an answer.
  HANG
      No answer ever comes.
  SKEW:SECONDS
      From now on the service's clock is ahead by this much, or behind if negative; the next step \
gives the answer.

Each accepted create takes the next fault of --create-faults; after the last one nothing goes \
wrong:
  OK
      Nothing goes wrong.
  LOST
      The job is made, and the connection is closed without an answer.
  HANG
      The job is made, and no answer ever comes.
  DROP
      No job is made, and the connection is closed without an answer.
  ERROR:CODE
      No job is made; the service refuses with this error code.

With --file, a SUCCESS without a URL gives a URL of the file, a new one each time. Each accepted \
download takes the next fault of --download-faults; after the last one nothing goes wrong:
  OK
      Nothing goes wrong.
  CUT:N
      The connection ends after N bytes.
  STALL:N
      Nothing more comes after N bytes.
  SLOW:N
      N bytes come at a time, 20 times a second.
  RESET
      The connection is closed without an answer.
  CHUNKED
      The body comes in chunks, without its length.
  CHUNKED-CUT:N
      The same, but the connection ends after N bytes.
  ETAG[:TEXT]
      From now on the file has a different ETag.
  NOETAG
      The answer has no ETag.
  WEAK
      The ETag is a weak one.
  CRC
      The checksum is that of other bytes.
  NOCRC
      The answer has no checksum.
  FULL
      A range is answered with the whole file.
  RANGE
      A range is answered with a different one.
  LESS:N
      Only the first N bytes of a range come.
  GZIP
      The answer claims the content encoding gzip.
  REDIRECT
      The answer is a redirect.
  EXPIRED
      From now on the URL has expired.
  DENIED
      The file server denies access.
  GONE
      The file does not exist.
  HTTP:STATUS
      The answer is an error with this HTTP status, 200 to 599.

With --limit, a request that is the N+1st of its action within the last second is refused with \
RequestLimitExceeded. The service itself accepts 20 a second. Refused requests do not count.

The key pair is taken from TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY. If neither is set, \
a made-up pair is used. As the real service does, it refuses requests signed with any other key.

The official SDKs except those for Go and Python sign for the service that the first label of the \
host names. Give them a name such as tcss.localhost, which must resolve to the address.

Each request is logged on stderr unless --quiet is given. Ctrl-C and SIGTERM stop the service. It \
then prints a line for each action: the number of requests, how many of them --limit refused, and \
the largest number within any second, refused ones included. With --json this is an object with \
starts, a list of objects with action, requests, throttled and most_in_a_second.";

pub(super) const SIGN: &str = "\
The request asks for the status of the job, as the result command does. With --json it is one \
object: method, uri, headers and body.";

pub(super) const COMPLETIONS: &str = "\
Where the shell loads it:
  bash, in ~/.bashrc
      source <(tcss-export completions bash)
  zsh, in ~/.zshrc after compinit
      source <(tcss-export completions zsh)
  fish, in ~/.config/fish/config.fish
      tcss-export completions fish | source
  PowerShell, in $PROFILE
      tcss-export completions powershell | Out-String | Invoke-Expression
  elvish, in rc.elv
      eval (tcss-export completions elvish | slurp)";

pub(super) const MAN: &str = "\
Each command has a page of its own, such as tcss-export-wait(1). man finds pages in \
~/.local/share/man/man1.";

pub(super) const HELP: &str = "\
This is the text that --help prints after a command; -h there prints a summary.";

pub(super) const CREDENTIALS: &str = "\
The first of these sources that has a key is used:
  1. The environment
      TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, with the token if one is set. With \
TENCENTCLOUD_ROLE_ARN they assume this role.
  2. The file of the SDKs
      TENCENTCLOUD_CREDENTIALS_FILE, else ~/.tencentcloud/credentials, else \
/etc/tencentcloud/credentials.
  3. The profile of tccli
      TCCLI_PROFILE, else TENCENTCLOUD_PROFILE, else default.
  4. The identity of a TKE pod
      Only if its variables are set.

--profile and --instance-role use one source and no other.

A source that exists but cannot be used is an error; no other source is used in its place.

With --json there is one object: source, secret_id (without its middle), has_token, expires (Unix \
seconds), warning and, with --check, owner: account_id, arn and request_id. Missing values are \
null.";

pub(super) const CHECK: &str = "\
Each line has a state (ok, warning, FAILED, or - for what could not be checked), the name of the \
check, what was found and what to do. The exit code is that of the first failure.

It asks for the list of jobs and for the status of the newest one, and asks STS whose key it is. \
It does not try to create a job, so it cannot show whether the key may.

With --json there is one object: checks, each with check, state (ok, warning, failed or skipped), \
detail and hint.";

pub(super) const EXPLAIN: &str = "\
With a JOB_ID no key is needed. With --json there is one object: canonical_request, scope and \
string_to_sign.

With --compare, FILE holds a request as another program sent it: HTTP text as in an .http file or \
the log of a proxy, the output of curl -v or of Python's http.client, or the debug log of the SDK \
for Python, Go or Java. curl and Java do not print the body; add it after the headers. Of several \
requests, the first one to the API is compared. The file has at most 1 MiB.

The request is signed again as it was sent, and compared part by part. If the signature differs, \
the usual mistakes are tried one by one: for example a body that was serialised again, a host \
without its port, the local date, or a key with a line break. Without a key, or if the log masks \
the signature, all but the signature is compared. Keys, tokens, signatures and bodies are never \
shown.

The time is compared with --timestamp, else with the date of the answer in FILE, else with the \
clock of this machine. The service accepts 5 minutes.

The exit code is 0 if all that was compared is the same, 1 if something differs, and 2 if the file \
holds no such request. --endpoint, --region and --language have no effect.

With --json there is one object: request and requests (which one of how many was compared), same, \
first_difference, likely_cause, remedy and parts. Each part has stage, part, result (same, differs \
or not_compared) and detail. Missing values are null.";
