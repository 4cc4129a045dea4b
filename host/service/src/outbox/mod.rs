//! From an accepted message to its outcome.
//!
//! The outbox is the table of accepted messages. Each session's task holds the beginning of its part in a [`queue`], makes an
//! [`attempt`] for what is due, and hears of outcomes from WhatsApp: they go to the [`recorder`], which commits them in groups, and
//! to whoever [waits](waiters) for them.

pub(crate) mod attempt;
pub(crate) mod queue;
pub(crate) mod recorder;
pub(crate) mod refusal;
pub(crate) mod waiters;
