//! The phone links a device: by QR code or by an 8-character code.

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::App;
use super::problem::{Body, Problem};
use crate::DEFAULT_PHONE;
use crate::address::Number;
use crate::phone::{LinkedDevice, Phone};

#[derive(Deserialize)]
pub(super) struct WhichPhone {
    phone: Option<String>,
}

/// `POST /admin/mock-phone/scan-qr?phone=`: the body is the QR string. Answers when the device has confirmed.
pub(super) async fn scan_qr(
    State(server): State<App>,
    Query(which): Query<WhichPhone>,
    qr: String,
) -> Result<Json<LinkedDevice>, Problem> {
    let phone = find(&server, which.phone.as_deref().unwrap_or(DEFAULT_PHONE))?;
    Ok(Json(phone.scan_qr(&qr).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnterCode {
    phone: String,
    code: String,
}

/// `POST /admin/mock-phone/enter-code {phone, code}`. Answers when the device has confirmed.
pub(super) async fn enter_code(
    State(server): State<App>,
    Body(body): Body<EnterCode>,
) -> Result<Json<LinkedDevice>, Problem> {
    Ok(Json(find(&server, &body.phone)?.enter_code(&body.code).await?))
}

/// The phone with this number, made on first use.
pub(super) fn find(server: &App, number: &str) -> Result<Phone, Problem> {
    let account = server
        .account(&Number::parse(number)?)
        .map_err(crate::phone::PhoneError::from)?;
    Ok(Phone::new(server.clone(), account))
}
