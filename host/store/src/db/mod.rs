//! The only place that touches libSQL; no type of it leaves this folder.
//!
//! The library answers `Ok` in cases where it has lost or misread data. A [`Connection`] closes each of them, and each has a test
//! that fails without it:
//!
//! | left alone | here |
//! |---|---|
//! | a prepared statement run again keeps its first parameters | reset before and after each use |
//! | a missing parameter is NULL, a surplus one is ignored | the count must match, or nothing runs |
//! | `execute("a; b")` runs `a` alone | no statement has a `;` |
//! | a row is a view that the next row overwrites | [`Row`] is lent to a closure, values are copied out |
//! | `execute(".. RETURNING ..")` fails, but has written | refused before it runs |
//! | rows not read to their end leave a transaction open | always read to the end, then reset |
//! | dropping a transaction may panic | transactions are statements of text |
//! | a batch is not atomic | batches run inside [`Connection::immediate`] |
//! | a shared connection shares its transaction | not `Clone`, and every use needs `&mut` |
//! | the lock is not waited for, and a deferred one cannot be upgraded | a busy timeout, and `BEGIN IMMEDIATE` |
//! | text ends at its first NUL when it is read | text with a NUL is refused; keep such bytes as a BLOB |
//!
//! Every call blocks. Connections belong to threads of their own: [`crate::writer`] and [`crate::readers`].

mod connection;
mod fault;
mod row;
mod transaction;
mod value;

pub(crate) use self::connection::{Access, Connection};
pub(crate) use self::row::Row;
pub(crate) use self::transaction::{Reader, Tx};
pub(crate) use self::value::{IntoParams, Value};
