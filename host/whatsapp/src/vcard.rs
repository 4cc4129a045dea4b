//! Entries of an address book as vCards, which is how WhatsApp carries them: version 3.0 (RFC 2426), with the parameter `waid` on a
//! number that is on WhatsApp, and `item1.TEL` with `item1.X-ABLabel` for words that are no type of the standard.
//!
//! What is read is what phones write, versions 2.1 to 4.0; whatever has no place in [`Contact`] is left out.

use std::fmt::Write as _;

use switchboard_core::content::{Address, Contact, Labelled, Name, Organization, Phone};

/// One entry as a vCard.
pub(crate) fn write(contact: &Contact) -> String {
    let mut card = String::from("BEGIN:VCARD\r\nVERSION:3.0\r\n");
    let mut line = |name: &str, value: &str| {
        // A string takes whatever is written to it.
        let _ = write!(card, "{name}:{value}\r\n");
    };
    let Name {
        formatted,
        first,
        last,
        middle,
        prefix,
        suffix,
    } = &contact.name;
    let parts = [last, first, middle, prefix, suffix];
    // The standard wants N; a phone shows FN.
    let structured = if parts.iter().all(|part| part.is_none()) {
        format!(";{};;;", escaped(formatted))
    } else {
        joined(&parts)
    };
    line("N", &structured);
    line("FN", &escaped(formatted));
    for Phone {
        number,
        label,
        whatsapp,
    } in &contact.phones
    {
        let waid = whatsapp.as_ref().map(|digits| format!(";waid={}", parameter(digits)));
        line(
            &format!("TEL{}{}", kind(label.as_deref()), waid.unwrap_or_default()),
            &escaped(number),
        );
    }
    for (name, list) in [("EMAIL", &contact.emails), ("URL", &contact.urls)] {
        for Labelled { value, label } in list {
            line(&format!("{name}{}", kind(label.as_deref())), &escaped(value));
        }
    }
    for address in &contact.addresses {
        let Address {
            street,
            city,
            state,
            zip,
            country,
            label,
        } = address;
        let value = joined(&[&None, &None, street, city, state, zip, country]);
        line(&format!("ADR{}", kind(label.as_deref())), &value);
    }
    if let Some(Organization {
        company,
        department,
        title,
    }) = &contact.organization
    {
        if company.is_some() || department.is_some() {
            line("ORG", &joined(&[company, department]));
        }
        if let Some(title) = title {
            line("TITLE", &escaped(title));
        }
    }
    if let Some(birthday) = &contact.birthday {
        line("BDAY", &escaped(birthday));
    }
    line("END", "VCARD");
    card
}

/// The entry in a vCard. `shown` is its name where the card has none; without any there is no entry.
pub(crate) fn read(card: &str, shown: &str) -> Option<Contact> {
    let mut contact = Contact::default();
    let mut organization = Organization::default();
    for line in unfolded(card) {
        let Some((head, value)) = split_once_outside_quotes(&line, ':') else {
            continue;
        };
        let mut parameters = head.split(';');
        let name = parameters.next().unwrap_or_default();
        // `item1.TEL` is a TEL.
        let name = name.rsplit('.').next().unwrap_or(name).to_ascii_uppercase();
        let (label, whatsapp) = labels(parameters);
        let labelled = || Labelled {
            value: plain(value),
            label: label.clone(),
        };
        match name.as_str() {
            "FN" => contact.name.formatted = plain(value),
            "N" => {
                let [last, first, middle, prefix, suffix] = fields(value);
                contact.name = Name {
                    formatted: contact.name.formatted,
                    first,
                    last,
                    middle,
                    prefix,
                    suffix,
                };
            }
            "TEL" => contact.phones.push(Phone {
                number: plain(value.strip_prefix("tel:").unwrap_or(value)),
                label,
                whatsapp,
            }),
            "EMAIL" => contact.emails.push(labelled()),
            "URL" => contact.urls.push(labelled()),
            "ADR" => {
                let [_, _, street, city, state, zip, country] = fields(value);
                contact.addresses.push(Address {
                    street,
                    city,
                    state,
                    zip,
                    country,
                    label,
                });
            }
            "ORG" => [organization.company, organization.department] = fields(value),
            "TITLE" => organization.title = Some(plain(value)),
            "BDAY" => contact.birthday = Some(plain(value)),
            _ => {}
        }
    }
    if contact.name.formatted.is_empty() {
        contact.name.formatted = shown.to_owned();
    }
    // What `write` makes up for an entry without parts of a name.
    let only_first = [
        &contact.name.last,
        &contact.name.middle,
        &contact.name.prefix,
        &contact.name.suffix,
    ];
    if contact.name.first.as_ref() == Some(&contact.name.formatted) && only_first.iter().all(|part| part.is_none()) {
        contact.name.first = None;
    }
    if organization != Organization::default() {
        contact.organization = Some(organization);
    }
    (!contact.name.formatted.is_empty()).then_some(contact)
}

fn kind(label: Option<&str>) -> String {
    label.map_or_else(String::new, |label| format!(";type={}", parameter(label)))
}

/// A word that cannot end its parameter.
fn parameter(word: &str) -> String {
    word.chars()
        .filter(|c| !c.is_control() && !matches!(c, ';' | ':' | ',' | '"' | '='))
        .collect()
}

fn joined(parts: &[&Option<String>]) -> String {
    let parts: Vec<_> = parts
        .iter()
        .map(|part| part.as_deref().map(escaped).unwrap_or_default())
        .collect();
    parts.join(";")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            // A bare one would end the line for some readers.
            '\r' => {}
            c => escaped.push(c),
        }
    }
    escaped
}

fn plain(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            c => plain.push(c),
        }
    }
    plain
}

