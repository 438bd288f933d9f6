//! The formats of key files, without I/O.

use std::{borrow::Cow, fmt};

use ini_core::{Item, Parser};
use serde::Deserialize;
use serde_json::Value;
use tcss_export_core::{Credentials, Field, Wall};
use zeroize::Zeroizing;

/// A key file or a variable cannot be used. It names the line and the key, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    line: Option<usize>,
    problem: Cow<'static, str>,
}

impl FormatError {
    fn new(line: Option<usize>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { line, problem: problem.into() }
    }

    /// Returns the line of the file, counted from 1, if it is known.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl std::error::Error for FormatError {}

/// A value, its name and its line. An empty value counts as absent.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) name: &'static str,
    pub(super) line: Option<usize>,
    pub(super) value: &'a str,
}

impl<'a> Named<'a> {
    pub(super) fn new(name: &'static str, value: Option<&'a str>) -> Self {
        Self { name, line: None, value: value.unwrap_or_default() }
    }

    fn error(&self, problem: impl fmt::Display) -> FormatError {
        FormatError::new(self.line, format!("{} {problem}", self.name))
    }

    fn error_without(&self, other: &Self) -> FormatError {
        self.error(format_args!("is set, but {} is not", other.name))
    }

    /// Checks for mistakes that the service would report only as a wrong signature: most of them
    /// remain if no shell or template has expanded a value.
    pub(super) fn check(&self) -> Result<(), FormatError> {
        const QUOTES: [char; 3] = ['"', '\'', '`'];
        const BRACKETS: [[char; 2]; 4] = [['<', '>'], ['{', '}'], ['[', ']'], ['%', '%']];
        let value = self.value;
        let is_in = |[first, last]: &[char; 2]| value.starts_with(*first) && value.ends_with(*last);
        let problem = if value.starts_with('\u{feff}') {
            "starts with a byte order mark"
        } else if value.contains('\r') {
            "contains a carriage return"
        } else if value.starts_with(QUOTES) || value.ends_with(QUOTES) {
            "has quotes around it, which must be removed"
        } else if value.starts_with('$') || value.contains("${") || value.contains("$(") {
            "names another variable or a command instead of its value"
        } else if BRACKETS.iter().any(is_in) {
            "is a placeholder"
        } else {
            return Ok(());
        };
        Err(self.error(problem))
    }
}

