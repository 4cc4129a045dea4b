//! `contact`: entries of an address book, shown as one message.
//!
//! The shape is the contract's own record in camelCase; only a name may also be a plain string, which is then how it is shown.

use serde::Deserialize;

use crate::bindings::exports::switchboard::plugin::message_handler::{Content, Kind, Problem};
use crate::bindings::switchboard::plugin::content as wit;
use crate::body;

pub(crate) const NAME: &str = "contact";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    contacts: Vec<Contact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contact {
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
#[serde(untagged)]
enum Name {
    Shown(String),
    Parts(Parts),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    formatted: String,
    first: Option<String>,
    last: Option<String>,
    middle: Option<String>,
    prefix: Option<String>,
    suffix: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Phone {
    number: String,
    label: Option<String>,
    whatsapp: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    value: String,
    label: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    street: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    country: Option<String>,
    label: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Organization {
    company: Option<String>,
    department: Option<String>,
    title: Option<String>,
}

pub(crate) fn kind() -> Kind {
    Kind {
        name: NAME.to_owned(),
        summary: "1 to 10 entries of an address book, shown as one message.".to_owned(),
        schema: include_str!("contact.schema.json").to_owned(),
        example: r#"{"contacts": [{"name": "Asha Nair", "phones": [{"number": "+91 70127 29389", "label": "CELL", "whatsapp": "917012729389"}]}]}"#
            .to_owned(),
    }
}

pub(crate) fn content(body: &str) -> Result<Content, Problem> {
    let Body { contacts } = body::read(body)?;
    Ok(Content::Contacts(contacts.into_iter().map(Contact::into_wit).collect()))
}

impl Contact {
    fn into_wit(self) -> wit::Contact {
        wit::Contact {
            name: self.name.into_wit(),
            phones: self.phones.into_iter().map(Phone::into_wit).collect(),
            emails: self.emails.into_iter().map(Labelled::into_wit).collect(),
            urls: self.urls.into_iter().map(Labelled::into_wit).collect(),
            addresses: self.addresses.into_iter().map(Address::into_wit).collect(),
            organization: self.organization.map(Organization::into_wit),
            birthday: self.birthday,
        }
    }
}

impl Name {
    fn into_wit(self) -> wit::ContactName {
        let parts = match self {
            Self::Parts(parts) => parts,
            Self::Shown(formatted) => Parts {
                formatted,
                first: None,
                last: None,
                middle: None,
                prefix: None,
                suffix: None,
            },
        };
        wit::ContactName {
            formatted: parts.formatted,
            first: parts.first,
            last: parts.last,
            middle: parts.middle,
            prefix: parts.prefix,
            suffix: parts.suffix,
        }
    }
}

impl Phone {
    fn into_wit(self) -> wit::ContactPhone {
        wit::ContactPhone {
            number: self.number,
            label: self.label,
            whatsapp: self.whatsapp,
        }
    }
}

impl Labelled {
    fn into_wit(self) -> wit::Labelled {
        wit::Labelled {
            value: self.value,
            label: self.label,
        }
    }
}

impl Address {
    fn into_wit(self) -> wit::ContactAddress {
        wit::ContactAddress {
            street: self.street,
            city: self.city,
            state: self.state,
            zip: self.zip,
            country: self.country,
            label: self.label,
        }
    }
}

impl Organization {
    fn into_wit(self) -> wit::ContactOrganization {
        wit::ContactOrganization {
            company: self.company,
            department: self.department,
            title: self.title,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(body: &str) -> wit::Contact {
        match content(body) {
            Ok(Content::Contacts(contacts)) => contacts.into_iter().next().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_that_is_a_string_is_shown_as_it_is() {
        let contact = first(r#"{"contacts": [{"name": "Asha Nair"}]}"#);
        assert_eq!(
            contact,
            first(r#"{"contacts": [{"name": {"formatted": "Asha Nair"}}]}"#)
        );
        assert_eq!(
            (
                contact.name.formatted.as_str(),
                contact.name.first,
                contact.phones.len()
            ),
            ("Asha Nair", None, 0)
        );
    }

    #[test]
    fn everything_in_an_entry_arrives() {
        let contact = first(
            r#"{"contacts": [{
                "name": {"formatted": "Dr. Asha Nair", "first": "Asha", "last": "Nair", "prefix": "Dr."},
                "phones": [{"number": "+91 70127 29389", "label": "CELL", "whatsapp": "917012729389"}],
                "emails": [{"value": "asha@example.org", "label": "WORK"}],
                "urls": [{"value": "https://example.org"}],
                "addresses": [{"street": "1 Beach Road", "city": "Kochi", "country": "India", "label": "HOME"}],
                "organization": {"company": "Example", "title": "Physician"},
                "birthday": "1990-02-28"
            }]}"#,
        );
        assert_eq!(contact.name.prefix.as_deref(), Some("Dr."));
        assert_eq!(contact.phones[0].whatsapp.as_deref(), Some("917012729389"));
        assert_eq!(contact.emails[0].label.as_deref(), Some("WORK"));
        assert_eq!(contact.urls[0].value, "https://example.org");
        assert_eq!(contact.addresses[0].city.as_deref(), Some("Kochi"));
        assert_eq!(contact.organization.unwrap().title.as_deref(), Some("Physician"));
        assert_eq!(contact.birthday.as_deref(), Some("1990-02-28"));
    }
}
