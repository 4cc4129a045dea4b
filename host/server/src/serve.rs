//! One server, from a configuration to answers and back to nothing.
//!
//! The order of a start: listen and see where WhatsApp is first, so that a taken port or a refused URL is known before anything is
//! touched; then the data folder, the database and the bundled plugins; then answer; the sessions connect in the background, and the
//! plugins in the data folder are loaded there, which takes as long as compiling does. Until that is done the server is not ready. The
//! order of a stop is in [`Running::shutdown`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::{Clock, SystemClock};
use switchboard_core::config::Config;
use switchboard_core::problem::Problem;
use switchboard_core::random::{OsRandom, Random};
use switchboard_service::{Service, ServiceOptions};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::app::{App, Draining, Parts};
use crate::auth::app_token;
use crate::auth::guesses::Guesses;
use crate::auth::jwt::Tokens;
use crate::auth::key_ring::KeyRing;
use crate::auth::keys::Keys;
use crate::auth::local::Locality;
use crate::listen::{self, Connections, Setting};
use crate::metrics::{self, Metrics};
use crate::openapi::Served;
use crate::router::router;
use crate::start_error::StartError;
use crate::wiring;

/// What is not the operator's business: time, chance, and how many keys a new session gives WhatsApp.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance; fit for keys.
    pub random: Arc<dyn Random>,
    /// How often the folder of plugins is looked at.
    pub look_at_plugins: Duration,
    /// One-time keys that a new session uploads. `None`: as many as WhatsApp Web. Tests take few, because making them takes time.
    pub pre_keys: Option<usize>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            look_at_plugins: Duration::from_secs(2),
            pre_keys: None,
        }
    }
}

/// A server that listens. Stop it with [`Running::shutdown`]; dropping it leaves its connections and sessions to the runtime.
#[derive(Debug)]
pub struct Running {
    app: App,
    addresses: Vec<SocketAddr>,
    connections: Connections,
    metrics_addresses: Vec<SocketAddr>,
    metrics: Connections,
    plugins: JoinHandle<()>,
    look_now: Arc<Notify>,
    shutdown_timeout: Duration,
}

/// Starts a server in this process and returns when it answers. Linked sessions are still connecting then, and the plugins in the data
/// folder still being loaded ([`Running::ready`]).
///
/// # Errors
/// [`StartError`], one sentence for the operator. Nothing was overwritten and nothing listens.
pub async fn serve(config: Config, options: ServeOptions) -> Result<Running, StartError> {
    let listeners = listen::bind(Setting::Server, &config.server.listen).await?;
    let metrics_listeners = listen::bind(Setting::Metrics, &config.metrics.listen).await?;
    let (addresses, metrics_addresses) = (addresses(&listeners)?, addresses(&metrics_listeners)?);

    let loopback_only = addresses.iter().all(|address| address.ip().is_loopback());
    let shutdown_timeout = config.server.shutdown_timeout;
    let look_at_plugins = options.look_at_plugins;
    let app = build(config, options, loopback_only).await?;
    let metrics = Connections::serve(metrics_listeners, &metrics::router(app.clone()));
    for address in &metrics_addresses {
        tracing::info!(%address, "listening for whoever collects metrics");
    }
    let connections = Connections::serve(listeners, &router(app.clone()));
    for address in &addresses {
        tracing::info!(%address, "listening");
    }
    let look_now = Arc::<Notify>::default();
    let plugins = tokio::spawn(watch_plugins(app.clone(), look_at_plugins, Arc::clone(&look_now)));
    Ok(Running {
        app,
        addresses,
        connections,
        metrics_addresses,
        metrics,
        plugins,
        look_now,
        shutdown_timeout,
    })
}

/// Loads the plugins in the data folder, then watches them until the server stops. One that has changed and is being loaded then is
/// loaded to its end.
async fn watch_plugins(app: App, every: Duration, look_now: Arc<Notify>) {
    tokio::select! {
        () = app.draining.begun() => return,
        () = app.plugin_folder.load() => {}
    }
    for unused in app.plugin_folder.unused_grants() {
        tracing::warn!(unused, "what is granted is asked for by nobody");
    }
    tracing::info!("ready");
    loop {
        tokio::select! {
            () = app.draining.begun() => return,
            () = look_now.notified() => app.plugin_folder.load().await,
            () = sleep(every) => app.plugin_folder.look().await,
        }
    }
}

