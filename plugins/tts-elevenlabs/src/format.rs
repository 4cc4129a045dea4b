//! The format of the sound, as ElevenLabs names it in `output_format`.

use serde::Deserialize;

/// A format that the host can read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Format {
    /// Samples without a header, so many a second: one channel of 16 bits, little-endian.
    Pcm(u32),
    /// A file: mp3, Ogg Opus or wav.
    File(String),
}

impl Format {
    /// The value of `output_format`.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Pcm(rate) => format!("pcm_{rate}"),
            Self::File(name) => name.clone(),
        }
    }
}

impl TryFrom<String> for Format {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        const ALLOWED: &str = "output_format must be pcm_8000 to pcm_48000, or one of mp3_*, opus_* and wav_*";
        if let Some(rate) = name.strip_prefix("pcm_") {
            let rate = rate.parse().ok().filter(|rate| (8000..=48_000).contains(rate));
            return rate.map(Self::Pcm).ok_or_else(|| ALLOWED.to_owned());
        }
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let readable = ["mp3_", "opus_", "wav_"].iter().any(|kind| name.starts_with(kind));
        if plain && readable {
            Ok(Self::File(name))
        } else {
            Err(ALLOWED.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_reads_back_to_its_name() {
        for name in ["pcm_16000", "pcm_48000", "mp3_44100_64", "opus_48000_32", "wav_24000"] {
            assert_eq!(Format::try_from(name.to_owned()).unwrap().name(), name);
        }
        assert_eq!(Format::try_from("pcm_16000".to_owned()), Ok(Format::Pcm(16_000)));
    }

    #[test]
    fn what_the_host_cannot_read_is_refused() {
        for name in [
            "ulaw_8000",
            "alaw_8000",
            "pcm_96000",
            "pcm_",
            "mp3",
            "mp3_44100&x=1",
            "",
        ] {
            assert!(Format::try_from(name.to_owned()).is_err(), "{name}");
        }
    }
}
