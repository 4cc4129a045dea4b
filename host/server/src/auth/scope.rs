//! Scopes as types, for the arguments of a handler.

use switchboard_core::access::Scope;

/// What a caller must be allowed to do.
pub(crate) trait Needs: Send + Sync {
    /// The permission.
    const SCOPE: Scope;
}

macro_rules! scope_types {
    ($($name:ident;)*) => {$(
        #[doc = concat!("Needs [`Scope::", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name;

        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}
scope_types! {
    SessionsRead;
    SessionsWrite;
    MessagesSend;
    MessagesRead;
    Plugins;
    Admin;
}
