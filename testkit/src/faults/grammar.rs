use std::fmt;
use std::str::FromStr;

use super::error::Problem;
use super::{DownloadFault, DownloadFaults, DownloadFaultsError};

impl FromStr for DownloadFaults {
    type Err = DownloadFaultsError;

    fn from_str(text: &str) -> Result<Self, DownloadFaultsError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let faults = text.split(',').map(str::trim_start).enumerate();
        let faults = faults.map(|(index, fault)| {
            parse_fault(fault)
                .map_err(|problem| DownloadFaultsError::at(index, fault.to_owned(), problem))
        });
        Self::new(faults.collect::<Result<Vec<_>, _>>()?)
    }
}

fn parse_fault(text: &str) -> Result<DownloadFault, Problem> {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    match bare_fault(name) {
        Some(fault) if value.is_none() => Ok(fault),
        Some(_) => Err(Problem::Argument),
        None => valued_fault(name, value),
    }
}

fn bare_fault(name: &str) -> Option<DownloadFault> {
    Some(match name {
        "OK" => DownloadFault::Ok,
        "RESET" => DownloadFault::Reset,
        "CHUNKED" => DownloadFault::Chunked,
        "NOETAG" => DownloadFault::NoETag,
        "WEAK" => DownloadFault::Weak,
        "CRC" => DownloadFault::Crc,
        "NOCRC" => DownloadFault::NoCrc,
        "FULL" => DownloadFault::Full,
        "RANGE" => DownloadFault::Range,
        "GZIP" => DownloadFault::Gzip,
        "REDIRECT" => DownloadFault::Redirect,
        "EXPIRED" => DownloadFault::Expired,
        "DENIED" => DownloadFault::Denied,
        "GONE" => DownloadFault::Gone,
        _ => return None,
    })
}

fn valued_fault(name: &str, value: Option<&str>) -> Result<DownloadFault, Problem> {
    let needed = value.ok_or(Problem::NoArgument);
    let bytes = || number(needed?, Problem::Bytes);
    Ok(match name {
        "CUT" => DownloadFault::Cut(bytes()?),
        "STALL" => DownloadFault::Stall(bytes()?),
        "SLOW" => DownloadFault::Slow(bytes()?),
        "CHUNKED-CUT" => DownloadFault::ChunkedCut(bytes()?),
        "ETAG" => DownloadFault::ETag(value.map(str::to_owned)),
        "LESS" => DownloadFault::Less(bytes()?),
        "HTTP" => DownloadFault::Http(number(needed?, Problem::HttpStatus)?),
        _ => return Err(Problem::UnknownFault),
    })
}

fn number<T: FromStr>(text: &str, problem: Problem) -> Result<T, Problem> {
    text.parse().map_err(|_| problem)
}

impl fmt::Display for DownloadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("OK"),
            Self::Cut(bytes) => write!(f, "CUT:{bytes}"),
            Self::Stall(bytes) => write!(f, "STALL:{bytes}"),
            Self::Slow(bytes) => write!(f, "SLOW:{bytes}"),
            Self::Reset => f.write_str("RESET"),
            Self::Chunked => f.write_str("CHUNKED"),
            Self::ChunkedCut(bytes) => write!(f, "CHUNKED-CUT:{bytes}"),
            Self::ETag(None) => f.write_str("ETAG"),
            Self::ETag(Some(text)) => write!(f, "ETAG:{text}"),
            Self::NoETag => f.write_str("NOETAG"),
            Self::Weak => f.write_str("WEAK"),
            Self::Crc => f.write_str("CRC"),
            Self::NoCrc => f.write_str("NOCRC"),
            Self::Full => f.write_str("FULL"),
            Self::Range => f.write_str("RANGE"),
            Self::Less(bytes) => write!(f, "LESS:{bytes}"),
            Self::Gzip => f.write_str("GZIP"),
            Self::Redirect => f.write_str("REDIRECT"),
            Self::Expired => f.write_str("EXPIRED"),
            Self::Denied => f.write_str("DENIED"),
            Self::Gone => f.write_str("GONE"),
            Self::Http(status) => write!(f, "HTTP:{status}"),
        }
    }
}
