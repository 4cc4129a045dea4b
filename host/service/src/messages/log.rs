//! The log of both directions.

use switchboard_core::access::Sight;
use switchboard_core::direction::Direction;
use switchboard_core::ids::{Recipient, SessionRef};
use switchboard_core::problem::Problem;
use switchboard_store::messages::{self, Cursor};

use super::view::MessageView;
use crate::service::Service;

/// What part of the log is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Only this session's.
    pub session: Option<SessionRef>,
    /// Only this conversation's.
    pub chat: Option<Recipient>,
    /// Only those that went this way.
    pub direction: Option<Direction>,
}

/// A part of the log.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// The messages, in the order of the log.
    pub messages: Vec<MessageView>,
    /// Where to go on, now or later.
    pub next: Cursor,
    /// Whether there is more already.
    pub more: bool,
}

impl Service {
    /// At most `limit` messages behind `since`, of the log of the sessions in sight.
    ///
    /// # Errors
    /// `session_not_found`; when the database cannot be read.
    pub async fn messages(&self, filter: LogFilter, since: Cursor, limit: u32) -> Result<LogPage, Problem> {
        let sessions = match &filter.session {
            Some(session) => Sight::from_iter([self.resolve(session)?.id]),
            None => self.sight.clone(),
        };
        self.parts.recorder.settled().await;
        let filter = messages::LogFilter {
            sessions,
            chat: filter.chat.map(|chat| chat.jid()),
            direction: filter.direction,
            since,
        };
        // One beyond the limit tells whether there is more.
        let mut rows = self.parts.messages.log(filter, limit.saturating_add(1)).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().map_or(since, |last| last.seq);
        Ok(LogPage {
            messages: rows.into_iter().map(MessageView::of).collect(),
            next,
            more,
        })
    }
}
