//! The usual mistakes of programs that sign by themselves.

/// The likely cause of a difference, and what to do.
pub(super) type Mistake = (&'static str, &'static str);

const SECONDS: &str = "send and sign whole seconds since 1970";

pub(super) const METHOD: Mistake =
    ("the method is not POST or GET in upper case", "send and sign POST or GET");
pub(super) const PATH: Mistake =
    ("the path that was sent or signed is not /", "send the request to / and sign /");
pub(super) const QUERY: Mistake = (
    "the query that was sent is not the one that was signed; a POST has none",
    "sign an empty query for a POST, and the very text of the URL for a GET",
);
pub(super) const HOST: Mistake = (
    "the host that was signed is not the Host header that was sent; often the port is missing",
    "sign the Host header as it is sent, with its port",
);
pub(super) const CONTENT_TYPE: Mistake = (
    "the Content-Type that was signed is not the one that was sent; many libraries add a charset",
    "set the header yourself, for example to application/json, and sign the same text",
);
pub(super) const NOT_SENT: Mistake = (
    "a header that must be signed was not sent exactly once",
    "send each signed header exactly once",
);
pub(super) const LETTER_CASE: Mistake = (
    "header values were signed as they are, not in lower case",
    "convert the values to lower case before signing, also that of X-TC-Action",
);
pub(super) const LIST: Mistake = (
    "SignedHeaders is not a sorted list of lower-case names with content-type and host",
    "sort the names, join them by ; and use the same list in the canonical request",
);
pub(super) const EMPTY_LINE: Mistake = (
    "the canonical request has no empty line between the headers and SignedHeaders",
    "end each header with a line break, also the last one",
);
pub(super) const BODY: Mistake = (
    "the body that was sent is not the one that was signed; often it is serialised twice",
    "serialise the body once, and sign and send the same bytes",
);
pub(super) const UPPER_CASE: Mistake =
    ("hexadecimal digits are in upper case", "write hashes and the signature in lower case");
pub(super) const LOCAL_DATE: Mistake = (
    "the date is the local date instead of the UTC date",
    "take the date from the timestamp in UTC",
);
pub(super) const SCOPE_DATE: Mistake = (
    "the date is not that of the timestamp",
    "take the date from the signed timestamp, in UTC, as YYYY-MM-DD",
);
pub(super) const SERVICE: Mistake =
    ("the scope is for another service", "use the name of the service, here tcss");
pub(super) const SERVICE_OF_HOST: Mistake = (
    "the program takes the service from the first label of the host",
    "set the service apart from the host, here to tcss",
);
pub(super) const MILLISECONDS: Mistake = ("the timestamp is in milliseconds", SECONDS);
pub(super) const TIMESTAMP: Mistake = ("the timestamp is missing or not a number", SECONDS);
pub(super) const OTHER_TIMESTAMP: Mistake = (
    "the timestamp that was signed is not the one that was sent; the clock is read twice",
    "read the clock once for each request",
);
pub(super) const OTHER_PAIR: Mistake = (
    "the request was signed with another key pair than the one at hand",
    "use the same key pair for the program and the comparison",
);
pub(super) const OTHER_ID: Mistake = (
    "the SecretId that was sent is not the one at hand, whose SecretKey signed the request",
    "send the SecretId that belongs to the SecretKey",
);
pub(super) const SWAPPED: Mistake =
    ("the program has SecretId and SecretKey swapped", "swap them in its configuration");
pub(super) const KEY_WITH_BLANK: Mistake = (
    "the key of the program has a blank, a line break or quotes around it",
    "remove them where the program gets its key",
);
pub(super) const NO_PREFIX: Mistake =
    ("the signing key is derived without TC3", "start with the key TC3 and SecretKey, joined");
pub(super) const KEY: Mistake = (
    "the program has another SecretKey, or signs another text than it sends",
    "check its key; then compare its canonical request with that of explain JOB_ID",
);
pub(super) const TIME_ZONE: Mistake = (
    "the time is off by a time zone: local time is taken as UTC, or the other way round",
    "use seconds since 1970, which are the same in all time zones",
);
pub(super) const CLOCK: Mistake = (
    "the time is over 5 minutes off, or the request is an old one",
    "set the clock; for an old request pass --timestamp with the time when it was sent",
);
