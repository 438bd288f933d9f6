//! What people see and do: output without secrets, commands to paste, signals.

mod amount;
pub(crate) mod masking;
pub(crate) mod output;
mod rows;
pub(crate) mod shell;
pub(crate) mod signals;

pub(crate) use self::{
    amount::{amount, share},
    rows::rows,
};