/// Makes credentials of an id, a key and a token.
pub(super) fn credentials(values: [Named<'_>; 3]) -> Result<Option<Credentials>, FormatError> {
    let [id, key, token] = values;
    match (id.value.is_empty(), key.value.is_empty()) {
        (true, true) => return Ok(None),
        (false, true) => return Err(id.error_without(&key)),
        (true, false) => return Err(key.error_without(&id)),
        (false, false) => values.iter().try_for_each(Named::check)?,
    }
    let keys = Credentials::new(id.value, key.value);
    let keys = keys.and_then(|keys| keys.with_token(token.value)).map_err(|error| {
        let named = match error.field() {
            Field::SecretId => id,
            Field::Token => token,
            _ => key,
        };
        named.error(error.reason())
    })?;
    Ok(Some(keys))
}

/// Returns a file's text. Editors add a byte order mark, and other tools read it as part of a name.
fn text(file: &[u8]) -> Result<&str, FormatError> {
    if file.starts_with(b"\xef\xbb\xbf") {
        return Err(FormatError::new(Some(1), "the file starts with a byte order mark"));
    }
    str::from_utf8(file).map_err(|error| {
        let before = file.get(..error.valid_up_to()).unwrap_or_default();
        FormatError::new(Some(line_at(before)), "the file is not UTF-8")
    })
}

/// Returns the line after these bytes.
fn line_at(before: &[u8]) -> usize {
    1 + before.iter().filter(|b| **b == b'\n').count()
}

/// The names in an INI file.
const INI_NAMES: [&str; 3] = ["secret_id", "secret_key", "token"];

/// Parses the credentials file of the official SDKs: an INI file with `secret_id`, `secret_key` and
/// optionally `token` in the section `[default]`. `None` if the section has no keys.
///
/// Lines that start with `#` or `;` are comments. A value is the rest of its line: there are no
/// comments after values, quotes, escapes or variables.
///
/// ```
/// use tcss_export_driver::credentials::parse_ini;
///
/// let found = parse_ini(b"[default]\nsecret_id = AKIDEXAMPLE\nsecret_key = EXAMPLEKEY\n")?;
/// assert_eq!(found.map(|keys| keys.secret_id().to_owned()).as_deref(), Some("AKIDEXAMPLE"));
///
/// let error = parse_ini(b"[default]\nsecret_id = 'AKIDEXAMPLE'\nsecret_key = K\n").unwrap_err();
/// assert_eq!(error.line(), Some(2));
/// # Ok::<(), tcss_export_driver::credentials::FormatError>(())
/// ```
///
/// # Errors
///
/// A [`FormatError`] for half a key pair, a name that occurs twice, a line without `=`, keys
/// outside every section, values with quotes or `${..}`, a carriage return, a byte order mark, and
/// characters that no key has.
pub fn parse_ini(file: &[u8]) -> Result<Option<Credentials>, FormatError> {
    let text = text(file)?;
    if let Some(before) = text.find('\r').and_then(|at| file.get(..at)) {
        let problem = "the line contains a carriage return: save the file with Unix line ends";
        return Err(FormatError::new(Some(line_at(before)), problem));
    }
    let mut values = INI_NAMES.map(|name| Named::new(name, None));
    let mut section = None;
    let mut parser = Parser::new(text).auto_trim(true);
    for line in 1.. {
        match next_line(&mut parser) {
            None => break,
            Some(Item::Section(name)) => section = Some(name),
            // The parser takes a section with blanks around it for an error or a name.
            Some(Item::Error(text) | Item::Property(text, None))
                if text.trim_start().starts_with('[') =>
            {
                let name = text.trim().strip_prefix('[').and_then(|name| name.strip_suffix(']'));
                let unclosed = || FormatError::new(Some(line), "expected `[name]`");
                section = Some(name.ok_or_else(unclosed)?);
            }
            Some(Item::Property(name, _)) if name.starts_with(['#', ';']) => {}
            Some(Item::Property(_, None)) if section == Some("default") => {
                return Err(FormatError::new(Some(line), "expected `name = value`"));
            }
            Some(Item::Property(name, Some(value))) => match section {
                Some("default") => add(&mut values, name, value, line)?,
                Some(_) => {}
                None => check_is_unknown(name, line)?,
            },
            _ => {}
        }
    }
    credentials(values)
}

/// Returns the next item that is a line of the file.
fn next_line<'a>(parser: &mut Parser<'a>) -> Option<Item<'a>> {
    parser.find(|item| *item != Item::SectionEnd)
}

/// Checks a name before the first section. A parser that skipped keys would find others.
fn check_is_unknown(name: &str, line: usize) -> Result<(), FormatError> {
    match INI_NAMES[..2].iter().find(|known| known.eq_ignore_ascii_case(name)) {
        Some(known) => {
            let problem =
                format!("{known} is not in a section: add the line `[default]` before it");
            Err(FormatError::new(Some(line), problem))
        }
        None => Ok(()),
    }
}

fn add<'a>(
    values: &mut [Named<'a>],
    name: &str,
    value: &'a str,
    line: usize,
) -> Result<(), FormatError> {
    // The Python SDK ignores the case of names.
    let known = values.iter_mut().find(|known| known.name.eq_ignore_ascii_case(name));
    let Some(known) = known else { return Ok(()) };
    let is_repeated = known.line.replace(line).is_some();
    known.value = value;
    if is_repeated { Err(known.error("is set twice")) } else { Ok(()) }
}

/// A profile of tccli, as its `.credential` file has it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TccliFile {
    /// What the profile is.
    pub kind: TccliKind,
    /// The keys, if any.
    pub credentials: Option<Credentials>,
    /// When the keys of a login expire.
    pub expiry: Option<Wall>,
    /// The role to assume, if any.
    pub role_arn: Option<String>,
    /// The name of the role's session, if any.
    pub role_session_name: Option<String>,
}

