//! The options of all commands that ask the service: where it is, and the key to sign with.

use clap::{Args as Group, builder::NonEmptyStringValueParser};
use tcss_export::{Endpoint, Language, Session, error::BuildError};

use super::options::language;
use crate::{
    error::{Error, ErrorKind, Result},
    secrets::variable,
    shell::CommandOption,
};

const ENDPOINT: &str = "Selects the site: international (default), mainland, a host or a URL. \
    TENCENTCLOUD_ENDPOINT works, too.";
const REGION: &str = "Sends a region, such as ap-singapore; this service needs none. \
    TENCENTCLOUD_REGION works, too.";

/// The service, and the key to sign with.
#[derive(Debug, Group)]
pub(crate) struct Common {
    #[arg(long, value_name = "SITE", env = "TENCENTCLOUD_ENDPOINT", hide_env = true)]
    #[arg(help = "Selects international (default), mainland or a host.", long_help = ENDPOINT)]
    endpoint: Option<String>,
    #[arg(long, env = "TENCENTCLOUD_REGION", hide_env = true, hide_short_help = true)]
    #[arg(help = REGION)]
    region: Option<String>,
    #[arg(long, value_name = "LANGUAGE", value_parser = language, hide_short_help = true)]
    #[arg(help = "Asks for service messages in zh-CN or en-US.")]
    language: Option<Language>,
    // An unset variable of a script must not select another key.
    #[arg(long, value_name = "NAME", conflicts_with = "instance_role")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    #[arg(help = "Uses the key of this profile of tccli, and no other.")]
    pub(crate) profile: Option<String>,
    #[arg(long, hide_short_help = true)]
    #[arg(help = "Uses the role of this virtual machine, and no other key.")]
    pub(crate) instance_role: bool,
}

impl Common {
    /// Returns the options for a command to the same service with the same key.
    pub(crate) fn options(&self) -> Vec<CommandOption> {
        // An empty value counts as unset.
        let set = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        vec![
            ("--endpoint", set(&self.endpoint)),
            ("--region", set(&self.region)),
            ("--language", self.language.map(|language| language.as_str().to_owned())),
            ("--profile", self.profile.clone()),
            ("--instance-role", self.instance_role.then(String::new)),
        ]
    }

    /// Returns a session without credentials. `region` is that of the profile in use.
    pub(crate) fn session(&self, region: Option<&str>) -> Result<Session> {
        let mut session = Session::new(self.endpoint()?);
        let given = self.region.as_deref().filter(|region| !region.is_empty());
        if let Some(region) = given.or(region) {
            session = session
                .with_region(region)
                .map_err(|error| named(error, "TENCENTCLOUD_REGION", self.region.as_deref()))?;
        }
        Ok(match self.language {
            Some(language) => session.with_language(language),
            None => session,
        })
    }

    /// Parses the endpoint here: an error of clap would show a password in a URL.
    pub(crate) fn endpoint(&self) -> Result<Endpoint> {
        match &*self.endpoint.as_deref().unwrap_or_default().to_ascii_lowercase() {
            "" | "international" => Ok(Endpoint::international()),
            "mainland" => Ok(Endpoint::mainland()),
            address => address
                .parse()
                .map_err(|error| named(error, "TENCENTCLOUD_ENDPOINT", self.endpoint.as_deref())),
        }
    }
}

/// Names the variable in place of the option, if the value is from there.
fn named(error: BuildError, name: &'static str, value: Option<&str>) -> Error {
    match variable(name) {
        Ok(set) if set.as_deref() == value => {
            Error::new(ErrorKind::Usage, format!("{name} {}", error.reason()))
        }
        _ => error.into(),
    }
}
