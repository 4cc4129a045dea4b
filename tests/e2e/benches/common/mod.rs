//! What the benches of the whole host have in common.

pub(crate) mod load;
pub(crate) mod process;
