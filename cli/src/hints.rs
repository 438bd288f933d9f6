//! What to do next, for each kind of failure: the tables that every hint comes from.

use std::io;

use tcss_export::{ErrorCode, ResponseErrorKind, SendFault};

use crate::failure::Kind;

const PERMISSION: &str = "have these actions of tcss granted to this key's user: \
     CreateExportComplianceStatusListJob, DescribeExportJobManageList and DescribeExportJobResult";
pub(crate) const WRONG_JOB: &str = "check the job id: it must come from this site and this account";
pub(crate) const WRONG_EXPORT: &str =
    "check --asset-type, and whether this account has what --id names";
pub(crate) const WRONG_LIST: &str = "check --status, --limit and --offset";
pub(crate) const MAYBE_CREATED: &str =
    "the job may have been created all the same: look for it before you create another";

/// By the service's error code, else by its family.
const CODES: &[(&str, &str)] = &[
    (
        "AuthFailure.SecretIdNotFound",
        "check TENCENTCLOUD_SECRET_ID: the key is deleted, disabled or of the other site (--endpoint)",
    ),
    (
        "AuthFailure.InvalidSecretId",
        "check TENCENTCLOUD_SECRET_ID: it must be the id of a cloud API key",
    ),
    (
        "AuthFailure.SignatureFailure",
        "check that TENCENTCLOUD_SECRET_KEY belongs to TENCENTCLOUD_SECRET_ID; explain shows what is signed",
    ),
    (
        "AuthFailure.SignatureExpire",
        "set the clock of this machine: it may be 5 minutes off at most",
    ),
    (
        "AuthFailure.TokenFailure",
        "get new temporary keys: the token has expired or does not belong to this key pair",
    ),
    ("AuthFailure.UnauthorizedOperation", PERMISSION),
    ("AuthFailure.MFAFailure", "use a key that needs no second factor"),
    ("AuthFailure", "check the key pair, the token and --endpoint"),
    ("UnauthorizedOperation", PERMISSION),
    ("OperationDenied", "ask the account's administrator whether this user may read exports"),
    ("IpInBlacklist", "ask the account's administrator to allow this machine's address"),
    ("IpNotInWhitelist", "ask the account's administrator to allow this machine's address"),
    ("InternalError.ErrRoleNotExist", "grant the service its role in the console of the account"),
    ("InternalError", "try again later; if it stays, give the request id to the service's support"),
    ("InvalidParameter.RequestTimeout", "try again: the service is still at work on the query"),
    ("InvalidParameter", WRONG_JOB),
    ("InvalidParameterValue", WRONG_JOB),
    ("ResourceNotFound", WRONG_JOB),
    ("RequestLimitExceeded", "ask less often: the account has used up its requests for now"),
    ("LimitExceeded.RateLimitExceeded", "ask less often: the account has used up its requests"),
    ("LimitExceeded", "check the quotas of the account"),
    ("InvalidAction", "check --endpoint: another service seems to be there"),
    ("NoSuchProduct", "check --endpoint: another service seems to be there"),
    ("NoSuchVersion", "check --endpoint: another service seems to be there"),
    ("UnsupportedRegion", "leave --region out: this service needs none"),
    ("ResourceInUse", "try again later"),
    ("ResourceUnavailable", "try again later"),
    ("ServiceUnavailable", "try again later"),
];

const OTHER_CODE: &str = "look the code up in the service's list of error codes";

pub(crate) const WITHOUT_URL: &str =
    "look for the file in the console; if it is not there, have the job made anew";

pub(crate) const EXPIRED: &str =
    "download by the job's id, which gets a new URL by itself; if it stays, set the clock";
pub(crate) const NEW_URL_REFUSED: &str = "a new URL was refused, too: set the clock of this \
     machine; if it stays, give the request id to the service's support";
pub(crate) const SAME_URL: &str = "the job gives the same URL again: set the clock of this \
     machine; if it stays, give the request id to the service's support";
pub(crate) const SUPPORT: &str = "if it stays, give the request id to the service's support";
pub(crate) const GONE: &str = "the file is gone on the server: have the job created anew";
pub(crate) const JOB_FAILED: &str = "look at the message, then have the job created anew";
pub(crate) const AGAIN: &str =
    "download again: it goes on behind the bytes that are there, if the server lets it";
pub(crate) const AGAIN_TO_STDOUT: &str = "throw the output away and download again";
pub(crate) const MORE_TIME: &str = "download again, with a longer --download-timeout or none";
pub(crate) const ALLOW_HTTP: &str =
    "allow it by --allow-http, if you trust the network: the bytes can be changed on the way";
