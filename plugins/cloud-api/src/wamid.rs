//! The number inside a message's id. A wamid is base64 around `1C 18 <len> <the other party's digits> ...`.

/// The digits of the party that a conversation is with; none when the id has no such form, as in groups.
pub(crate) fn party(id: &str) -> Option<String> {
    let bytes = decoded(id.strip_prefix("wamid.")?)?;
    let rest = bytes.strip_prefix(&[0x1c, 0x18])?;
    let (&len, rest) = rest.split_first()?;
    let digits = rest.get(..usize::from(len))?;
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| digits.iter().copied().map(char::from).collect())
}

/// The bytes of base64 in the standard alphabet, up to its padding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0_u32);
    for c in text.trim_end_matches('=').bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(six)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_from_both_directions() {
        for id in [
            "wamid.HBgMOTE5ODQ2MzAzMDI1FQIAERgWM0VCMEExQjJDM0Q0RTVGNkE3QjhDOQA=",
            "wamid.HBgMOTE5ODQ2MzAzMDI1FQIAEhgUM0E0QTY1OTlBRUUwMzgxMDE0NEYA",
        ] {
            assert_eq!(party(id).as_deref(), Some("919846303025"));
        }
    }

    #[test]
    fn an_id_of_another_form_has_no_number() {
        for id in [
            "",
            "wamid.",
            "wamid.HBgMOTE5",
            "wamid.!!!!",
            "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "wamid.AAAA",
        ] {
            assert_eq!(party(id), None, "{id}");
        }
    }
}
