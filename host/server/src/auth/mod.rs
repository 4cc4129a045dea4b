//! Who may do what.
//!
//! A caller shows a bearer token, which is a JWT signed by one of this server's own keys or the operator's admin key, or a signed
//! URL. Routes name the scope they need in their handler's arguments with [`May`], and reach the use cases through it alone.
//!
//! | file | what it knows |
//! |---|---|
//! | `caller` | who asks, and what it may do |
//! | `shown` | what a request shows, and whom it stands for, then and later |
//! | `bearer` | the `Authorization` header and the admin key |
//! | `jwt` | what a token says and what makes one be refused, by the clock that is passed in |
//! | `hs256` | the one signature algorithm |
//! | `keys` | the keys in the data folder, and their rotation |
//! | `key_ring` | the keys of a server that runs |
//! | `signed_url` | URLs that need no header |
//! | `guesses` | who shows wrong credentials again and again |
//! | `local` | who gets a token without showing one |
//! | `app_token` | the token that those share |
//! | `scope` | scopes as types |
//! | `lifetime` | how long a token is to live |

pub(crate) mod app_token;
mod bearer;
mod caller;
pub(crate) mod guesses;
#[cfg(test)]
mod hostile;
mod hs256;
pub(crate) mod jwt;
pub(crate) mod key_ring;
pub(crate) mod keys;
pub(crate) mod lifetime;
pub(crate) mod local;
pub(crate) mod scope;
mod shown;
pub(crate) mod signed_url;

pub(crate) use bearer::{admin_key_matches, presented};
pub(crate) use caller::{Caller, May, wrong};
pub(crate) use shown::Shown;
