//! Providers' servers on loopback, and services whose plugins may ask them.

use std::sync::{Arc, Mutex};

use serde_json::json;
use switchboard_core::config::{GrantConfig, Grants};
use switchboard_plugins::{Engine, EngineOptions, PluginSource, Plugins};
use switchboard_service::{Service, ServiceOptions};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{FakeLines, SOON, store};

/// Every provider's key.
pub(crate) const KEY: &str = "sk-0123456789";

/// What a provider does with a request: its status, headers and body; `None` to say nothing at all.
pub(crate) type Answer = fn(&str) -> Option<(u16, &'static str, Vec<u8>)>;

/// A provider's server, and what it was asked.
pub(crate) struct Provider {
    pub(crate) base_url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    pub(crate) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            // Connections that are to stay silent.
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut some = [0; 4096];
                while !is_whole(&request) {
                    let n = stream.read(&mut some).await.unwrap_or(0);
                    if n == 0 {
                        break;
                    }
                    request.extend_from_slice(&some[..n]);
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let answered = answer(&request);
                heard.lock().unwrap().push(request);
                let Some((status, headers, body)) = answered else {
                    silent.push(stream);
                    continue;
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
            }
        });
        Self { base_url, asked }
    }

    /// What it was asked.
    pub(crate) fn asked(&self) -> String {
        self.asked.lock().unwrap().join("\n---\n")
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// A service whose plugin of this name speaks with that server, with the operator's leave and a key.
pub(crate) async fn service(id: &str, credential: &str, base_url: &str) -> (Service, TempDir) {
    service_granting(id, id, credential, base_url).await
}

/// The same where leave and key are of the plugin `of`.
pub(crate) async fn service_granting(of: &str, id: &str, credential: &str, base_url: &str) -> (Service, TempDir) {
    service_with(&[id], of, credential, base_url).await
}

/// The same with several plugins, which are all set to speak with that server.
pub(crate) async fn service_with(ids: &[&str], of: &str, credential: &str, base_url: &str) -> (Service, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = json!({"base_url": base_url}).as_object().cloned().unwrap();
    let wanted = bundled::plugins().iter().filter(|plugin| ids.contains(&plugin.id));
    let sources = wanted.map(|plugin| PluginSource {
        settings: settings.clone(),
        ..PluginSource::bundled(plugin.id, plugin.manifest, plugin.wasm)
    });
    let plugins = Plugins::load(Engine::new(EngineOptions::default()).unwrap(), sources.collect())
        .await
        .unwrap();
    let grant = GrantConfig {
        allow: vec![base_url.parse().unwrap()],
        private: true,
        credentials: [(credential.to_owned(), KEY.to_owned().into())].into(),
        ..GrantConfig::default()
    };
    let options = ServiceOptions {
        plugins,
        grants: Grants::from([(of.to_owned(), grant)]),
        ..super::options(store(&folder).await, Arc::<FakeLines>::default(), SOON).await
    };
    (Service::start(options).await.unwrap(), folder)
}
