//! Downloads of both clients in virtual time and without a socket: events, files, parts, locks and
//! writers.

#![cfg(unix)]

mod chunks;
mod disks;
mod events;
mod folder;
mod locking;
mod names;
mod parts;
mod permissions;
mod planted;
mod server;
mod targets;
mod throttled;
mod transport;
mod writers;
