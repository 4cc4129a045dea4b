//! Meta's id of a person for one business: a country code, a dot and up to 128 letters and digits.
//!
//! Nobody gives out such ids here, so one is made of the number or the address. It is stable, and leads back to where it came from
//! when a client sends to it. The country is always the same: nothing may be read into it.

const COUNTRY: &str = "IN.";

/// Servers of addresses, and how they are spelled with letters alone.
const SERVERS: [(&str, &str); 2] = [("@lid", "lid"), ("@g.us", "gus")];

/// The id of a number or an address.
pub(crate) fn of(wa_id: &str) -> String {
    let address = SERVERS
        .iter()
        .find_map(|(server, word)| Some(format!("{word}{}", wa_id.strip_suffix(server)?)));
    let plain = address.unwrap_or_else(|| wa_id.to_owned());
    let letters = plain.chars().filter(char::is_ascii_alphanumeric);
    COUNTRY.chars().chain(letters).collect()
}

/// The number or the address of an id that was made here.
pub(crate) fn read(user_id: &str) -> Option<String> {
    let plain = user_id.strip_prefix(COUNTRY)?;
    let server = SERVERS.iter().find(|(_, word)| plain.starts_with(word));
    let (digits, server) = match server {
        Some((server, word)) => (&plain[word.len()..], *server),
        None => (plain, ""),
    };
    let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    whole.then(|| format!("{digits}{server}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_where_it_came_from() {
        for (wa_id, user_id) in [
            ("917012729389", "IN.917012729389"),
            ("123456789@lid", "IN.lid123456789"),
            ("120363012345678901@g.us", "IN.gus120363012345678901"),
        ] {
            assert_eq!(of(wa_id), user_id);
            assert_eq!(read(user_id).as_deref(), Some(wa_id));
        }
    }

    #[test]
    fn an_id_of_somebody_else_is_not_read() {
        for user_id in [
            "",
            "917012729389",
            "IN.",
            "IN.abc",
            "IN.lid",
            "US.917012729389",
            "IN.91-70",
        ] {
            assert_eq!(read(user_id), None, "{user_id}");
        }
    }
}