fn addresses(listeners: &[TcpListener]) -> io::Result<Vec<SocketAddr>> {
    listeners.iter().map(TcpListener::local_addr).collect()
}

/// Everything behind the listeners.
pub(crate) async fn build(config: Config, options: ServeOptions, loopback_only: bool) -> Result<App, StartError> {
    let driver = wiring::driver(&config, &options)?;
    let folder = wiring::open_folder(&config)?;
    let store = wiring::open_store(&config, &folder, &options).await?;
    let keys_path = Keys::path(folder.path());
    let keys = Keys::load_or_create(&keys_path, &*options.random)?;
    let ring = KeyRing::new(keys_path, keys);
    let plugins = wiring::load_plugins(&config, Some(&folder)).await?;
    let plugin_folder = wiring::plugin_folder(&config, Some(&folder), plugins.clone());
    let service = Service::start(ServiceOptions {
        store,
        lines: Arc::new(driver),
        plugins,
        grants: config.grants,
        fetcher: wiring::fetcher()?,
        clock: Arc::clone(&options.clock),
        random: Arc::clone(&options.random),
        send: config.send,
    })
    .await
    .map_err(StartError::Service)?;
    Ok(App::new(Parts {
        metrics: Metrics::new(&service),
        service,
        plugin_folder,
        tokens: Tokens::new(ring, config.auth.issuer, config.auth.audience),
        admin_key: config.server.admin_key,
        guesses: Guesses::default(),
        locality: Locality {
            enabled: config.auth.local_token,
            loopback_only,
            has_public_url: config.server.public_url.is_some(),
        },
        public_url: config
            .server
            .public_url
            .map(|url| url.as_str().trim_end_matches('/').to_owned()),
        request_timeout: config.server.request_timeout,
        max_body_bytes: config.server.max_body_kib * 1024,
        openapi: Served::default(),
        clock: options.clock,
        random: options.random,
        draining: Draining::default(),
    }))
}

impl Running {
    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it answers whoever collects metrics.
    pub fn metrics_addresses(&self) -> &[SocketAddr] {
        &self.metrics_addresses
    }

    /// Its first address as a URL.
    pub fn url(&self) -> String {
        self.addresses
            .first()
            .map_or_else(String::new, |address| format!("http://{address}"))
    }

    /// Waits until every plugin that was in the data folder at the start has been tried: from then on requests are welcome.
    pub async fn ready(&self) {
        self.app.plugin_folder.until_loaded().await;
    }

