//! A place on the earth.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A place. Its coordinates are on the earth.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Location {
    latitude: f64,
    longitude: f64,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A page about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A coordinate is not on the earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLocation {
    /// The latitude is beyond a pole, or no number.
    #[error("must be between -90 and 90")]
    Latitude,
    /// The longitude is more than half around the earth, or no number.
    #[error("must be between -180 and 180")]
    Longitude,
}

#[derive(Deserialize)]
struct Written {
    latitude: f64,
    longitude: f64,
    name: Option<String>,
    address: Option<String>,
    url: Option<String>,
}

impl TryFrom<Written> for Location {
    type Error = InvalidLocation;

    fn try_from(written: Written) -> Result<Self, InvalidLocation> {
        let mut location = Self::new(written.latitude, written.longitude)?;
        location.name = written.name;
        location.address = written.address;
        location.url = written.url;
        Ok(location)
    }
}

impl Location {
    /// A place without a name, in degrees.
    ///
    /// # Errors
    /// When it is not on the earth.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidLocation> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(InvalidLocation::Latitude);
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(InvalidLocation::Longitude);
        }
        Ok(Self {
            latitude,
            longitude,
            name: None,
            address: None,
            url: None,
        })
    }

    /// Degrees, -90 to 90.
    pub const fn latitude(&self) -> f64 {
        self.latitude
    }

    /// Degrees, -180 to 180.
    pub const fn longitude(&self) -> f64 {
        self.longitude
    }

    pub(super) fn to_json(&self) -> Value {
        // Finite numbers and texts are all it has.
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Location")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_on_the_earth() {
        for (latitude, longitude) in [(90.0, 180.0), (-90.0, -180.0), (0.0, 0.0)] {
            assert!(Location::new(latitude, longitude).is_ok());
        }
        for latitude in [90.1, -90.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Location::new(latitude, 0.0), Err(InvalidLocation::Latitude));
        }
        assert_eq!(Location::new(0.0, 180.1), Err(InvalidLocation::Longitude));
        let beyond = r#"{"latitude": 0, "longitude": 181}"#;
        assert!(serde_json::from_str::<Location>(beyond).is_err());
    }
}
