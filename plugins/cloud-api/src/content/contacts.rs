//! `contacts`: entries of an address book. Every part but the name as it is shown may be absent or null.

use super::mandatory;
use crate::bindings::switchboard::plugin::content::{
    Contact, ContactAddress, ContactName, ContactOrganization, ContactPhone, Labelled,
};
use crate::graph_error::GraphError;
use crate::params::Params;

/// The host sends no more in one message.
const MOST: usize = 256;

pub(super) fn of(params: &Params) -> Result<Vec<Contact>, GraphError> {
    let contacts = params.list("contacts")?;
    if contacts.is_empty() {
        return Err(mandatory("contacts"));
    }
    if contacts.len() > MOST {
        return Err(GraphError::wrong("contacts", "must be a list of at most 256 contacts"));
    }
    contacts.iter().map(contact).collect()
}

fn contact(entry: &Params) -> Result<Contact, GraphError> {
    Ok(Contact {
        name: name(&entry.needed_object("name")?)?,
        phones: known(entry, "phones", phone)?,
        emails: known(entry, "emails", |email| labelled(email, "email"))?,
        urls: known(entry, "urls", |url| labelled(url, "url"))?,
        addresses: known(entry, "addresses", address)?,
        organization: entry.object("org")?.as_ref().map(organization).transpose()?.flatten(),
        birthday: entry.words("birthday")?,
    })
}

/// What a list says. Entries that say nothing are left out: clients send a type with nothing behind it.
fn known<T>(
    entry: &Params,
    name: &str,
    read: impl Fn(&Params) -> Result<Option<T>, GraphError>,
) -> Result<Vec<T>, GraphError> {
    entry
        .list(name)?
        .iter()
        .filter_map(|item| read(item).transpose())
        .collect()
}

fn name(name: &Params) -> Result<ContactName, GraphError> {
    Ok(ContactName {
        formatted: name.needed_words("formatted_name")?,
        first: name.words("first_name")?,
        last: name.words("last_name")?,
        middle: name.words("middle_name")?,
        prefix: name.words("prefix")?,
        suffix: name.words("suffix")?,
    })
}

fn phone(phone: &Params) -> Result<Option<ContactPhone>, GraphError> {
    let whatsapp = phone.words("wa_id")?.and_then(|wa_id| digits(&wa_id));
    let Some(number) = phone
        .words("phone")?
        .or_else(|| whatsapp.as_ref().map(|digits| format!("+{digits}")))
    else {
        return Ok(None);
    };
    Ok(Some(ContactPhone {
        number,
        label: phone.words("type")?,
        whatsapp,
    }))
}

/// The digits of a number on WhatsApp, however it is spelled; none if they are not 7 to 15, which no number has.
fn digits(wa_id: &str) -> Option<String> {
    let digits: String = wa_id.chars().filter(char::is_ascii_digit).collect();
    (7..=15).contains(&digits.len()).then_some(digits)
}

fn labelled(entry: &Params, name: &str) -> Result<Option<Labelled>, GraphError> {
    let label = entry.words("type")?;
    Ok(entry.words(name)?.map(|value| Labelled { value, label }))
}

fn address(address: &Params) -> Result<Option<ContactAddress>, GraphError> {
    let (street, city, state) = (
        address.words("street")?,
        address.words("city")?,
        address.words("state")?,
    );
    let (zip, country) = (address.words("zip")?, address.words("country")?);
    let country = country.or(address.words("country_code")?);
    let label = address.words("type")?;
    let empty = [&street, &city, &state, &zip, &country]
        .iter()
        .all(|part| part.is_none());
    Ok((!empty).then_some(ContactAddress {
        street,
        city,
        state,
        zip,
        country,
        label,
    }))
}

