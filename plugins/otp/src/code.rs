//! Codes that somebody would try first.

/// Refuses a code of one character, and one that only counts up or down. The sentence does not repeat it.
pub(crate) fn check(code: &str) -> Result<(), &'static str> {
    let steps: Vec<i16> = code
        .as_bytes()
        .windows(2)
        .map(|pair| i16::from(pair[1]) - i16::from(pair[0]))
        .collect();
    let always = |step: i16| steps.iter().all(|one| *one == step);
    if always(0) {
        Err("`code` must not be the same character again and again.")
    } else if always(1) || always(-1) {
        Err("`code` must not be a run of characters that follow each other.")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_are_easy_to_guess_are_refused() {
        for code in ["0000", "AAAAAA", "1234", "3456789", "9876", "ABCD", "ZYXW"] {
            assert!(check(code).is_err(), "{code}");
        }
    }

    #[test]
    fn every_other_code_is_taken() {
        for code in ["1235", "0001", "1212", "A1B2C3", "493027", "9870"] {
            assert!(check(code).is_ok(), "{code}");
        }
    }
}
