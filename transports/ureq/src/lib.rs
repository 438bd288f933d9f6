//! Follows a TCSS export job over ureq.
