//! The column `wire`: the encoded `wa.Message`, sealed for its row, because it holds the secret that later answers to the message
//! are encrypted with. Sealed and opened on the caller's thread, never on the writer's.

use bytes::Bytes;

use crate::seal::{SealError, Sealer};

const TABLE: &str = "messages";

/// The value of the column in the row of the message `id`.
pub(super) fn seal(sealer: &Sealer, id: &str, wire: &[u8]) -> Result<Vec<u8>, SealError> {
    sealer.seal(TABLE, &[id.as_bytes()], wire)
}

/// The `wa.Message` in the row of the message `id`.
pub(super) fn open(sealer: &Sealer, id: &str, sealed: &[u8]) -> Result<Bytes, SealError> {
    sealer.open(TABLE, &[id.as_bytes()], sealed).map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::StoreError;
    use crate::messages::fixtures::fixture_in;
    use crate::messages::{NewInbound, NewMessage};
    use crate::testing::TestStore;

    #[tokio::test]
    async fn the_secret_of_a_message_is_in_no_file_whichever_way_the_message_went() {
        const SECRET: &[u8; 32] = b"a-secret-nobody-may-read-0123456";
        let test = TestStore::new();
        let f = fixture_in(test.store.clone()).await;
        // A wa.Message of nothing but its context (field 35) with the secret (field 3).
        let wire = Bytes::from([&[0x9a, 0x02, 0x22, 0x1a, 0x20], SECRET.as_slice()].concat());
        let sent = NewMessage {
            wire: wire.clone(),
            ..f.text(f.a, 2, "what the log shows")
        };
        let received = NewInbound {
            wire: wire.clone(),
            ..f.inbound(f.a, 2, "what the log shows")
        };
        f.messages.accept(vec![sent]).await.unwrap();
        f.messages.receive(vec![received]).await.unwrap();
        assert_eq!(f.messages.pending(f.a, 1).await.unwrap()[0].wire, wire);
        // Once as it is while running, with the log, and once after the log was copied.
        for _ in 0..2 {
            assert_eq!(test.count_on_disk(SECRET), 0);
            assert!(
                test.count_on_disk(b"what the log shows") > 0,
                "the search finds what is plain"
            );
            test.store.close().await;
        }
    }

    #[tokio::test]
    async fn a_message_is_not_sent_with_the_wire_of_another() {
        let test = TestStore::new();
        let f = fixture_in(test.store.clone()).await;
        f.accepted(f.a, 2, "one").await;
        f.accepted(f.b, 2, "another").await;
        test.store
            .write(|tx| {
                let swap =
                    "UPDATE messages SET wire = (SELECT wire FROM messages AS other WHERE other.seq = 2) WHERE seq = 1";
                tx.execute(swap, ())
            })
            .await
            .unwrap();
        assert!(matches!(f.messages.pending(f.a, 1).await, Err(StoreError::Seal(_))));
        assert_eq!(f.messages.pending(f.b, 1).await.unwrap()[0].wire, &b"another"[..]);
    }
}