/// The parts of a value, none for an empty one.
fn fields<const N: usize>(value: &str) -> [Option<String>; N] {
    let mut parts = vec![String::new()];
    let mut is_escaped = false;
    for c in value.chars() {
        if c == ';' && !is_escaped {
            parts.push(String::new());
            continue;
        }
        is_escaped = c == '\\' && !is_escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    std::array::from_fn(|place| parts.get(place).map(|part| plain(part)).filter(|part| !part.is_empty()))
}

/// The first type that says something, and the digits on WhatsApp.
fn labels<'a>(parameters: impl Iterator<Item = &'a str>) -> (Option<String>, Option<String>) {
    let (mut label, mut whatsapp) = (None, None);
    for parameter in parameters {
        // Version 2.1 writes the type alone.
        let (name, value) = parameter.split_once('=').unwrap_or(("type", parameter));
        let value = value.trim_matches('"');
        if name.eq_ignore_ascii_case("waid") {
            whatsapp = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("type") && label.is_none() {
            let says_nothing = |word: &&str| {
                ["voice", "pref", "internet"]
                    .iter()
                    .any(|nothing| word.eq_ignore_ascii_case(nothing))
            };
            label = value.split(',').find(|word| !says_nothing(word)).map(str::to_owned);
        }
    }
    (label, whatsapp)
}

/// Lines, with those that were broken put together again.
fn unfolded(card: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in card.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

fn split_once_outside_quotes(line: &str, at: char) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let place = line.char_indices().find(|&(_, c)| {
        is_quoted ^= c == '"';
        c == at && !is_quoted
    });
    place.map(|(place, _)| (&line[..place], &line[place + at.len_utf8()..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full() -> Contact {
        Contact {
            name: Name {
                formatted: "Dr. Ada Lovelace".into(),
                first: Some("Ada".into()),
                last: Some("Lovelace; née Byron".into()),
                prefix: Some("Dr.".into()),
                ..Name::default()
            },
            phones: vec![
                Phone {
                    number: "+1 555 000 0002".into(),
                    label: Some("CELL".into()),
                    whatsapp: Some("15550000002".into()),
                },
                Phone {
                    number: "911".into(),
                    ..Phone::default()
                },
            ],
            emails: vec![Labelled {
                value: "ada@example.com".into(),
                label: Some("WORK".into()),
            }],
            urls: vec![Labelled {
                value: "https://example.com/a,b".into(),
                label: None,
            }],
            addresses: vec![Address {
                street: Some("12 St James's Square".into()),
                city: Some("London".into()),
                country: Some("United Kingdom".into()),
                label: Some("HOME".into()),
                ..Address::default()
            }],
            organization: Some(Organization {
                company: Some("Analytical Engines, Ltd.".into()),
                department: None,
                title: Some("Programmer".into()),
            }),
            birthday: Some("1815-12-10".into()),
        }
    }

    #[test]
    fn an_entry_reads_back() {
        let card = write(&full());
        assert!(
            card.contains("TEL;type=CELL;waid=15550000002:+1 555 000 0002\r\n"),
            "{card}"
        );
        assert_eq!(read(&card, ""), Some(full()));
    }

    #[test]
    fn what_phones_write_is_read() {
        let apple = "BEGIN:VCARD\nVERSION:3.0\nN:Doe;Jane;;;\nFN:Jane Doe\nitem1.TEL;waid=15550000003:+1 555-000-0003\n\
                     item1.X-ABLabel:Mobile\nEMAIL;type=INTERNET;type=WORK:jane@exam\n ple.com\nPHOTO;BASE64:AAAA\nEND:VCARD";
        let contact = read(apple, "").unwrap();
        assert_eq!(contact.phones[0].whatsapp.as_deref(), Some("15550000003"));
        assert_eq!(contact.emails[0].value, "jane@example.com");
        let old = "BEGIN:VCARD\nVERSION:2.1\nTEL;CELL;VOICE:123\nEND:VCARD";
        let contact = read(old, "Jane").unwrap();
        assert_eq!(contact.name.formatted, "Jane");
        assert_eq!(contact.phones[0].label.as_deref(), Some("CELL"));
        let newer = "BEGIN:VCARD\nVERSION:4.0\nFN:J\nTEL;VALUE=uri;TYPE=\"voice,home\":tel:+1-555-000-0004\nEND:VCARD";
        let phone = &read(newer, "").unwrap().phones[0];
        assert_eq!(
            (phone.number.as_str(), phone.label.as_deref()),
            ("+1-555-000-0004", Some("home"))
        );
    }

    #[test]
    fn an_entry_without_any_name_is_none() {
        assert_eq!(read("BEGIN:VCARD\nEND:VCARD", ""), None);
        assert_eq!(read("", ""), None);
    }

    #[test]
    fn nothing_in_an_entry_can_add_a_line() {
        let contact = Contact {
            name: Name {
                formatted: "x\r\nTEL:911".into(),
                ..Name::default()
            },
            phones: vec![Phone {
                number: "1\nURL:http://evil.example".into(),
                label: Some("a:b\nTEL;c".into()),
                whatsapp: Some("1\r\nTEL:2".into()),
            }],
            ..Contact::default()
        };
        let card = write(&contact);
        assert_eq!(card.lines().count(), 6, "{card}");
    }

    proptest! {
        #[test]
        fn any_text_reads_back_and_any_card_has_an_answer(text in "[^\r]{1,40}", card in ".*") {
            let contact = Contact { birthday: Some(text.clone()), ..Contact::named(text) };
            prop_assert_eq!(read(&write(&contact), ""), Some(contact));
            let _ = read(&card, &card);
        }
    }
}
