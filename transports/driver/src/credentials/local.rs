//! The sources on this machine: variables and files. They say which requests are needed, if any.

#[cfg(unix)]
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::{
    ffi::OsString,
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use tcss_export_core::{BuildError, Credentials, Endpoint, Wall};
use zeroize::Zeroizing;

use super::{
    AssumeRole, Source, SourceError, SourceErrorKind,
    files::{FormatError, Named, TccliKind, credentials, parse_ini, parse_tccli, settings},
    remote::{METADATA, Role, WebIdentity, sts_session},
};

/// A source as read from this machine: where the first credentials come from, and the roles to
/// assume with them.
pub(super) struct Plan {
    pub(super) start: Start,
    pub(super) roles: Vec<Role>,
    /// The endpoint of STS, if the source names one.
    pub(super) sts: Option<Endpoint>,
    /// The region, if the source names one.
    pub(super) region: Option<String>,
    pub(super) origin: String,
    pub(super) warning: Option<String>,
}

pub(super) enum Start {
    Keys(Credentials, Option<Wall>),
    InstanceRole,
    WebIdentity { action: WebIdentity, region: String },
}

type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Source {
    /// Reads the variables and files of this source.
    pub(super) fn plan(&self, variable: Variable<'_>) -> Result<Plan, SourceError> {
        match self {
            Self::Environment => environment(variable),
            Self::File(path) => file(path.as_deref(), variable),
            Self::TccliProfile(name) => tccli_profile(name.as_deref(), variable),
            Self::InstanceRole => Ok(Plan::new(Start::InstanceRole, METADATA)),
            Self::WebIdentity => web_identity(variable),
            Self::AssumeRole(role) => {
                let mut plan = role.base.plan(variable)?;
                plan.roles.push(Role::from(role));
                Ok(plan)
            }
        }
    }
}

impl Plan {
    fn new(start: Start, origin: impl Into<String>) -> Self {
        let origin = origin.into();
        Self { start, roles: Vec::new(), sts: None, region: None, origin, warning: None }
    }

    /// Assumes a role after the others.
    fn assume(&mut self, role_arn: String, session_name: Option<String>) {
        let role_session_name = session_name.unwrap_or_else(|| AssumeRole::SESSION_NAME.to_owned());
        self.roles.push(Role {
            role_arn,
            role_session_name,
            duration_seconds: None,
            external_id: None,
        });
    }

    /// Takes the settings of a profile, if the file exists.
    fn configure(&mut self, path: &Path) -> Result<(), SourceError> {
        let Some(file) = read(path)? else { return Ok(()) };
        let broken = |error: &dyn fmt::Display| SourceError::broken(path.display(), error);
        let [region, sts] = settings(&file.bytes).map_err(|error| broken(&error))?;
        let checked = region.as_deref().map(|region| sts_session(None, region)).transpose();
        checked.map_err(|error| broken(&error))?;
        self.region = region;
        let sts = sts.map(|endpoint| endpoint.parse()).transpose();
        self.sts = sts.map_err(|error: BuildError| broken(&error))?;
        Ok(())
    }
}

const ENVIRONMENT: &str = "environment";
const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
const ROLE_ARN: &str = "TENCENTCLOUD_ROLE_ARN";
/// The service's tools have different names for the token.
const TOKENS: [&str; 3] =
    ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"];

fn environment(variable: Variable<'_>) -> Result<Plan, SourceError> {
    let text = |name| text_of(ENVIRONMENT, name, variable);
    let is_set = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
    let token_name = TOKENS.into_iter().find(is_set);
    let (id, key) = (text(SECRET_ID)?, text(SECRET_KEY)?);
    let token = token_name.map(text).transpose()?.flatten();
    let found = credentials([
        Named::new(SECRET_ID, id.as_deref()),
        Named::new(SECRET_KEY, key.as_deref()),
        Named::new(token_name.unwrap_or(TOKENS[0]), token.as_deref()),
    ]);
    let found = found.map_err(|error| SourceError::broken(ENVIRONMENT, error))?;
    let role = text(ROLE_ARN)?;
    let none = || match role {
        // The keys of another source would be used without it.
        Some(_) => {
            let problem = format!("{ROLE_ARN} is set, but {SECRET_ID} is not");
            SourceError::broken(ENVIRONMENT, problem)
        }
        None => SourceError::absent(ENVIRONMENT, format!("{SECRET_ID} is not set")),
    };
    let start = Start::Keys(found.ok_or_else(none)?, None);
    let mut origin = format!("{ENVIRONMENT}, {SECRET_ID} and {SECRET_KEY}");
    if let Some(name) = token_name {
        origin += &format!(" with {name}");
    }
    let mut plan = Plan::new(start, origin);
    if let Some(role) = role {
        plan.assume(role, text("TENCENTCLOUD_ROLE_SESSION_NAME")?);
    }
    Ok(plan)
}

/// Reads a variable. An empty one counts as unset.
fn text_of(
    place: &str,
    name: &'static str,
    variable: Variable<'_>,
) -> Result<Option<String>, SourceError> {
    let value = variable(name).filter(|value| !value.is_empty()).map(OsString::into_string);
    let value = value.transpose();
    let value = value.map_err(|_| SourceError::broken(place, format!("{name} is not UTF-8")))?;
    let checked = Named::new(name, value.as_deref()).check();
    checked.map_err(|error| SourceError::broken(place, error))?;
    Ok(value)
}

fn home(variable: Variable<'_>) -> Option<PathBuf> {
    let home = ["HOME", "USERPROFILE"].into_iter().find_map(variable);
    home.filter(|home| !home.is_empty()).map(PathBuf::from)
}

fn file(path: Option<&Path>, variable: Variable<'_>) -> Result<Plan, SourceError> {
    if let Some(path) = path {
        return named_file(path);
    }
    if let Some(path) = variable(FILE).filter(|path| !path.is_empty()) {
        return named_file(Path::new(&path)).map_err(|error| error.of_source(FILE));
    }
    let in_home = home(variable).map(|home| home.join(".tencentcloud/credentials"));
    let paths = in_home.into_iter().chain([PathBuf::from("/etc/tencentcloud/credentials")]);
    let mut tried = Vec::new();
    for path in paths {
        match ini_file(&path) {
            Ok(Some(plan)) => return Ok(plan),
            Ok(None) => tried.push(format!("{}: {NO_FILE}", path.display())),
            Err(error) if error.kind() == SourceErrorKind::Absent => tried.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    Err(SourceError::absent("credentials file", tried.join("; ")))
}

const FILE: &str = "TENCENTCLOUD_CREDENTIALS_FILE";
const NO_FILE: &str = "no such file";

/// Reads a credentials file that somebody has chosen, so it must have keys.
fn named_file(path: &Path) -> Result<Plan, SourceError> {
    let plan = ini_file(path).map_err(SourceError::into_broken)?;
    plan.ok_or_else(|| SourceError::broken(path.display(), NO_FILE))
}

/// Reads a credentials file. `None` if it does not exist.
fn ini_file(path: &Path) -> Result<Option<Plan>, SourceError> {
    let place = path.display().to_string();
    let Some(file) = read(path)? else { return Ok(None) };
    let keys = parse_ini(&file.bytes).map_err(|error| SourceError::broken(&place, error))?;
    let none = || SourceError::absent(&place, "no keys in the section [default]");
    let start = Start::Keys(keys.ok_or_else(none)?, None);
    let plan = Plan::new(start, format!("section [default] of {place}"));
    Ok(Some(Plan { warning: file.warning, ..plan }))
}

fn tccli_profile(name: Option<&str>, variable: Variable<'_>) -> Result<Plan, SourceError> {
    const PLACE: &str = "profile of tccli";
    let set = |name| text_of(PLACE, name, variable);
    let named = match name {
        Some(name) => Some(name.to_owned()),
        None => {
            set("TCCLI_PROFILE")?.map_or_else(|| set("TENCENTCLOUD_PROFILE"), |n| Ok(Some(n)))?
        }
    };
    let name = named.as_deref().unwrap_or("default");
    // It could name a file in another folder.
    if name == ".." || name.contains(['/', '\\']) {
        let problem = "the name of the profile contains a path separator";
        return Err(SourceError::broken(PLACE, problem));
    }
    let profile = format!("profile {name} of tccli");
    let Some(home) = home(variable) else {
        return Err(SourceError::absent(profile, "HOME is not set"));
    };
    let path = home.join(".tccli").join(format!("{name}.credential"));
    let place = format!("{profile}, {}", path.display());
    // A profile that somebody has chosen must exist.
    let kind = if named.is_some() { SourceErrorKind::Broken } else { SourceErrorKind::Absent };
    let missing = |problem| SourceError::new(kind, &place, problem);
    let file = read(&path)?.ok_or_else(|| missing(NO_FILE))?;
    let broken = |error: FormatError| SourceError::broken(&place, error);
    let parsed = parse_tccli(&file.bytes).map_err(broken)?;
    let start = match (parsed.kind, parsed.credentials) {
        (TccliKind::InstanceRole, _) => Start::InstanceRole,
        (_, Some(keys)) => Start::Keys(keys, parsed.expiry),
        (_, None) => return Err(missing("the profile has no keys")),
    };
    let mut plan = Plan::new(start, &place);
    plan.warning = file.warning;
    plan.configure(&path.with_extension("configure"))?;
    if let Some(role) = parsed.role_arn {
        plan.assume(role, parsed.role_session_name);
    }
    Ok(plan)
}

fn web_identity(variable: Variable<'_>) -> Result<Plan, SourceError> {
    const PLACE: &str = "identity of a TKE pod";
    const NAMES: [&str; 4] =
        ["TKE_ROLE_ARN", "TKE_PROVIDER_ID", "TKE_WEB_IDENTITY_TOKEN_FILE", "TKE_REGION"];
    let [role, provider, token_file, region] = NAMES.map(|name| text_of(PLACE, name, variable));
    let values = [role?, provider?, token_file?, region?];
    let missing = NAMES.into_iter().zip(&values).find(|(_, value)| value.is_none());
    // A region alone may have another purpose.
    let kind = match &values {
        [None, None, None, _] => SourceErrorKind::Absent,
        _ => SourceErrorKind::Broken,
    };
    let [Some(role_arn), Some(provider_id), Some(token_file), Some(region)] = values else {
        let name = missing.map_or("", |(name, _)| name);
        return Err(SourceError::new(kind, PLACE, format!("{name} is not set")));
    };
    // The value may be the token itself, which no text may show.
    if !Path::new(&token_file).is_absolute() {
        let problem = format!("{} is not an absolute path", NAMES[2]);
        return Err(SourceError::broken(PLACE, problem));
    }
    let checked = sts_session(None, &region);
    checked
        .map_err(|error| SourceError::broken(PLACE, format!("{} {}", NAMES[3], error.reason())))?;
    let token = pod_token(&token_file);
    let token = token.map_err(|error| error.of_source(&format!("{PLACE}, {}", NAMES[2])))?;
    let origin = format!("{PLACE}, {token_file}");
    let action = WebIdentity::new(provider_id, token, role_arn);
    Ok(Plan::new(Start::WebIdentity { action, region }, origin))
}

fn pod_token(path: &str) -> Result<Zeroizing<String>, SourceError> {
    let file = read(Path::new(path))?.ok_or_else(|| SourceError::broken(path, NO_FILE))?;
    match str::from_utf8(&file.bytes).unwrap_or_default().trim() {
        "" => Err(SourceError::broken(path, "expected a token")),
        token => Ok(token.to_owned().into()),
    }
}

/// The size limit of a file; real ones have less than a tenth of it.
const FILE_LIMIT: usize = 64 * 1024;

struct File {
    bytes: Zeroizing<Vec<u8>>,
    warning: Option<String>,
}

/// Reads a small file. `None` if it does not exist.
fn read(path: &Path) -> Result<Option<File>, SourceError> {
    let broken = |problem: &dyn fmt::Display| SourceError::broken(path.display(), problem);
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match path.is_symlink() {
                true => Err(broken(&"the link leads to no file")),
                false => Ok(None),
            };
        }
        file => file.map_err(|error| broken(&error))?,
    };
    let metadata = file.metadata().map_err(|error| broken(&error))?;
    // A read from a pipe may never end.
    if !metadata.is_file() {
        return Err(broken(&"not a regular file"));
    }
    // A vector that grew would leave copies.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_LIMIT + 1));
    file.take(FILE_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
    if bytes.len() > FILE_LIMIT {
        return Err(broken(&"the file is larger than 64 KiB"));
    }
    let warning = is_shared(&metadata)
        .then(|| format!("{} is accessible to other users: set its mode to 0600", path.display()));
    Ok(Some(File { bytes, warning }))
}

/// Opens a file to read it.
fn open(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    // A pipe would otherwise wait for its writer.
    #[cfg(unix)]
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    options.open(path)
}

fn is_shared(metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    let others = metadata.permissions().mode() & 0o077;
    // Only Unix has such modes.
    #[cfg(not(unix))]
    let others = u32::from(metadata.is_dir());
    others != 0
}
