//! The table of sessions.

use serde_json::Value as Json;
use switchboard_core::ids::{Jid, Mobid, SessionId};
use switchboard_core::proxy::Proxy;
use switchboard_core::random::Random;
use switchboard_core::secret::Secret;

use super::{Link, Loss, NewLink, Phase, Session};
use crate::db::Row;
use crate::seal::Sealer;
use crate::{Store, StoreError, numbers};

/// What a sealed value of this table is sealed for.
const TABLE: &str = "sessions";

/// The table of sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
}

impl Sessions {
    /// The sessions in `store`.
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Every session, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all(&self) -> Result<Vec<Session>, StoreError> {
        const ALL: &str = "SELECT s.session_id, s.phase, s.name, s.metadata, s.created_ms, s.last_seen_ms, s.losses, \
                           s.number, n.mobid, s.lid, s.push_name, s.linked_ms, s.phone_number, s.proxy, s.wait_until_ms \
                           FROM sessions s LEFT JOIN numbers n USING (number) ORDER BY s.created_ms, s.session_id";
        let rows = self.store.read(|reader| reader.query(ALL, (), read_session)).await?;
        let opened = rows.into_iter().map(|(session, sealed)| {
            let proxy = sealed.map(|sealed| open_proxy(self.store.sealer(), session.id, &sealed));
            Ok(Session {
                proxy: proxy.transpose()?,
                ..session
            })
        });
        opened.collect()
    }

    /// How many there are: the least that tells whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn count(&self) -> Result<u64, StoreError> {
        const COUNT: &str = "SELECT count(*) FROM sessions";
        let count = self
            .store
            .read(|reader| reader.query_one(COUNT, (), |row| row.get(0)))
            .await?;
        Ok(count.unwrap_or(0))
    }

    /// Adds a session.
    ///
    /// # Errors
    /// When the id is taken, or the database cannot be written.
    pub async fn insert(&self, session: &Session) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO sessions (session_id, method, phase, name, metadata, created_ms, phone_number, \
                              proxy) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let row = (
            session.id.to_string(),
            session.method().as_str(),
            session.phase.as_str(),
            session.name.clone(),
            metadata(session),
            session.created_at,
            session.phone_number.as_ref().map(|number| number.digits().to_owned()),
            self.sealed_proxy(session)?,
        );
        self.store.write(move |tx| tx.execute(INSERT, row)).await.map(drop)
    }

    /// Writes what a client decides about a session: its name, its metadata and its proxy.
    ///
    /// # Errors
    /// When there is no such session, or the database cannot be written.
    pub async fn update(&self, session: &Session) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE sessions SET name = ?2, metadata = ?3, proxy = ?4 WHERE session_id = ?1";
        let row = (
            session.id.to_string(),
            session.name.clone(),
            metadata(session),
            self.sealed_proxy(session)?,
        );
        self.store.write(move |tx| changed(tx.execute(UPDATE, row)?)).await
    }

    fn sealed_proxy(&self, session: &Session) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed = session.proxy.as_ref().map(|proxy| {
            let row = session.id.to_string();
            let url = proxy.to_url();
            self.store
                .sealer()
                .seal(TABLE, &[row.as_bytes()], url.expose().as_bytes())
        });
        Ok(sealed.transpose()?)
    }

    /// Notes the number that a session was linked to, minting the number's mobid if it is new. Forgets the losses, and what
    /// WhatsApp has asked for with them.
    ///
    /// # Errors
    /// When there is no such session, or the database cannot be written.
    pub async fn link(&self, id: SessionId, link: NewLink, random: &dyn Random) -> Result<Link, StoreError> {
        const LINK: &str = "UPDATE sessions SET phase = 'linked', number = ?2, lid = ?3, push_name = ?4, linked_ms = ?5, \
                            last_seen_ms = ?5, losses = '[]', wait_until_ms = NULL WHERE session_id = ?1";
        let candidates = std::array::from_fn(|_| Mobid::mint(random));
        self.store
            .write(move |tx| {
                let mobid = numbers::mobid(tx, &link.number, &candidates, link.at)?;
                let lid = link.lid.as_ref().map(Jid::to_string);
                let row = (
                    id.to_string(),
                    link.number.digits(),
                    lid,
                    link.push_name.clone(),
                    link.at,
                );
                changed(tx.execute(LINK, row)?)?;
                Ok(Link {
                    number: link.number,
                    mobid,
                    lid: link.lid,
                    push_name: link.push_name,
                    at: link.at,
                })
            })
            .await
    }

    /// Moves a session to another phase, with all its losses. Whatever WhatsApp has asked for before is over.
    ///
    /// # Errors
    /// When there is no such session, or the database cannot be written.
    pub async fn set_phase(&self, id: SessionId, phase: Phase, losses: &[Loss]) -> Result<(), StoreError> {
        const SET: &str = "UPDATE sessions SET phase = ?2, losses = ?3, wait_until_ms = NULL WHERE session_id = ?1";
        let row = (id.to_string(), phase.as_str(), json(losses)?);
        self.store.write(move |tx| changed(tx.execute(SET, row)?)).await
    }

    /// Notes what was seen of a session's line: when it was last known to be alive, all its losses, and until when WhatsApp has asked to
    /// be left alone.
    ///
    /// # Errors
    /// When there is no such session, or the database cannot be written.
    pub async fn seen(&self, session: &Session) -> Result<(), StoreError> {
        const SEEN: &str =
            "UPDATE sessions SET last_seen_ms = ?2, losses = ?3, wait_until_ms = ?4 WHERE session_id = ?1";
        let row = (
            session.id.to_string(),
            session.last_seen_at,
            json(&session.losses)?,
            session.wait_until,
        );
        self.store.write(move |tx| changed(tx.execute(SEEN, row)?)).await
    }
}

