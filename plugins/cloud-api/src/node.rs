//! `GET /{id}`: a phone number as an object of the Graph API. What WhatsApp Web knows nothing of has the value of a number in good
//! standing, because clients look for that before they send.

use serde_json::{Map, Value, json};

use crate::bindings::exports::switchboard::plugin::dialect::{Effect, Method, Outcome, Problem, Request, Step};
use crate::graph_error::GraphError;
use crate::meaning::FAILED;
use crate::reply::Reply;

/// What Meta shows when nobody asks for anything.
const DEFAULT_FIELDS: &str = "verified_name,code_verification_status,display_phone_number,quality_rating,platform_type,\
                              throughput,webhook_configuration";

pub(crate) fn next(id: &str, request: &Request, outcomes: &[Outcome], reply: &Reply) -> Result<Step, GraphError> {
    let unknown = || GraphError::unknown_object(Method::Get, id);
    match outcomes {
        [] => Ok(Step::Do(vec![Effect::SessionGet(id.to_owned())])),
        [Outcome::Json(session), ..] => {
            let session: Value = serde_json::from_str(session).unwrap_or_default();
            let asked = request.query.iter().rev().find(|(name, _)| name == "fields");
            let asked = asked.map_or(DEFAULT_FIELDS, |(_, fields)| fields);
            Ok(Step::Respond(reply.ok(&picked(&everything(id, &session), asked))))
        }
        [Outcome::Missing, ..] => Err(unknown()),
        [Outcome::Failed(Problem::Other(problem)), ..] if problem.code == "session_not_found" => Err(unknown()),
        [Outcome::Failed(problem), ..] => Err(GraphError::of(problem)),
        _ => Err(GraphError::new(
            &FAILED,
            "The host answered with something else than was asked for.",
        )),
    }
}

/// Every field there is. Before the first link there is no `mobid`, and the id is the one that was asked for.
fn everything(id: &str, session: &Value) -> Map<String, Value> {
    let number = session["mobile_number"].as_str();
    let name = [&session["pushName"], &session["name"]]
        .into_iter()
        .find_map(Value::as_str);
    let linked = number.is_some() && session["status"] != "LOGGED_OUT" && session["status"] != "INACTIVE";
    let fields = json!({
        "id": session["mobid"].as_str().unwrap_or(id),
        "verified_name": name.or(number).unwrap_or_default(),
        "display_phone_number": number.map(|digits| format!("+{digits}")).unwrap_or_default(),
        "quality_rating": "GREEN",
        "code_verification_status": if linked { "VERIFIED" } else { "NOT_VERIFIED" },
        "platform_type": "CLOUD_API",
        "throughput": {"level": "STANDARD"},
        "webhook_configuration": {},
        "status": match session["status"].as_str() {
            Some("READY") => "CONNECTED",
            Some("BANNED") => "BANNED",
            _ => "DISCONNECTED",
        },
        "name_status": "APPROVED",
        "account_mode": "LIVE",
        "is_official_business_account": false,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The fields of a list such as `verified_name,throughput{level}`, and the id, which Meta always gives. Unknown ones are left out.
fn picked(everything: &Map<String, Value>, asked: &str) -> Value {
    let mut depth = 0_i32;
    let separates = |c: char| {
        depth += i32::from(matches!(c, '{' | '(')) - i32::from(matches!(c, '}' | ')'));
        c == ',' && depth == 0
    };
    let names = asked.split(separates).map(|field| {
        let end = field.find(['{', '(', '.']).unwrap_or(field.len());
        field[..end].trim()
    });
    let pick = |name: &str| Some((name.to_owned(), everything.get(name)?.clone()));
    Value::Object(names.chain(["id"]).filter_map(pick).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked() -> Value {
        json!({"sessionId": "qr_1", "mobid": "104857600000001", "mobile_number": "15550000001", "status": "READY", "pushName": "Desk", "name": "desk"})
    }

    #[test]
    fn a_linked_number_is_in_good_standing() {
        let node = picked(&everything("qr_1", &linked()), DEFAULT_FIELDS);
        assert_eq!(
            node,
            json!({
                "id": "104857600000001",
                "verified_name": "Desk",
                "display_phone_number": "+15550000001",
                "quality_rating": "GREEN",
                "code_verification_status": "VERIFIED",
                "platform_type": "CLOUD_API",
                "throughput": {"level": "STANDARD"},
                "webhook_configuration": {},
            })
        );
    }

    #[test]
    fn a_session_that_was_never_linked_has_the_id_it_was_asked_by() {
        let session = json!({"sessionId": "qr_1", "mobid": null, "mobile_number": null, "status": "QR_READY"});
        let node = picked(&everything("qr_1", &session), "status,code_verification_status");
        assert_eq!(
            node,
            json!({"id": "qr_1", "status": "DISCONNECTED", "code_verification_status": "NOT_VERIFIED"})
        );
    }

    #[test]
    fn fields_are_picked_and_unknown_ones_left_out() {
        let node = picked(
            &everything("qr_1", &linked()),
            " verified_name , throughput{level,x},nonsense, quality_rating.limit(1)",
        );
        assert_eq!(
            node,
            json!({"id": "104857600000001", "verified_name": "Desk", "throughput": {"level": "STANDARD"}, "quality_rating": "GREEN"})
        );
    }
}
