//! `location`: a place on the map, with what is known of it.

use serde::Deserialize;

use crate::bindings::exports::switchboard::plugin::message_handler::{Content, Kind, Problem};
use crate::bindings::switchboard::plugin::content::Location;
use crate::body;

pub(crate) const NAME: &str = "location";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    latitude: f64,
    longitude: f64,
    name: Option<String>,
    address: Option<String>,
    url: Option<String>,
}

pub(crate) fn kind() -> Kind {
    Kind {
        name: NAME.to_owned(),
        summary: "A place on the map: its coordinates, and its name, address and web page where they are known."
            .to_owned(),
        schema: include_str!("location.schema.json").to_owned(),
        example: r#"{"latitude": 9.9312, "longitude": 76.2673, "name": "Fort Kochi", "address": "Kochi, Kerala"}"#
            .to_owned(),
    }
}

pub(crate) fn content(body: &str) -> Result<Content, Problem> {
    let Body {
        latitude,
        longitude,
        name,
        address,
        url,
    } = body::read(body)?;
    Ok(Content::Location(Location {
        latitude,
        longitude,
        name,
        address,
        url,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_of_a_place_stays_open() {
        let Ok(Content::Location(place)) = content(r#"{"latitude": -90, "longitude": 180.0, "name": "Pole"}"#) else {
            panic!("no location")
        };
        assert_eq!((place.latitude, place.longitude), (-90.0, 180.0));
        assert_eq!(place.name.as_deref(), Some("Pole"));
        assert_eq!((place.address, place.url), (None, None));
    }
}
