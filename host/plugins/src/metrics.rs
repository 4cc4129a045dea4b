//! What is counted about plugins and the calls into them. The only labels are the ids of loaded plugins and the few ways in which
//! something can end.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use switchboard_core::problem::{Code, Problem};
use tokio::time::Instant;

use crate::limits::Most;
use crate::plugins::{PluginStatus, Plugins};

/// From a small guest to one that is stopped, in seconds.
const TIMES: [f64; 12] = [
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.5, 2.0,
];

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With a step.
    Answered,
    /// The plugin does not take the body.
    Refused,
    /// No instance became free.
    Busy,
    /// The guest was stopped.
    Timeout,
    /// The guest crashed or broke its contract.
    Trap,
    /// The plugin reports a failure of its own.
    Failed,
}

impl End {
    const ALL: [Self; 6] = [
        Self::Answered,
        Self::Refused,
        Self::Busy,
        Self::Timeout,
        Self::Trap,
        Self::Failed,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Trap => "trap",
            Self::Failed => "failed",
        }
    }

    /// Whatever the plugin says of a body in its own words is a refusal.
    fn of(outcome: &Result<(), &Problem>) -> Self {
        const FAULTS: [(Code, End); 4] = [
            (Code::PLUGIN_BUSY, End::Busy),
            (Code::PLUGIN_TIMEOUT, End::Timeout),
            (Code::PLUGIN_TRAP, End::Trap),
            (Code::INTERNAL, End::Failed),
        ];
        let Err(problem) = outcome else { return Self::Answered };
        let fault = FAULTS.iter().find(|(code, _)| code == problem.code());
        fault.map_or(Self::Refused, |(_, end)| *end)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPlugin {
    plugin: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByEnd {
    plugin: Arc<str>,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCrash {
    plugin: Arc<str>,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    status: &'static str,
}

/// The numbers of all plugins.
#[derive(Debug)]
pub(crate) struct Metrics {
    calls: Family<ByEnd, Counter>,
    crashes: Family<ByCrash, Counter>,
    times: Family<ByPlugin, Histogram>,
    waits: Family<ByPlugin, Histogram>,
    loads: Family<ByOutcome, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            crashes: Family::default(),
            times: Family::new_with_constructor(|| Histogram::new(TIMES)),
            waits: Family::new_with_constructor(|| Histogram::new(TIMES)),
            loads: Family::default(),
        }
    }
}

impl Metrics {
    /// The numbers of one plugin, found once and not at every call.
    pub(crate) fn of(&self, plugin: &str) -> PluginMetrics {
        let plugin: Arc<str> = plugin.into();
        let calls = End::ALL.map(|end| {
            let (plugin, outcome) = (Arc::clone(&plugin), end.word());
            self.calls.get_or_create_owned(&ByEnd { plugin, outcome })
        });
        PluginMetrics {
            calls,
            times: self.times.get_or_create_owned(&ByPlugin {
                plugin: Arc::clone(&plugin),
            }),
            waits: self.waits.get_or_create_owned(&ByPlugin {
                plugin: Arc::clone(&plugin),
            }),
            crashes: self.crashes.clone(),
            memory: Most::default(),
            instructions: Most::default(),
            plugin,
        }
    }

    /// A plugin was put in, and is loaded or refused.
    pub(crate) fn loaded(&self, is_loaded: bool) {
        let outcome = if is_loaded { "loaded" } else { "refused" };
        self.loads.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// Adds them to what is asked for.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "plugin_calls",
            "Calls of a plugin's next, by how they ended",
            self.calls.clone(),
        );
        registry.register(
            "plugin_crashes",
            "Calls that a guest did not survive, by what it did",
            self.crashes.clone(),
        );
        registry.register_with_unit(
            "plugin_guest",
            "How long a guest ran, without the wait for an instance",
            Unit::Seconds,
            self.times.clone(),
        );
        registry.register_with_unit(
            "plugin_wait",
            "How long a call waited for an instance",
            Unit::Seconds,
            self.waits.clone(),
        );
        registry.register(
            "plugin_loads",
            "Plugins that were put in, at the start and later, by what came of it",
            self.loads.clone(),
        );
    }
}

/// The plugins by their status at the moment of asking.
#[derive(Debug)]
pub(crate) struct Statuses(pub(crate) Plugins);

