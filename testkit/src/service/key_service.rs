//! A metadata service and STS on one loopback port: they issue temporary keys.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::actions::{owner, unknown_action};
use super::answer::{Answer, Context, headed, page, refuse, succeed};
use super::parameters::{ApiError, Parameters};
use super::request::{Received, STS_VERSION};
use super::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, serve};
use crate::clock::{Clock, iso_date_time};
use crate::listener::{Listener, bind};
use crate::lock;
use crate::verify::{RawRequest, Verifier};

const PATH: &str = "/latest/meta-data/cam/security-credentials/";

/// The metadata service of a virtual machine and STS, on one port of 127.0.0.1.
///
/// The metadata service has the role [`KeyService::ROLE`]. STS has AssumeRole,
/// AssumeRoleWithWebIdentity and GetCallerIdentity. The first and the last must be signed for the
/// service `sts`, by [`EXAMPLE_SECRET_ID`] or by keys that this service issued, with their token.
/// Dropping it joins its thread and frees its port.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
///
/// use tcss_export_testkit::{Clock, KeyService};
///
/// # fn main() -> std::io::Result<()> {
/// let service = KeyService::start(Clock::default())?;
/// let mut stream = TcpStream::connect(service.url().trim_start_matches("http://"))?;
/// let path = "/latest/meta-data/cam/security-credentials/";
/// write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert!(answer.ends_with(KeyService::ROLE));
/// assert_eq!(service.seen(), [path]);
/// # Ok(())
/// # }
/// ```
pub struct KeyService {
    listener: Listener,
    handler: Arc<Handler>,
}

/// A fault of a [`KeyService`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFault {
    /// Sends nothing and keeps the connection open.
    Hang,
    /// Sends an answer byte by byte, with pauses.
    Drip,
    /// Answers with an HTML page and status 200.
    Page,
    /// Answers with status 404, as a machine without a role does.
    NotFound,
    /// Refuses with `InternalError` in place of keys.
    Refuse,
    /// Sends back the whole request in the message of a refusal.
    Echo,
    /// Issues keys without a token.
    WithoutToken,
    /// Issues keys that have expired.
    Expired,
}

struct Handler {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    fault: Option<KeyFault>,
    lifetime: i64,
    issued: usize,
    seen: Vec<String>,
}

impl KeyService {
    /// The role of the machine.
    pub const ROLE: &str = "example-role";

    /// Starts the service on a background thread. Keys are valid for two hours.
    ///
    /// # Errors
    ///
    /// The system's error if no port is available or the thread cannot start.
    pub fn start(clock: Clock) -> io::Result<Self> {
        let state = State { fault: None, lifetime: 7_200, issued: 0, seen: Vec::new() };
        let handler = Arc::new(Handler { clock, state: Mutex::new(state) });
        let shared = Arc::clone(&handler);
        let listener = Listener::start(bind(0, false)?, move |stream| {
            let handler = Arc::clone(&shared);
            serve(stream, move |received| handler.answer(received))
        })?;
        Ok(Self { listener, handler })
    }

    /// Returns the address as a URL, `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.addr())
    }

    /// Sets the fault of all later requests, or none.
    pub fn set_fault(&self, fault: Option<KeyFault>) {
        lock(&self.handler.state).fault = fault;
    }

    /// Sets how long keys that are issued later are valid, in seconds.
    pub fn set_lifetime(&self, seconds: i64) {
        lock(&self.handler.state).lifetime = seconds;
    }

    /// Returns the path or the action of each request so far.
    pub fn seen(&self) -> Vec<String> {
        lock(&self.handler.state).seen.clone()
    }

    /// Returns id, key and token of the nth issued keys, counted from 1.
    pub fn issued(nth: usize) -> [String; 3] {
        ["AKIDEXAMPLE", "EXAMPLEKEY", "EXAMPLETOKEN"].map(|start| format!("{start}-ISSUED-{nth}"))
    }
}

impl fmt::Debug for KeyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyService").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Handler {
    fn answer(&self, received: &Received) -> Answer {
        let mut state = lock(&self.state);
        let action = received.header("x-tc-action");
        let context = Context { now: self.clock.now(), number: state.seen.len() };
        state.seen.push(action.clone().unwrap_or_else(|| received.path().to_owned()));
        let answer = match (state.fault, &action) {
            (Some(KeyFault::Hang), _) => Answer::Hang,
            (Some(KeyFault::Page), _) => page(200, &context),
            (Some(KeyFault::NotFound), _) => page(404, &context),
            (_, Some(action)) => state.act(action, received, &context),
            (_, None) => state.metadata(received.path(), &context),
        };
        match (state.fault, answer) {
            (Some(KeyFault::Drip), Answer::Respond(response)) => {
                response.map(|body| body.paced(1)).into()
            }
            (_, answer) => answer,
        }
    }
}

