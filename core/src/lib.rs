//! The core of tcss-export without I/O: signed requests out, typed answers in, and a waiter that is pure state.
