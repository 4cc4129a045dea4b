//! The real application over a data folder of its own, for the tests at the foot of the routes. Its sessions never get to
//! WhatsApp: nothing listens where they dial. Its clock stands still.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use switchboard_core::clock::{ManualClock, UnixMillis};
use switchboard_core::config::Config;
use switchboard_plugins::{Engine, EngineOptions};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::app::App;
use crate::auth::app_token;
use crate::router::router;
use crate::serve::{ServeOptions, build};

/// A configuration with everything in `folder` and nothing to reach.
pub(crate) fn config(folder: &Path) -> Config {
    let environment = [
        ("SWITCHBOARD_DATA__DIR", folder.to_str().unwrap()),
        ("SWITCHBOARD_SERVER__LISTEN", "127.0.0.1:0"),
        ("SWITCHBOARD_WHATSAPP__URL", "ws://127.0.0.1:9/ws/chat"),
        ("SWITCHBOARD_WHATSAPP__VERSION", "2.3000.1023456789"),
        ("SWITCHBOARD_SERVER__ADMIN_KEY", ADMIN_KEY),
        ("SWITCHBOARD_SERVER__MAX_BODY_KIB", "64"),
    ];
    let mut config = Config::load(None, environment).unwrap();
    config.plugins.precompiled_dir = Some(compiled_plugins().to_owned());
    config
}

/// The compiled code of the bundled plugins, made once for all tests and kept beside them: compiling takes longer than most tests.
fn compiled_plugins() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::current_exe().unwrap().with_file_name("compiled-plugins");
        let engine = Engine::new(EngineOptions::default()).unwrap();
        for plugin in bundled::plugins() {
            engine.precompile(plugin.wasm, &folder).unwrap();
        }
        folder
    })
}

/// An engine that compiles no bundled plugin.
pub(crate) fn engine() -> Engine {
    let options = EngineOptions {
        precompiled_dir: Some(compiled_plugins().to_owned()),
        ..EngineOptions::default()
    };
    Engine::new(options).unwrap()
}

/// A plugin that comes with the host.
pub(crate) fn shipped(id: &str) -> &'static bundled::Bundled {
    bundled::plugins().iter().find(|plugin| plugin.id == id).unwrap()
}

/// Puts the dialect that was built against the frozen contract into the operator's plugins, with `more` in its manifest. It repeats
/// whatever it is told.
pub(crate) fn drop_in_frozen(config: &Config, more: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/tests/frozen/1.0.0/dialect");
    let to = config.data.dir.join("plugins/frozen");
    fs::create_dir_all(&to).unwrap();
    fs::copy(from.join("plugin.wasm"), to.join("plugin.wasm")).unwrap();
    let manifest = fs::read_to_string(from.join("plugin.toml")).unwrap();
    fs::write(to.join("plugin.toml"), format!("{manifest}\n{more}")).unwrap();
}

/// The operator's key of every test.
pub(crate) const ADMIN_KEY: &str = "an admin key for tests";

/// An application and the folder it lives in.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    router: Router,
    token: String,
    folder: TempDir,
}

/// What came back.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answered {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// The body of a failure, after checking its status, code and field.
    pub(crate) fn failure(&self, status: u16, code: &str, field: Option<&str>) -> Value {
        let body = self.json();
        let found = (
            self.status.as_u16(),
            body["code"].as_str().unwrap(),
            body["field"].as_str(),
        );
        assert_eq!(found, (status, code, field), "{body}");
        assert_eq!(body["success"], false);
        assert_eq!(body["requestId"], self.headers["x-request-id"].to_str().unwrap());
        body
    }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// One after `settings` had their way with its configuration.
    pub(crate) async fn with(settings: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(UnixMillis(1_800_000_000_000)));
        let options = ServeOptions {
            clock: clock.clone(),
            ..ServeOptions::default()
        };
        let mut config = config(folder.path());
        settings(&mut config);
        let app = build(config, options, true).await.unwrap();
        app.plugin_folder.load().await;
        let token = app_token::current(&app).await.unwrap();
        Self {
            router: router(app.clone()),
            app,
            clock,
            token,
            folder,
        }
    }

    /// Lets so many seconds pass.
    pub(crate) fn advance(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    /// The folder with its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Sends a request as it is, and leaves the body of the answer to be read.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request as it is.
    pub(crate) async fn raw(&self, request: Request<Body>) -> Answered {
        let (parts, body) = self.open(request).await.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answered {
            status: parts.status,
            headers: parts.headers,
            bytes,
        }
    }

    /// Sends a request without a token.
    pub(crate) async fn anonymous(&self, method: &str, path: &str) -> Answered {
        self.raw(Request::builder().method(method).uri(path).body(Body::empty()).unwrap())
            .await
    }

    /// Sends a request without a body, with any token.
    pub(crate) async fn with_token(&self, method: &str, path: &str, token: &str) -> Answered {
        let request = Request::builder().method(method).uri(path);
        self.raw(
            request
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    /// Sends a request with the app's token.
    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send("GET", path, &[], Body::empty()).await
    }

    /// Sends a JSON body with the app's token; null sends none.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answered {
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        self.send(method, path, &[("content-type", "application/json")], body)
            .await
    }

    /// Sends a JSON body with any token.
    pub(crate) async fn call_with(&self, token: &str, method: &str, path: &str, body: Value) -> Answered {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        self.raw(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A token that the app's token makes, by the body of the request for it.
    pub(crate) async fn token(&self, body: Value) -> String {
        let created = self.call("POST", "/api/tokens", body).await;
        assert_eq!(created.status, 201, "{}", created.json());
        created.json()["token"].as_str().unwrap().to_owned()
    }

    /// A signed URL that the app's token makes.
    pub(crate) async fn signed_url(&self, path: &str) -> String {
        let body = serde_json::json!({"path": path});
        let signed = self.call("POST", "/api/signed-urls", body).await;
        assert_eq!(signed.status, 200, "{}", signed.json());
        signed.json()["url"].as_str().unwrap().to_owned()
    }

    /// Sends anything with the app's token.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.raw(request.body(body).unwrap()).await
    }

    /// A new session's id.
    pub(crate) async fn session(&self) -> String {
        let created = self.call("POST", "/api/sessions", serde_json::json!({})).await;
        assert_eq!(created.status, 201);
        created.json()["session"]["sessionId"].as_str().unwrap().to_owned()
    }
}
