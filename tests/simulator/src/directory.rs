//! The accounts of the server, by phone number and by LID.

use std::collections::HashMap;
use std::sync::Arc;

use whatsapp_rust::wacore::libsignal::protocol::CurveError;
use whatsapp_rust::{Jid, Server as JidServer};

use crate::account::Account;
use crate::address::{DeviceAddress, Number};
use crate::locked::Locked;
use crate::random::Random;

/// All accounts. A number is on WhatsApp exactly if it is in here.
#[derive(Default)]
pub(crate) struct Directory(Locked<Index>);

#[derive(Default)]
struct Index {
    by_number: HashMap<Number, Arc<Account>>,
    by_lid: HashMap<String, Arc<Account>>,
}

impl Index {
    fn insert(&mut self, account: Arc<Account>) {
        self.by_lid.insert(account.lid.clone(), Arc::clone(&account));
        self.by_number.insert(account.number.clone(), account);
    }
}

impl Directory {
    pub(crate) fn with(accounts: Vec<Account>) -> Self {
        let directory = Self::default();
        let mut index = directory.0.lock();
        for account in accounts {
            index.insert(Arc::new(account));
        }
        drop(index);
        directory
    }

    pub(crate) fn get(&self, number: &Number) -> Option<Arc<Account>> {
        self.0.lock().by_number.get(number).cloned()
    }

    /// The account, and whether it had to be made.
    pub(crate) fn get_or_create(&self, number: &Number, random: &Random) -> Result<(Arc<Account>, bool), CurveError> {
        let mut index = self.0.lock();
        if let Some(account) = index.by_number.get(number) {
            return Ok((Arc::clone(account), false));
        }
        let account = Arc::new(Account::create(number.clone(), random)?);
        index.insert(Arc::clone(&account));
        Ok((account, true))
    }

    /// Whose address this is, by number or by LID.
    pub(crate) fn resolve(&self, jid: &Jid) -> Option<Arc<Account>> {
        let index = self.0.lock();
        match jid.server {
            JidServer::Lid => index.by_lid.get(jid.user.as_str()).cloned(),
            JidServer::Pn => index.by_number.get(jid.user.as_str()).cloned(),
            _ => None,
        }
    }

    /// Which device this address names. The account exists, the device may not.
    pub(crate) fn resolve_device(&self, jid: &Jid) -> Option<DeviceAddress> {
        let account = self.resolve(jid)?;
        Some(DeviceAddress::new(account.number.clone(), jid.device))
    }

    /// All accounts, ordered by number.
    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        let mut accounts: Vec<_> = self.0.lock().by_number.values().cloned().collect();
        accounts.sort_by(|a, b| a.number.cmp(&b.number));
        accounts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_number_and_by_lid() {
        let directory = Directory::default();
        let number = Number::parse("15550000001").unwrap();
        let (account, made) = directory.get_or_create(&number, &Random::seeded(1)).unwrap();
        assert!(made);
        let by_lid = directory.resolve(&Jid::lid(account.lid.as_str())).unwrap();
        let by_number = directory.resolve(&Jid::pn("15550000001")).unwrap();
        assert!(Arc::ptr_eq(&by_lid, &by_number));
        assert!(directory.resolve(&Jid::pn(account.lid.as_str())).is_none());
    }

    #[test]
    fn a_number_has_one_account() {
        let directory = Directory::default();
        let number = Number::parse("15550000001").unwrap();
        let random = Random::seeded(1);
        let (first, _) = directory.get_or_create(&number, &random).unwrap();
        let (second, made) = directory.get_or_create(&number, &random).unwrap();
        assert!(!made && Arc::ptr_eq(&first, &second));
    }
}
