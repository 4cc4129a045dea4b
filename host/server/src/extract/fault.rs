//! From the words of serde to a problem that names the field.

use switchboard_core::problem::Problem;

/// The problem with a value that parsed as JSON or as a query, but not as what is expected. `path` is where serde stood.
///
/// Serde says which field is missing or unknown only in its message, in backticks.
pub(super) fn invalid(path: &str, message: &str) -> Problem {
    let message = without_position(message);
    let base = if path == "." { "" } else { path };
    if let Some(name) = quoted_after(message, "missing field ") {
        return Problem::invalid_field(join(base, name), format!("{name} is required."));
    }
    if let Some(name) = quoted_after(message, "unknown field ") {
        let allowed = message
            .split_once(", ")
            .map_or("there are no fields here", |(_, allowed)| allowed);
        return Problem::invalid_field(
            leaf(base, name),
            format!("{name} is not a field of this request: {allowed}."),
        );
    }
    if let Some(name) = quoted_after(message, "duplicate field ") {
        return twice(&leaf(base, name));
    }
    let field = if base.is_empty() { "body" } else { base };
    Problem::invalid_field(field, format!("{field}: {message}."))
}

/// The problem with a field that stands twice.
pub(super) fn twice(field: &str) -> Problem {
    Problem::invalid_field(field, format!("{field} must stand once."))
}

/// The field that a message of serde says is missing.
pub(super) fn missing(message: &str) -> Option<&str> {
    quoted_after(message, "missing field ")
}

/// Serde's JSON errors end with where they are in the text, which only helps with syntax.
pub(super) fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |end| &message[..end])
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.strip_prefix('`')?.split('`').next()
}

fn join(base: &str, name: &str) -> String {
    if base.is_empty() {
        name.to_owned()
    } else {
        format!("{base}.{name}")
    }
}

/// The path may already end with the name.
fn leaf(base: &str, name: &str) -> String {
    let ends_with_name = base == name || base.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    if ends_with_name {
        base.to_owned()
    } else {
        join(base, name)
    }
}