impl State {
    fn metadata(&mut self, path: &str, context: &Context) -> Answer {
        match path.strip_prefix(PATH) {
            Some("") => headed(KeyService::ROLE.to_owned(), context).into(),
            Some(KeyService::ROLE) if self.fault == Some(KeyFault::Refuse) => {
                headed(json!({ "Code": "InternalError" }).to_string(), context).into()
            }
            Some(KeyService::ROLE) => {
                let (mut keys, expiry) = self.issue(context.now);
                keys["ExpiredTime"] = expiry.into();
                keys["Expiration"] = iso_date_time(expiry).into();
                keys["Code"] = "Success".into();
                headed(keys.to_string(), context).into()
            }
            _ => page(404, context),
        }
    }

    fn act(&mut self, action: &str, received: &Received, context: &Context) -> Answer {
        let checked = match action {
            "AssumeRole" => self
                .check_signature(received, context.now)
                .and_then(|()| check_parameters(&["RoleArn", "RoleSessionName"], &received.body)),
            "AssumeRoleWithWebIdentity" => check_unsigned(received),
            "GetCallerIdentity" => self
                .check_signature(received, context.now)
                .and_then(|()| check_parameters(&[], &received.body)),
            _ => Err(unknown_action()),
        };
        let checked = checked.and_then(|()| match self.fault {
            Some(KeyFault::Refuse) => Err(ApiError::new("InternalError", "requested by a test")),
            Some(KeyFault::Echo) => {
                let body = String::from_utf8_lossy(&received.body);
                let message = format!("refused {body} {:?}", received.headers());
                Err(ApiError::new("InvalidParameter", message))
            }
            _ => Ok(()),
        });
        if let Err(error) = checked {
            return refuse(error.code, &error.message, context);
        }
        if action == "GetCallerIdentity" {
            return succeed(owner(), context);
        }
        let (keys, expiry) = self.issue(context.now);
        let expiration = iso_date_time(expiry);
        let members =
            json!({ "Credentials": keys, "ExpiredTime": expiry, "Expiration": expiration });
        succeed(members, context)
    }

    /// Returns new keys and when they expire.
    fn issue(&mut self, now: i64) -> (Value, i64) {
        self.issued += 1;
        let [id, key, token] = KeyService::issued(self.issued);
        let token = if self.fault == Some(KeyFault::WithoutToken) { String::new() } else { token };
        let expiry = match self.fault {
            Some(KeyFault::Expired) => now - 1,
            _ => now + self.lifetime,
        };
        (json!({ "TmpSecretId": id, "TmpSecretKey": key, "Token": token }), expiry)
    }

    fn check_signature(&self, received: &Received, now: i64) -> Result<(), ApiError> {
        let headers = received.headers();
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        let (method, path, body) = (received.method(), received.path(), &*received.body);
        let request = RawRequest { method, path, query: "", headers: &headers, body };
        let issued: Vec<_> = (1..=self.issued).map(KeyService::issued).collect();
        let example = [EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, ""].map(str::to_owned);
        let known: Vec<_> = issued.into_iter().chain([example]).collect();
        let find = |id: &str| known.iter().find(|keys| keys[0] == id);
        let key_of = |id: &str| find(id).map(|keys| &*keys[1]);
        let verified = Verifier::new("sts").verify(&request, now, key_of)?;
        let token = find(&verified.secret_id).map_or("", |keys| &*keys[2]);
        if request.values("x-tc-token").next().unwrap_or_default() != token {
            return Err(ApiError::new("AuthFailure.TokenFailure", "expected the token of the key"));
        }
        match request.header("x-tc-version")? {
            STS_VERSION => Ok(()),
            _ => Err(ApiError::new("NoSuchVersion", "expected the version 2018-08-13")),
        }
    }
}

fn check_unsigned(received: &Received) -> Result<(), ApiError> {
    let headers = ["authorization", "x-tc-version"].map(|name| received.header(name));
    if headers != [Some("SKIP".to_owned()), Some(STS_VERSION.to_owned())] {
        let message = "expected the authorization SKIP and the version 2018-08-13";
        return Err(ApiError::new("AuthFailure.InvalidAuthorization", message));
    }
    let names = ["ProviderId", "WebIdentityToken", "RoleArn", "RoleSessionName"];
    check_parameters(&names, &received.body)
}

fn check_parameters(names: &[&str], body: &[u8]) -> Result<(), ApiError> {
    let mut parameters = Parameters::read(body)?;
    names.iter().try_for_each(|name| parameters.text(name).map(drop))
}
