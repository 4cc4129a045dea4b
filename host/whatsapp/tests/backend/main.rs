//! The storage behind the protocol library, held against the library's own in-memory storage.

mod device;
mod fixture;
mod methods;
mod oracle;
