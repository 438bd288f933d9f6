//! The hints by code and kind of error, and those that are long or that several errors share.

use std::{borrow::Cow, io, net::IpAddr};

use tcss_export::{
    core::text::printable,
    credentials::Found,
    driver::{
        ResourceLimit, TransportError, TransportErrorKind, TunnelError, clock, tls::TlsProblem,
    },
    error::{ErrorCode, ResponseErrorKind},
};

use super::kind::ErrorKind;
use crate::{
    keys,
    secrets::{proxy_variable, variable},
};

pub(crate) const WRONG_JOB: &str = "check the job id: it must belong to this site and this account";
/// Another download cannot help, because the bucket does not exist.
pub(crate) const GONE: &str = "the file no longer exists on the server: create a new job";
pub(crate) const NOT_FOUND: &str = "download again in a minute: the server may not have the file \
     yet; if it is still missing, create a new job";
const PERMISSION: &str = "grant the user of this key these actions of tcss: \
     CreateExportComplianceStatusListJob, DescribeExportJobManageList and DescribeExportJobResult";
pub(crate) const NO_KEYS: &str = "set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or use \
     --profile or --instance-role; the demo command needs no key";
pub(crate) const KEYS_BROKEN: &str = "correct it there, or use another source: --profile, \
     --instance-role or the environment";
pub(crate) const KEYS_REFUSED: &str = "check the role, and that the key may assume it";
pub(crate) const KEYS_FAULT: &str = "check the network; --instance-role needs a virtual machine of \
     Tencent Cloud";
pub(crate) const OTHER_STATE: &str =
    "give --state another file, or delete this one if its export is complete";
pub(crate) const OTHER_FILE: &str = "use --again for another export, or give --state another file";
pub(crate) const AGAIN_WITH_STATE: &str =
    "run the same command again: it looks for the job before it creates another";
pub(crate) const ADOPT: &str = "if one of them is of this export (jobs shows when each was \
     created), use --adopt with its id; if none is, use --create-anew; if only this program creates \
     jobs, use --adopt-single";
pub(crate) const WRONG_EXPORT: &str =
    "check --asset-type, and that this account has what --id names";
pub(crate) const MAYBE_CREATED: &str =
    "the job may have been created anyway: look for it before you create another";

/// The hints by error code of the service, or by its family.
const CODES: &[(&[&str], &str)] = &[
    (&["AuthFailure.InvalidSecretId"], "use the id of a cloud API key"),
    (
        &["AuthFailure.SecretIdNotFound"],
        "check the key: it was deleted or disabled, or belongs to another site than --endpoint",
    ),
    (
        &["AuthFailure.SignatureFailure"],
        "check that the secret key belongs to the id; the explain command shows what is signed",
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
pub(crate) const ALLOW_PRIVATE: &str = "use --allow-private if this machine is in Tencent Cloud, \
     where names of the object store resolve to such addresses";
pub(crate) const ALLOW_NETWORK: &str = "use --allow-network with the address or its network if you \
     trust it";
pub(crate) const LOOPBACK: &str = "use 127.0.0.1 in place of the name, or check the hosts file of \
     this machine";
/// The resolvers of some proxies and VPNs return made-up addresses of this network (fake IP).
pub(crate) const FAKE_NETWORK: &str = "198.18.0.0/15";
pub(crate) const ALLOW_FAKE: &str = "the resolver of this machine returns made-up addresses, as \
     some proxies and VPNs do: use --allow-network 198.18.0.0/15 if you trust it";
pub(crate) const METADATA: &str = "this is the address of a metadata service, which no option \
     allows: give the job id to the service's support";
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
const NO_BASIC_LOGIN: &str = "use a proxy that accepts logins by Basic, the only ones that this \
     program sends";
const NO_ROOTS: &str = "install the root certificates of the system (often the package \
     ca-certificates), or name a file with roots in SSL_CERT_FILE";
const NO_ROOTS_IN_FILE: &str =
    "check the file that SSL_CERT_FILE names: it must exist and hold root certificates";
pub(crate) const FILE_SERVER_UNREACHABLE: &str = "check the network and the host of the URL";

/// Returns whether an address is in [`FAKE_NETWORK`].
pub(crate) fn is_fake(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if matches!(v4.octets(), [198, 18 | 19, ..]))
}

/// Returns the hint for an error with a known cause. `address` names the option or URL to check.
pub(crate) fn of_cause(error: &TransportError, address: &str) -> Option<Cow<'static, str>> {
    let proxy = proxy_variable();
    if error.proxy_error().is_some() {
        return Some(format!("set {proxy} to http://host:port, or unset it").into());
    }
    if let Some(problem) = error.tls_problem() {
        return Some(of_tls(&problem, address));
    }
    if let Some(tunnel) = error.tunnel_error() {
        return of_tunnel(tunnel, error.kind(), proxy);
    }
    error.is_not_http().then(|| {
        format!(
            "check the scheme and the port of {address}: another protocol answers there, such as \
             TLS on a port without it"
        )
        .into()
    })
}

