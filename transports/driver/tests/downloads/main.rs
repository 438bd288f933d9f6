//! Downloads by both loops, in virtual time and without a socket: what becomes of files, of parts
//! that are there already, of writers, and of what goes wrong.

#![cfg(unix)]

mod addresses;
mod differential;
mod disks;
mod folder;
mod loops;
mod names;
mod parts;
mod planted;
mod server;
mod targets;
mod together;
mod world;
mod writers;