    /// The token that `GET /api/token` gives.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn token(&self) -> Result<String, Problem> {
        app_token::current(&self.app).await
    }

    /// The use cases behind the routes, for who embeds a server.
    pub fn service(&self) -> &Service {
        &self.app.service
    }

    /// Has every plugin of the data folder that was changed loaded now, without waiting for its files to come to rest. Returns at once.
    pub fn look_at_plugins(&self) {
        self.look_now.notify_one();
    }

    /// Stops: calls itself not ready, closes the listeners, lets requests under way finish, closes the sockets to WhatsApp without
    /// logging out, and brings everything to disk. What is not done within `server.shutdown_timeout` is cut off, but for the last.
    pub async fn shutdown(self) {
        let deadline = Instant::now() + self.shutdown_timeout;
        self.app.draining.start();
        let drained = async { tokio::join!(self.connections.drain(), self.metrics.drain()) };
        if timeout_at(deadline, drained).await.is_err() {
            tracing::warn!("requests were still under way at server.shutdown_timeout");
        }
        if timeout_at(deadline, self.plugins).await.is_err() {
            tracing::warn!("a plugin was still being loaded at server.shutdown_timeout");
        }
        self.app.service.shutdown(deadline).await;
        tracing::info!("stopped");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::cli::exit::Exit;
    use crate::testing;

    async fn asked(running: &Running, path: &str) -> String {
        asked_at(running.addresses()[0], path).await
    }

    async fn asked_at(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_stopped_server_leaves_its_port_and_its_folder_and_the_next_one_knows_its_token() {
        let folder = tempfile::tempdir().unwrap();
        let config = testing::config(folder.path());
        let first = serve(config.clone(), ServeOptions::default()).await.unwrap();
        first.ready().await;
        assert!(asked(&first, "/readyz").await.starts_with("HTTP/1.1 200"));
        let token = first.token().await.unwrap();
        assert!(asked(&first, "/api/token").await.contains(&token));
        let address = first.addresses()[0];
        first.shutdown().await;
        assert!(TcpStream::connect(address).await.is_err());

        let second = serve(config, ServeOptions::default()).await.unwrap();
        assert_eq!(second.token().await.unwrap(), token);
        second.shutdown().await;
    }

    #[tokio::test]
    async fn metrics_are_told_on_their_own_address_alone_and_nothing_else_is_told_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        let without = serve(config.clone(), ServeOptions::default()).await.unwrap();
        assert_eq!(without.metrics_addresses(), []);
        without.shutdown().await;

        config.metrics.listen = vec!["127.0.0.1:0".parse().unwrap()];
        let running = serve(config, ServeOptions::default()).await.unwrap();
        let [metrics] = running.metrics_addresses() else {
            panic!("one address")
        };
        let text = asked_at(*metrics, "/metrics").await;
        assert!(text.contains("content-type: text/plain; version=0.0.4"), "{text}");
        assert!(text.contains("switchboard_build_info{version="), "{text}");
        assert!(asked(&running, "/metrics").await.starts_with("HTTP/1.1 404"));
        assert!(asked_at(*metrics, "/healthz").await.starts_with("HTTP/1.1 404"));
        running.shutdown().await;
    }

    #[tokio::test]
    async fn a_taken_port_is_told_before_the_data_folder_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        let taken = listen::bind(Setting::Server, &config.server.listen).await.unwrap();
        config.metrics.listen = vec![taken[0].local_addr().unwrap()];
        let error = serve(config, ServeOptions::default()).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Unavailable);
        assert!(error.to_string().contains("SWITCHBOARD_METRICS__LISTEN"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_was_compiled_for_a_plugin_is_deleted_when_it_is_gone_and_for_another_program_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let config = testing::config(folder.path());
        testing::drop_in_frozen(&config, "");
        let cache = folder.path().join("cache/plugins");
        std::fs::create_dir_all(&cache).unwrap();
        let of_another = cache.join(format!("{}-0123456789abcdef.cwasm", "0".repeat(64)));
        std::fs::write(&of_another, "").unwrap();
        let kept = || std::fs::read_dir(&cache).unwrap().count();

        let options = ServeOptions {
            look_at_plugins: Duration::from_secs(3600),
            ..ServeOptions::default()
        };
        let running = serve(config, options).await.unwrap();
        running.ready().await;
        while of_another.exists() {
            tokio::task::yield_now().await;
        }
        assert_eq!(kept(), 2, "the code of the one that serves, and its checksum");
        std::fs::remove_dir_all(folder.path().join("plugins/frozen")).unwrap();
        running.look_at_plugins();
        while kept() > 0 {
            tokio::task::yield_now().await;
        }
        running.shutdown().await;
    }

    #[tokio::test]
    async fn a_folder_in_use_is_left_to_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let config = testing::config(folder.path());
        let first = serve(config.clone(), ServeOptions::default()).await.unwrap();
        let error = serve(config, ServeOptions::default()).await.unwrap_err();
        assert_eq!(error.exit(), Exit::TryAgain);
        assert!(error.to_string().contains("in use"), "{error}");
        first.shutdown().await;
    }

    #[tokio::test]
    async fn whoever_does_not_want_to_wait_has_the_folder_of_plugins_looked_at_now() {
        let folder = tempfile::tempdir().unwrap();
        let options = ServeOptions {
            look_at_plugins: Duration::from_secs(3600),
            ..ServeOptions::default()
        };
        let running = serve(testing::config(folder.path()), options).await.unwrap();
        running.ready().await;
        let otp = testing::shipped("otp");
        let place = folder.path().join("plugins/otp");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("plugin.toml"), otp.manifest.replace("0.1.0", "7.0.0")).unwrap();
        std::fs::write(place.join("plugin.wasm"), otp.wasm).unwrap();
        let plugins = running.service().plugins();
        let before = plugins.generation();
        running.look_at_plugins();
        while plugins.generation() == before {
            tokio::task::yield_now().await;
        }
        let view = running.service().plugin_view("otp").unwrap();
        assert_eq!(view.version.as_deref(), Some("7.0.0"));
        running.shutdown().await;
    }
}
