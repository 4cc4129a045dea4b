//! The service as the server uses it: a real store and real plugins, and lines that a test holds the other end of.

mod fake;
mod inbound;
mod link;
mod restart;
mod sending;
mod tokens;
