//! Answers with every content and every effect of switchboard:plugin@1.0.0, and repeats every outcome that it is told.

mod bindings {
    wit_bindgen::generate!({
        path: "../../../../../../wit",
        world: "message-handler-plugin",
    });
}

use bindings::exports::switchboard::plugin::message_handler::{
    Content, Context, Effect, Guest, Kind, Outcome, Problem, Step,
};
use bindings::switchboard::plugin::content::{
    Action, Button, Captioned, Contact, ContactAddress, ContactName, ContactOrganization, ContactPhone, Document,
    Header, Interactive, Labelled, Link, Location, Menu, Poll, Reaction, Row, Section, Source, Speech, Text,
};
use bindings::switchboard::plugin::effects::{
    ContactsCheck, Entry, Fetch, MediaPut, MediaSource, MessageOf, ProfileSet, RecordKey, RecordRange, Send,
    SessionRange, Typing, TypingPlace, TypingState,
};
use bindings::switchboard::plugin::http::{Body, Data, Method, Part, Request};
use bindings::switchboard::plugin::types::{Blob, FieldProblem, Open, OpenProblem, UpstreamProblem};

pub struct Frozen;

impl Guest for Frozen {
    fn kinds() -> Vec<Kind> {
        ["everything", "something-else"]
            .map(|name| Kind {
                name: name.to_owned(),
                summary: "For tests.".to_owned(),
                schema: "{\"type\":\"object\",\"properties\":{\"ask\":{\"type\":\"string\"}}}".to_owned(),
                example: "{}".to_owned(),
            })
            .into()
    }

    fn next(context: Context, kind: String, body: String, outcomes: Vec<Outcome>) -> Result<Step, Problem> {
        match body.as_str() {
            "{\"ask\":\"files\"}" => Ok(Step::Send(files())),
            "{\"ask\":\"others\"}" => Ok(Step::Send(others())),
            "{\"ask\":\"actions\"}" => Ok(Step::Send(actions())),
            "{\"ask\":\"effects\"}" if outcomes.is_empty() => Ok(Step::Do(effects())),
            "{\"ask\":\"effects\"}" => Ok(Step::Send(
                outcomes
                    .iter()
                    .map(|outcome| words(format!("{outcome:?}")))
                    .take(8)
                    .collect(),
            )),
            "{\"ask\":\"more\"}" => Ok(Step::Send(
                outcomes
                    .iter()
                    .map(|outcome| words(format!("{outcome:?}")))
                    .skip(8)
                    .collect(),
            )),
            "{\"ask\":\"invalid-field\"}" => Err(Problem::InvalidField(FieldProblem {
                field: "contacts.0.name".to_owned(),
                message: "This is not allowed.".to_owned(),
            })),
            "{\"ask\":\"not-supported\"}" => Err(Problem::NotSupported("Not here.".to_owned())),
            "{\"ask\":\"upstream\"}" => Err(Problem::Upstream(UpstreamProblem {
                status: 429,
                message: "Slowly.".to_owned(),
                retry_after_ms: Some(1500),
            })),
            "{\"ask\":\"internal\"}" => Err(Problem::Internal("It is broken.".to_owned())),
            "{\"ask\":\"other\"}" => Err(Problem::Other(OpenProblem {
                status: 418,
                code: "teapot".to_owned(),
                message: "Short and stout.".to_owned(),
                details: "{\"field\":\"tea\",\"retryAfterMs\":1}".to_owned(),
            })),
            _ => Ok(Step::Send(vec![words(format!(
                "{context:?} {kind} {body} {outcomes:?}"
            ))])),
        }
    }
}

