//! The variable part of a path.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use switchboard_core::problem::{Code, Problem};

use crate::problem::Failure;

/// The one variable of the route's path as a `T`; anything else is 400 `invalid_field` with the variable's name.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err: Display>> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::new(Code::NOT_FOUND, "There is no such path: it is not UTF-8."))?;
        let (name, text) = params
            .iter()
            .next()
            .ok_or_else(|| Problem::internal("the route has no variable"))?;
        match text.parse() {
            Ok(value) => Ok(Self(value)),
            Err(error) => Err(Problem::invalid_field(name, format!("{name} {error}.")).into()),
        }
    }
}
