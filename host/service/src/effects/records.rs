//! What a plugin keeps between requests: small JSON texts that no other plugin sees.

use serde::de::IgnoredAny;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::Plugin;
use switchboard_plugins::contract::effects::{Entry, Outcome, RecordKey as Wanted, RecordRange as WantedRange};
use switchboard_store::records::{Kept, RecordKey, RecordRange};

use super::{Carrier, page_limit};

/// The largest value, in bytes.
const LARGEST_VALUE: usize = 64 * 1024;
/// The longest key, in bytes.
const LONGEST_KEY: usize = 256;

impl Carrier<'_> {
    pub(super) async fn record(&self, plugin: &Plugin, wanted: Wanted) -> Result<Outcome, Problem> {
        let at = place(plugin, wanted)?;
        let found = self.service.parts.records.get(at).await?;
        Ok(found.map_or(Outcome::Missing, Outcome::Json))
    }

    pub(super) async fn keep_record(&self, plugin: &Plugin, entry: Entry) -> Result<Outcome, Problem> {
        let Entry { at, value } = entry;
        let at = place(plugin, at)?;
        if value.len() > LARGEST_VALUE || serde_json::from_str::<IgnoredAny>(&value).is_err() {
            let sentence = format!("value must be JSON of at most {LARGEST_VALUE} bytes.");
            return Err(Problem::invalid_field("value", sentence));
        }
        match self.service.parts.records.put(at, value).await? {
            Kept::Done => Ok(Outcome::Done),
            Kept::Full => Err(Problem::new(
                Code::RECORDS_FULL,
                "The plugin keeps as much as it may; it must take something away first.",
            )),
        }
    }

    pub(super) async fn drop_record(&self, plugin: &Plugin, wanted: Wanted) -> Result<Outcome, Problem> {
        self.service.parts.records.delete(place(plugin, wanted)?).await?;
        Ok(Outcome::Done)
    }

    pub(super) async fn records(&self, plugin: &Plugin, wanted: WantedRange) -> Result<Outcome, Problem> {
        let WantedRange {
            collection,
            after,
            limit,
        } = wanted;
        page_limit(limit)?;
        let range = RecordRange {
            plugin: plugin.id().to_owned(),
            collection: named(collection)?,
            after,
            limit,
        };
        let entries = self.service.parts.records.list(range.clone()).await?;
        let entries = entries.into_iter().map(|(key, value)| Entry {
            at: Wanted {
                collection: range.collection.clone(),
                key,
            },
            value,
        });
        Ok(Outcome::Entries(entries.collect()))
    }
}

/// The place that a plugin means, among its own.
fn place(plugin: &Plugin, wanted: Wanted) -> Result<RecordKey, Problem> {
    let Wanted { collection, key } = wanted;
    if !(1..=LONGEST_KEY).contains(&key.len()) || key.contains(char::is_control) {
        let sentence = format!("key must be 1 to {LONGEST_KEY} bytes without control characters.");
        return Err(Problem::invalid_field("key", sentence));
    }
    Ok(RecordKey {
        plugin: plugin.id().to_owned(),
        collection: named(collection)?,
        key,
    })
}

fn named(collection: String) -> Result<String, Problem> {
    let is_name = (1..=64).contains(&collection.len())
        && collection
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_');
    if is_name {
        Ok(collection)
    } else {
        let sentence = "collection must be 1 to 64 of a-z, 0-9, - and _.";
        Err(Problem::invalid_field("collection", sentence))
    }
}
