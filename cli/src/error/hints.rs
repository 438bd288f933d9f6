//! The hints by code and kind of error, and those that are long or that several errors share.

use std::io;

use tcss_export::{
    driver::{TransportError, TransportErrorKind},
    error::{ErrorCode, ResponseErrorKind},
};

use super::kind::ErrorKind;

pub(crate) const WRONG_JOB: &str = "check the job id: it must belong to this site and this account";
/// The file is gone, so that another download cannot help.
pub(crate) const GONE: &str = "the file no longer exists on the server: create a new job";
const UNKNOWN_ID: &str = "check TENCENTCLOUD_SECRET_ID: the key was deleted or disabled, or \
     belongs to the other site (--endpoint)";
const WRONG_SIGNATURE: &str = "check that TENCENTCLOUD_SECRET_KEY belongs to \
     TENCENTCLOUD_SECRET_ID; the explain command shows what is signed";
const PERMISSION: &str = "grant the user of this key these actions of tcss: \
     CreateExportComplianceStatusListJob, DescribeExportJobManageList and DescribeExportJobResult";
pub(crate) const WRONG_EXPORT: &str =
    "check --asset-type, and that this account has what --id names";
pub(crate) const MAYBE_CREATED: &str =
    "the job may have been created anyway: look for it before you create another";

/// The hints by error code of the service, or by its family.
const CODES: &[(&[&str], &str)] = &[
    (&["AuthFailure.SecretIdNotFound"], UNKNOWN_ID),
    (
        &["AuthFailure.InvalidSecretId"],
        "check TENCENTCLOUD_SECRET_ID: it must be the id of a cloud API key",
    ),
    (&["AuthFailure.SignatureFailure"], WRONG_SIGNATURE),
    (
        &["AuthFailure.SignatureExpire"],
        "set the clock of this machine: it may be off by at most 5 minutes",
    ),
    (
        &["AuthFailure.TokenFailure"],
        "get new temporary keys: the token has expired or does not belong to this key pair",
    ),
    (&["AuthFailure.UnauthorizedOperation", "UnauthorizedOperation"], PERMISSION),
    (&["AuthFailure.MFAFailure"], "use a key that does not need a second factor"),
    (&["AuthFailure"], "check the key pair, the token and --endpoint"),
    (&["OperationDenied"], "ask the account's administrator whether this user may read exports"),
    (
        &["IpInBlacklist", "IpNotInWhitelist"],
        "ask the account's administrator to allow this machine's address",
    ),
    (&["InternalError.ErrRoleNotExist"], "grant the service its role in the console"),
    (
        &["InternalError"],
        "try again later; if it fails again, give the request id to the service's support",
    ),
    (&["InvalidParameter.RequestTimeout"], "try again: the service is still working on the query"),
    (&["InvalidParameter", "InvalidParameterValue", "ResourceNotFound"], WRONG_JOB),
    (
        &["RequestLimitExceeded", "LimitExceeded.RateLimitExceeded"],
        "send fewer requests: the account has reached its rate limit",
    ),
    (&["LimitExceeded"], "check the quotas of the account"),
    (
        &["InvalidAction", "NoSuchProduct", "NoSuchVersion"],
        "check --endpoint: it seems to lead to another service",
    ),
    (&["UnsupportedRegion"], "leave out --region: this service needs none"),
    (&["ResourceInUse", "ResourceUnavailable", "ServiceUnavailable"], "try again later"),
];

pub(crate) const STILL_RUNNING: &str =
    "wait again, perhaps with a longer --timeout: the job keeps running";
pub(crate) const WITHOUT_URL: &str =
    "look for the file in the console; if it is not there, create a new job";

pub(crate) const EXPIRED: &str =
    "download by the job's id, which gets a new URL; if that fails too, set the clock";
pub(crate) const NEW_URL_REFUSED: &str =
    "a new URL was refused too: give the request id to the service's support";
pub(crate) const SAME_URL_REFUSED: &str = "the job gives the same URL again: create a new job; \
     if its URL is refused too, give the request id to the service's support";