/// The type of a profile of tccli.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TccliKind {
    /// Keys in the file.
    Keys,
    /// The role of the virtual machine, `cvm-role`.
    InstanceRole,
    /// The keys of a login, `oauth` or `sso`. Only tccli can renew them.
    Login,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialFile {
    secret_id: Option<String>,
    secret_key: Option<Zeroizing<String>>,
    token: Option<Zeroizing<String>>,
    r#type: Option<String>,
    expires_at: Option<i64>,
    #[serde(rename = "role-arn")]
    role_arn: Option<String>,
    #[serde(rename = "role-session-name")]
    role_session_name: Option<String>,
}

/// Parses the `.credential` file of a profile of tccli.
///
/// ```
/// use tcss_export_driver::credentials::{TccliKind, parse_tccli};
///
/// let profile = parse_tccli(br#"{"type":"cvm-role"}"#)?;
/// assert_eq!(profile.kind, TccliKind::InstanceRole);
/// # Ok::<(), tcss_export_driver::credentials::FormatError>(())
/// ```
///
/// # Errors
///
/// A [`FormatError`] for a file that is not such a JSON object, an unknown type, a login without
/// keys or an expiry, a role or a token without keys, and values as in [`parse_ini`].
pub fn parse_tccli(file: &[u8]) -> Result<TccliFile, FormatError> {
    let file: CredentialFile = json(file)?;
    let error = |problem: &'static str| Err(FormatError::new(None, problem));
    let kind = match file.r#type.as_deref().unwrap_or_default() {
        "" => TccliKind::Keys,
        "cvm-role" => TccliKind::InstanceRole,
        "oauth" | "sso" => TccliKind::Login,
        _ => return error("the type of the profile is not supported"),
    };
    let id = Named::new("secretId", file.secret_id.as_deref());
    let key = Named::new("secretKey", file.secret_key.as_ref().map(|key| key.as_str()));
    let token = Named::new("token", file.token.as_ref().map(|token| token.as_str()));
    let credentials = credentials([id, key, token])?;
    let settings = [
        Named::new("role-arn", file.role_arn.as_deref()),
        Named::new("role-session-name", file.role_session_name.as_deref()),
        token,
    ];
    settings.iter().try_for_each(Named::check)?;
    match (kind, &credentials) {
        (TccliKind::Login, None) => {
            return error("the login has no keys: log in again with tccli");
        }
        (TccliKind::Login, _) if file.expires_at.is_none() => return error("expiresAt is not set"),
        (TccliKind::Keys, None) => {
            let set = settings.iter().find(|setting| !setting.value.is_empty());
            set.map_or(Ok(()), |set| Err(set.error_without(&id)))?;
        }
        _ => {}
    }
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(TccliFile {
        kind,
        credentials,
        expiry: file.expires_at.map(Wall::from_unix_seconds).filter(|_| kind == TccliKind::Login),
        role_arn: some(file.role_arn),
        role_session_name: some(file.role_session_name),
    })
}

/// Returns the region and the endpoint of STS in a `.configure` file of tccli, if it names them.
pub(super) fn settings(file: &[u8]) -> Result<[Option<String>; 2], FormatError> {
    let file: Value = json(file)?;
    let text = |pointer| file.pointer(pointer).and_then(Value::as_str);
    let settings = ["/_sys_param/region", "/sts/endpoint"].map(text);
    Ok(settings.map(|text| text.filter(|text| !text.is_empty()).map(str::to_owned)))
}

/// The text of serde_json's error may contain a value, so only its line is shown.
fn json<'de, T: Deserialize<'de>>(file: &'de [u8]) -> Result<T, FormatError> {
    serde_json::from_str(text(file)?).map_err(|error| {
        let problem = match error.is_data() {
            true => "a value has the wrong type, or a name occurs twice",
            false => "the file is not JSON",
        };
        FormatError::new(Some(error.line()), problem)
    })
}
