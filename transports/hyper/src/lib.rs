//! Follows a TCSS export job over hyper, on any runtime.