fn metadata(session: &Session) -> Option<String> {
    let metadata = session.metadata.clone();
    metadata.map(|metadata| Json::Object(metadata).to_string())
}

fn open_proxy(sealer: &Sealer, id: SessionId, sealed: &[u8]) -> Result<Proxy, StoreError> {
    let url = sealer.open(TABLE, &[id.to_string().as_bytes()], sealed)?;
    let url = String::from_utf8(url).ok().map(Secret::from);
    url.and_then(|url| url.expose().parse().ok())
        .ok_or_else(|| StoreError::Unreadable("the proxy of a session is not what was written".to_owned()))
}

fn json(losses: &[Loss]) -> Result<String, StoreError> {
    serde_json::to_string(losses).map_err(|error| StoreError::Other(error.to_string()))
}

fn changed(rows: u64) -> Result<(), StoreError> {
    if rows == 1 {
        Ok(())
    } else {
        Err(StoreError::Other("there is no such session".to_owned()))
    }
}

/// A session, and its proxy as it is kept.
fn read_session(row: &Row<'_>) -> Result<(Session, Option<Vec<u8>>), StoreError> {
    let phase: String = row.get(1)?;
    let metadata: Option<String> = row.get(3)?;
    let number: Option<String> = row.get(7)?;
    let losses: String = row.get(6)?;
    let phone_number: Option<String> = row.get(12)?;
    let session = Session {
        id: row.parse(0)?,
        proxy: None,
        phase: Phase::ALL
            .into_iter()
            .find(|known| known.as_str() == phase)
            .ok_or_else(|| StoreError::Unreadable("the phase of a session is unknown".to_owned()))?,
        phone_number: phone_number.is_some().then(|| row.parse(12)).transpose()?,
        name: row.get(2)?,
        metadata: metadata
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(|_| StoreError::Unreadable("the metadata of a session is no JSON object".to_owned()))?,
        created_at: row.get(4)?,
        last_seen_at: row.get(5)?,
        losses: serde_json::from_str(&losses)
            .map_err(|_| StoreError::Unreadable("the losses of a session are not what was written".to_owned()))?,
        link: number.is_some().then(|| read_link(row)).transpose()?,
        wait_until: row.get(14)?,
    };
    Ok((session, row.get(13)?))
}

