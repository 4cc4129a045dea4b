//! What a handler takes from a request, each checked into a type that cannot be wrong. Whatever is wrong with it is answered with
//! a 4xx that names the field and says what is allowed.

pub(crate) mod accept;
mod fault;
mod json;
mod limit;
mod path;
mod query;
mod text;
mod value;

pub(crate) use json::Json;
pub(crate) use limit::Limit;
pub(crate) use path::Path;
pub(crate) use query::Query;
pub(crate) use text::Text;
