//! Writing until it is written, for what cannot be asked for again: WhatsApp says things once.

use std::time::Duration;

use switchboard_core::ids::SessionId;
use switchboard_store::StoreError;
use tracing::field::display;

/// How long a write rests that did not succeed.
const REST: Duration = Duration::from_millis(250);

/// Repeats an operation, of one session or of several, while the database is busy, full or out of reach.
///
/// # Errors
/// When it can never succeed, which is in the log by then, or the store is closed.
pub(crate) async fn insist<T, F>(
    session: Option<SessionId>,
    what: &'static str,
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

    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_waited_for_and_a_broken_rule_is_not() {
        let tries = Cell::new(0);
        let full_twice = insist(None, "test", || {
            tries.set(tries.get() + 1);
            std::future::ready(if tries.get() < 3 {
                Err(StoreError::Full)
            } else {
                Ok(tries.get())
            })
        });
        assert_eq!(full_twice.await, Ok(3));
        for last in [StoreError::Constraint("UNIQUE".into()), StoreError::Closed] {
            let refused = insist(None, "test", || std::future::ready(Err::<(), _>(last.clone())));
            assert_eq!(refused.await, Err(last));
        }
    }
}
