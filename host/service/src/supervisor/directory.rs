//! Every session, by id, by mobid and by number. Reading takes no lock.
//!
//! Several sessions may have been linked to one number, at the same time as companion devices of one account, or one after the
//! other. A mobid and a number then stand for the one that is linked, and among those for the one that was linked last; for a caller
//! who may not see every session, among those that it may see.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use switchboard_core::access::Sight;
use switchboard_core::ids::{Mobid, PhoneNumber, SessionId, SessionRef};
use switchboard_core::problem::{Code, Problem};
use switchboard_store::sessions::Phase;

use super::handle::Handle;

/// The sessions.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    index: ArcSwap<Index>,
    /// Held while the index is made anew.
    changing: Mutex<()>,
}

#[derive(Debug, Default, Clone)]
struct Index {
    by_id: HashMap<SessionId, Arc<Handle>>,
    /// The one that is meant first, first.
    by_mobid: HashMap<Mobid, Vec<SessionId>>,
    by_number: HashMap<PhoneNumber, Vec<SessionId>>,
}

impl Directory {
    /// Adds a session.
    pub(crate) fn add(&self, handle: Arc<Handle>) {
        self.change(|index| {
            index.by_id.insert(handle.id, handle);
        });
    }

    /// To be called when a session's link or phase has changed.
    pub(crate) fn relinked(&self) {
        self.change(|_| {});
    }

    fn change(&self, change: impl FnOnce(&mut Index)) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut index = Index::clone(&self.index.load());
        change(&mut index);
        index.name_linked();
        self.index.store(Arc::new(index));
    }

    /// The session that is meant by somebody who sees these.
    ///
    /// # Errors
    /// `session_not_found`, also for a session that is there and out of sight.
    pub(crate) fn resolve(&self, session: &SessionRef, sight: &Sight) -> Result<Arc<Handle>, Problem> {
        let index = self.index.load();
        let named = match session {
            SessionRef::Session(id) => Some(std::slice::from_ref(id)),
            SessionRef::Mobid(mobid) => index.by_mobid.get(mobid).map(Vec::as_slice),
            SessionRef::Number(number) => index.by_number.get(number).map(Vec::as_slice),
        };
        let mut named = named.into_iter().flatten();
        let meant = named.find(|id| sight.allows(id)).and_then(|id| index.by_id.get(id));
        meant.cloned().ok_or_else(|| {
            Problem::new(
                Code::SESSION_NOT_FOUND,
                "There is no session with this id, mobid or number.",
            )
            .field("sessionId")
        })
    }

    /// Every session in sight, in no order.
    pub(crate) fn all(&self, sight: &Sight) -> Vec<Arc<Handle>> {
        let index = self.index.load();
        let seen = index.by_id.values().filter(|handle| sight.allows(&handle.id));
        seen.cloned().collect()
    }
}

impl Index {
    fn name_linked(&mut self) {
        let mut linked: Vec<_> = self
            .by_id
            .values()
            .filter_map(|handle| {
                handle
                    .row()
                    .link
                    .clone()
                    .map(|link| (handle.row().phase, link, handle.id))
            })
            .collect();
        linked.sort_unstable_by_key(|(phase, link, id)| Reverse((*phase == Phase::Linked, link.at, *id)));
        self.by_mobid.clear();
        self.by_number.clear();
        for (_, link, id) in linked {
            self.by_mobid.entry(link.mobid).or_default().push(id);
            self.by_number.entry(link.number).or_default().push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::clock::UnixMillis;
    use switchboard_store::sessions::{Link, Session};

    use super::*;

    fn session(directory: &Directory, n: u32, phase: Phase, linked_at: Option<i64>) -> SessionId {
        let id = format!("qr_1700000000000_{n:08x}").parse().unwrap();
        let link = linked_at.map(|at| Link {
            number: "15550000001".parse().unwrap(),
            mobid: "123456789012345".parse().unwrap(),
            lid: None,
            push_name: None,
            at: UnixMillis(at),
        });
        let row = Session {
            phase,
            link,
            ..Session::new(id, None, None, UnixMillis(0))
        };
        directory.add(Arc::new(Handle::new(row).0));
        id
    }

    fn resolve(directory: &Directory, text: &str) -> Option<SessionId> {
        directory
            .resolve(&text.parse().unwrap(), &Sight::All)
            .ok()
            .map(|handle| handle.id)
    }

    #[test]
    fn a_session_answers_to_its_id_its_mobid_and_its_number() {
        let directory = Directory::default();
        let linked = session(&directory, 1, Phase::Linked, Some(1));
        let waiting = session(&directory, 2, Phase::Registering, None);
        for name in [linked.to_string().as_str(), "123456789012345", "+1 555 000 0001"] {
            assert_eq!(resolve(&directory, name), Some(linked), "{name}");
        }
        assert_eq!(resolve(&directory, &waiting.to_string()), Some(waiting));
        for stranger in ["qr_1700000000000_000000ff", "999999999999999", "+1 555 000 0002"] {
            let problem = directory.resolve(&stranger.parse().unwrap(), &Sight::All).unwrap_err();
            assert_eq!(
                (problem.code(), problem.field_name()),
                (&Code::SESSION_NOT_FOUND, Some("sessionId"))
            );
        }
    }

    #[test]
    fn of_several_sessions_of_a_number_the_linked_one_is_meant_and_then_the_latest() {
        let directory = Directory::default();
        let left = session(&directory, 1, Phase::LoggedOut, Some(9));
        assert_eq!(resolve(&directory, "123456789012345"), Some(left));
        let linked = session(&directory, 2, Phase::Linked, Some(1));
        assert_eq!(resolve(&directory, "123456789012345"), Some(linked));
        let later = session(&directory, 3, Phase::Linked, Some(2));
        assert_eq!(resolve(&directory, "15550000001"), Some(later));
        assert_eq!(directory.all(&Sight::All).len(), 3);
    }

    #[test]
    fn whoever_may_not_see_every_session_finds_by_number_the_one_that_it_may_see() {
        let directory = Directory::default();
        let [first, second] = [1, 2].map(|n| session(&directory, n, Phase::Linked, Some(n.into())));
        let sight = Sight::from_iter([first]);
        let resolve = |text: &str| directory.resolve(&text.parse().unwrap(), &sight).ok();
        for name in [first.to_string().as_str(), "123456789012345", "15550000001"] {
            assert_eq!(resolve(name).map(|handle| handle.id), Some(first), "{name}");
        }
        assert!(resolve(&second.to_string()).is_none());
        assert_eq!(directory.all(&sight).len(), 1);
        assert!(directory.all(&Sight::from_iter([])).is_empty());
    }
}
