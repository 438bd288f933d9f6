//! What both HTTP libraries keep to.

use std::time::Duration;

/// How long making a connection may take, proxy and TLS included.
///
/// Over hyper the lookup of the name is part of it. Over ureq the lookup has as much time again,
/// and a proxy that is asked for a connection to the service has it for each piece of its answer.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Idle connections are dropped after this; the service closes them after 60 s.
pub const IDLE_LIMIT: Duration = Duration::from_secs(50);
