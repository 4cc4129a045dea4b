//! A set of sessions in the database: a JSON list of ids, or NULL for every session.

use switchboard_core::access::Sight;

use crate::StoreError;

/// The value that stands for this set.
pub(crate) fn sight_column(sight: &Sight) -> Result<Option<String>, StoreError> {
    match sight {
        Sight::All => Ok(None),
        Sight::Only(sessions) => serde_json::to_string(sessions)
            .map(Some)
            .map_err(|error| StoreError::Misuse(format!("a list of sessions cannot be written: {error}"))),
    }
}

/// The set that this value stands for.
pub(crate) fn read_sight(column: Option<&str>) -> Result<Sight, StoreError> {
    match column {
        None => Ok(Sight::All),
        Some(list) => {
            serde_json::from_str(list).map_err(|error| StoreError::Unreadable(format!("a list of sessions: {error}")))
        }
    }
}