impl Collector for Statuses {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let states = self.0.states();
        let mut encoder = encoder.encode_descriptor("plugins", "Plugins by status", None, MetricType::Gauge)?;
        for status in PluginStatus::ALL {
            let count = states.iter().filter(|state| state.status == status).count();
            let labels = ByStatus {
                status: status.as_str(),
            };
            let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// The numbers of one plugin.
#[derive(Debug)]
pub(crate) struct PluginMetrics {
    plugin: Arc<str>,
    calls: [Counter; End::ALL.len()],
    /// Of all plugins: few of them ever crash, and only those get a series.
    crashes: Family<ByCrash, Counter>,
    times: Histogram,
    waits: Histogram,
    /// The most memory of a call, in bytes.
    pub(crate) memory: Most,
    /// The most instructions of a call, if the engine counts them.
    pub(crate) instructions: Most,
}

impl PluginMetrics {
    /// A call has ended.
    pub(crate) fn called(&self, outcome: &Result<(), &Problem>) {
        self.calls[End::of(outcome) as usize].inc();
    }

    /// The guest has crashed; `kind` is one of few words.
    pub(crate) fn crashed(&self, kind: &'static str) {
        let plugin = Arc::clone(&self.plugin);
        self.crashes.get_or_create(&ByCrash { plugin, kind }).inc();
    }

    /// The guest runs until this is dropped, which a call that is cut short does too.
    pub(crate) fn running(&self) -> Timed<'_> {
        Timed::new(&self.times)
    }

    /// A call waits for an instance until this is dropped.
    pub(crate) fn queued(&self) -> Timed<'_> {
        Timed::new(&self.waits)
    }
}

/// Something that lasts until it is dropped.
pub(crate) struct Timed<'a> {
    times: &'a Histogram,
    since: Instant,
}

impl<'a> Timed<'a> {
    fn new(times: &'a Histogram) -> Self {
        Self {
            times,
            since: Instant::now(),
        }
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.times.observe(self.since.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text::encode;
    use serde_json::json;

    use super::*;
    use crate::effects::NoEffects;
    use crate::engine::{Engine, EngineOptions};
    use crate::testing::{context, engine, guest, load, source};

    fn shown(plugins: &Plugins, numbers: &[&str]) {
        let mut registry = Registry::default();
        plugins.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for number in numbers {
            assert!(text.lines().any(|line| line == *number), "{number} is not in\n{text}");
        }
    }

    async fn call(plugins: &Plugins, kind: &str) {
        let answer = plugins.handle(&context(), kind, &json!({}), &NoEffects).await;
        answer.unwrap_err();
    }

    #[tokio::test]
    async fn every_call_is_counted_with_its_end_and_its_time() {
        let plugins = load(engine(), guest("(unreachable)"), "").await.unwrap();
        for _ in 0..2 {
            call(&plugins, "x").await;
        }
        shown(
            &plugins,
            &[
                r#"plugin_calls_total{plugin="guest",outcome="trap"} 2"#,
                r#"plugin_calls_total{plugin="guest",outcome="answered"} 0"#,
                r#"plugin_crashes_total{plugin="guest",kind="unreachable"} 2"#,
                r#"plugin_guest_seconds_count{plugin="guest"} 2"#,
                r#"plugin_wait_seconds_count{plugin="guest"} 2"#,
                r#"plugin_loads_total{outcome="loaded"} 1"#,
                r#"plugin_code_total{from="compiler"} 1"#,
                r#"plugins{status="ready"} 1"#,
                r#"plugins{status="failed"} 0"#,
            ],
        );
    }

    #[tokio::test]
    async fn crashes_are_told_apart() {
        for (next, kind) in [
            ("(loop br 0) unreachable", "cpu_time"),
            ("(call $f (i32.const 0))", "stack"),
            ("(i32.load (i32.const -8))", "out_of_bounds"),
            ("(i32.div_u (i32.const 1) (i32.const 0))", "arithmetic"),
            ("(i32.const -4)", "answer"),
            (
                "(loop (br_if 0 (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable",
                "memory",
            ),
        ] {
            let plugins = load(engine(), guest(next), "").await.unwrap();
            call(&plugins, "x").await;
            let number = format!(r#"plugin_crashes_total{{plugin="guest",kind="{kind}"}} 1"#);
            shown(&plugins, &[&number]);
        }
    }

    #[tokio::test]
    async fn what_is_loaded_is_counted_by_what_came_of_it_and_where_its_code_was() {
        let cache = tempfile::tempdir().unwrap();
        let engine = Engine::new(EngineOptions {
            cache_dir: Some(cache.path().to_owned()),
            ..EngineOptions::default()
        });
        let plugins = load(engine.unwrap(), guest("unreachable"), "").await.unwrap();
        plugins.put(source("guest", guest("unreachable"), "")).await.unwrap();
        plugins
            .put(source("other", b"no component".to_vec(), ""))
            .await
            .unwrap_err();
        shown(
            &plugins,
            &[
                r#"plugin_loads_total{outcome="loaded"} 2"#,
                r#"plugin_loads_total{outcome="refused"} 1"#,
                r#"plugin_code_total{from="compiler"} 1"#,
                r#"plugin_code_total{from="cache"} 1"#,
            ],
        );
    }

    #[test]
    fn each_end_has_a_place_of_its_own() {
        for (place, end) in End::ALL.into_iter().enumerate() {
            assert_eq!(end as usize, place);
        }
    }
}
