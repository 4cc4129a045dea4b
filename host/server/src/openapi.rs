//! The OpenAPI 3.1 document: derived from the handlers, completed with the message kinds and the routes that the loaded plugins add,
//! and made anew when one of them comes or goes.
//!
//! The document of the bundled plugins is committed as `openapi.json`, so that a change of the API is seen in review; a test
//! compares it with what the code says. `UPDATE_OPENAPI=1 cargo test -p switchboard openapi` writes it anew.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use switchboard_core::problem::Problem;
use switchboard_plugins::contract::http::Method;
use switchboard_plugins::{Kind, Plugins, Route};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::app::App;
use crate::problem::{Answer, ErrorBody};
use crate::router;

/// The document's head: everything that belongs to no route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Switchboard",
        description = "Keeps WhatsApp sessions alive and lets any HTTP client use them. Every failure has the shape of ErrorBody, \
                       with a real 4xx or 5xx; every answer carries X-Request-Id.",
    ),
    components(schemas(ErrorBody)),
    modifiers(&Credentials),
    tags(
        (name = "tokens", description = "Who may do what."),
        (name = "sessions", description = "Linked WhatsApp devices."),
        (name = "messages", description = "Sending, and the log of both directions."),
        (name = "plugins", description = "What adds kinds of messages, other APIs and voices."),
        (name = "operations", description = "For whoever runs the server."),
    )
)]
struct Head;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        let signature = ApiKeyValue::with_description(
            "signature",
            "The last parameter of a URL that POST /api/signed-urls has signed; it takes the place of the header.",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        components.add_security_scheme("signature", SecurityScheme::ApiKey(ApiKey::Query(signature)));
    }
}

/// What belongs to no route; the table of routes adds the rest.
pub(crate) fn head() -> utoipa::openapi::OpenApi {
    Head::openapi()
}

/// The document as it was served last.
#[derive(Debug, Default)]
pub(crate) struct Served(ArcSwapOption<(u64, Bytes)>);

impl Served {
    /// The document of the plugins as they are now.
    fn of(&self, plugins: &Plugins) -> Result<Bytes, serde_json::Error> {
        let generation = plugins.generation();
        if let Some(last) = self.0.load().as_deref().filter(|(of, _)| *of == generation) {
            return Ok(last.1.clone());
        }
        let document = Bytes::from(serde_json::to_vec(&document(plugins)?)?);
        self.0.store(Some(Arc::new((generation, document.clone()))));
        Ok(document)
    }
}

/// The whole document, with the kinds of message and the routes that the plugins add.
///
/// # Errors
/// Only when the derived document cannot be written as JSON.
pub(crate) fn document(plugins: &Plugins) -> Result<Value, serde_json::Error> {
    let mut document = serde_json::to_value(router::table().to_openapi())?;
    let kinds = &plugins.kinds();
    every_operation_can_fail(&mut document);
    if let Some(schemas) = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
    {
        one_body_per_kind(schemas, kinds);
        a_number_goes_with_its_method(schemas);
    }
    for dialect in plugins.dialects() {
        for (place, route) in dialect.routes().iter().enumerate() {
            add_route(&mut document, dialect.plugin().id(), place, route);
        }
    }
    every_reading_can_be_signed(&mut document);
    Ok(document)
}

/// A dialect's route. What it takes and gives is described by whoever made the API that it speaks.
fn add_route(document: &mut Value, plugin: &str, place: usize, route: &Route) {
    let path = route.path.replace("{*", "{");
    let names = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<_> = names
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    let (method, takes_body) = match route.method {
        Method::Get => ("get", false),
        Method::Delete => ("delete", false),
        Method::Post => ("post", true),
        Method::Put => ("put", true),
        Method::Patch => ("patch", true),
    };
    let mut operation = json!({
        "operationId": format!("{plugin}.{}", place + 1),
        "summary": route.summary,
        "tags": [plugin],
        "x-plugin": plugin,
        "parameters": parameters,
        "responses": {"default": {"description": "In the words of the API that this plugin speaks."}},
    });
    if takes_body {
        operation["requestBody"] = json!({"content": {"application/json": {"schema": {}}}});
    }
    if !route.is_open {
        operation["security"] = json!([{"bearer": []}]);
    }
    document["paths"][path][method] = operation;
}

