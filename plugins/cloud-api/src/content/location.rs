//! `location`: `latitude`, `longitude`, `name`, `address`.

use crate::bindings::switchboard::plugin::content::Location;
use crate::graph_error::GraphError;
use crate::meaning::WRONG_VALUE;
use crate::params::Params;

pub(super) fn of(params: &Params) -> Result<Location, GraphError> {
    Ok(Location {
        latitude: degrees(params, "latitude", 90.0)?,
        longitude: degrees(params, "longitude", 180.0)?,
        name: params.words("name")?,
        address: params.words("address")?,
        url: params.words("url")?,
    })
}

fn degrees(params: &Params, name: &str, most: f64) -> Result<f64, GraphError> {
    let degrees = params.needed_number(name)?;
    if degrees.abs() > most {
        let details = format!("{} must be between -{most} and {most}.", params.name_of(name));
        return Err(GraphError::new(&WRONG_VALUE, details));
    }
    Ok(degrees)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::params;
    use serde_json::json;

    #[test]
    fn degrees_may_be_texts_and_the_rest_null() {
        let place = of(&params(
            &json!({"latitude": "9.9312", "longitude": "-76.5", "name": null, "address": ""}),
        ));
        let expected = Location {
            latitude: 9.9312,
            longitude: -76.5,
            name: None,
            address: None,
            url: None,
        };
        assert_eq!(place, Ok(expected));
    }

    #[test]
    fn a_place_beyond_the_earth_is_refused() {
        for (latitude, longitude) in [("90.1", "0"), ("0", "-180.1"), ("NaN", "0"), ("x", "0")] {
            assert!(of(&params(&json!({"latitude": latitude, "longitude": longitude}))).is_err());
        }
        assert!(of(&params(&json!({"latitude": -90, "longitude": 180}))).is_ok());
    }
}
