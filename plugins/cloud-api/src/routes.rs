//! The routes. Meta's paths stand behind a version, and some clients leave it out, so each route is there twice; but whatever else
//! hangs on an object only behind a version, where it must be Meta's.

use crate::bindings::exports::switchboard::plugin::dialect::{Access, Method, Route};

pub(crate) const MESSAGES: &str = "/{phone}/messages";
pub(crate) const VERSIONED_MESSAGES: &str = "/{version}/{phone}/messages";
pub(crate) const OBJECT: &str = "/{id}";
pub(crate) const VERSIONED_OBJECT: &str = "/{version}/{id}";
pub(crate) const VERSIONED_EDGE: &str = "/{version}/{id}/{*edge}";

/// All of them. A token comes first: clients test theirs with requests that lead nowhere.
pub(crate) fn all() -> Vec<Route> {
    let route = |method, path: &str, summary: &str| Route {
        method,
        path: path.to_owned(),
        access: Access::Token,
        summary: summary.to_owned(),
    };
    let both = |method, paths: [&str; 2], summary: &str| paths.map(|path| route(method, path, summary));
    let edge = |method| {
        route(
            method,
            VERSIONED_EDGE,
            "Refused as Meta refuses an edge that is not there.",
        )
    };
    let whole = [
        both(
            Method::Post,
            [VERSIONED_MESSAGES, MESSAGES],
            "Send a message, or mark one as read, as Meta's Cloud API does.",
        ),
        both(
            Method::Get,
            [VERSIONED_MESSAGES, MESSAGES],
            "Refused as Meta refuses it; clients test their token with it.",
        ),
        both(
            Method::Get,
            [VERSIONED_OBJECT, OBJECT],
            "What is known of a phone number, as Meta's Cloud API shows it.",
        ),
    ]
    .concat();
    let edges = [Method::Get, Method::Post, Method::Delete].map(edge);
    whole.into_iter().chain(edges).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_routes_are_the_same_and_all_want_a_token() {
        let routes = all();
        let mut seen: Vec<_> = routes
            .iter()
            .map(|route| (format!("{:?}", route.method), &route.path))
            .collect();
        seen.sort();
        seen.dedup();
        assert_eq!((seen.len(), routes.len()), (9, 9));
        assert!(routes.iter().all(|route| route.access == Access::Token));
    }
}
