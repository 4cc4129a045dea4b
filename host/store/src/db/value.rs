//! Values on their way into a statement.

use switchboard_core::clock::UnixMillis;

/// One SQL value. Without `Debug`: most of them are secrets or messages.
#[derive(Clone)]
pub(crate) struct Value(pub(super) libsql::Value);

impl Value {
    /// The type, as SQL calls it.
    pub(super) const fn type_name(&self) -> &'static str {
        match self.0 {
            libsql::Value::Null => "NULL",
            libsql::Value::Integer(_) => "INTEGER",
            libsql::Value::Real(_) => "REAL",
            libsql::Value::Text(_) => "TEXT",
            libsql::Value::Blob(_) => "BLOB",
        }
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {
        $(impl From<$integer> for Value {
            fn from(value: $integer) -> Self {
                Self(libsql::Value::Integer(i64::from(value)))
            }
        })*
    };
}

// Not u64: what does not fit into SQL's signed 64 bits must be the caller's decision.
from_integers!(i64, i32, u32, u16, u8, bool);

macro_rules! from_copies {
    ($($borrowed:ty => $variant:ident),* $(,)?) => {
        $(impl From<$borrowed> for Value {
            fn from(value: $borrowed) -> Self {
                Self(libsql::Value::$variant(value.to_owned().into()))
            }
        })*
    };
}

from_copies!(&str => Text, &String => Text, &[u8] => Blob, &Vec<u8> => Blob);

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self(libsql::Value::Text(value))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self(libsql::Value::Blob(value))
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self(libsql::Value::Blob(value.to_vec()))
    }
}

impl From<&std::sync::Arc<str>> for Value {
    fn from(value: &std::sync::Arc<str>) -> Self {
        Self::from(&**value)
    }
}

impl From<UnixMillis> for Value {
    fn from(value: UnixMillis) -> Self {
        Self::from(value.0)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(libsql::Value::Null), Into::into)
    }
}

/// The parameters of one statement, in order: a tuple such as `(session, 1, blob)`, or a list of [`Value`]s.
pub(crate) trait IntoParams {
    /// The values for `?1`, `?2` and so on.
    fn into_params(self) -> Vec<Value>;
}

impl IntoParams for Vec<Value> {
    fn into_params(self) -> Vec<Value> {
        self
    }
}

impl IntoParams for &Vec<Value> {
    fn into_params(self) -> Vec<Value> {
        self.clone()
    }
}

impl IntoParams for () {
    fn into_params(self) -> Vec<Value> {
        Vec::new()
    }
}

macro_rules! tuples {
    ($($name:ident)*) => {
        tuples!(@each [] $($name)*);
    };
    (@each [$($done:ident)*]) => {};
    (@each [$($done:ident)*] $next:ident $($rest:ident)*) => {
        impl<$($done: Into<Value>,)* $next: Into<Value>> IntoParams for ($($done,)* $next,) {
            #[expect(non_snake_case, reason = "the names of the types are the names of the values")]
            fn into_params(self) -> Vec<Value> {
                let ($($done,)* $next,) = self;
                vec![$($done.into(),)* $next.into()]
            }
        }
        tuples!(@each [$($done)* $next] $($rest)*);
    };
}

tuples!(A B C D E F G H I J K L M N O P Q R S T U V W X);
