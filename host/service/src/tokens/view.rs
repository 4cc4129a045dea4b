//! Tokens as clients read them.

use serde::Serialize;
use switchboard_core::access::{Scopes, Sight};
use switchboard_core::clock::UnixMillis;
use switchboard_store::tokens::Token;
use utoipa::ToSchema;

use crate::wording::{rfc3339, rfc3339_or_null};

/// What is known about a token. The token itself is shown once, when it is made.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// Its id, by which it is revoked.
    #[schema(example = "0f8fad5bd9cb469fa16570867728950e")]
    pub id: String,
    /// Who shows it.
    #[schema(example = "front desk")]
    pub name: String,
    /// What it allows.
    #[schema(value_type = Vec<String>, example = json!(["messages:send"]))]
    pub scopes: Scopes,
    /// The sessions that it is limited to; null for every session.
    #[schema(value_type = Option<Vec<String>>, example = json!(["qr_1700000000000_1a2b3c4d"]))]
    pub sessions: Sight,
    /// The id of the token that was shown for it; null when it was made with the admin key or on the server's machine.
    pub issued_by: Option<String>,
    /// When it was issued.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, example = "2026-11-23T08:15:30.000Z")]
    pub issued_at: UnixMillis,
    /// Until when it is valid.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, example = "2027-02-21T08:15:30.000Z")]
    pub expires_at: UnixMillis,
    /// When it was taken back.
    #[serde(serialize_with = "rfc3339_or_null")]
    #[schema(value_type = Option<String>)]
    pub revoked_at: Option<UnixMillis>,
}

impl TokenView {
    /// What clients read about a token.
    pub fn of(token: &Token) -> Self {
        Self {
            id: token.id.clone(),
            name: token.subject.clone(),
            scopes: token.access.scopes,
            sessions: token.access.sessions.clone(),
            issued_by: token.issued_by.clone(),
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
        }
    }
}
