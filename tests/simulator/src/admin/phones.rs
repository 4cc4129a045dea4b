//! One phone: what it received, and what its holder does with it.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::pairing::find;
use super::problem::{Body, Problem};
use crate::address::Number;
use crate::phone::{Phone, PhoneError};

type Answer = Result<Json<Value>, Problem>;

/// `POST /admin/phones/:number`: makes the account, if there is none.
pub(super) async fn create(State(server): State<App>, Path(number): Path<String>) -> Answer {
    let phone = find(&server, &number)?;
    Ok(Json(json!({ "number": phone.number(), "lid": phone.lid() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    to: String,
    text: String,
}

/// `POST /admin/phones/:number/send {to, text}`.
pub(super) async fn send(State(server): State<App>, Path(number): Path<String>, Body(body): Body<Send>) -> Answer {
    let id = existing(&server, &number)?.send_text(&body.to, &body.text).await?;
    Ok(Json(json!({ "id": id })))
}

/// `GET /admin/phones/:number/messages`: what the phone received, decrypted.
pub(super) async fn messages(State(server): State<App>, Path(number): Path<String>) -> Answer {
    let messages = existing(&server, &number)?.messages();
    Ok(Json(json!({ "messages": messages })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichMessage {
    id: String,
}

/// `POST /admin/phones/:number/read {id}`.
pub(super) async fn read(
    State(server): State<App>,
    Path(number): Path<String>,
    Body(body): Body<WhichMessage>,
) -> Answer {
    existing(&server, &number)?.mark_read(&body.id).await?;
    done()
}

/// `POST /admin/phones/:number/played {id}`.
pub(super) async fn played(
    State(server): State<App>,
    Path(number): Path<String>,
    Body(body): Body<WhichMessage>,
) -> Answer {
    existing(&server, &number)?.mark_played(&body.id).await?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typing {
    to: String,
    #[serde(default = "yes")]
    typing: bool,
}

fn yes() -> bool {
    true
}

/// `POST /admin/phones/:number/typing {to, typing?}`.
pub(super) async fn typing(State(server): State<App>, Path(number): Path<String>, Body(body): Body<Typing>) -> Answer {
    existing(&server, &number)?.set_typing(&body.to, body.typing)?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichDevice {
    device: Option<u16>,
}

/// `POST /admin/phones/:number/unlink {device?}`: logs one companion out, or all.
pub(super) async fn unlink(
    State(server): State<App>,
    Path(number): Path<String>,
    Body(body): Body<WhichDevice>,
) -> Answer {
    let phone = existing(&server, &number)?;
    match body.device {
        Some(device) => phone.unlink(device)?,
        None => phone.unlink_all()?,
    }
    done()
}

fn done() -> Answer {
    Ok(Json(json!({ "done": true })))
}

fn existing(server: &App, number: &str) -> Result<Phone, Problem> {
    let number = Number::parse(number)?;
    let account = server.directory.get(&number).ok_or(PhoneError::NotOnWhatsApp(number))?;
    Ok(Phone::new(server.clone(), account))
}
