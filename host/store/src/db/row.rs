//! Values on their way out of a row: typed, copied, and refused when they are not what the reader expects.

use std::fmt::Display;
use std::str::FromStr;

use switchboard_core::clock::UnixMillis;

use super::Value;
use crate::StoreError;

/// One row of a result. It is only lent: the next row takes its place.
pub(crate) struct Row<'r>(pub(super) &'r libsql::Row);

impl Row<'_> {
    /// The value of column `index`, counted from 0. NULL is read as `Option<T>` only, and no type is converted into another.
    pub(crate) fn get<T: FromValue>(&self, index: usize) -> Result<T, StoreError> {
        let column = i32::try_from(index)
            .ok()
            .filter(|column| *column < self.0.column_count());
        let column = column.ok_or_else(|| StoreError::Misuse(format!("the result has no column {index}")))?;
        let value = Value(self.0.get_value(column)?);
        let stored = value.type_name();
        T::from_value(value).ok_or_else(|| self.unreadable(column, format_args!("{stored} of this value")))
    }

    /// The text of column `index` as the type that it was written from.
    pub(crate) fn parse<T: FromStr<Err: Display>>(&self, index: usize) -> Result<T, StoreError> {
        let text: String = self.get(index)?;
        text.parse()
            .map_err(|error| StoreError::Unreadable(format!("column {index}: {error}")))
    }

    fn unreadable(&self, column: i32, found: impl Display) -> StoreError {
        let name = self.0.column_name(column).unwrap_or("?");
        StoreError::Unreadable(format!(
            "column {column} ({name}) holds {found}, which its reader does not expect"
        ))
    }
}

/// What can be read from a column.
pub(crate) trait FromValue: Sized {
    /// `None` when the value is of another type or does not fit.
    fn from_value(value: Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Option<Self> {
        match value.0 {
            libsql::Value::Integer(value) => Some(value),
            _ => None,
        }
    }
}

macro_rules! narrow_integers {
    ($($integer:ty),*) => {
        $(impl FromValue for $integer {
            fn from_value(value: Value) -> Option<Self> {
                i64::from_value(value).and_then(|value| Self::try_from(value).ok())
            }
        })*
    };
}

narrow_integers!(i32, u64, u32, u16, u8);

impl FromValue for bool {
    fn from_value(value: Value) -> Option<Self> {
        match i64::from_value(value)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl FromValue for UnixMillis {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(Self)
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Option<Self> {
        match value.0 {
            libsql::Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Option<Self> {
        match value.0 {
            libsql::Value::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value) -> Option<Self> {
        Vec::from_value(value)?.try_into().ok()
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        match value.0 {
            libsql::Value::Null => Some(None),
            _ => T::from_value(value).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::realm::Realm;

    use super::*;
    use crate::db::Connection;

    fn read<T: FromValue>(sql: &'static str) -> Result<Option<T>, StoreError> {
        Connection::in_memory().query_one(sql, (), |row| row.get(0))
    }

    #[test]
    fn a_value_is_read_as_the_type_it_was_written_with() {
        assert_eq!(read::<i64>("SELECT -5"), Ok(Some(-5)));
        assert_eq!(read::<u32>("SELECT 4294967295"), Ok(Some(u32::MAX)));
        assert_eq!(read::<bool>("SELECT 1"), Ok(Some(true)));
        assert_eq!(read::<UnixMillis>("SELECT 7"), Ok(Some(UnixMillis(7))));
        assert_eq!(read::<String>("SELECT 'né'"), Ok(Some("né".to_owned())));
        assert_eq!(read::<Vec<u8>>("SELECT x''"), Ok(Some(Vec::new())));
        assert_eq!(read::<[u8; 2]>("SELECT x'0102'"), Ok(Some([1, 2])));
        assert_eq!(read::<Option<i64>>("SELECT NULL"), Ok(Some(None)));
        assert_eq!(read::<Option<i64>>("SELECT 3"), Ok(Some(Some(3))));
    }

    #[test]
    fn null_another_type_and_what_does_not_fit_are_refused() {
        assert!(matches!(read::<i64>("SELECT NULL"), Err(StoreError::Unreadable(_))));
        assert!(matches!(read::<i64>("SELECT '5'"), Err(StoreError::Unreadable(_))));
        assert!(matches!(read::<String>("SELECT 5"), Err(StoreError::Unreadable(_))));
        assert!(matches!(
            read::<Vec<u8>>("SELECT 'text'"),
            Err(StoreError::Unreadable(_))
        ));
        assert!(matches!(read::<u32>("SELECT -1"), Err(StoreError::Unreadable(_))));
        assert!(matches!(read::<u8>("SELECT 256"), Err(StoreError::Unreadable(_))));
        assert!(matches!(read::<bool>("SELECT 2"), Err(StoreError::Unreadable(_))));
        assert!(matches!(
            read::<[u8; 2]>("SELECT x'01'"),
            Err(StoreError::Unreadable(_))
        ));
    }

    #[test]
    fn a_column_that_is_not_there_is_a_fault_and_not_a_null() {
        let found = Connection::in_memory().query_one("SELECT 1", (), |row| row.get::<Option<i64>>(1));
        assert_eq!(found, Err(StoreError::Misuse("the result has no column 1".to_owned())));
    }

    #[test]
    fn a_text_is_parsed_or_refused_without_being_quoted() {
        let parse = |sql| Connection::in_memory().query_one(sql, (), |row| row.parse::<Realm>(0));
        assert_eq!(parse("SELECT 'live'"), Ok(Some(Realm::Live)));
        assert!(!parse("SELECT 'hunter2'").unwrap_err().to_string().contains("hunter2"));
    }
}
