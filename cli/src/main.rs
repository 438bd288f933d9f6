//! The command line of tcss-export.
fn main() {}
