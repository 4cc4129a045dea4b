//! What WhatsApp reports on messages that were sent: acknowledgements and receipts.

use std::time::Duration;

use switchboard_core::clock::UnixMillis;
use switchboard_core::direction::Direction;
use switchboard_core::ids::{Jid, Server, SessionId, StanzaId};
use switchboard_core::status::MessageStatus;

use super::{Cursor, Messages};
use crate::StoreError;
use crate::db::Tx;

/// Why a message failed: the code and the sentence of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code, such as `whatsapp_refused`.
    pub code: String,
    /// The sentence for a person.
    pub message: String,
}

/// What is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// WhatsApp's server took the message.
    Sent,
    /// It never will, or we gave up.
    Failed(Failure),
    /// It is on the device of this recipient.
    Delivered(Jid),
    /// This recipient saw it.
    Read(Jid),
    /// This recipient played it.
    Played(Jid),
}

impl Outcome {
    const fn status(&self) -> MessageStatus {
        match self {
            Self::Sent => MessageStatus::Sent,
            Self::Failed(_) => MessageStatus::Failed,
            Self::Delivered(_) => MessageStatus::Delivered,
            Self::Read(_) => MessageStatus::Read,
            Self::Played(_) => MessageStatus::Played,
        }
    }

    const fn recipient(&self) -> Option<&Jid> {
        match self {
            Self::Sent | Self::Failed(_) => None,
            Self::Delivered(who) | Self::Read(who) | Self::Played(who) => Some(who),
        }
    }
}

/// One report on one message that a session sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The session that was told.
    pub session: SessionId,
    /// WhatsApp's id of the message.
    pub stanza_id: StanzaId,
    /// What is reported.
    pub outcome: Outcome,
    /// When it happened.
    pub at: UnixMillis,
}

/// What became of a message that was waiting to hear it. Each message settles once, whatever is reported on it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// WhatsApp's server took it, so long after it was accepted.
    Acknowledged(Duration),
    /// A recipient has it, so the server must have taken it.
    Received,
    /// It failed, with this code.
    Failed(String),
}

impl Settled {
    fn by(report: &Report, accepted_at: UnixMillis) -> Self {
        match &report.outcome {
            Outcome::Sent => Self::Acknowledged(report.at.since(accepted_at)),
            Outcome::Failed(failure) => Self::Failed(failure.code.clone()),
            Outcome::Delivered(_) | Outcome::Read(_) | Outcome::Played(_) => Self::Received,
        }
    }
}

/// What reports have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// What settled.
    pub settled: Vec<Settled>,
    /// Whose status rose: the message's session and its place in the log, once for each time.
    pub raised: Vec<(SessionId, Cursor)>,
}

impl Messages {
    /// Notes reports, in order, in one commit. A report on a message that is not known, and one that is noted already, does nothing.
    ///
    /// # Errors
    /// When the database cannot be written; then none of them is noted.
    pub async fn report(&self, reports: Vec<Report>) -> Result<Noted, StoreError> {
        self.store
            .write(move |tx| {
                let mut noted = Noted::default();
                for report in &reports {
                    note(tx, report, &mut noted)?;
                }
                Ok(noted)
            })
            .await
    }
}

