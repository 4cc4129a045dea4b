//! A session's log from a place on, as it grows and changes.
//!
//! New rows are read by the log's own cursor, so that none is missed and none is told twice, whatever happens meanwhile. A row that
//! was read before is told again when its status has risen, as it is at that moment: what changes quickly is told once. The cursor
//! does not move with changes, so those that happen while nobody follows are told to nobody.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_core::access::Sight;
use switchboard_core::ids::SessionId;
use switchboard_core::problem::Problem;
use switchboard_core::status::MessageStatus;
use switchboard_store::messages::{Cursor, LogFilter, Message};

use super::audience::{Follower, MOST};
use super::view::MessageView;
use crate::parts::Parts;

/// How many rows are read at a time, and so held for a follower that does not take them.
const PAGE: u32 = 16;
/// Of how many rows it is remembered with which status they were told, so that a change that was read with its row is not told again.
const REMEMBERED: usize = 256;

/// What is read of a log, the oldest first: each message with the place up to which the log is told by it.
pub(crate) type Batch = Vec<(Cursor, MessageView)>;

/// The reader of one log.
pub(crate) struct Tail {
    session: SessionId,
    follower: Follower,
    /// Everything up to here is told.
    place: Cursor,
    /// There may be rows behind it.
    more: bool,
    /// Rows up to it whose status rose.
    changed: BTreeSet<Cursor>,
    told: BTreeMap<Cursor, MessageStatus>,
}

impl Tail {
    /// Reads what is behind `since`; without it, what comes from now on.
    pub(crate) async fn open(parts: &Parts, session: SessionId, since: Option<Cursor>) -> Result<Self, Problem> {
        // Before the end is looked for: what is committed in between is seen by one or the other.
        let follower = parts.audience.follow(session);
        let end = parts.messages.end(session).await?;
        // A place behind the end is that of another log, as before a snapshot was brought back: nothing of this one is to be left out.
        let since = since.filter(|since| *since <= end);
        let place = since.unwrap_or(end);
        Ok(Self {
            session,
            follower,
            place,
            more: since.is_some(),
            changed: BTreeSet::new(),
            told: BTreeMap::new(),
        })
    }

    /// Up to where everything is told.
    pub(crate) const fn place(&self) -> Cursor {
        self.place
    }

    /// What comes next, which is waited for; `None` if the reader is behind. Can be dropped at any time without a loss.
    pub(crate) async fn next(&mut self, parts: &Parts) -> Result<Option<Batch>, Problem> {
        loop {
            match self.rest(parts).await? {
                Some(batch) if batch.is_empty() => self.follower.arrived().await,
                told => return Ok(told),
            }
        }
    }

    /// The next part of what is there already, nothing if all of it is told; `None` if the reader is behind.
    pub(crate) async fn rest(&mut self, parts: &Parts) -> Result<Option<Batch>, Problem> {
        loop {
            let Some(news) = self.follower.take() else {
                return Ok(None);
            };
            self.more |= news.grown;
            // What is behind the place is read as it is then.
            let place = self.place;
            self.changed
                .extend(news.changed.into_iter().filter(|changed| *changed <= place));
            if self.changed.len() > MOST {
                return Ok(None);
            }
            if !self.more && self.changed.is_empty() {
                return Ok(Some(Batch::new()));
            }
            let batch = self.read(parts).await?;
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
    }

    async fn read(&mut self, parts: &Parts) -> Result<Batch, Problem> {
        let filter = LogFilter {
            sessions: Sight::from_iter([self.session]),
            chat: None,
            direction: None,
            since: self.place,
        };
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let fresh = if self.more {
            parts.messages.log(filter, PAGE).await?
        } else {
            Vec::new()
        };
        let places: BTreeSet<_> = self.changed.iter().copied().take(page).collect();
        let changed = if places.is_empty() {
            Vec::new()
        } else {
            parts.messages.at(places.iter().copied()).await?
        };
        // From here on nothing is waited for.
        self.more = fresh.len() >= page;
        self.changed.retain(|place| !places.contains(place));
        let mut batch = Batch::with_capacity(fresh.len() + changed.len());
        for message in fresh {
            self.place = message.seq;
            self.tell(message, &mut batch);
        }
        for message in changed {
            self.tell(message, &mut batch);
        }
        Ok(batch)
    }

    fn tell(&mut self, message: Message, batch: &mut Batch) {
        let before = self.told.insert(message.seq, message.status);
        if self.told.len() > REMEMBERED {
            self.told.pop_first();
        }
        if before != Some(message.status) {
            batch.push((self.place, MessageView::of(message)));
        }
    }
}
