//! The numbers that sessions were linked to, each with its mobid: minted once, kept for ever.

use switchboard_core::clock::UnixMillis;
use switchboard_core::ids::{Mobid, PhoneNumber};

use crate::StoreError;
use crate::db::Tx;

/// How many mobids are tried before giving up. One in 9 * 10^14 is taken by each number that is known, so one is enough.
pub(crate) const CANDIDATES: usize = 4;

/// The mobid of `number`; the first candidate that is free if the number has none yet.
pub(crate) fn mobid(
    tx: &mut Tx<'_>,
    number: &PhoneNumber,
    candidates: &[Mobid; CANDIDATES],
    now: UnixMillis,
) -> Result<Mobid, StoreError> {
    const FIND: &str = "SELECT mobid FROM numbers WHERE number = ?1";
    const CLAIM: &str = "INSERT INTO numbers (number, mobid, created_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    if let Some(mobid) = tx.query_one(FIND, (number.digits(),), |row| row.parse(0))? {
        return Ok(mobid);
    }
    for candidate in candidates {
        if tx.execute(CLAIM, (number.digits(), candidate.to_string(), now))? == 1 {
            return Ok(*candidate);
        }
    }
    Err(StoreError::Other(format!(
        "{CANDIDATES} random mobids in a row are taken"
    )))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchboard_core::random::SeededRandom;

    use super::*;
    use crate::testing;

    fn minted(seed: u64) -> [Mobid; CANDIDATES] {
        let random = Arc::new(SeededRandom::new(seed));
        std::array::from_fn(|_| Mobid::mint(&*random))
    }

    #[tokio::test]
    async fn a_number_keeps_its_mobid_and_two_numbers_never_share_one() {
        let store = testing::store().await;
        let of = async |number: &str, candidates: [Mobid; CANDIDATES]| {
            let number: PhoneNumber = number.parse().unwrap();
            store
                .write(move |tx| mobid(tx, &number, &candidates, UnixMillis(1)))
                .await
        };
        let first = of("15550000001", minted(1)).await.unwrap();
        assert_eq!(first, minted(1)[0]);
        assert_eq!(of("15550000001", minted(2)).await.unwrap(), first);
        // The other number draws the same candidates: the first is taken.
        assert_eq!(of("15550000002", minted(1)).await.unwrap(), minted(1)[1]);
        assert!(of("15550000003", [first; CANDIDATES]).await.is_err());
    }
}
