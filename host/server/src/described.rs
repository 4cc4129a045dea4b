//! How values that are read from a text look in the OpenAPI document, for `value_type`: so exactly that a program can make them up,
//! and that what fits is accepted, but for what `tests/api/schemathesis.toml` names. What reads them says the rest, in words.

use std::borrow::Cow;

use serde_json::json;
use switchboard_core::access::Scope;
use switchboard_core::ids::LinkMethod;
use switchboard_core::proxy::Proxy;
use switchboard_core::status::SessionStatus;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::auth::lifetime::Lifetime;
use crate::auth::signed_url::SignablePath;

const SESSION: &str = "qr_1700000000000_1a2b3c4d";
const NUMBER: &str = "+1 555 000 0001";

macro_rules! session_id {
    () => {
        "(?:qr|phone)_(?:0|[1-9][0-9]{0,18})_[0-9a-f]{8}"
    };
}

/// Digits with a country code, with whatever people put between them.
macro_rules! number {
    () => {
        "[ ().\\/\\-]*(?:\\+[ ().\\/\\-]*|0[ ().\\/\\-]*0[ ().\\/\\-]*)?[1-9](?:[ ().\\/\\-]*[0-9]){6,14}[ ().\\/\\-]*"
    };
}

/// What stands in a path for itself: no dot, which alone or twice is another folder, nor a dot that is written as `%2e`.
macro_rules! path_char {
    () => {
        "(?:[A-Za-z0-9_~!$&'()*+,;=:@\\-]|%(?:[013-9A-Fa-f][0-9A-Fa-f]|2[0-9A-DFa-df]))"
    };
}

/// A user name and a password in a URL, each a byte at a time. No colon is a part of a user name, and no star of a word that would
/// only stand for one.
macro_rules! credentials {
    () => {
        concat!(
            "(?:[A-Za-z0-9._~!$&'()+,;=\\-]|%(?:[2456][0-9A-Fa-f]|3[0-9B-Fb-f]|7[0-9A-Ea-e])){1,255}",
            "(?::(?:[A-Za-z0-9._~!$&'()+,;=:\\-]|%(?:[2-6][0-9A-Fa-f]|7[0-9A-Ea-e])){0,255})?@"
        )
    };
}

/// A host in a URL: a name, or an address as it is usually written.
macro_rules! host {
    () => {
        concat!(
            "(?:(?:[A-Za-z0-9_]{1,20}(?:-[A-Za-z0-9_]{1,20}){0,2}\\.){0,6}[A-Za-z][A-Za-z0-9_]{0,19}(?:-[A-Za-z0-9_]{1,20}){0,2}",
            "|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])",
            "|\\[(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}",
            "|(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,3})?::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,2})?",
            "|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){4,5}::(?:[0-9A-Fa-f]{1,4})?)\\])"
        )
    };
}

macro_rules! port {
    () => {
        "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3})"
    };
}

