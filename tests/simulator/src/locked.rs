//! A mutex for short, synchronous critical sections.
//!
//! Lock order, everywhere: a phone, then a registry of devices, then anything else. No lock is held across an await, and
//! no two phones or two registries are ever locked at once.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A value behind a mutex that a panicking holder does not poison: each critical section leaves its value valid.
#[derive(Debug, Default)]
pub(crate) struct Locked<T>(Mutex<T>);

impl<T> Locked<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
