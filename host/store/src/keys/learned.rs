//! Snapshots the protocol serialises itself: device lists of users, group metadata, versions of the synchronised state.

use super::KeyStore;
use super::key::Text;
use super::sealed::{Sealed, Table, table};

static DEVICE_LISTS: Table<Text> = table!("wa_device_list", "user");
static GROUPS: Table<Text> = table!("wa_group", "group_jid");
static APP_VERSIONS: Table<Text> = table!("wa_app_version", "collection");

impl KeyStore {
    /// The known devices of each user.
    pub const fn device_lists(&self) -> Sealed<'_, Text> {
        self.sealed(&DEVICE_LISTS)
    }

    /// What is known about each group, so that an unchanged one need not be asked for.
    pub const fn groups(&self) -> Sealed<'_, Text> {
        self.sealed(&GROUPS)
    }

    /// The version and hash of each collection of the synchronised state.
    pub const fn app_versions(&self) -> Sealed<'_, Text> {
        self.sealed(&APP_VERSIONS)
    }
}
