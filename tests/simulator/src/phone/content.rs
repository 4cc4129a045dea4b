//! What a received message says, as the admin interface tells it.

use serde::{Deserialize, Serialize};
use whatsapp_rust::waproto::whatsapp as wa;

/// A message that a phone received and decrypted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedMessage {
    /// WhatsApp's id, chosen by the sender.
    pub id: String,
    /// The number of the account that sent it.
    pub from: String,
    /// The number of the conversation's other side: the sender, or for copies of what an own companion sent, its recipient.
    pub chat: String,
    /// Whether an own companion sent it.
    pub from_me: bool,
    /// `text`, `image`, `video`, `audio`, `document`, `sticker`, `location`, `contact`, `reaction`, or `other`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text of a text message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The text below a media message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The MIME type of a media message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// The file name of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The length of audio or video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// Whether audio is a voice note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ptt: Option<bool>,
    /// SHA-256 of the media file in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where a location is, in degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// The name of a location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The vCards of contacts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vcards: Vec<String>,
    /// The emoji of a reaction; empty when one was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// The id of the message that a reaction is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reacts_to: Option<String>,
    /// The id of the message that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotes: Option<String>,
    /// When the server took it, in seconds since the epoch.
    pub timestamp: u64,
}

impl ReceivedMessage {
    /// Fills in what the content says.
    pub(super) fn describe(mut self, content: &wa::Message) -> Self {
        self.kind = "other".to_owned();
        let extended = content.extended_text_message.as_option();
        if let Some(text) = content.conversation.clone().or_else(|| extended?.text.clone()) {
            self.kind = "text".to_owned();
            self.text = Some(text);
        } else if let Some(image) = content.image_message.as_option() {
            self.media("image", &image.mimetype, &image.file_sha256);
            self.caption = image.caption.clone();
        } else if let Some(video) = content.video_message.as_option() {
            self.media("video", &video.mimetype, &video.file_sha256);
            self.caption = video.caption.clone();
            self.seconds = video.seconds;
        } else if let Some(audio) = content.audio_message.as_option() {
            self.media("audio", &audio.mimetype, &audio.file_sha256);
            self.seconds = audio.seconds;
            self.ptt = audio.ptt;
        } else if let Some(document) = content.document_message.as_option() {
            self.media("document", &document.mimetype, &document.file_sha256);
            self.caption = document.caption.clone();
            self.filename = document.file_name.clone();
        } else if let Some(sticker) = content.sticker_message.as_option() {
            self.media("sticker", &sticker.mimetype, &sticker.file_sha256);
        } else if let Some(place) = content.location_message.as_option() {
            self.kind = "location".to_owned();
            (self.latitude, self.longitude) = (place.degrees_latitude, place.degrees_longitude);
            self.name.clone_from(&place.name);
        } else if let Some(contact) = content.contact_message.as_option() {
            self.kind = "contact".to_owned();
            self.vcards.extend(contact.vcard.clone());
        } else if let Some(list) = content.contacts_array_message.as_option() {
            self.kind = "contact".to_owned();
            self.vcards
                .extend(list.contacts.iter().filter_map(|contact| contact.vcard.clone()));
        } else if let Some(reaction) = content.reaction_message.as_option() {
            self.kind = "reaction".to_owned();
            self.emoji.clone_from(&reaction.text);
            self.reacts_to = reaction.key.as_option().and_then(|key| key.id.clone());
        }
        self.quotes = quoted(content);
        self
    }

    fn media(&mut self, kind: &str, mime: &Option<String>, sha256: &Option<Vec<u8>>) {
        self.kind = kind.to_owned();
        self.mime = mime.clone();
        self.sha256 = sha256.as_deref().map(hexadecimal);
    }
}

fn quoted(content: &wa::Message) -> Option<String> {
    let contexts = [
        content.extended_text_message.as_option().map(|text| &text.context_info),
        content.location_message.as_option().map(|place| &place.context_info),
        content.contact_message.as_option().map(|contact| &contact.context_info),
        content
            .contacts_array_message
            .as_option()
            .map(|list| &list.context_info),
    ];
    contexts
        .into_iter()
        .flatten()
        .find_map(|context| context.as_option()?.stanza_id.clone())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::waproto::buffa::MessageField;

    use super::*;

    #[test]
    fn both_forms_of_text_read_the_same() {
        let plain = wa::Message {
            conversation: Some("hi".into()),
            ..Default::default()
        };
        let extended = wa::Message {
            extended_text_message: MessageField::some(wa::message::ExtendedTextMessage {
                text: Some("hi".into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let describe = |content| ReceivedMessage::default().describe(content);
        assert_eq!(describe(&plain), describe(&extended));
        assert_eq!(describe(&plain).text.as_deref(), Some("hi"));
    }

    #[test]
    fn a_voice_note_tells_its_length() {
        let content = wa::Message {
            audio_message: MessageField::some(wa::message::AudioMessage {
                mimetype: Some("audio/ogg; codecs=opus".into()),
                seconds: Some(3),
                ptt: Some(true),
                file_sha256: Some(vec![0xab, 0x01]),
                ..Default::default()
            }),
            ..Default::default()
        };
        let described = ReceivedMessage::default().describe(&content);
        assert_eq!(
            (described.kind.as_str(), described.seconds, described.ptt),
            ("audio", Some(3), Some(true))
        );
        assert_eq!(described.sha256.as_deref(), Some("ab01"));
    }
}
