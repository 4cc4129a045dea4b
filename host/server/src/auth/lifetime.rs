//! How long a token is to live, as a client writes it.

use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A second to a year: a number of seconds, or a number with `s`, `m`, `h` or `d` behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime(Duration);

impl Lifetime {
    /// The longest one.
    pub(crate) const LONGEST: Self = Self(Duration::from_secs(366 * 24 * 3600));

    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Lifetime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit_secs = match &text[digits.len()..] {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            _ => 0,
        };
        let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        let count = digits.parse::<u64>().ok().filter(|_| plain);
        let lifetime = count
            .and_then(|count| count.checked_mul(unit_secs))
            .map(Duration::from_secs);
        lifetime
            .filter(|lifetime| !lifetime.is_zero() && *lifetime <= Self::LONGEST.0)
            .map(Self)
            .ok_or("must be 1 second to 366 days: seconds as a number, or a text such as 3600s, 15m, 24h or 90d")
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Lifetime;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("seconds as a number, or a text such as 90d")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Lifetime, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Lifetime, E> {
                self.visit_str(&secs.to_string())
            }

            /// To JSON 3600.0 is a whole number; its text here is 3600.
            fn visit_f64<E: de::Error>(self, secs: f64) -> Result<Lifetime, E> {
                self.visit_str(&secs.to_string())
            }
        }

        deserializer.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_a_number_with_a_unit_are_read() {
        for (json, secs) in [
            ("1", 1),
            ("\"1\"", 1),
            ("\"90s\"", 90),
            ("\"15m\"", 900),
            ("\"24h\"", 86_400),
            ("\"366d\"", 366 * 86_400),
            ("31622400", 366 * 86_400),
            ("3600.0", 3600),
            ("3.6e3", 3600),
        ] {
            let read: Lifetime = serde_json::from_str(json).unwrap();
            assert_eq!(read.get(), Duration::from_secs(secs), "{json}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for json in [
            "0",
            "-1",
            "1.5",
            "1e300",
            "null",
            "[]",
            "31622401",
            "18446744073709551615",
            "\"\"",
            "\"d\"",
            "\"0d\"",
            "\"+1d\"",
            "\" 1d\"",
            "\"1 d\"",
            "\"1D\"",
            "\"1w\"",
            "\"367d\"",
            "\"1d1d\"",
            "\"99999999999999999999d\"",
            "\"١d\"",
        ] {
            assert!(serde_json::from_str::<Lifetime>(json).is_err(), "{json}");
        }
    }
}
