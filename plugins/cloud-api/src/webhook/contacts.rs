//! Entries of an address book: read in the contract's shape, told in Meta's.

use serde::{Deserialize, Serialize};

/// The content of a message with contacts.
#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) contacts: Vec<Entry>,
}

/// An entry as the host tells it.
#[derive(Deserialize)]
pub(super) struct Entry {
    name: Name,
    #[serde(default)]
    phones: Vec<Phone>,
    #[serde(default)]
    emails: Vec<Labelled>,
    #[serde(default)]
    urls: Vec<Labelled>,
    #[serde(default)]
    addresses: Vec<Address>,
    organization: Option<Organization>,
    birthday: Option<String>,
}

#[derive(Deserialize)]
struct Labelled {
    value: String,
    label: Option<String>,
}

/// An entry as Meta tells it.
#[derive(Serialize)]
pub(super) struct Contact {
    name: Name,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phones: Vec<Phone>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    emails: Vec<Email>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    urls: Vec<Url>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<Organization>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birthday: Option<String>,
}

#[derive(Serialize)]
struct Email {
    email: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

#[derive(Serialize)]
struct Url {
    url: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

/// Read by the contract's names, written by Meta's.
#[derive(Deserialize, Serialize)]
struct Name {
    #[serde(rename(serialize = "formatted_name"))]
    formatted: String,
    #[serde(rename(serialize = "first_name"), skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(rename(serialize = "last_name"), skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    #[serde(rename(serialize = "middle_name"), skip_serializing_if = "Option::is_none")]
    middle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suffix: Option<String>,
}

/// Read by the contract's names, written by Meta's.
#[derive(Deserialize, Serialize)]
struct Phone {
    #[serde(rename(serialize = "phone"))]
    number: String,
    #[serde(rename(serialize = "wa_id"), skip_serializing_if = "Option::is_none")]
    whatsapp: Option<String>,
    #[serde(rename(serialize = "type"), skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

/// Read by the contract's names, written by Meta's.
#[derive(Deserialize, Serialize)]
struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(rename(serialize = "type"), skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Organization {
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}

impl Contact {
    pub(super) fn of(entry: Entry) -> Self {
        let email = |Labelled { value, label }| Email { email: value, label };
        let url = |Labelled { value, label }| Url { url: value, label };
        Self {
            name: entry.name,
            phones: entry.phones,
            emails: entry.emails.into_iter().map(email).collect(),
            urls: entry.urls.into_iter().map(url).collect(),
            addresses: entry.addresses,
            org: entry.organization,
            birthday: entry.birthday,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(entry: &Value) -> Value {
        let Listed { contacts } = serde_json::from_value(json!({"contacts": [entry]})).unwrap();
        serde_json::to_value(contacts.into_iter().map(Contact::of).collect::<Vec<_>>()).unwrap()[0].clone()
    }

    #[test]
    fn an_entry_gets_metas_names() {
        let entry = json!({
            "name": {"formatted": "Asha Nair", "first": "Asha", "last": null},
            "phones": [{"number": "+917012729389", "label": "CELL", "whatsapp": "917012729389"}],
            "emails": [{"value": "asha@example.org", "label": null}],
            "urls": [{"value": "https://example.org", "label": "WORK"}],
            "addresses": [{"city": "Kochi", "label": "HOME"}],
            "organization": {"company": "Example"},
            "birthday": "1990-02-28",
        });
        assert_eq!(
            told(&entry),
            json!({
                "name": {"formatted_name": "Asha Nair", "first_name": "Asha"},
                "phones": [{"phone": "+917012729389", "wa_id": "917012729389", "type": "CELL"}],
                "emails": [{"email": "asha@example.org"}],
                "urls": [{"url": "https://example.org", "type": "WORK"}],
                "addresses": [{"city": "Kochi", "type": "HOME"}],
                "org": {"company": "Example"},
                "birthday": "1990-02-28",
            })
        );
    }

    #[test]
    fn an_entry_without_anything_but_a_name_is_only_a_name() {
        assert_eq!(
            told(&json!({"name": {"formatted": "Asha"}})),
            json!({"name": {"formatted_name": "Asha"}})
        );
    }
}
