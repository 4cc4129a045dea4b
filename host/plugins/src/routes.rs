//! The routes of all dialects, and which of them a request is for.

use std::sync::Arc;

use matchit::Router;

use crate::contract::http::Method;
use crate::dialect::{Dialect, Route};
use crate::load_error::Refusal;

/// First segments that are the host's for ever.
pub const RESERVED: [&str; 7] = ["api", "docs", "healthz", "readyz", "metrics", "openapi.json", "assets"];

/// The table.
#[derive(Default)]
pub(crate) struct Routes {
    paths: Router<Vec<Entry>>,
}

#[derive(Clone)]
struct Entry {
    method: Method,
    dialect: Arc<Dialect>,
    place: usize,
}

/// What stands for each name of a route's path.
pub type Params = Vec<(String, String)>;

/// What the dialects have for a request.
#[derive(Debug)]
pub enum Found {
    /// One of their routes.
    Route {
        /// Whose.
        dialect: Arc<Dialect>,
        /// Which.
        route: Route,
        /// What stands for the names of its path, as in the request's path.
        params: Params,
    },
    /// A path of theirs, but not with this method.
    OtherMethod {
        /// Whose.
        dialect: Arc<Dialect>,
    },
}

impl Routes {
    /// Adds every route of a dialect, or none.
    pub(crate) fn add(&mut self, dialect: &Arc<Dialect>) -> Result<(), Refusal> {
        // A route that does not fit leaves no half of a dialect behind.
        let mut paths = self.paths.clone();
        for (place, route) in dialect.routes.iter().enumerate() {
            check_path(&route.path)?;
            let entry = Entry {
                method: route.method,
                dialect: Arc::clone(dialect),
                place,
            };
            insert(&mut paths, route, entry)?;
        }
        self.paths = paths;
        Ok(())
    }

    /// `path` begins with a slash, and is as it came: `%2F` is no slash.
    pub(crate) fn find(&self, method: Option<Method>, path: &str) -> Option<Found> {
        let path = match path.strip_suffix('/') {
            Some("") | None => path,
            Some(trimmed) => trimmed,
        };
        let first = path.split('/').nth(1).unwrap_or_default();
        if RESERVED.contains(&first) {
            return None;
        }
        let matched = self.paths.at(path).ok()?;
        let entry = matched.value.iter().find(|entry| Some(entry.method) == method);
        let Some(entry) = entry else {
            return Some(Found::OtherMethod {
                dialect: Arc::clone(&matched.value.first()?.dialect),
            });
        };
        Some(Found::Route {
            dialect: Arc::clone(&entry.dialect),
            route: entry.dialect.routes.get(entry.place)?.clone(),
            params: matched
                .params
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }
}

fn insert(paths: &mut Router<Vec<Entry>>, route: &Route, entry: Entry) -> Result<(), Refusal> {
    // The path itself never matches itself where it has names, so it is found again by inserting it.
    match paths.insert(route.path.clone(), vec![entry.clone()]) {
        Ok(()) => Ok(()),
        Err(matchit::InsertError::Conflict { with }) => {
            let taken = |by: &str| Refusal::RouteTaken {
                route: route.path.clone(),
                by: by.to_owned(),
            };
            let probe: String = probe(&with);
            let Ok(matched) = paths.at_mut(&probe) else {
                return Err(taken(&with));
            };
            let other = matched.value.iter().find(|other| {
                other.dialect.plugin.id != entry.dialect.plugin.id || other.method == entry.method || with != route.path
            });
            if let Some(other) = other {
                return Err(taken(&other.dialect.plugin.id));
            }
            matched.value.push(entry);
            Ok(())
        }
        Err(error) => Err(Refusal::Routes(format!(
            "its route {:?} is no path: {error}",
            route.path
        ))),
    }
}

/// A path that only the given route fits: its names stand for what no other route writes out.
fn probe(route: &str) -> String {
    let segments = route
        .split('/')
        .map(|segment| if segment.starts_with('{') { "\u{1}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn check_path(path: &str) -> Result<(), Refusal> {
    let wrong = |why: &str| {
        let shown: String = path.chars().take(200).collect();
        Err(Refusal::Routes(format!("its route {shown:?} {why}")))
    };
    let Some(rest) = path.strip_prefix('/') else {
        return wrong("does not begin with a slash");
    };
    if path.len() > 200 {
        return wrong("is longer than 200 bytes");
    }
    let segments: Vec<_> = rest.split('/').collect();
    if segments
        .iter()
        .any(|segment| segment.is_empty() || [".", ".."].contains(segment))
    {
        return wrong("has a segment that is empty or only dots");
    }
    let is_plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~'))
    };
    for (place, segment) in segments.iter().enumerate() {
        let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        let is_fine = match name.map(|name| (name, name.strip_prefix('*'))) {
            None => is_plain(segment),
            Some((_, Some(name))) => !name.is_empty() && is_plain(name) && place + 1 == segments.len() && place > 0,
            Some((name, None)) => !name.is_empty() && is_plain(name),
        };
        if !is_fine {
            return wrong("has a segment that is neither a text nor {name}, nor {*name} as the last of several");
        }
    }
    match segments.first() {
        Some(first) if RESERVED.contains(first) => wrong("begins with a segment that is the host's own"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_segments_and_never_one_of_ours() {
        for path in [
            "/{version}/{phone}/messages",
            "/{phone}/messages",
            "/v1/{*rest}",
            "/{a}",
            "/x-y_z.~",
        ] {
            check_path(path).unwrap();
        }
        for (path, why) in [
            ("", "slash"),
            ("x", "slash"),
            ("/", "empty"),
            ("/a//b", "empty"),
            ("/a/", "empty"),
            ("/a/../b", "dots"),
            ("/api/messages", "the host's own"),
            ("/healthz", "the host's own"),
            ("/openapi.json", "the host's own"),
            ("/{*rest}", "as the last"),
            ("/a/{*rest}/b", "as the last"),
            ("/a/{}", "{name}"),
            ("/a/{b", "{name}"),
            ("/a b", "{name}"),
            ("/a%2fb", "{name}"),
            ("/a?b=c", "{name}"),
        ] {
            let refusal = check_path(path).unwrap_err().to_string();
            assert!(refusal.contains(why), "{path}: {refusal}");
        }
    }
}
