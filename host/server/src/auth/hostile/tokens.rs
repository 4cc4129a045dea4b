//! What stands where a token is expected.

use super::*;
use Then::{Refused, Taken};

#[tokio::test]
async fn hostile_tokens_are_refused_and_only_the_good_ones_are_taken() {
    let forge = Forge::new().await;
    let none = json!({});
    let of = |header: Value, claims: Value| forge.token(&header, &claims);
    let good = of(none.clone(), none.clone());
    let header = |changes: Value| of(changes, json!({}));
    let claims = |changes: Value| of(json!({}), changes);
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, seal) = (parts[0], parts[1], parts[2]);
    let unsigned = BASE64.encode(forge.header(&json!({"alg": "none"})).to_string());
    let now = forge.app.clock.now().as_secs();

    let revoked = forge.app.token(json!({"scopes": ["sessions:read"]})).await;
    let id = part(&revoked, 1)["jti"].as_str().unwrap().to_owned();
    forge
        .app
        .call("DELETE", &format!("/api/tokens/{id}"), Value::Null)
        .await;
    let url = forge.app.signed_url("/api/sessions").await;
    let (_, url_signature) = url.split_once("signature=").unwrap();
    let public_key = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";

    let corpus: Vec<(&str, String, Then)> = vec![
        ("a good token", good.clone(), Taken),
        ("a good token without a type", header(json!({"typ": null})), Taken),
        (
            "a good token for every session that says so by leaving it out",
            claims(json!({"sessions": null})),
            Taken,
        ),
        // The algorithm.
        ("alg none without a signature", format!("{unsigned}.{body}."), Refused),
        (
            "alg none with our signature",
            format!("{unsigned}.{body}.{seal}"),
            Refused,
        ),
        ("alg None", header(json!({"alg": "None"})), Refused),
        ("no alg", header(json!({"alg": null})), Refused),
        ("alg that is empty", header(json!({"alg": ""})), Refused),
        ("alg of another case", header(json!({"alg": "hs256"})), Refused),
        ("alg HS384", header(json!({"alg": "HS384"})), Refused),
        ("alg HS512", header(json!({"alg": "HS512"})), Refused),
        (
            "alg RS256 with a signature by HS256",
            header(json!({"alg": "RS256"})),
            Refused,
        ),
        (
            "alg ES256 with a signature by HS256",
            header(json!({"alg": "ES256"})),
            Refused,
        ),
        (
            "HS256 with a public key for its secret",
            signed(&forge.header(&none), &forge.claims, public_key.as_bytes()),
            Refused,
        ),
        (
            "HS256 with an empty secret",
            signed(&forge.header(&none), &forge.claims, b""),
            Refused,
        ),
        (
            "two algs",
            {
                let double = format!("{{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"{}\"}}", forge.kid);
                format!("{}.{body}.{seal}", BASE64.encode(double))
            },
            Refused,
        ),
        // The key.
        (
            "another key",
            signed(&forge.header(&none), &forge.claims, &[9; 32]),
            Refused,
        ),
        ("no kid", header(json!({"kid": null})), Refused),
        ("an empty kid", header(json!({"kid": ""})), Refused),
        ("an unknown kid", header(json!({"kid": "ffffffff"})), Refused),
        (
            "a kid that is a path",
            header(json!({"kid": "../../keys/jwt.json"})),
            Refused,
        ),
        (
            "a kid that is an absolute path",
            header(json!({"kid": "/dev/null"})),
            Refused,
        ),
        (
            "a kid with a path before it",
            header(json!({"kid": format!("./{}", forge.kid)})),
            Refused,
        ),
        (
            "a kid with a NUL",
            header(json!({"kid": format!("{}\0", forge.kid)})),
            Refused,
        ),
        ("a kid that is a query", header(json!({"kid": "' OR '1'='1"})), Refused),
        ("a kid that is a list", header(json!({"kid": [forge.kid]})), Refused),
        ("a kid that is huge", header(json!({"kid": "x".repeat(4000)})), Refused),
        (
            "a key that comes along",
            {
                let key = json!({"kty": "oct", "k": BASE64.encode([9; 32])});
                let header = forge.header(&json!({"jwk": key, "jku": "https://evil.example/keys"}));
                signed(&header, &forge.claims, &[9; 32])
            },
            Refused,
        ),
        (
            "a critical extension",
            header(json!({"crit": ["b64"], "b64": false})),
            Refused,
        ),
        // Parts of two tokens.
        (
            "a header swapped in",
            {
                let other = header(json!({"typ": "at+jwt"}));
                format!("{}.{body}.{seal}", other.split('.').next().unwrap())
            },
            Refused,
        ),
        (
            "claims swapped in",
            {
                let other = claims(json!({"sub": "root"}));
                format!("{head}.{}.{seal}", other.split('.').nth(1).unwrap())
            },
            Refused,
        ),
        // Time.
        ("expired", claims(json!({"exp": now - 3600})), Refused),
        ("not yet valid", claims(json!({"nbf": now + 3600})), Refused),
        ("no expiry", claims(json!({"exp": null})), Refused),
        ("no start", claims(json!({"nbf": null})), Refused),
        ("an expiry as text", claims(json!({"exp": "9999999999"})), Refused),
        ("an expiry that is a fraction", claims(json!({"exp": 1.5e10})), Refused),
        ("an expiry beyond numbers", claims(json!({"exp": 1e300})), Refused),
        ("revoked", revoked, Refused),
        // For whom, and by whom.
        ("another audience", claims(json!({"aud": "somebody else"})), Refused),
        (
            "audiences with ours among them",
            claims(json!({"aud": ["switchboard", "somebody else"]})),
            Refused,
        ),
        ("no audience", claims(json!({"aud": null})), Refused),
        ("another issuer", claims(json!({"iss": "somebody else"})), Refused),
        ("no issuer", claims(json!({"iss": null})), Refused),
        ("no subject", claims(json!({"sub": null})), Refused),
        ("no id", claims(json!({"jti": null})), Refused),
        // What it allows.
        ("no scopes", claims(json!({"scopes": null})), Refused),
        ("scopes as a text", claims(json!({"scopes": "admin"})), Refused),
        (
            "an unknown scope",
            claims(json!({"scopes": ["sessions:read", "root"]})),
            Refused,
        ),
        (
            "sessions as a text",
            claims(json!({"sessions": forge.session})),
            Refused,
        ),
        ("a session that is a star", claims(json!({"sessions": ["*"]})), Refused),
        (
            "a limit that we do not know",
            claims(json!({"ip": "192.0.2.1"})),
            Refused,
        ),
        (
            "claims that are a list",
            signed(&forge.header(&none), &json!([]), &forge.secret),
            Refused,
        ),
        (
            "an expiry twice",
            {
                let double = forge.claims.to_string().replacen('{', "{\"exp\":99999999999,", 1);
                let message = format!("{head}.{}", BASE64.encode(double));
                let key = EncodingKey::from_secret(&forge.secret);
                let seal = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
                format!("{message}.{seal}")
            },
            Refused,
        ),
        // The text.
        ("no dots", "x".to_owned(), Refused),
        ("only dots", "..".to_owned(), Refused),
        ("no signature", format!("{head}.{body}."), Refused),
        ("no signature and no dot", format!("{head}.{body}"), Refused),
        ("trimmed by one", good[..good.len() - 1].to_owned(), Refused),
        ("trimmed at its start", good[1..].to_owned(), Refused),
        ("doubled", format!("{good}{good}"), Refused),
        ("doubled with a dot", format!("{good}.{good}"), Refused),
        ("doubled with a space", format!("{good} {good}"), Refused),
        ("doubled with a comma", format!("{good}, {good}"), Refused),
        ("a fourth part", format!("{good}.x"), Refused),
        ("padded", format!("{good}="), Refused),
        (
            "a signature in another spelling",
            format!("{head}.{body}.{}", respelled(seal)),
            Refused,
        ),
        (
            "a signature in the other alphabet",
            format!("{head}.{body}.{}+/", &seal[..41]),
            Refused,
        ),
        ("a tab inside", format!("{head}.\t{body}.{seal}"), Refused),
        ("a tab behind", format!("{good}\t"), Refused),
        ("in quotes", format!("\"{good}\""), Refused),
        ("huge", format!("{head}.{}.{seal}", "A".repeat(1_000_000)), Refused),
        (
            "huge and rightly signed",
            claims(json!({"sub": "x".repeat(10_000)})),
            Refused,
        ),
        // Something else that is ours.
        ("the signature of a URL", url_signature.to_owned(), Refused),
        ("a signed URL", url.clone(), Refused),
        (
            "half of the admin key",
            ADMIN_KEY[..ADMIN_KEY.len() / 2].to_owned(),
            Refused,
        ),
        ("the admin key and more", format!("{ADMIN_KEY}x"), Refused),
        ("the admin key in another case", ADMIN_KEY.to_uppercase(), Refused),
        ("the admin key", ADMIN_KEY.to_owned(), Taken),
    ];
    for (case, (what, token, then)) in corpus.iter().enumerate() {
        let bearer = format!("Bearer {token}");
        let answered = forge.show(case, "/api/sessions", &[bearer.as_bytes()]).await;
        match then {
            Taken => assert_eq!(answered.status, 200, "{what}"),
            Refused => {
                assert_eq!(answered.status, 401, "{what}");
                answered.failure(401, "unauthorized", None);
            }
        }
    }
}

#[tokio::test]
async fn a_token_for_another_session_does_not_find_this_one() {
    let forge = Forge::new().await;
    let elsewhere = forge.token(&json!({}), &json!({"jti": "elsewhere", "sessions": ["qr_1_deadbeef"]}));
    let nowhere = forge.token(&json!({}), &json!({"jti": "nowhere", "sessions": []}));
    for token in [elsewhere, nowhere] {
        let info = format!("/api/sessions/{}", forge.session);
        forge
            .app
            .with_token("GET", &info, &token)
            .await
            .failure(404, "session_not_found", Some("sessionId"));
        let listed = forge.app.with_token("GET", "/api/sessions", &token).await.json();
        assert_eq!(listed["sessions"], json!([]));
    }
}
