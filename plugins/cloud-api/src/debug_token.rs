//! `GET /debug_token?input_token=T`: what a token allows. Programs ask it of the token that they ask with, before they take it from a
//! person, so it is answered of that one; whatever `T` is, it is not looked at.

use serde_json::{Value, json};

use crate::bindings::exports::switchboard::plugin::dialect::{Request, Step};
use crate::graph_error::GraphError;
use crate::params::Params;
use crate::reply::Reply;

/// Meta's permissions, and the scope of the host that each takes.
const PERMISSIONS: [(&str, &str); 2] = [
    ("whatsapp_business_management", "sessions:read"),
    ("whatsapp_business_messaging", "messages:send"),
];

pub(crate) fn next(request: &Request, reply: &Reply) -> Result<Step, GraphError> {
    Params::of(request)?.needed_words("input_token")?;
    let caller = request.caller.as_ref();
    let scopes = caller.map(|caller| caller.scopes.as_slice()).unwrap_or_default();
    Ok(Step::Respond(reply.ok(&answer(scopes))))
}

fn answer(scopes: &[String]) -> Value {
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    let permissions = PERMISSIONS.iter().filter(|(_, scope)| has(scope));
    let permissions: Vec<_> = permissions.map(|(permission, _)| *permission).collect();
    json!({"data": {
        "app_id": "0",
        "application": "Switchboard",
        "type": "SYSTEM_USER",
        "is_valid": true,
        // Meta's word for never. When it ends the host does not tell, and programs refuse a token that ends at all.
        "expires_at": 0,
        "scopes": permissions,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_permissions_that_its_scopes_give() {
        for (scopes, permissions) in [
            (
                &["messages:send", "sessions:read"][..],
                json!(["whatsapp_business_management", "whatsapp_business_messaging"]),
            ),
            (&["messages:send"], json!(["whatsapp_business_messaging"])),
            (&["messages:read"], json!([])),
        ] {
            let scopes: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            assert_eq!(answer(&scopes)["data"]["scopes"], permissions);
        }
    }
}