fn organization(org: &Params) -> Result<Option<ContactOrganization>, GraphError> {
    let (company, department, title) = (org.words("company")?, org.words("department")?, org.words("title")?);
    let empty = [&company, &department, &title].iter().all(|part| part.is_none());
    Ok((!empty).then_some(ContactOrganization {
        company,
        department,
        title,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::params;
    use serde_json::{Value, json};

    fn one(contact: &Value) -> Contact {
        let contacts = of(&params(&json!({"contacts": [contact]}))).unwrap();
        contacts.into_iter().next().unwrap()
    }

    #[test]
    fn a_whole_entry_arrives() {
        let contact = one(&json!({
            "name": {"formatted_name": "Asha Nair", "first_name": "Asha", "last_name": "Nair"},
            "phones": [{"phone": "+91 70127 29389", "type": "CELL", "wa_id": "917012729389"}],
            "emails": [{"email": "asha@example.org", "type": "WORK"}],
            "urls": [{"url": "https://example.org", "type": "WORK"}],
            "addresses": [{"street": "1 Beach Road", "city": "Kochi", "country": "India", "country_code": "in", "type": "HOME"}],
            "org": {"company": "Example", "title": "Physician"},
            "birthday": "1990-02-28",
        }));
        assert_eq!(contact.name.first.as_deref(), Some("Asha"));
        assert_eq!(contact.phones[0].whatsapp.as_deref(), Some("917012729389"));
        assert_eq!(contact.emails[0].value, "asha@example.org");
        assert_eq!(contact.urls[0].label.as_deref(), Some("WORK"));
        assert_eq!(contact.addresses[0].country.as_deref(), Some("India"));
        assert_eq!(contact.organization.unwrap().title.as_deref(), Some("Physician"));
        assert_eq!(contact.birthday.as_deref(), Some("1990-02-28"));
    }

    #[test]
    fn what_is_null_or_says_nothing_is_left_out() {
        let contact = one(&json!({
            "name": {"formatted_name": "Asha", "middle_name": null},
            "phones": [{"type": "CELL"}, {"wa_id": "917012729389"}],
            "emails": [{"email": null, "type": "WORK"}],
            "urls": null,
            "addresses": [{"type": "HOME"}],
            "org": null,
            "birthday": null,
        }));
        assert_eq!(contact.phones.len(), 1);
        assert_eq!(contact.phones[0].number, "+917012729389");
        assert!(contact.emails.is_empty() && contact.urls.is_empty() && contact.addresses.is_empty());
        assert_eq!((contact.organization, contact.birthday), (None, None));
        for org in [json!([]), json!(""), json!({"company": ""})] {
            let contact = one(&json!({"name": {"formatted_name": "Asha"}, "org": org}));
            assert_eq!(contact.organization, None, "{org}");
        }
    }

    #[test]
    fn a_number_on_whatsapp_is_its_digits_or_none() {
        for (wa_id, whatsapp) in [
            ("+91 70127-29389", Some("917012729389")),
            ("917012729389@s.whatsapp.net", Some("917012729389")),
            ("12345", None),
            ("1234567890123456", None),
            ("none", None),
        ] {
            let contact = one(&json!({
                "name": {"formatted_name": "Asha"},
                "phones": [{"phone": "+91 70127 29389", "wa_id": wa_id}],
            }));
            assert_eq!(contact.phones[0].whatsapp.as_deref(), whatsapp, "{wa_id}");
            assert_eq!(contact.phones[0].number, "+91 70127 29389");
        }
    }

    #[test]
    fn the_list_may_be_a_text_and_must_name_everybody() {
        let text = json!([{"name": {"formatted_name": "Asha"}}]).to_string();
        assert_eq!(of(&params(&json!({"contacts": text}))).unwrap().len(), 1);
        let error = of(&params(
            &json!({"contacts": [{"name": {"formatted_name": "A"}}, {"name": {"first_name": "B"}}]}),
        ));
        assert_eq!(
            error.unwrap_err().message,
            "(#100) The parameter contacts[1]['name']['formatted_name'] is required."
        );
    }
}