pub(crate) const SAME_URL_EXPIRED: &str = "the job gives the same URL again, which has expired \
     by the clock of this machine: set the clock; if it fails again, give the request id to the \
     service's support";
pub(crate) const REFUSED_URL: &str =
    "download by the job's id; if that fails too, give the request id to the service's support";
pub(crate) const SUPPORT: &str = "if it fails again, give the request id to the service's support";
pub(crate) const AGAIN: &str =
    "download again: it resumes after the bytes that are there, if the server allows it";
pub(crate) const AGAIN_TO_STDOUT: &str = "discard the output and download again";
pub(crate) const MORE_TIME_TO_STDOUT: &str =
    "discard the output and download again with a longer --download-timeout or none";
pub(crate) const ALLOW_HTTP: &str =
    "use --allow-http if you trust the network: the bytes can be changed on the way";
pub(crate) const ALLOW_PRIVATE: &str = "use --allow-private if you trust the source of the URL";
pub(crate) const NO_URL: &str = "give the whole URL, unchanged and in single quotes";
pub(crate) const EXISTS: &str = "name another file, or replace this one with --force";
pub(crate) const NO_FILE: &str = "name a file, not a folder";
pub(crate) const NOT_A_FILE: &str = "use -o - for a pipe or a device, or name a file";
pub(crate) const BUSY: &str = "wait until the other download is done, or name another file";
pub(crate) const EXISTS_BESIDE_PART: &str = "what was downloaded is kept beside it: move it away \
     or use --force, and download again";
pub(crate) const NO_LOCKS: &str = "choose a folder on a file system that can lock files, or write \
     to stdout with -o -";
pub(crate) const NO_ROOM: &str =
    "make room and download again: it resumes after the bytes that are there";
pub(crate) const NO_QUOTA: &str = "your disk quota is used up: free some of it and download again, \
     which resumes after the bytes that are there";
pub(crate) const NOT_REPLACEABLE: &str = "name another file; if this one is mounted into a \
     container, mount its folder instead";
pub(crate) const UNREAD: &str = "let the program that reads the output read all of it";
pub(crate) const PART_REMOVED: &str = "download again, and leave .FILE.part and .FILE.part.json \
     alone until it is done";
pub(crate) const TOO_LARGE: &str = "use a larger --max-size if you expect a file this large";
pub(crate) const NO_CHECKSUM: &str = "leave out --require-crc if a check of the length is enough";
pub(crate) const MISMATCH: &str = "the bytes were discarded, and no file was written or replaced; \
     download again; if it fails again, the file is damaged on the way or on the server";
pub(crate) const MISMATCH_TO_STDOUT: &str = "the output may hold wrong bytes: discard it and \
     download again; if it fails again, the file is damaged on the way or on the server";
pub(crate) const DAMAGED: &str =
    "download again; if it fails again, the file is damaged on the way or on the server";
pub(crate) const NOT_THE_FILE: &str = "check what is between this machine and the file \
     server, such as a proxy, or look for the file in the console";
const PROXY_VARIABLE: &str = "set HTTPS_PROXY or ALL_PROXY to http://host:port, or unset it; \
     lower-case names take precedence";
const PROXY: &str = "check the proxy that HTTPS_PROXY or ALL_PROXY names; NO_PROXY excepts hosts \
     from it";
const PROXY_LOGIN: &str = "the proxy wants a login: put it in HTTPS_PROXY or ALL_PROXY, as in \
     http://USER:PASSWORD@host:port";
pub(crate) const FILE_SERVER_UNREACHABLE: &str = "check the network and the host of the URL";

/// Returns the hint for an error of a proxy.
pub(crate) fn of_proxy(error: &TransportError) -> Option<&'static str> {
    if error.proxy_error().is_some() {
        return Some(PROXY_VARIABLE);
    }
    match error.tunnel_error()?.status() {
        Some(status) if status.as_u16() == 407 => Some(PROXY_LOGIN),
        // The proxy did connect; the error is about the server behind it.
        None if error.kind() == TransportErrorKind::Permanent => None,
        _ => Some(PROXY),
    }
}

