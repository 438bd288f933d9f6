//! A loopback service that behaves as TCSS is documented to, for tests of tcss-export and of its users.