/// Gives each operation the failures; a success that it does not describe is none that it has.
fn every_operation_can_fail(document: &mut Value) {
    document["components"]["responses"] = json!({"Failure": {
        "description": "A failure: 4xx or 5xx, with one shape.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}},
    }});
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for operation in paths
        .filter_map(|(_, path)| path.as_object_mut())
        .flatten()
        .map(|(_, operation)| operation)
    {
        for statuses in ["4XX", "5XX"] {
            operation["responses"][statuses] = json!({"$ref": "#/components/responses/Failure"});
        }
    }
}

/// Lets a signed URL take the place of the token wherever one is needed to GET.
fn every_reading_can_be_signed(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for ways in paths.filter_map(|(_, path)| path.pointer_mut("/get/security")?.as_array_mut()) {
        ways.push(json!({"signature": []}));
    }
}

/// Makes `SendBody` a choice among the kinds. Each is the envelope and the kind's own fields in one flat object, as it is sent.
fn one_body_per_kind(schemas: &mut Map<String, Value>, kinds: &[Arc<Kind>]) {
    const BODY: &str = "SendBody";
    let Some(envelope) = schemas.remove(BODY) else {
        return;
    };
    let mut choices = Vec::with_capacity(kinds.len());
    let mut mapping = Map::new();
    for kind in kinds {
        let name = format!("{BODY}.{}", kind.name);
        let reference = format!("#/components/schemas/{name}");
        choices.push(json!({"$ref": reference}));
        mapping.insert(kind.name.clone(), reference.clone().into());
        schemas.insert(name, kind_body(&envelope, kind, &reference));
    }
    let body = json!({
        "description": envelope["description"],
        "oneOf": choices,
        "discriminator": {"propertyName": "type", "mapping": mapping},
    });
    schemas.insert(BODY.to_owned(), body);
}

/// Makes references within a schema lead to the place where it stands in the document.
fn move_references(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(reference) if name == "$ref" => {
                        if let Some(rest) = reference.strip_prefix('#') {
                            *reference = format!("{place}{rest}");
                        }
                    }
                    value => move_references(value, place),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_references(item, place)),
        _ => {}
    }
}

/// Lets a session be created with a number only if it is linked by a code, and then never without.
fn a_number_goes_with_its_method(schemas: &mut Map<String, Value>) {
    if let Some(body) = schemas.get_mut("CreateBody") {
        body["if"] = json!({"properties": {"method": {"const": "phone"}}, "required": ["method"]});
        body["then"] = json!({"properties": {"phoneNumber": {"type": "string"}}, "required": ["phoneNumber"]});
        body["else"] = json!({"properties": {"phoneNumber": {"type": "null"}}});
    }
}