fn of_tls(problem: &TlsProblem, address: &str) -> Cow<'static, str> {
    match problem {
        TlsProblem::NotValidYet { .. } | TlsProblem::Expired { .. } => {
            "set the clock of this machine if it is wrong; if it is right, the server needs a new \
             certificate"
                .into()
        }
        TlsProblem::UnknownIssuer => {
            let roots = match variable("SSL_CERT_FILE") {
                Ok(Some(file)) => format!("{}, which SSL_CERT_FILE names", printable(&file)),
                _ => "the system's certificates, or name a file in SSL_CERT_FILE".to_owned(),
            };
            format!("if you trust the server or a proxy on the way, add its authority to {roots}")
                .into()
        }
        TlsProblem::Authority => {
            "give the server a certificate of its own, issued by that authority".into()
        }
        TlsProblem::OtherName { .. } => {
            format!("check the host of {address}, and what is between it and this machine").into()
        }
        TlsProblem::NoRoots => match variable("SSL_CERT_FILE") {
            Ok(None) => NO_ROOTS.into(),
            _ => NO_ROOTS_IN_FILE.into(),
        },
        TlsProblem::NotTls => format!(
            "check the scheme and the port of {address}: what answers there speaks no TLS, but \
             perhaps plain HTTP"
        )
        .into(),
        _ => format!("check {address} and the server's certificate").into(),
    }
}

fn of_tunnel(
    tunnel: &TunnelError,
    kind: TransportErrorKind,
    variable: &str,
) -> Option<Cow<'static, str>> {
    let is_basic = |scheme: &&str| *scheme == "Basic";
    Some(match tunnel {
        TunnelError::Refused { status, had_login, schemes, .. } if status.as_u16() == 407 => {
            if !schemes.is_empty() && !schemes.iter().any(is_basic) {
                NO_BASIC_LOGIN.into()
            } else if *had_login {
                format!("check user and password in {variable}; encode special characters as %XX")
                    .into()
            } else {
                format!(
                    "the proxy wants a login: put it in {variable}, as in \
                     http://USER:PASSWORD@host:port"
                )
                .into()
            }
        }
        // The proxy did connect; the error is about the server behind it.
        TunnelError::Failed { .. } if kind == TransportErrorKind::Permanent => return None,
        _ => {
            format!("check the proxy that {variable} names; NO_PROXY excepts hosts from it").into()
        }
    })
}

pub(crate) const fn of_limit(limit: ResourceLimit) -> &'static str {
    match limit {
        ResourceLimit::Threads => {
            "raise the limit of processes and threads (ulimit -u, or that of the container) or of \
             memory (ulimit -v), or end other programs of this user"
        }
        ResourceLimit::OpenFiles => {
            "raise the limit of open files (ulimit -n), or end other programs"
        }
        ResourceLimit::Memory => {
            "give this program more memory (ulimit -v, or the limit of the container), or end \
             other programs"
        }
        _ => ErrorKind::Resource.hint(),
    }
}

pub(crate) fn of_code(code: &ErrorCode) -> Cow<'static, str> {
    if code.as_str() == "AuthFailure.SignatureExpire" {
        let shown = clock::utc(clock::now().wall);
        return format!(
            "set the clock of this machine, which shows {shown}: it may be off by at most 5 minutes"
        )
        .into();
    }
    match keys::in_use().filter(|_| code.family() == "AuthFailure") {
        Some(found) => of_key(code, &found).into(),
        None => of_table(code).into(),
    }
}

/// Names the source of the key that was refused.
fn of_key(code: &ErrorCode, found: &Found) -> String {
    let has_token = found.credentials.token().is_some();
    let hint = match code.as_str() {
        "AuthFailure.TokenFailure" if has_token => {
            "get new temporary keys: the token has expired or does not belong to this key pair"
        }
        "AuthFailure.TokenFailure" => "add the token: the keys are temporary and need it",
        _ => of_table(code),
    };
    let is_suspect =
        matches!(code.as_str(), "AuthFailure.TokenFailure" | "AuthFailure.SecretIdNotFound");
    let stray = match has_token && is_suspect {
        true => "; if it is a permanent key, remove the token that is sent with it",
        false => "",
    };
    format!("{hint}{stray}; source of the key: {}", found.origin)
}

fn of_table(code: &ErrorCode) -> &'static str {
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

/// Returns the hint for a stdout that cannot be written. Its bytes cannot be removed.
pub(crate) const fn of_stdout(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull => "make room, discard the output and download again",
        io::ErrorKind::QuotaExceeded => {
            "your disk quota is used up: free some of it, discard the output and download again"
        }
        _ => of_io(kind),
    }
}

/// Returns whether a later write to the same file would fail, too.
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
        TransportErrorKind::Timeout => {
            "try again later; check the network, the firewall and --endpoint"
        }
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

    /// Linux uses these numbers.
    #[test]
    #[cfg(target_os = "linux")]
    fn system_errors_have_a_hint_for_their_cause() {
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
