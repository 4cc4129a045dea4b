//! Which message of a session goes out next: a pure state machine, without time or network of its own.
//!
//! The outbox is the table of accepted messages; this queue holds its beginning. Rules:
//! * Within a chat, messages go out in the order of their commit, one at a time: the next one follows the acknowledgement.
//! * Chats do not wait for each other, up to [`PARALLEL`] at once.
//! * What was written to the socket and not acknowledged goes out again, under the same id: on every reconnection, and on a live
//!   socket after a while that doubles each time. After [`ATTEMPTS`] on a live socket it is given up, so that no message can block
//!   its chat for ever.
//! * Memory is bounded by [`HELD`] messages. A message offered beyond that is not taken, and neither is any later one, until the
//!   queue has caught up by reading the table. So order holds and nothing is lost.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use switchboard_core::ids::{Jid, StanzaId};
use switchboard_store::messages::{Cursor, Pending};
use tokio::time::Instant;

/// How many messages a queue holds.
pub(crate) const HELD: usize = 512;
/// How many chats are under way at once.
const PARALLEL: usize = 32;
/// How often a message is tried on a live socket, in vain, before it is given up.
const ATTEMPTS: u32 = 8;
/// How long the first attempt waits for its acknowledgement.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest wait.
const MOST_PATIENCE: Duration = Duration::from_secs(300);
/// How long a message rests that could not be written.
const REST: Duration = Duration::from_secs(1);

/// The beginning of a session's outbox.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    chats: HashMap<Jid, Chat>,
    /// Chats whose next message may go out. May name a chat twice or in vain.
    ready: VecDeque<Jid>,
    /// The chats of messages under way.
    under_way: HashMap<StanzaId, Jid>,
    held: usize,
    /// Whether everything that waits in the table is held.
    complete: bool,
    /// Every accepted message up to here was read from the table.
    read_to: Cursor,
}

#[derive(Debug, Default)]
struct Chat {
    waiting: BTreeMap<Cursor, Pending>,
    stage: Stage,
    /// How often the first message was tried on a live socket, in vain.
    attempts: u32,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nothing under way.
    #[default]
    Idle,
    /// Being written to the socket.
    Writing(Pending),
    /// Written; to be acknowledged before the deadline.
    Written(Pending, Instant),
    /// Not written; to be tried again then.
    Resting(Instant),
}

impl Queue {
    /// Takes a message that was just committed, if everything before it is held and there is room.
    pub(crate) fn offer(&mut self, message: Pending) {
        if self.held >= HELD {
            self.complete = false;
        }
        if self.complete && message.seq > self.read_to {
            self.hold(message);
        }
    }

    /// Notes that a message was committed and not offered.
    pub(crate) const fn missed(&mut self) {
        self.complete = false;
    }

    /// Whether the table should be read for more.
    pub(crate) const fn wants_more(&self) -> bool {
        !self.complete && self.held <= HELD / 2
    }

    /// Takes the first [`HELD`] accepted messages of the table, as they were at one moment. Those held already stay as they are.
    pub(crate) fn catch_up(&mut self, table: Vec<Pending>) {
        self.complete = table.len() < HELD;
        for message in table {
            self.read_to = self.read_to.max(message.seq);
            self.hold(message);
        }
    }

    fn hold(&mut self, message: Pending) {
        if self.under_way.contains_key(&message.stanza_id) {
            return;
        }
        let chat = self.chats.entry(message.chat.clone()).or_default();
        if matches!(chat.stage, Stage::Idle) {
            self.ready.push_back(message.chat.clone());
        }
        self.held += usize::from(chat.waiting.insert(message.seq, message).is_none());
    }

    /// The next message to write to the socket. Answer with [`written`](Self::written), [`put_back`](Self::put_back),
    /// [`failed`](Self::failed) or [`settle`](Self::settle).
    pub(crate) fn next(&mut self) -> Option<Pending> {
        while self.under_way.len() < PARALLEL {
            let jid = self.ready.pop_front()?;
            let Some(chat) = self.chats.get_mut(&jid) else { continue };
            if !matches!(chat.stage, Stage::Idle) {
                continue;
            }
            let Some((_, message)) = chat.waiting.pop_first() else {
                continue;
            };
            chat.stage = Stage::Writing(message.clone());
            self.under_way.insert(message.stanza_id.clone(), jid);
            return Some(message);
        }
        None
    }