macro_rules! described {
    ($($(#[doc = $summary:literal])+ $type:ident as $name:literal: $schema:expr;)+) => {$(
        $(#[doc = $summary])+
        #[derive(Debug)]
        pub(crate) enum $type {}

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let summary = concat!($($summary),+).trim_start();
                $schema.description(Some(summary)).into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )+};
}

described! {
    /// A session's id.
    SessionIdText as "SessionId": like(concat!("^", session_id!(), "$")).examples([SESSION]);
    /// A session: its id, its mobid, or its linked number.
    SessionRefText as "SessionRef": like(concat!("^(?:", session_id!(), "|", number!(), ")$"))
        .examples([SESSION]);
    /// A phone number with its country code, in any common spelling.
    PhoneNumberText as "PhoneNumber": like(concat!("^", number!(), "$")).examples([NUMBER]);
    /// A phone number in any common spelling, a WhatsApp address, or a group id.
    RecipientText as "Recipient": like(concat!(
        "^(?:", number!(), "|[1-9][0-9]{6,14}@(?:s\\.whatsapp\\.net|c\\.us)|[0-9]{1,24}@lid|120363[0-9]{10,34}",
        "|[0-9]{1,40}@g\\.us|[0-9]{1,20}-[0-9]{1,19}(?:@g\\.us)?)$"
    ))
    .examples([NUMBER]);
    /// A message: its id (`msg_...`), or its wamid.
    MessageRefText as "MessageRef": like("^(?:msg_[0-7][0-9A-HJKMNP-TV-Z]{25}|wamid\\.[A-Za-z0-9+\\/]+={0,2})$");
    /// The id of a plugin.
    PluginIdText as "PluginId": like("^[a-z][a-z0-9-]{0,63}$").examples(["otp"]);
    /// A place in the log, as an answer gave it.
    CursorText as "Cursor": like("^[0-9]{1,18}$");
    /// Seconds, or a number with `s`, `m`, `h` or `d` behind it.
    LifetimeValue as "Lifetime": like("^[1-9][0-9]*[smhd]?$")
        .schema_type(SchemaType::from_iter([Type::Integer, Type::String]))
        .minimum(Some(1))
        .maximum(Some(Lifetime::LONGEST.get().as_secs()))
        .examples([json!("90d"), json!(3600)]);
    /// A path below `/api/` with its query, percent-encoded as it is sent.
    SignablePathText as "SignablePath": like(concat!(
        "^\\/api\\/(?:", path_char!(), "(?:", path_char!(), "|\\.)*(?:\\/", path_char!(), "(?:", path_char!(), "|\\.)*)*\\/?)?",
        "(?:\\?(?:[A-Za-z0-9_~!$&()*+,;=:@\\/?.\\-]|%[0-9A-Fa-f]{2})+)?$"
    ))
    .max_length(Some(SignablePath::LONGEST))
    .examples(["/api/sessions/qr_1700000000000_1a2b3c4d/qr"]);
    /// A proxy: how it is spoken to, a user name and a password if it wants them, where it listens.
    ProxyText as "Proxy": like(concat!("^(?:http|socks5h?):\\/\\/(?:", credentials!(), ")?", host!(), ":", port!(), "\\/?$"))
        .max_length(Some(Proxy::LONGEST))
        .examples(["http://10.0.0.5:3128", "socks5://user:password@proxy.example.com:1080"]);
    /// How a session is linked to a phone.
    LinkMethodWord as "LinkMethod": one_of([LinkMethod::Qr, LinkMethod::Phone].map(LinkMethod::as_str));
    /// One permission.
    ScopeWord as "Scope": one_of(Scope::ALL.map(Scope::as_str));
    /// The state of a session.
    SessionStatusWord as "SessionStatus": one_of(SessionStatus::ALL.map(SessionStatus::as_str));
}

fn like(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
}

fn one_of<const N: usize>(words: [&str; N]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::str::FromStr;

    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;
    use switchboard_core::ids::{PhoneNumber, Recipient, SessionId, SessionRef};
    use switchboard_service::Cursor;

    use super::*;
    use crate::routes::plugins::id::PluginId;

    /// Makes up texts that fit the pattern of `D` and lets `R` read them.
    fn reads_what_is_described<D: PartialSchema, R: FromStr<Err: Debug>>() {
        let schema = serde_json::to_value(D::schema()).unwrap();
        let pattern = schema["pattern"].as_str().unwrap();
        let texts = string_regex(pattern.trim_start_matches('^').trim_end_matches('$')).unwrap();
        let read = TestRunner::deterministic().run(&texts, |text| {
            text.parse::<R>()
                .map(|_| ())
                .map_err(|error| proptest::test_runner::TestCaseError::fail(format!("{text:?}: {error:?}")))
        });
        read.unwrap();
    }

    #[test]
    fn a_text_that_fits_its_description_is_read() {
        reads_what_is_described::<SessionIdText, SessionId>();
        reads_what_is_described::<SessionRefText, SessionRef>();
        reads_what_is_described::<PhoneNumberText, PhoneNumber>();
        reads_what_is_described::<RecipientText, Recipient>();
        reads_what_is_described::<CursorText, Cursor>();
        reads_what_is_described::<PluginIdText, PluginId>();
        reads_what_is_described::<ProxyText, Proxy>();
        reads_what_is_described::<SignablePathText, SignablePath>();
    }

    #[test]
    fn the_longest_lifetime_is_described() {
        let schema = serde_json::to_value(LifetimeValue::schema()).unwrap();
        assert_eq!(schema["maximum"], 366 * 86_400);
        for example in schema["examples"].as_array().unwrap() {
            assert!(serde_json::from_value::<Lifetime>(example.clone()).is_ok(), "{example}");
        }
    }
}
