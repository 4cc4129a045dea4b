//! Writing until it is written, for what cannot be asked for again: WhatsApp says things once.

use std::time::Duration;

use switchboard_core::ids::SessionId;
use switchboard_store::StoreError;
use tracing::field::display;

/// How long a write rests that did not succeed.
const REST: Duration = Duration::from_millis(250);

/// Repeats an operation while the database is busy, full or out of reach. The log names it and the session that it is for, unless
/// it is for several.
///
/// # Errors
/// When it can never succeed, which is in the log by then, or the store is closed.
pub(crate) async fn insist<T, F>(
    what: &'static str,
    session: Option<SessionId>,
    operation: impl Fn() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let session = session.map(display);
    loop {
        match operation().await {
            Ok(value) => return Ok(value),
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            Err(
                error @ (StoreError::Busy
                | StoreError::Full
                | StoreError::ReadOnly
                | StoreError::Io(_)
                | StoreError::CannotOpen(_)),
            ) => {
                tracing::error!(session, what, %error, "the database cannot be used; trying again");
                tokio::time::sleep(REST).await;
            }
            Err(error) => {
                tracing::error!(session, what, %error, "the database refuses this for good");
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{Read as _, Seek as _};
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_disk_and_a_locked_database_are_waited_for_and_a_broken_rule_is_not() {
        let tries = Cell::new(0);
        let in_trouble_twice = insist("test", None, || {
            tries.set(tries.get() + 1);
            std::future::ready(match tries.get() {
                1 => Err(StoreError::Full),
                2 => Err(StoreError::Busy),
                tries => Ok(tries),
            })
        });
        assert_eq!(in_trouble_twice.await, Ok(3));
        for last in [StoreError::Constraint("UNIQUE".into()), StoreError::Closed] {
            let refused = insist("test", None, || std::future::ready(Err::<(), _>(last.clone())));
            assert_eq!(refused.await, Err(last));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_logged_leads_to_the_session() {
        let log = Arc::new(tempfile::tempfile().unwrap());
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
        let _logging = tracing::subscriber::set_default(subscriber.finish());
        let id: SessionId = "qr_1700000000000_1a2b3c4d".parse().unwrap();
        let tries = Cell::new(0);
        let refused = insist("test", Some(id), || {
            tries.set(tries.get() + 1);
            std::future::ready(Err::<(), _>(match tries.get() {
                1 => StoreError::Full,
                _ => StoreError::Constraint("UNIQUE".into()),
            }))
        });
        refused.await.unwrap_err();
        let (mut file, mut lines) = (&*log, String::new());
        file.rewind().unwrap();
        file.read_to_string(&mut lines).unwrap();
        for (line, words) in lines.lines().zip(["trying again", "for good"]) {
            assert!(
                line.contains(words) && line.contains(&format!("session={id}")),
                "{line}"
            );
        }
        assert_eq!(lines.lines().count(), 2, "{lines}");
    }
}