fn kind_body(envelope: &Value, kind: &Kind, place: &str) -> Value {
    let mut body = kind.schema.clone();
    move_references(&mut body, place);
    body["description"] = kind.summary.clone().into();
    let mut properties = envelope["properties"].as_object().cloned().unwrap_or_default();
    properties.extend(body["properties"].as_object().cloned().unwrap_or_default());
    properties.insert("type".to_owned(), json!({"type": "string", "const": kind.name}));
    body["properties"] = properties.into();
    let required = [&envelope["required"], &kind.schema["required"]];
    body["required"] = required
        .into_iter()
        .filter_map(Value::as_array)
        .flatten()
        .cloned()
        .collect();
    let mut example = json!({"sessionId": "qr_1700000000000_1a2b3c4d", "to": "+1 555 000 0001", "type": kind.name});
    if let (Some(example), Some(own)) = (example.as_object_mut(), kind.example.as_object()) {
        example.extend(own.clone());
    }
    body["examples"] = json!([example]);
    body
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenApi",
    tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1, with the kinds that the plugins add.", content_type = "application/json"))
)]
pub(crate) async fn serve(State(app): State<App>) -> Answer<impl IntoResponse> {
    let document = app.openapi.of(app.service.plugins()).map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use switchboard_core::direction::Direction;

    use super::*;
    use crate::testing::TestApp;

    async fn served() -> Value {
        let answered = TestApp::new().await.anonymous("GET", "/openapi.json").await;
        assert_eq!(answered.headers["content-type"], "application/json");
        answered.json()
    }

    #[tokio::test]
    async fn the_committed_openapi_document_is_what_the_code_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let served = served().await;
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            fs::write(&path, format!("{served:#}\n")).unwrap();
        }
        let committed: Value = serde_json::from_str(&fs::read_to_string(path).unwrap_or_default()).unwrap_or_default();
        assert!(
            committed == served,
            "openapi.json is stale; UPDATE_OPENAPI=1 cargo test -p switchboard openapi writes it"
        );
    }

    #[tokio::test]
    async fn every_reference_in_the_openapi_document_leads_somewhere() {
        fn check(node: &Value, document: &Value) {
            if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            match node {
                Value::Object(fields) => fields.values().for_each(|value| check(value, document)),
                Value::Array(items) => items.iter().for_each(|value| check(value, document)),
                _ => {}
            }
        }
        let document = served().await;
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        check(&document, &document);
    }

    #[tokio::test]
    async fn the_openapi_document_has_a_body_for_each_kind_that_a_plugin_adds() {
        let document = served().await;
        let schemas = &document["components"]["schemas"];
        let text = &schemas["SendBody.text"];
        assert_eq!(text["properties"]["type"]["const"], "text");
        for field in ["sessionId", "to", "type", "text"] {
            assert!(
                text["required"].as_array().unwrap().contains(&field.into()),
                "{field} is not required in {text:#}"
            );
        }
        assert_eq!(
            schemas["SendBody"]["oneOf"][0]["$ref"],
            "#/components/schemas/SendBody.text"
        );
    }

    #[tokio::test]
    async fn the_openapi_document_has_the_same_directions_to_ask_for_and_to_be_told() {
        let document = served().await;
        let parameters = document["paths"]["/api/messages"]["get"]["parameters"]
            .as_array()
            .unwrap();
        let asked = parameters
            .iter()
            .find(|parameter| parameter["name"] == "direction")
            .unwrap();
        let schemas = &document["components"]["schemas"];
        let told = &schemas["MessageView"]["properties"]["direction"];
        assert_eq!(told["$ref"], "#/components/schemas/Direction");
        for schema in [&asked["schema"], &schemas["Direction"]] {
            assert_eq!(schema["enum"], json!(Direction::ALL), "{schema:#}");
        }
    }

    #[tokio::test]
    async fn every_get_that_needs_a_token_takes_a_signed_url_too() {
        let document = served().await;
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let ways = operation["security"].as_array();
                let signed = ways.is_some_and(|ways| ways.iter().any(|way| way.get("signature").is_some()));
                assert_eq!(signed, ways.is_some() && method == "get", "{method} {path}");
            }
        }
    }

    #[tokio::test]
    async fn every_operation_of_the_openapi_document_has_a_name_of_its_own() {
        let document = served().await;
        let operations = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values());
        let mut names: Vec<_> = operations
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
    }

    #[tokio::test]
    async fn the_router_answers_every_path_of_the_openapi_document() {
        let app = TestApp::new().await;
        for (path, operations) in served().await["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let answered = app.call(&method.to_uppercase(), path, Value::Null).await;
                let code = serde_json::from_slice::<Value>(&answered.bytes).unwrap_or_default()["code"].clone();
                assert!(
                    code != "not_found" && code != "method_not_allowed",
                    "{method} {path}: {code}"
                );
            }
        }
    }
}
