//! Whether this machine's clock can be right: certificates, tokens and the order of the log depend on it.

use std::time::Duration;

use switchboard_core::clock::UnixMillis;

use super::report::Finding::{self, Fault, Note, Well};

/// 2026-01-01T00:00:00Z: this program is younger.
const EARLIEST: UnixMillis = UnixMillis(1_767_225_600_000);
/// So much apart two clocks may be, with the way of an answer between them.
const SLACK: Duration = Duration::from_secs(5);
/// So much apart, tokens and certificates are refused that are good.
const WRONG: Duration = Duration::from_secs(300);

/// What is known of the time without this machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Witnesses {
    /// When the database was changed by a migration; it was this machine's clock that said so, at that time.
    pub(super) database: Option<UnixMillis>,
    /// What WhatsApp's server says it is.
    pub(super) whatsapp: Option<UnixMillis>,
}

/// Judges what the clock says.
pub(super) fn clock(now: UnixMillis, witnesses: Witnesses) -> Finding {
    const SET: &str = "set this machine's clock, and let it be kept by NTP";
    let said = now.rfc3339();
    if now < EARLIEST {
        return Fault(format!("it says {said}, which is before this program was made; {SET}"));
    }
    if let Some(changed) = witnesses.database.filter(|changed| *changed > now.plus(SLACK)) {
        let changed = changed.rfc3339();
        return Fault(format!(
            "it says {said}, but the database was changed at {changed}; {SET}"
        ));
    }
    let Some(theirs) = witnesses.whatsapp else {
        return Note(format!(
            "it says {said}; WhatsApp's was not heard, so compare it with another clock"
        ));
    };
    let apart = now.since(theirs).max(theirs.since(now));
    let seconds = apart.as_secs();
    if apart > WRONG {
        Fault(format!("it says {said}, {seconds} seconds off WhatsApp's; {SET}"))
    } else if apart > SLACK {
        Note(format!("it is {seconds} seconds off WhatsApp's; {SET}"))
    } else {
        Well("agrees with WhatsApp's".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn level(now: UnixMillis, database: Option<i64>, whatsapp: Option<i64>) -> &'static str {
        let away = |seconds: i64| UnixMillis(NOW.0 + seconds * 1000);
        let witnesses = Witnesses {
            database: database.map(away),
            whatsapp: whatsapp.map(away),
        };
        match clock(now, witnesses) {
            Well(_) => "well",
            Note(_) => "note",
            Fault(sentence) => {
                assert!(sentence.contains("set this machine's clock"), "{sentence}");
                "fault"
            }
        }
    }

    #[test]
    fn a_clock_is_believed_as_far_as_the_witnesses_allow() {
        assert_eq!(level(UnixMillis(0), None, None), "fault");
        assert_eq!(level(NOW, None, None), "note");
        assert_eq!(level(NOW, Some(-1_000_000), Some(2)), "well");
        assert_eq!(level(NOW, Some(60), Some(0)), "fault");
        for (seconds, expected) in [
            (-5, "well"),
            (-60, "note"),
            (60, "note"),
            (-400, "fault"),
            (400, "fault"),
        ] {
            assert_eq!(level(NOW, None, Some(seconds)), expected, "{seconds}");
        }
    }
}
