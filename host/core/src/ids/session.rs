//! The three names of a session: its id, its phone-number-id, and the number it is linked to.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use super::{InvalidId, PhoneNumber, is_digits, is_lower_hex, serde_as_text};
use crate::clock::{Clock, UnixMillis};
use crate::random::{self, Random};

/// How a session is linked to a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkMethod {
    /// A QR code that the phone scans.
    #[default]
    Qr,
    /// A code of eight characters that is typed on the phone.
    Phone,
}

impl LinkMethod {
    /// The word in the API, and the prefix of the session id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qr => "qr",
            Self::Phone => "phone",
        }
    }
}

impl fmt::Display for LinkMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LinkMethod {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "qr" => Ok(Self::Qr),
            "phone" => Ok(Self::Phone),
            _ => Err(InvalidId::new("must be \"qr\" or \"phone\"")),
        }
    }
}

/// One linked WhatsApp device: `qr_<epoch ms>_<8 hex>` or `phone_<epoch ms>_<8 hex>`, by the method it was created with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId {
    created_ms: u64,
    tail: u32,
    phone: bool,
}

impl SessionId {
    /// A new id.
    pub fn mint(method: LinkMethod, clock: &dyn Clock, random: &dyn Random) -> Self {
        let UnixMillis(now) = clock.now();
        Self {
            created_ms: u64::try_from(now).unwrap_or(0),
            tail: u32::from_be_bytes(random::array(random)),
            phone: method == LinkMethod::Phone,
        }
    }

    /// The method that the session was created with.
    pub const fn method(&self) -> LinkMethod {
        if self.phone { LinkMethod::Phone } else { LinkMethod::Qr }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{:08x}", self.method(), self.created_ms, self.tail)
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: InvalidId = InvalidId::new(
            "must be a session id: qr_ or phone_, the milliseconds of its creation, _ and 8 hexadecimal digits",
        );
        let mut parts = text.split('_');
        let (Some(method), Some(ms), Some(tail), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(EXPECTED);
        };
        let plain = is_digits(ms) && (ms == "0" || !ms.starts_with('0')) && tail.len() == 8 && is_lower_hex(tail);
        if !plain {
            return Err(EXPECTED);
        }
        Ok(Self {
            created_ms: ms.parse().map_err(|_| EXPECTED)?,
            tail: u32::from_str_radix(tail, 16).map_err(|_| EXPECTED)?,
            phone: method.parse::<LinkMethod>().map_err(|_| EXPECTED)? == LinkMethod::Phone,
        })
    }
}

/// Our phone-number-id: 15 digits, minted once for each number and kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mobid(u64);

impl Mobid {
    const LOWEST: u64 = 100_000_000_000_000;
    const COUNT: u64 = 900_000_000_000_000;

    /// A new one. The caller sees to it that it is not taken.
    pub fn mint(random: &dyn Random) -> Self {
        Self(Self::LOWEST + random::below(random, Self::COUNT))
    }
}

impl fmt::Display for Mobid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Mobid {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: InvalidId = InvalidId::new("must be a mobid: 15 digits, the first of them not 0");
        if text.len() != 15 || !is_digits(text) || text.starts_with('0') {
            return Err(EXPECTED);
        }
        text.parse().map(Self).map_err(|_| EXPECTED)
    }
}

/// What `sessionId` in a request may be: the id, the mobid, or the linked number.
///
/// Fifteen plain digits could be either of the last two; they are a mobid, and a caller that means a number of fifteen digits
/// writes it with `+`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SessionRef {
    /// By id.
    Session(SessionId),
    /// By phone-number-id.
    Mobid(Mobid),
    /// By the linked number.
    Number(PhoneNumber),
}

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => id.fmt(f),
            Self::Mobid(mobid) => mobid.fmt(f),
            Self::Number(number) => {
                f.write_char('+')?;
                number.fmt(f)
            }
        }
    }
}

impl FromStr for SessionRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Session(id));
        }
        if let Ok(mobid) = text.parse() {
            return Ok(Self::Mobid(mobid));
        }
        text.parse().map(Self::Number).map_err(|_| {
            InvalidId::new(
                "must be a session id (qr_... or phone_...), a mobid of 15 digits, or the linked phone number",
            )
        })
    }
}

serde_as_text!(SessionId, Mobid, SessionRef);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::ManualClock;
    use crate::random::SeededRandom;

    #[test]
    fn a_session_id_has_the_documented_shape() {
        let clock = ManualClock::at(UnixMillis(1_700_000_000_123));
        for (method, prefix) in [
            (LinkMethod::Qr, "qr_1700000000123_"),
            (LinkMethod::Phone, "phone_1700000000123_"),
        ] {
            let id = SessionId::mint(method, &clock, &SeededRandom::new(1));
            let text = id.to_string();
            assert!(text.starts_with(prefix) && text.len() == prefix.len() + 8, "{text}");
            assert_eq!(text.parse(), Ok(id));
            assert_eq!(id.method(), method);
        }
    }

    #[test]
    fn vectors_of_session_ids() {
        for good in ["qr_1700000000000_00000000", "phone_1_deadbeef", "qr_0_0a0b0c0d"] {
            assert_eq!(good.parse::<SessionId>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "qr",
            "qr__",
            "qr_1_",
            "qr_1_DEADBEEF",
            "qr_1_deadbee",
            "qr_1_deadbeef0",
            "qr_-1_deadbeef",
            "qr_+1_deadbeef",
            "qr_01_deadbeef",
            "sms_1_deadbeef",
            "qr_1_deadbeef_",
            "qr_99999999999999999999_deadbeef",
            " qr_1_deadbeef",
            "qr_1_deadbeef\n",
            "../qr_1_deadbeef",
            "qr_١_deadbeef",
        ] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn vectors_of_mobids() {
        assert_eq!(
            "100000000000000".parse::<Mobid>().unwrap().to_string(),
            "100000000000000"
        );
        for bad in [
            "",
            "099999999999999",
            "1",
            "1000000000000000",
            "10000000000000x",
            "+10000000000000",
        ] {
            assert!(bad.parse::<Mobid>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_reference_tells_the_three_names_apart() {
        let parse = |text: &str| text.parse::<SessionRef>().unwrap();
        assert!(matches!(parse("qr_1_deadbeef"), SessionRef::Session(_)));
        assert!(matches!(parse("123456789012345"), SessionRef::Mobid(_)));
        assert!(matches!(parse("+123456789012345"), SessionRef::Number(_)));
        assert!(matches!(parse("+1 555-000-0001"), SessionRef::Number(_)));
        assert!("nonsense".parse::<SessionRef>().is_err());
    }

    proptest! {
        #[test]
        fn minted_ids_read_back(seed: u64, ms in 0i64..i64::MAX) {
            let (clock, random) = (ManualClock::at(UnixMillis(ms)), SeededRandom::new(seed));
            let (id, mobid) = (SessionId::mint(LinkMethod::Qr, &clock, &random), Mobid::mint(&random));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(mobid.to_string().parse(), Ok(mobid));
        }

        #[test]
        fn no_text_panics_and_what_parses_is_spelled_the_same(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<SessionId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