/// Notes one report. In a conversation of two the other party is the chat, whichever of its addresses the receipt came from.
pub(super) fn note(tx: &mut Tx<'_>, report: &Report, noted: &mut Noted) -> Result<(), StoreError> {
    const FIND: &str = "SELECT seq, status, chat, created_ms FROM messages \
                        WHERE stanza_id = ?1 AND session_id = ?2 AND direction = ?3";
    const NOTE: &str =
        "INSERT INTO timeline (seq, recipient, status, at_ms) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    const RAISE: &str = "UPDATE messages SET status = ?2, fail_code = ?3, fail_text = ?4 WHERE seq = ?1";
    let key = (
        report.stanza_id.as_str(),
        report.session.to_string(),
        Direction::Outbound.as_str(),
    );
    let found: Vec<(i64, MessageStatus, Jid, UnixMillis)> = tx.query(FIND, key, |row| {
        Ok((row.get(0)?, row.parse(1)?, row.parse(2)?, row.get(3)?))
    })?;
    let (outcome, status) = (&report.outcome, report.outcome.status());
    let mut settled = None;
    for (seq, current, chat, accepted_at) in found {
        let recipient = match (outcome.recipient(), chat.server()) {
            (None, _) => String::new(),
            (Some(_), Server::User | Server::Lid) => chat.to_string(),
            (Some(who), _) => who.to_string(),
        };
        tx.execute(NOTE, (seq, recipient, status.as_str(), report.at))?;
        if current < status {
            let failure = match outcome {
                Outcome::Failed(failure) => Some(failure),
                _ => None,
            };
            let row = (
                seq,
                status.as_str(),
                failure.map(|failure| failure.code.as_str()),
                failure.map(|failure| failure.message.as_str()),
            );
            tx.execute(RAISE, row)?;
            noted.raised.push((report.session, Cursor(seq)));
        }
        if current == MessageStatus::Accepted {
            settled = Some(Settled::by(report, accepted_at));
        }
    }
    noted.settled.extend(settled);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use switchboard_core::access::Sight;

    use super::*;
    use crate::messages::fixtures::{Fixture, fixture, jid};
    use crate::messages::{Name, NewMessage, Timeline};

    fn failure() -> Failure {
        Failure {
            code: "whatsapp_refused".to_owned(),
            message: "WhatsApp refused it (463).".to_owned(),
        }
    }

    async fn after(f: &Fixture, message: &NewMessage, outcomes: Vec<Outcome>) -> Timeline {
        let reports = outcomes.into_iter().enumerate().map(|(at, outcome)| Report {
            session: message.session,
            stanza_id: message.stanza_id.clone(),
            outcome,
            at: UnixMillis(100 + i64::try_from(at).unwrap()),
        });
        f.messages.report(reports.collect()).await.unwrap();
        f.messages
            .find(Name::Id(message.id), &Sight::All)
            .await
            .unwrap()
            .unwrap()
    }

    fn statuses(timeline: &Timeline) -> Vec<MessageStatus> {
        timeline.steps.iter().map(|step| step.status).collect()
    }

    #[tokio::test]
    async fn a_late_report_is_noted_and_never_lowers_the_status() {
        use MessageStatus::{Delivered, Read, Sent};
        let f = fixture().await;
        let (_, message) = f.accepted(f.a, 2, "hi").await;
        let recipient = jid(2);
        let outcomes = vec![
            Outcome::Sent,
            Outcome::Read(recipient.clone()),
            Outcome::Delivered(recipient.clone()),
        ];
        let timeline = after(&f, &message, outcomes).await;
        assert_eq!(timeline.message.status, Read);
        assert_eq!(statuses(&timeline), [Sent, Delivered, Read]);
        assert!(timeline.steps[1].at > timeline.steps[2].at);
        assert_eq!(timeline.steps[1].recipient, Some(recipient));
    }

    #[tokio::test]
    async fn a_report_counts_once_and_with_its_first_time() {
        let f = fixture().await;
        let (_, message) = f.accepted(f.a, 2, "hi").await;
        let timeline = after(&f, &message, vec![Outcome::Sent, Outcome::Sent]).await;
        assert_eq!(timeline.steps.len(), 1);
        assert_eq!(timeline.steps[0].at, UnixMillis(100));
    }

    #[tokio::test]
    async fn a_message_settles_by_the_first_report_on_it_and_never_again() {
        let f = fixture().await;
        let first_of = [
            (Outcome::Sent, Settled::Acknowledged(Duration::from_millis(93))),
            (Outcome::Read(jid(2)), Settled::Received),
            (Outcome::Failed(failure()), Settled::Failed(failure().code)),
        ];
        for (first, settled) in first_of {
            let (_, message) = f.accepted(f.a, 2, "hi").await;
            let report = |outcome| Report {
                session: message.session,
                stanza_id: message.stanza_id.clone(),
                outcome,
                at: UnixMillis(100),
            };
            let reports = vec![report(first), report(Outcome::Sent), report(Outcome::Delivered(jid(2)))];
            assert_eq!(f.messages.report(reports.clone()).await.unwrap().settled, [settled]);
            assert_eq!(f.messages.report(reports).await.unwrap().settled, []);
        }
    }

    #[tokio::test]
    async fn whose_status_rose_is_told_and_what_came_late_or_again_raised_nothing() {
        let f = fixture().await;
        let (place, message) = f.accepted(f.a, 2, "hi").await;
        let report = |outcome| Report {
            session: message.session,
            stanza_id: message.stanza_id.clone(),
            outcome,
            at: UnixMillis(100),
        };
        for (outcomes, times) in [
            (vec![Outcome::Sent, Outcome::Read(jid(2))], 2),
            (vec![Outcome::Delivered(jid(2)), Outcome::Read(jid(2))], 0),
        ] {
            let reports = outcomes.into_iter().map(report).collect();
            let raised = f.messages.report(reports).await.unwrap().raised;
            assert_eq!(raised, vec![(f.a, place); times]);
        }
    }

    #[tokio::test]
    async fn a_refusal_carries_its_reason_until_the_message_is_sent_after_all() {
        let f = fixture().await;
        let (_, message) = f.accepted(f.a, 2, "hi").await;
        let refused = after(&f, &message, vec![Outcome::Failed(failure())]).await.message;
        assert_eq!(
            (refused.status, refused.failure),
            (MessageStatus::Failed, Some(failure()))
        );
        let sent = after(&f, &message, vec![Outcome::Sent]).await.message;
        assert_eq!((sent.status, sent.failure), (MessageStatus::Sent, None));
        // What WhatsApp took cannot be refused any more.
        let still = after(&f, &message, vec![Outcome::Failed(failure())]).await.message;
        assert_eq!((still.status, still.failure), (MessageStatus::Sent, None));
    }

    #[tokio::test]
    async fn what_is_not_known_and_what_another_session_sent_is_left_alone() {
        let f = fixture().await;
        let (_, message) = f.accepted(f.a, 2, "hi").await;
        let stranger = Report {
            session: f.b,
            stanza_id: message.stanza_id.clone(),
            outcome: Outcome::Sent,
            at: UnixMillis(1),
        };
        let unknown = Report {
            session: f.a,
            stanza_id: "3EB0FF".parse().unwrap(),
            ..stranger.clone()
        };
        f.messages.report(vec![stranger, unknown]).await.unwrap();
        assert_eq!(
            f.messages
                .find(Name::Id(message.id), &Sight::All)
                .await
                .unwrap()
                .unwrap()
                .message
                .status,
            MessageStatus::Accepted
        );
    }

    #[tokio::test]
    async fn in_a_group_each_recipient_has_a_timeline_of_its_own() {
        let f = fixture().await;
        let group = NewMessage {
            chat: "120363012345678901@g.us".parse().unwrap(),
            ..f.text(f.a, 2, "hi")
        };
        f.messages.accept(vec![group.clone()]).await.unwrap();
        let timeline = after(&f, &group, vec![Outcome::Delivered(jid(2)), Outcome::Delivered(jid(3))]).await;
        let recipients: Vec<_> = timeline.steps.into_iter().map(|step| step.recipient).collect();
        assert_eq!(recipients, [Some(jid(2)), Some(jid(3))]);
    }

    #[tokio::test]
    async fn in_a_conversation_of_two_every_address_of_the_other_party_is_one_recipient() {
        let f = fixture().await;
        let (_, message) = f.accepted(f.a, 2, "hi").await;
        let lid = "123456789@lid".parse().unwrap();
        let timeline = after(&f, &message, vec![Outcome::Delivered(lid), Outcome::Delivered(jid(2))]).await;
        assert_eq!(timeline.steps.len(), 1);
        assert_eq!(timeline.steps[0].recipient, Some(jid(2)));
    }

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Sent),
            Just(Outcome::Failed(failure())),
            Just(Outcome::Delivered(jid(2))),
            Just(Outcome::Read(jid(2))),
            Just(Outcome::Played(jid(2))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_status_is_the_highest_report_whatever_their_order(outcomes in prop::collection::vec(any_outcome(), 1..12)) {
            let highest = outcomes.iter().map(Outcome::status).max().unwrap();
            let mut different: Vec<_> = outcomes.iter().map(Outcome::status).collect();
            different.sort_unstable();
            different.dedup();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let timeline = runtime.block_on(async {
                let f = fixture().await;
                let (_, message) = f.accepted(f.a, 2, "hi").await;
                after(&f, &message, outcomes).await
            });
            prop_assert_eq!(timeline.message.status, highest);
            prop_assert_eq!(timeline.message.failure.is_some(), highest == MessageStatus::Failed);
            prop_assert_eq!(timeline.steps.len(), different.len());
        }
    }
}
