//! How a token is shown.

use super::*;
use Then::{Refused, Taken};

#[tokio::test]
async fn one_header_with_one_bearer_token_is_taken_and_nothing_else() {
    let forge = Forge::new().await;
    let good = forge.token(&json!({}), &json!({}));
    let bearer = format!("Bearer {good}");
    let headers: Vec<(&str, Vec<Vec<u8>>, Then)> = vec![
        ("a lower-case scheme", vec![format!("bearer {good}").into()], Taken),
        ("an upper-case scheme", vec![format!("BEARER {good}").into()], Taken),
        (
            "spaces around the token",
            vec![format!("Bearer   {good}  ").into()],
            Taken,
        ),
        ("no header", vec![], Refused),
        ("an empty header", vec![b"".to_vec()], Refused),
        ("a scheme alone", vec![b"Bearer".to_vec()], Refused),
        ("a scheme and a space", vec![b"Bearer ".to_vec()], Refused),
        ("no scheme", vec![good.clone().into()], Refused),
        ("another scheme", vec![format!("Basic {good}").into()], Refused),
        (
            "a scheme with a tab behind it",
            vec![format!("Bearer\t{good}").into()],
            Refused,
        ),
        ("a scheme twice", vec![format!("Bearer Bearer {good}").into()], Refused),
        (
            "the same header twice",
            vec![bearer.clone().into(), bearer.clone().into()],
            Refused,
        ),
        (
            "a good header before another",
            vec![bearer.clone().into(), b"Bearer x".to_vec()],
            Refused,
        ),
        (
            "a good header behind another",
            vec![b"Basic eDp4".to_vec(), bearer.clone().into()],
            Refused,
        ),
        (
            "bytes that are no text",
            vec![[bearer.as_bytes(), b"\xff"].concat()],
            Refused,
        ),
    ];
    for (case, (what, values, then)) in headers.iter().enumerate() {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let answered = forge.show(case, "/api/sessions", &values).await;
        let expected = if matches!(then, Taken) { 200 } else { 401 };
        assert_eq!(answered.status, expected, "{what}");
    }
}
