//! Failures as the admin interface tells them, and the JSON body that reports its own faults that way.

use std::fmt::Display;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::address::InvalidNumber;
use crate::fault::FaultError;
use crate::phone::PhoneError;

/// A status and a sentence.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    error: String,
}

impl Problem {
    fn new(status: StatusCode, error: &dyn Display) -> Self {
        Self {
            status,
            error: error.to_string(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.error }))).into_response()
    }
}

impl From<PhoneError> for Problem {
    fn from(error: PhoneError) -> Self {
        let status = match &error {
            PhoneError::InvalidNumber(_)
            | PhoneError::InvalidQr(_)
            | PhoneError::InvalidCode
            | PhoneError::WrongCode => StatusCode::BAD_REQUEST,
            PhoneError::UnknownRef
            | PhoneError::NoCodeOutstanding
            | PhoneError::NotOnWhatsApp(_)
            | PhoneError::UnknownMessage
            | PhoneError::UnknownDevice(_) => StatusCode::NOT_FOUND,
            PhoneError::LinkRefused(_) | PhoneError::PasskeyRequired => StatusCode::CONFLICT,
            PhoneError::ExpiredRef | PhoneError::CompanionGone => StatusCode::GONE,
            PhoneError::CompanionSilent | PhoneError::NothingArrived(_) => StatusCode::REQUEST_TIMEOUT,
            PhoneError::Unencodable | PhoneError::Signal(_) | PhoneError::Key(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, &error)
    }
}

impl From<InvalidNumber> for Problem {
    fn from(error: InvalidNumber) -> Self {
        Self::new(StatusCode::BAD_REQUEST, &error)
    }
}

impl From<FaultError> for Problem {
    fn from(error: FaultError) -> Self {
        let status = match error {
            FaultError::UnknownNumber(_) => StatusCode::NOT_FOUND,
            FaultError::NotConnected(_) | FaultError::NoCode(_) => StatusCode::CONFLICT,
            FaultError::Never => StatusCode::BAD_REQUEST,
        };
        Self::new(status, &error)
    }
}

pub(super) async fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, &"there is no such path in the admin interface")
}

pub(super) async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, &"this path does not take this method")
}

/// A JSON body, whatever its content type says. An empty one reads as `{}`.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection: BytesRejection| Problem::new(rejection.status(), &rejection))?;
        let bytes = if bytes.is_empty() {
            Bytes::from_static(b"{}")
        } else {
            bytes
        };
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                &format_args!("the body is not what is wanted here: {error}"),
            )
        })
    }
}