pub(crate) const ALLOW_PRIVATE: &str = "allow it by --allow-private, if you trust who gave the URL";
pub(crate) const NO_URL: &str = "give the whole URL as it came, in single quotes";
pub(crate) const URL_AS_JOB: &str = "give a URL by --url";
pub(crate) const EXISTS: &str = "name another file, or replace this one by --force";
pub(crate) const NO_FILE: &str = "name a file, not its folder";
pub(crate) const NOT_A_FILE: &str = "use -o - for a pipe or a device, or name a file";
pub(crate) const NOT_SERVED: &str = "let --file name a file to serve that is there and can be read";
pub(crate) const BUSY: &str = "wait until the other one is done, or name another file";
pub(crate) const NO_ROOM: &str = "make room and download again: it goes on behind what is there";
pub(crate) const TOO_LARGE: &str = "allow more by --max-size, if that is what you expect";
pub(crate) const NO_CHECKSUM: &str =
    "leave --require-crc out, if the length is enough to know the file by";
pub(crate) const MISMATCH: &str = "the bytes were thrown away, and none of them has the file's \
     name; download again; if it stays, the file is damaged on the way or at the server";
pub(crate) const MISMATCH_TO_STDOUT: &str = "wrong bytes may be in the output already: throw it \
     away and download again; if it stays, the file is damaged on the way or at the server";
pub(crate) const DAMAGED: &str =
    "download again; if it stays, the file is damaged on the way or at the server";
pub(crate) const CHANGED: &str = "download again, from the first byte";
pub(crate) const NOT_THE_FILE: &str =
    "check what stands between here and the file server; look for the file in the console";
pub(crate) const FILE_SERVER_NOT_TAKEN: &str =
    "check the proxy of the environment and which certificates this machine trusts";
pub(crate) const FILE_SERVER_UNREACHABLE: &str = "check the network and the host of the URL";

/// By the file server's error code.
const REFUSALS: &[(&str, &str)] = &[
    ("NoSuchKey", GONE),
    ("NoSuchBucket", GONE),
    ("InvalidObjectState", "have the file restored from the archive"),
];

/// Returns what to do about a refusal whatever the URL was, if there is such a thing.
pub(crate) fn of_refusal(code: Option<&str>, status: u16) -> Option<&'static str> {
    let known = REFUSALS.iter().find(|(known, _)| code == Some(known)).map(|(_, hint)| *hint);
    known.or_else(|| (status == 404).then_some(GONE))
}

/// Returns what to do about a refused URL that no job gives anew.
pub(crate) fn of_refused_url(code: Option<&str>) -> &'static str {
    match code {
        Some("SignatureDoesNotMatch") => NO_URL,
        Some("RequestTimeTooSkewed") => "set the clock of this machine",
        _ => "download by the job's id; if it stays, give the request id to the service's support",
    }
}

pub(crate) fn of_code(code: &ErrorCode) -> &'static str {
    let find = |name| CODES.iter().find(|(known, _)| *known == name).map(|(_, hint)| *hint);
    find(code.as_str()).or_else(|| find(code.family())).unwrap_or(OTHER_CODE)
}

pub(crate) const fn of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Usage => "run it with --help to see what it takes",
        Kind::TimedOut => "wait again, perhaps with a longer --timeout: the job goes on",
        Kind::Api => OTHER_CODE,
        Kind::Transport => "check the network and --endpoint",
        Kind::Answer => "check --endpoint and what stands between here and the service",
        Kind::File => "check where the output goes: space, permissions",
        // What was stopped goes on by a command.
        Kind::Interrupted | Kind::Terminated => "",
    }
}

/// Returns what to do about a file that cannot be made or written.
pub(crate) const fn of_io(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "check that the folder exists",
        io::ErrorKind::NotADirectory => "check the path: a part of it is a file, not a folder",
        io::ErrorKind::IsADirectory => NO_FILE,
        io::ErrorKind::InvalidFilename => "choose a shorter name",
        io::ErrorKind::PermissionDenied => "check the permissions of the file and its folder",
        io::ErrorKind::ReadOnlyFilesystem => "choose a folder that can be written to",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room and try again",
        _ => of_kind(Kind::File),
    }
}

pub(crate) const fn of_fault(fault: SendFault) -> &'static str {
    match fault {
        SendFault::Connection => "check the network, the firewall and --endpoint",
        SendFault::Timeout => "try again later; check the network and the firewall",
        SendFault::Truncated => "try again: the connection broke in the middle of the answer",
        SendFault::Permanent => {
            "check --endpoint, the proxy of the environment and which certificates this machine trusts"
        }
        _ => of_kind(Kind::Answer),
    }
}

pub(crate) const fn of_answer(kind: &ResponseErrorKind) -> &'static str {
    match kind {
        ResponseErrorKind::Redirect { .. } => {
            "check --endpoint: a signed request is not sent elsewhere"
        }
        ResponseErrorKind::Empty
        | ResponseErrorKind::Truncated
        | ResponseErrorKind::NotJson { .. }
        | ResponseErrorKind::Status => {
            "try again later; if it stays, check what stands between here and the service"
        }
        _ => of_kind(Kind::Answer),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_has_one_row() {
        let names: BTreeSet<_> = CODES.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), CODES.len());
    }
}