fn read_link(row: &Row<'_>) -> Result<Link, StoreError> {
    let lid: Option<String> = row.get(9)?;
    Ok(Link {
        number: row.parse(7)?,
        mobid: row.parse(8)?,
        lid: lid.is_some().then(|| row.parse(9)).transpose()?,
        push_name: row.get(10)?,
        at: row.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    use switchboard_core::clock::{ManualClock, UnixMillis};
    use switchboard_core::ids::LinkMethod;
    use switchboard_core::random::SeededRandom;

    use super::*;
    use crate::sessions::fixtures::{loss, session};
    use crate::testing::{self, TestStore};

    fn link() -> NewLink {
        NewLink {
            number: "15550000001".parse().unwrap(),
            lid: Some("123456789@lid".parse().unwrap()),
            push_name: Some("Ada".to_owned()),
            at: UnixMillis(5),
        }
    }

    #[tokio::test]
    async fn a_session_reads_back_as_it_was_written_at_every_step_of_its_life() {
        let sessions = Sessions::new(testing::store().await);
        let mut expected = session(1);
        sessions.insert(&expected).await.unwrap();
        assert_eq!(sessions.all().await.unwrap(), [expected.clone()]);

        expected.link = Some(sessions.link(expected.id, link(), &SeededRandom::new(1)).await.unwrap());
        (expected.phase, expected.last_seen_at) = (Phase::Linked, Some(UnixMillis(5)));
        assert_eq!(sessions.all().await.unwrap(), [expected.clone()]);

        (expected.losses, expected.wait_until) = (vec![loss(6)], Some(UnixMillis(100)));
        expected.last_seen_at = Some(UnixMillis(6));
        sessions.seen(&expected).await.unwrap();
        assert_eq!(sessions.all().await.unwrap(), [expected.clone()]);

        let losses = [loss(9), loss(7)];
        sessions
            .set_phase(expected.id, Phase::LoggedOut, &losses)
            .await
            .unwrap();
        (expected.phase, expected.losses) = (Phase::LoggedOut, losses.to_vec());
        expected.wait_until = None;
        assert_eq!(sessions.all().await.unwrap(), [expected.clone()]);

        sessions.set_phase(expected.id, Phase::Inactive, &losses).await.unwrap();
        (expected.phase, expected.last_seen_at) = (Phase::Inactive, Some(UnixMillis(12)));
        sessions.seen(&expected).await.unwrap();
        assert_eq!(sessions.all().await.unwrap(), [expected]);
    }

    #[tokio::test]
    async fn what_a_client_decides_changes_at_once_and_nothing_else_does() {
        let sessions = Sessions::new(testing::store().await);
        let mut expected = session(1);
        sessions.insert(&expected).await.unwrap();
        for proxy in [Some("socks5://user:hunter2@10.0.0.5:1080"), None] {
            expected.proxy = proxy.map(|proxy| proxy.parse().unwrap());
            expected.name = proxy.map(str::to_owned);
            expected.metadata = None;
            sessions.update(&expected).await.unwrap();
            assert_eq!(sessions.all().await.unwrap(), [expected.clone()]);
        }
        assert!(sessions.update(&session(2)).await.is_err());
    }

    #[tokio::test]
    async fn the_password_of_a_proxy_is_in_no_file() {
        let test = TestStore::new();
        let sessions = Sessions::new(test.store.clone());
        let with_proxy = Session {
            proxy: Some("http://user:correct-horse-battery@10.0.0.5:3128".parse().unwrap()),
            ..session(1)
        };
        sessions.insert(&with_proxy).await.unwrap();
        sessions.update(&with_proxy).await.unwrap();
        assert_eq!(sessions.all().await.unwrap(), [with_proxy]);
        assert_eq!(test.count_on_disk(b"correct-horse"), 0);
        assert!(test.count_on_disk(b"front desk") > 0, "the search finds what is plain");
    }

    #[tokio::test]
    async fn a_session_that_is_linked_by_code_keeps_its_phone_and_another_has_none() {
        let sessions = Sessions::new(testing::store().await);
        let id = |method| SessionId::mint(method, &ManualClock::at(UnixMillis(1)), &SeededRandom::new(1));
        let number = || Some("15550000001".parse().unwrap());
        let session = |method| Session {
            phone_number: number(),
            ..Session::new(id(method), None, None, UnixMillis(1))
        };
        assert!(sessions.insert(&session(LinkMethod::Qr)).await.is_err());
        sessions.insert(&session(LinkMethod::Phone)).await.unwrap();
        assert_eq!(sessions.all().await.unwrap()[0].phone_number, number());
    }

    #[tokio::test]
    async fn a_new_link_of_the_same_number_has_the_same_mobid_whichever_session_makes_it() {
        let sessions = Sessions::new(testing::store().await);
        let (first, second) = (session(1), session(2));
        sessions.insert(&first).await.unwrap();
        sessions.insert(&second).await.unwrap();
        let one = sessions.link(first.id, link(), &SeededRandom::new(1)).await.unwrap();
        let two = sessions.link(second.id, link(), &SeededRandom::new(2)).await.unwrap();
        assert_eq!(one.mobid, two.mobid);
    }

    #[tokio::test]
    async fn a_session_that_is_not_there_cannot_change() {
        let sessions = Sessions::new(testing::store().await);
        let stranger = session(3).id;
        assert!(sessions.link(stranger, link(), &SeededRandom::new(1)).await.is_err());
        assert!(sessions.set_phase(stranger, Phase::Linked, &[]).await.is_err());
        let twice = session(4);
        sessions.insert(&twice).await.unwrap();
        assert!(matches!(sessions.insert(&twice).await, Err(StoreError::Constraint(_))));
    }
}
