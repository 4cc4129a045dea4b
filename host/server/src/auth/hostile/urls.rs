//! What stands where a signed URL is expected.

use super::*;
use Then::{Refused, Taken};

#[tokio::test]
async fn hostile_urls_are_refused_and_only_the_signed_one_is_taken() {
    let forge = Forge::new().await;
    let good = forge.token(&json!({}), &json!({}));
    let path = format!("/api/sessions/{}", forge.session);
    let url = forge.app.signed_url(&path).await;
    let list = forge.app.signed_url("/api/sessions?limit=5").await;
    let (_, signature) = url.split_once("signature=").unwrap();
    let pieces: Vec<&str> = signature.split('.').collect();
    let (until, maker, seal) = (pieces[0], pieces[1], pieces[2]);
    let later = until.parse::<i64>().unwrap() + 1;
    let at = |until: &str, maker: &str, seal: &str| format!("{path}?signature={until}.{maker}.{seal}");
    let other = forge.app.token(json!({"scopes": ["sessions:read"]})).await;
    let other = part(&other, 1)["jti"].as_str().unwrap().to_owned();

    let corpus: Vec<(&str, String, Then)> = vec![
        ("a signed URL", url.clone(), Taken),
        ("a signed URL with a query", list.clone(), Taken),
        ("no signature", path.clone(), Refused),
        ("an empty signature", format!("{path}?signature="), Refused),
        ("only dots", format!("{path}?signature=.."), Refused),
        (
            "a bearer token for a signature",
            format!("{path}?signature={good}"),
            Refused,
        ),
        ("a bearer token as a parameter", format!("{path}?token={good}"), Refused),
        (
            "the admin key for a signature",
            format!("{path}?signature={}", ADMIN_KEY.replace(' ', "%20")),
            Refused,
        ),
        ("a later end", at(&later.to_string(), maker, seal), Refused),
        (
            "the same end with a zero before it",
            at(&format!("0{until}"), maker, seal),
            Refused,
        ),
        ("no end", at("", maker, seal), Refused),
        ("another token's id", at(until, &other, seal), Refused),
        (
            "an id that nobody has",
            at(until, "ffffffffffffffffffffffffffffffff", seal),
            Refused,
        ),
        ("the admin key's name", at(until, "admin", seal), Refused),
        ("no seal", at(until, maker, ""), Refused),
        (
            "a seal in another spelling",
            at(until, maker, &respelled(seal)),
            Refused,
        ),
        ("a padded seal", at(until, maker, &format!("{seal}=")), Refused),
        ("a trimmed seal", at(until, maker, &seal[..42]), Refused),
        (
            "a token's seal",
            at(until, maker, good.rsplit_once('.').unwrap().1),
            Refused,
        ),
        (
            "another path's signature",
            format!("/api/sessions?signature={signature}"),
            Refused,
        ),
        ("a longer path", format!("{path}/qr?signature={signature}"), Refused),
        ("a path in another spelling", url.replace("/api/", "/%61pi/"), Refused),
        ("a parameter before it", url.replace('?', "?x=1&"), Refused),
        ("a parameter behind it", format!("{url}&x=1"), Refused),
        ("another query", list.replace("limit=5", "limit=6"), Refused),
        ("no query", list.replace("limit=5&", ""), Refused),
        ("the signature twice", format!("{url}&signature={signature}"), Refused),
        (
            "the parameter in another case",
            url.replace("signature", "Signature"),
            Refused,
        ),
        (
            "the parameter encoded",
            url.replace("signature", "%73ignature"),
            Refused,
        ),
    ];
    for (case, (what, url, then)) in corpus.iter().enumerate() {
        let answered = forge.show(case, url, &[]).await;
        match then {
            Taken => assert_eq!(answered.status, 200, "{what}"),
            // A path that is spelled differently is no route of ours at all.
            Refused => assert!(
                matches!(answered.status.as_u16(), 401 | 404),
                "{what}: {}",
                answered.status
            ),
        }
    }
    let both = forge.show(1000, &url, &[format!("Bearer {good}").as_bytes()]).await;
    both.failure(401, "unauthorized", None);
}