    /// The message is on the socket.
    pub(crate) fn written(&mut self, stanza_id: &StanzaId, now: Instant) {
        let Some(chat) = self.under_way.get(stanza_id).and_then(|jid| self.chats.get_mut(jid)) else {
            return;
        };
        chat.stage = match std::mem::take(&mut chat.stage) {
            Stage::Writing(message) => Stage::Written(message, now + patience(chat.attempts)),
            other => other,
        };
    }

    /// There was no connection: the message stays the first of its chat and is tried again after a rest.
    pub(crate) fn put_back(&mut self, stanza_id: &StanzaId, now: Instant) {
        self.rest(stanza_id, |_| now + REST);
    }

    /// The message could not be written to a live socket: it is tried again, ever more patiently. True when it is to be given up.
    pub(crate) fn failed(&mut self, stanza_id: &StanzaId, now: Instant) -> bool {
        let Some(chat) = self.under_way.get(stanza_id).and_then(|jid| self.chats.get_mut(jid)) else {
            return false;
        };
        chat.attempts += 1;
        if chat.attempts >= ATTEMPTS {
            return true;
        }
        self.rest(stanza_id, |chat| now + patience(chat.attempts - 1));
        false
    }

    fn rest(&mut self, stanza_id: &StanzaId, until: impl FnOnce(&Chat) -> Instant) {
        let Some(chat) = self
            .under_way
            .remove(stanza_id)
            .and_then(|jid| self.chats.get_mut(&jid))
        else {
            return;
        };
        if let Stage::Writing(message) | Stage::Written(message, _) = std::mem::take(&mut chat.stage) {
            chat.waiting.insert(message.seq, message);
        }
        chat.stage = Stage::Resting(until(chat));
    }

    /// The message has its outcome: its chat may go on. Does nothing for a message that is not under way.
    pub(crate) fn settle(&mut self, stanza_id: &StanzaId) {
        let Some(jid) = self.under_way.remove(stanza_id) else {
            return;
        };
        let Some(chat) = self.chats.get_mut(&jid) else { return };
        (chat.stage, chat.attempts) = (Stage::Idle, 0);
        self.held = self.held.saturating_sub(1);
        if chat.waiting.is_empty() {
            self.chats.remove(&jid);
        } else {
            self.ready.push_back(jid);
        }
    }

    /// The line is connected anew: whatever was written on the old socket goes out again, and nobody rests any longer.
    pub(crate) fn reconnected(&mut self) {
        self.again(|stage| matches!(stage, Stage::Written(..) | Stage::Resting(_)));
        self.chats.values_mut().for_each(|chat| chat.attempts = 0);
    }

    /// Sends again what was not acknowledged in time, and returns what is given up.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<Pending> {
        let mut given_up = Vec::new();
        for chat in self.chats.values_mut() {
            if let Stage::Written(message, deadline) = &chat.stage
                && *deadline <= now
            {
                chat.attempts += 1;
                if chat.attempts >= ATTEMPTS {
                    given_up.push(message.clone());
                }
            }
        }
        given_up.iter().for_each(|message| self.settle(&message.stanza_id));
        self.again(|stage| matches!(stage, Stage::Written(_, until) | Stage::Resting(until) if *until <= now));
        given_up
    }

    /// When [`overdue`](Self::overdue) is next worth a call.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let deadlines = self.chats.values().filter_map(|chat| match chat.stage {
            Stage::Written(_, until) | Stage::Resting(until) => Some(until),
            Stage::Idle | Stage::Writing(_) => None,
        });
        deadlines.min()
    }

    /// Puts the chats in such a stage back to the beginning of it.
    fn again(&mut self, which: impl Fn(&Stage) -> bool) {
        for (jid, chat) in &mut self.chats {
            if !which(&chat.stage) {
                continue;
            }
            if let Stage::Written(message, _) = std::mem::take(&mut chat.stage) {
                self.under_way.remove(&message.stanza_id);
                chat.waiting.insert(message.seq, message);
            }
            self.ready.push_back(jid.clone());
        }
    }
}