pub(crate) fn of_code(code: &ErrorCode) -> &'static str {
    let find = |name| CODES.iter().find(|(codes, _)| codes.contains(&name));
    let found = find(code.as_str()).or_else(|| find(code.family()));
    found.map_or(ErrorKind::Api.hint(), |(_, hint)| *hint)
}

/// Returns the hint for a file that cannot be created or written.
pub(crate) const fn of_io(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "check that the folder exists",
        io::ErrorKind::NotADirectory => "check the path: a part of it is a file, not a folder",
        io::ErrorKind::IsADirectory => NO_FILE,
        io::ErrorKind::InvalidFilename => "choose a shorter name",
        io::ErrorKind::PermissionDenied => "check the permissions of the file and its folder",
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only: choose a folder that can be written to"
        }
        io::ErrorKind::ResourceBusy => NOT_REPLACEABLE,
        io::ErrorKind::FileTooLarge => {
            "choose a folder on a file system that can hold a file this large, or raise the limit \
             of this process (ulimit -f)"
        }
        io::ErrorKind::BrokenPipe => UNREAD,
        io::ErrorKind::StorageFull => "make room and try again",
        io::ErrorKind::QuotaExceeded => "your disk quota is used up: free some of it and try again",
        _ => ErrorKind::File.hint(),
    }
}

/// Returns the hint for a stdout that cannot be written. Bytes in it cannot be taken back.
pub(crate) const fn of_stdout(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull => "make room, discard the output and download again",
        io::ErrorKind::QuotaExceeded => {
            "your disk quota is used up: free some of it, discard the output and download again"
        }
        _ => of_io(kind),
    }
}

/// Returns whether the same file cannot be written later either.
pub(crate) const fn is_lasting(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        FileTooLarge, InvalidFilename, IsADirectory, NotADirectory, ReadOnlyFilesystem,
        ResourceBusy,
    };

    matches!(
        kind,
        FileTooLarge
            | InvalidFilename
            | IsADirectory
            | NotADirectory
            | ReadOnlyFilesystem
            | ResourceBusy
    )
}

pub(crate) const fn of_fault(fault: TransportErrorKind) -> &'static str {
    match fault {
        TransportErrorKind::Connection => "check the network, the firewall and --endpoint",
        TransportErrorKind::Timeout => "try again later; check the network and the firewall",
        TransportErrorKind::Truncated => {
            "try again: the connection broke in the middle of the answer"
        }
        TransportErrorKind::Permanent => {
            "check --endpoint, the proxy settings and which certificates this machine trusts"
        }
        _ => ErrorKind::Answer.hint(),
    }
}

pub(crate) const fn of_answer(kind: &ResponseErrorKind) -> &'static str {
    match kind {
        ResponseErrorKind::Redirect { .. } => {
            "check --endpoint: a signed request does not follow redirects"
        }
        ResponseErrorKind::Empty
        | ResponseErrorKind::Truncated
        | ResponseErrorKind::NotJson { .. }
        | ResponseErrorKind::Status => {
            "try again later; if it fails again, check what is between this machine and the \
             service, such as a proxy"
        }
        _ => ErrorKind::Answer.hint(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The numbers are those of Linux.
    #[test]
    #[cfg(target_os = "linux")]
    fn errors_of_the_system_have_the_hint_of_their_cause() {
        for (name, code, cause, lasts) in [
            ("EBUSY", 16, "mount its folder", true),
            ("EFBIG", 27, "ulimit -f", true),
            ("ENOSPC", 28, "make room", false),
            ("EROFS", 30, "read-only", true),
            ("EDQUOT", 122, "quota", false),
        ] {
            let kind = io::Error::from_raw_os_error(code).kind();
            assert!(of_io(kind).contains(cause), "{name}: {}", of_io(kind));
            assert!(of_stdout(kind).contains(cause), "{name}: {}", of_stdout(kind));
            assert_eq!(is_lasting(kind), lasts, "{name}");
        }
    }

    #[test]
    fn no_code_has_two_hints() {
        let codes = || CODES.iter().flat_map(|(codes, _)| *codes);
        assert_eq!(codes().collect::<BTreeSet<_>>().len(), codes().count());
    }
}
