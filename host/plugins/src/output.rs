//! What a guest writes to standard output and standard error: always taken, kept up to a cap, the rest counted.
//!
//! It becomes log lines under a target of its own, which is silent until the operator names it, because a plugin's author may print
//! anything, what a message says included. Where it is not, a crash is told with the end of standard error, however much came before:
//! there stands why. A full pipe must not stop or trap a guest that is only noisy, so a write never fails and never waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Outside the names of the house, so that no level that is meant for the house turns it on.
pub(crate) const TARGET: &str = "plugin_output";
/// The most that a guest may write at once; WASI lets it come again.
const CHUNK: usize = 64 * 1024;
/// How much of the end of standard error is told of a guest that crashed, in bytes.
const LAST_WORDS: usize = 2 * 1024;

/// One call's output. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    captured: Arc<Mutex<Captured>>,
    /// Whether this end of it is standard error.
    is_error: bool,
}

#[derive(Debug)]
struct Captured {
    kept: Vec<u8>,
    cap: usize,
    dropped: u64,
    /// The end of standard error, whatever else was dropped.
    last: VecDeque<u8>,
}

impl Output {
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            captured: Arc::new(Mutex::new(Captured {
                kept: Vec::new(),
                cap,
                dropped: 0,
                last: VecDeque::new(),
            })),
            is_error: false,
        }
    }

    /// The same output; what comes in here is standard error.
    pub(crate) fn of_errors(&self) -> Self {
        Self {
            is_error: true,
            ..self.clone()
        }
    }

    fn captured(&self) -> MutexGuard<'_, Captured> {
        self.captured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: &[u8]) {
        let mut captured = self.captured();
        let room = captured.cap - captured.kept.len();
        let kept = bytes.len().min(room);
        captured.kept.extend_from_slice(&bytes[..kept]);
        captured.dropped += (bytes.len() - kept) as u64;
        if self.is_error {
            let last = &bytes[bytes.len().saturating_sub(LAST_WORDS)..];
            let beyond = (captured.last.len() + last.len()).saturating_sub(LAST_WORDS);
            captured.last.drain(..beyond);
            captured.last.extend(last);
        }
    }

    /// The end of standard error as one line, control characters escaped; empty when nothing was written to it, or the log is not to have
    /// what guests write.
    pub(crate) fn last_words(&self) -> String {
        if !tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
            return String::new();
        }
        let last: Vec<u8> = self.captured().last.iter().copied().collect();
        let words = String::from_utf8_lossy(&last).trim().escape_debug().to_string();
        // Escaping has made it longer.
        words[words.ceil_char_boundary(words.len().saturating_sub(LAST_WORDS))..].to_owned()
    }

    /// The lines that were kept, control characters escaped, and how many bytes were not kept.
    pub(crate) fn lines(&self) -> (Vec<String>, u64) {
        let captured = self.captured();
        let text = String::from_utf8_lossy(&captured.kept);
        let lines = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.escape_debug().to_string());
        (lines.collect(), captured.dropped)
    }

    /// Writes the lines to the log.
    pub(crate) fn log(&self, plugin: &str, request_id: &str) {
        let (lines, dropped) = self.lines();
        for line in lines {
            tracing::debug!(target: TARGET, plugin, request_id, "{line}");
        }
        if dropped > 0 {
            tracing::debug!(target: TARGET, plugin, request_id, dropped_bytes = dropped, "the plugin wrote more than is kept");
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    /// Only WASI 0.3 asks for this one, and it is not linked.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CaughtLog;

    #[test]
    fn what_does_not_fit_is_counted_and_never_refused() {
        let mut output = Output::new(8);
        for _ in 0..1000 {
            output.write("abc\n".into()).unwrap();
        }
        assert_eq!(output.lines(), (vec!["abc".to_owned(), "abc".to_owned()], 3992));
        assert_eq!(output.check_write().unwrap(), CHUNK);
    }

    #[test]
    fn a_line_cannot_forge_another_log_line() {
        let mut output = Output::new(100);
        output.write("a\x1b[31m\rb\n\n\u{85}".into()).unwrap();
        output.write(b"\xff"[..].into()).unwrap();
        assert_eq!(output.lines().0, ["a\\u{1b}[31m\\rb", "\\u{85}\u{fffd}"]);
    }

    #[test]
    fn the_last_words_are_the_end_of_standard_error_on_one_line() {
        let output = Output::new(8);
        let (mut out, mut err) = (output.clone(), output.of_errors());
        err.write("panicked at src/lib.rs:1:\nno\x1b[31m\n".into()).unwrap();
        out.write("what the message says".into()).unwrap();
        CaughtLog::default().during(|| {
            assert_eq!(output.last_words(), "panicked at src/lib.rs:1:\\nno\\u{1b}[31m");
            for words in ["x".repeat(10_000), "\x1b".repeat(3000), "\u{e9}".repeat(3000)] {
                err.write(format!("{words}.").into()).unwrap();
                let last = output.last_words();
                assert!(last.len() <= LAST_WORDS && last.ends_with('.'), "{}", last.len());
            }
        });
    }

    #[test]
    fn where_the_output_is_not_wanted_there_are_no_last_words() {
        let output = Output::new(8);
        output.of_errors().write("Dear Ada".into()).unwrap();
        let filter = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).finish();
        tracing::subscriber::with_default(filter, || assert_eq!(output.last_words(), ""));
    }
}