/// How long the next wait is after so many attempts in vain.
fn patience(attempts: u32) -> Duration {
    PATIENCE.saturating_mul(1 << attempts.min(8)).min(MOST_PATIENCE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(seq: i64, chat: u64) -> Pending {
        Pending {
            seq: seq.to_string().parse().unwrap(),
            stanza_id: format!("3EB0{seq:018}").parse().unwrap(),
            chat: format!("{chat}@s.whatsapp.net").parse().unwrap(),
            wire: bytes::Bytes::new(),
        }
    }

    fn queue(messages: impl IntoIterator<Item = (i64, u64)>) -> Queue {
        let mut queue = Queue::default();
        queue.catch_up(messages.into_iter().map(|(seq, chat)| message(seq, chat)).collect());
        queue
    }

    fn drain(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.next())
            .map(|message| message.seq.to_string())
            .collect()
    }

    #[test]
    fn a_chat_waits_for_its_own_acknowledgement_and_for_no_other() {
        let mut queue = queue([(1, 7), (2, 7), (3, 8), (4, 7)]);
        assert_eq!(drain(&mut queue), ["1", "3"]);
        queue.written(&message(1, 7).stanza_id, Instant::now());
        assert_eq!(drain(&mut queue), Vec::<String>::new());
        queue.settle(&message(1, 7).stanza_id);
        assert_eq!(drain(&mut queue), ["2"]);
        queue.settle(&message(2, 7).stanza_id);
        assert_eq!(drain(&mut queue), ["4"]);
    }

    #[test]
    fn a_reconnection_sends_what_was_not_acknowledged_again_under_its_id_and_in_order() {
        let mut queue = queue([(1, 7), (2, 7)]);
        let first = queue.next().unwrap();
        queue.written(&first.stanza_id, Instant::now());
        queue.reconnected();
        assert_eq!(queue.next().unwrap(), first);
        // The acknowledgement of the first attempt is as good as any.
        queue.settle(&first.stanza_id);
        assert_eq!(drain(&mut queue), ["2"]);
    }

    #[test]
    fn what_could_not_be_written_stays_first_and_rests() {
        let mut queue = queue([(1, 7), (2, 7)]);
        let first = queue.next().unwrap();
        let now = Instant::now();
        queue.put_back(&first.stanza_id, now);
        assert_eq!(queue.next(), None);
        assert_eq!(queue.next_deadline(), Some(now + REST));
        assert!(queue.overdue(now + REST).is_empty());
        assert_eq!(queue.next().unwrap(), first);
    }

    #[test]
    fn what_fails_on_a_live_socket_again_and_again_is_given_up() {
        let mut queue = queue([(1, 7), (2, 7)]);
        let mut now = Instant::now();
        for _ in 1..ATTEMPTS {
            let first = queue.next().unwrap();
            assert!(!queue.failed(&first.stanza_id, now));
            now = queue.next_deadline().unwrap();
            assert!(queue.overdue(now).is_empty());
        }
        let first = queue.next().unwrap();
        assert!(queue.failed(&first.stanza_id, now));
        queue.settle(&first.stanza_id);
        assert_eq!(drain(&mut queue), ["2"]);
    }

    #[test]
    fn a_message_without_acknowledgement_is_sent_again_ever_more_patiently_and_then_given_up() {
        let mut queue = queue([(1, 7), (2, 7)]);
        let mut waits = Vec::new();
        let mut now = Instant::now();
        let given_up = loop {
            let first = queue.next().unwrap();
            assert_eq!(first.seq.to_string(), "1");
            queue.written(&first.stanza_id, now);
            let deadline = queue.next_deadline().unwrap();
            waits.push((deadline - now).as_secs());
            now = deadline;
            let given_up = queue.overdue(now);
            if !given_up.is_empty() {
                break given_up;
            }
        };
        assert_eq!(waits, [20, 40, 80, 160, 300, 300, 300, 300]);
        assert_eq!(given_up, [message(1, 7)]);
        assert_eq!(drain(&mut queue), ["2"]);
    }

    #[test]
    fn beyond_its_bound_the_queue_takes_nothing_until_it_has_caught_up() {
        let mut queue = queue([]);
        let full = i64::try_from(HELD).unwrap();
        (1..=full + 2).for_each(|seq| queue.offer(message(seq, 7)));
        assert!(!queue.wants_more());
        let mut sent = 0;
        while !queue.wants_more() {
            let next = queue.next().unwrap();
            queue.settle(&next.stanza_id);
            sent += 1;
            // There is room now, but an earlier message is missing still.
            queue.offer(message(full + 3, 7));
        }
        queue.catch_up((sent + 1..=full + 3).map(|seq| message(seq, 7)).collect());
        assert!(!queue.wants_more());
        while let Some(next) = queue.next() {
            sent += 1;
            assert_eq!(next, message(sent, 7));
            queue.settle(&next.stanza_id);
        }
        assert_eq!(sent, full + 3);
    }

    #[test]
    fn a_late_offer_of_what_was_read_from_the_table_is_not_sent_twice() {
        let mut queue = queue([(1, 7), (2, 7)]);
        let first = queue.next().unwrap();
        queue.offer(message(1, 7));
        queue.catch_up(vec![message(1, 7), message(2, 7)]);
        queue.settle(&first.stanza_id);
        queue.offer(message(1, 7));
        assert_eq!(drain(&mut queue), ["2"]);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Accept(u64),
        AcceptUnseen(u64),
        Next,
        Ack(usize),
        PutBack(usize),
        Reconnect,
        Refill,
    }

    fn any_act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0..4u64).prop_map(Act::Accept),
            1 => (0..4u64).prop_map(Act::AcceptUnseen),
            6 => Just(Act::Next),
            4 => (0..8usize).prop_map(Act::Ack),
            1 => (0..8usize).prop_map(Act::PutBack),
            1 => Just(Act::Reconnect),
            1 => Just(Act::Refill),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_nothing_is_lost_and_every_chat_is_in_order(acts in prop::collection::vec(any_act(), 1..200)) {
            let (mut queue, mut seq) = (queue([]), 0);
            let mut table: Vec<Pending> = Vec::new();
            let mut under_way: Vec<Pending> = Vec::new();
            let mut settled: HashMap<Jid, Vec<Cursor>> = HashMap::new();
            let now = Instant::now();
            let mut settle = |queue: &mut Queue, table: &mut Vec<Pending>, done: Pending| {
                queue.settle(&done.stanza_id);
                table.retain(|row| row.seq != done.seq);
                settled.entry(done.chat).or_default().push(done.seq);
            };
            for act in acts {
                match act {
                    Act::Accept(chat) | Act::AcceptUnseen(chat) => {
                        seq += 1;
                        table.push(message(seq, chat));
                        if matches!(act, Act::Accept(_)) { queue.offer(message(seq, chat)) } else { queue.missed() }
                    }
                    Act::Next => if let Some(next) = queue.next() {
                        prop_assert!(under_way.iter().all(|other| other.chat != next.chat), "two of one chat under way");
                        under_way.push(next);
                    },
                    Act::Ack(n) if n < under_way.len() => settle(&mut queue, &mut table, under_way.swap_remove(n)),
                    Act::PutBack(n) if n < under_way.len() => queue.put_back(&under_way.swap_remove(n).stanza_id, now),
                    Act::Ack(_) | Act::PutBack(_) => {}
                    Act::Reconnect => {
                        under_way.iter().for_each(|message| queue.written(&message.stanza_id, now));
                        under_way.clear();
                        queue.reconnected();
                    }
                    Act::Refill => if queue.wants_more() {
                        queue.catch_up(table.iter().take(HELD).cloned().collect());
                    },
                }
            }
            // From here on everything goes well.
            under_way.iter().for_each(|message| queue.written(&message.stanza_id, now));
            queue.reconnected();
            loop {
                if queue.wants_more() {
                    queue.catch_up(table.iter().take(HELD).cloned().collect());
                }
                let Some(next) = queue.next() else { break };
                settle(&mut queue, &mut table, next);
            }
            prop_assert!(table.is_empty(), "left behind: {:?}", table);
            prop_assert!(settled.values().all(|seqs| seqs.is_sorted()), "out of order");
        }
    }
}
