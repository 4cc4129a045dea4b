//! What the host calls a field, and what Meta's clients call it.

use crate::bindings::switchboard::plugin::types::FieldProblem;

/// What is wrong with a recipient, as Meta says it.
const MALFORMED: &str = "The phone number is malformed: Please use the format: +1234567890.";

/// The host's sentence about a field, with the name that the client has for it.
pub(crate) fn sentence(problem: &FieldProblem) -> String {
    let FieldProblem { field, message } = problem;
    match (field.as_str(), message.strip_prefix(field.as_str())) {
        ("to", _) => MALFORMED.to_owned(),
        (_, Some(rest)) => format!("{}{rest}", parameter(field)),
        (_, None) => message.clone(),
    }
}

/// Meta's name of a field, such as `contacts[0]['name']` for `contacts.0.name`.
fn parameter(field: &str) -> String {
    let known = match field {
        "replyTo" => "context['message_id']",
        // Of a message that was read it is that alone, and it is the last word of a reaction's.
        "messageId" => "message_id",
        "reference" => "biz_opaque_callback_data",
        "text" => "text['body']",
        "emoji" => "reaction['emoji']",
        _ => return bracketed(field),
    };
    known.to_owned()
}

fn bracketed(field: &str) -> String {
    let mut parts = field.split('.');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            format!("{name}[{part}]")
        } else {
            format!("{name}['{part}']")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_the_field_as_the_client_wrote_it() {
        for (field, message, expected) in [
            ("to", "to must be a phone number with its country code.", MALFORMED),
            (
                "replyTo",
                "replyTo names a message of another chat.",
                "context['message_id'] names a message of another chat.",
            ),
            (
                "messageId",
                "messageId must be a message id.",
                "message_id must be a message id.",
            ),
            (
                "contacts.0.phones",
                "contacts.0.phones must be digits.",
                "contacts[0]['phones'] must be digits.",
            ),
            ("contacts.7", "contacts.7 must be small.", "contacts[7] must be small."),
            ("query", "The query must be short.", "The query must be short."),
        ] {
            let problem = FieldProblem {
                field: field.to_owned(),
                message: message.to_owned(),
            };
            assert_eq!(sentence(&problem), expected);
        }
    }
}
