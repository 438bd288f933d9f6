//! Servers that play raw bytes, for tests of transports on the wire.
