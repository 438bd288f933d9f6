//! The loops of tcss-export over four given functions, the clock and the shared handles.