fn words(body: String) -> Content {
    Content::Text(Text {
        body,
        preview_url: true,
    })
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn blob() -> Blob {
    Blob {
        id: "blob_1".to_owned(),
        mime: "image/png".to_owned(),
        size: 1 << 40,
    }
}

fn captioned(source: Source) -> Captioned {
    Captioned {
        source,
        caption: some("A caption."),
    }
}

fn document() -> Document {
    Document {
        source: Source::Media("media_1".to_owned()),
        caption: None,
        filename: some("a.pdf"),
        mime: some("application/pdf"),
    }
}

fn files() -> Vec<Content> {
    vec![
        words("Text.".to_owned()),
        Content::Image(captioned(Source::Url("https://example.com/a.png".to_owned()))),
        Content::Video(captioned(Source::Blob(blob()))),
        Content::Audio(Source::Bytes(vec![0, 127, 255])),
        Content::Voice(Source::Bytes(vec![])),
        Content::Speech(Speech {
            text: "Say it.".to_owned(),
            provider: some("tts"),
            voice: some("alloy"),
            speed: Some(1.25),
        }),
        Content::Document(document()),
        Content::Sticker(Source::Media("media_2".to_owned())),
    ]
}

fn others() -> Vec<Content> {
    vec![
        Content::Location(Location {
            latitude: -33.865,
            longitude: 151.209,
            name: some("Harbour"),
            address: some("1 Quay"),
            url: some("https://example.com"),
        }),
        Content::Contacts(vec![contact()]),
        Content::Poll(Poll {
            question: "Which?".to_owned(),
            choices: vec!["One".to_owned(), "Two".to_owned()],
            selectable: 1,
        }),
        Content::Reaction(Reaction {
            message: "msg_1".to_owned(),
            emoji: "👍".to_owned(),
        }),
        Content::Other(open("hologram")),
    ]
}

fn contact() -> Contact {
    let labelled = |value: &str| {
        vec![Labelled {
            value: value.to_owned(),
            label: some("WORK"),
        }]
    };
    Contact {
        name: ContactName {
            formatted: "Dr. Ada King Lovelace Jr.".to_owned(),
            first: some("Ada"),
            last: some("Lovelace"),
            middle: some("King"),
            prefix: some("Dr."),
            suffix: some("Jr."),
        },
        phones: vec![ContactPhone {
            number: "+15550000001".to_owned(),
            label: some("CELL"),
            whatsapp: some("15550000001"),
        }],
        emails: labelled("ada@example.com"),
        urls: labelled("https://example.com"),
        addresses: vec![ContactAddress {
            street: some("1 Quay"),
            city: some("Sydney"),
            state: some("NSW"),
            zip: some("2000"),
            country: some("Australia"),
            label: None,
        }],
        organization: Some(ContactOrganization {
            company: some("Engines"),
            department: some("Analysis"),
            title: some("Countess"),
        }),
        birthday: some("1815-12-10"),
    }
}

fn actions() -> Vec<Content> {
    let headers = [
        Some(Header::Text("A header".to_owned())),
        Some(Header::Image(Source::Blob(blob()))),
        Some(Header::Video(Source::Media("media_1".to_owned()))),
        Some(Header::Document(document())),
        None,
    ];
    let actions = [
        Action::Buttons(vec![Button {
            id: "yes".to_owned(),
            title: "Yes".to_owned(),
        }]),
        Action::Menu(Menu {
            button: "Choose".to_owned(),
            sections: vec![Section {
                title: String::new(),
                rows: vec![Row {
                    id: "1".to_owned(),
                    title: "One".to_owned(),
                    description: some("The first"),
                }],
            }],
        }),
        Action::Link(Link {
            title: "Go".to_owned(),
            url: "https://example.com".to_owned(),
        }),
        Action::RequestLocation,
        Action::Other(open("flow")),
    ];
    headers
        .into_iter()
        .zip(actions)
        .map(|(header, action)| {
            Content::Interactive(Interactive {
                header,
                body: "A body".to_owned(),
                footer: some("A footer"),
                action,
            })
        })
        .collect()
}

fn open(name: &str) -> Open {
    Open {
        name: name.to_owned(),
        json: "{\"a\":1}".to_owned(),
    }
}

fn effects() -> Vec<Effect> {
    let session = || "15550000001".to_owned();
    let key = || RecordKey {
        collection: "codes".to_owned(),
        key: "1".to_owned(),
    };
    let people = || ContactsCheck {
        session: session(),
        numbers: vec!["+1 555 000 0002".to_owned()],
    };
    let fetch = |method, body| {
        Effect::Fetch(Fetch {
            request: Request {
                method,
                url: "https://api.example.com/v1".to_owned(),
                headers: vec![("accept".to_owned(), "application/json".to_owned())],
                body,
            },
            credential: some("key"),
            keep: true,
            timeout_ms: Some(5000),
        })
    };
    vec![
        fetch(Method::Get, Body::Empty),
        fetch(Method::Post, Body::Whole(Data::Text("{}".to_owned()))),
        fetch(Method::Put, Body::Whole(Data::Bytes(vec![1, 2]))),
        fetch(Method::Patch, Body::Whole(Data::Blob(blob()))),
        fetch(
            Method::Delete,
            Body::Form(vec![Part {
                name: "file".to_owned(),
                filename: some("a.png"),
                mime: some("image/png"),
                data: Data::Blob(blob()),
            }]),
        ),
        Effect::RecordGet(key()),
        Effect::RecordPut(Entry {
            at: key(),
            value: "1".to_owned(),
        }),
        Effect::RecordDelete(key()),
        Effect::RecordList(RecordRange {
            collection: "codes".to_owned(),
            after: some("0"),
            limit: 10,
        }),
        Effect::Send(Send {
            session: session(),
            to: "15550000002".to_owned(),
            content: words("Sent.".to_owned()),
            reply_to: some("msg_1"),
            reference: some("order 7"),
            options: "{}".to_owned(),
        }),
        Effect::MarkRead(MessageOf {
            session: session(),
            message: "msg_1".to_owned(),
        }),
        Effect::Typing(Typing {
            session: session(),
            place: TypingPlace::Chat("15550000002".to_owned()),
            state: TypingState::Writing,
        }),
        Effect::Typing(Typing {
            session: session(),
            place: TypingPlace::Message("msg_1".to_owned()),
            state: TypingState::Recording,
        }),
        Effect::SessionGet(session()),
        Effect::SessionList(SessionRange { after: None, limit: 1 }),
        Effect::ContactsCheck(people()),
        Effect::MediaPut(MediaPut {
            source: MediaSource::Blob(blob()),
            mime: some("image/png"),
            filename: some("a.png"),
        }),
        Effect::MediaPut(MediaPut {
            source: MediaSource::Bytes(vec![1]),
            mime: None,
            filename: None,
        }),
        Effect::MediaGet("media_1".to_owned()),
        Effect::MediaDelete("media_1".to_owned()),
        Effect::ProfileGet(session()),
        Effect::ProfileSet(ProfileSet {
            session: session(),
            changes: "{\"about\":null}".to_owned(),
        }),
        Effect::Block(people()),
        Effect::Unblock(people()),
        Effect::Blocked(session()),
        Effect::Other(open("teleport")),
    ]
}

bindings::export!(Frozen with_types_in bindings);
