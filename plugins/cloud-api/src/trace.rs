//! The trace id of an answer: `A` and 22 characters of the url-safe alphabet, as Meta's look.
//!
//! It is made of the request id alone, so an answer is the same however often it is made.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The trace id of the request with this id.
pub(crate) fn id(request_id: &str) -> String {
    // FNV-1a, and then a linear congruential generator (Knuth's MMIX), of whose bits the upper ones are good.
    let mut state = request_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut id = String::from("A");
    for _ in 0..22 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let six_bits = usize::try_from(state >> 58).unwrap_or_default();
        id.push(char::from(ALPHABET[six_bits]));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_trace_id_and_another_request_another() {
        let one = id("req_1");
        assert_eq!(one, id("req_1"));
        assert_ne!(one, id("req_2"));
        assert!(one.len() == 23 && one.starts_with('A'));
        assert!(one.bytes().skip(1).all(|b| ALPHABET.contains(&b)));
    }
}
