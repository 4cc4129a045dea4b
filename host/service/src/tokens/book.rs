//! The table of tokens and a copy of it in memory, because every request asks it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use switchboard_core::clock::UnixMillis;
use switchboard_core::problem::{Code, Problem};
use switchboard_store::tokens::{Token, Tokens};
use switchboard_store::{Store, StoreError};
use tokio::sync::{Mutex, MutexGuard};

/// How many tokens are kept at most, at less than a kilobyte each.
const MOST: usize = 10_000;

/// Every token that is known.
#[derive(Debug)]
pub(crate) struct TokenBook {
    table: Tokens,
    known: RwLock<HashMap<String, Arc<Token>>>,
    /// Held while a token is issued or taken back, so that two requests do not issue two.
    writing: Mutex<()>,
}

impl TokenBook {
    pub(crate) async fn load(store: Store) -> Result<Self, StoreError> {
        let table = Tokens::new(store);
        let all = table.all().await?;
        let known = all.into_iter().map(|token| (token.id.clone(), Arc::new(token)));
        Ok(Self {
            known: RwLock::new(known.collect()),
            table,
            writing: Mutex::new(()),
        })
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Token>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(id).cloned()
    }

    /// Every token, the oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Token>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = known.values().cloned().collect();
        drop(known);
        all.sort_unstable_by(|a, b| (a.issued_at, &a.id).cmp(&(b.issued_at, &b.id)));
        all
    }

    /// Keeps everybody else from writing.
    pub(super) async fn write(&self) -> Writing<'_> {
        Writing {
            book: self,
            _alone: self.writing.lock().await,
        }
    }
}

/// The right to change the book.
pub(super) struct Writing<'a> {
    book: &'a TokenBook,
    _alone: MutexGuard<'a, ()>,
}

impl Writing<'_> {
    /// Keeps a token that the book does not have.
    ///
    /// # Errors
    /// `conflict` when the book is full; when the database cannot be written.
    pub(super) async fn add(&self, token: Token, now: UnixMillis) -> Result<Arc<Token>, Problem> {
        let count = self.book.known.read().unwrap_or_else(PoisonError::into_inner).len();
        if count >= MOST {
            let sentence = format!("There are {MOST} tokens already. Each makes room a month after it has expired.");
            return Err(Problem::new(Code::CONFLICT, sentence));
        }
        Ok(self.put(token, now).await?)
    }

    /// Keeps what has become of a token.
    pub(super) async fn put(&self, token: Token, now: UnixMillis) -> Result<Arc<Token>, StoreError> {
        self.book.table.put(token.clone(), now).await?;
        let token = Arc::new(token);
        let mut known = self.book.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, token| !token.is_forgotten(now));
        known.insert(token.id.clone(), token.clone());
        Ok(token)
    }
}
