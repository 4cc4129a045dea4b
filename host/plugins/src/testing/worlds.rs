//! Guests of the other two worlds, as hand-written as those that handle messages. What they answer is laid out as the contract's types
//! are in memory.

use super::guest::GuestText;

/// From the result of a dialect's `next` to the response in it, which is what `render-problem` answers.
const RESPONSE: u32 = 16;

impl GuestText {
    /// A dialect with these routes, each for GET and with a token; `next` and `words`, of `render-problem`, are bodies that leave a
    /// pointer to the answer.
    pub(crate) fn dialect(mut self, paths: &[&str], next: &str, words: &str) -> Vec<u8> {
        let [summary, length] = self.string("A route for tests.");
        let routes: Vec<_> = paths
            .iter()
            .flat_map(|path| {
                let [path, path_length] = self.string(path);
                [0, path, path_length, 0, summary, length]
            })
            .collect();
        let routes = self.words(&routes);
        let routes = self.words(&[routes, u32::try_from(paths.len()).unwrap()]);
        let functions = format!(
            r#"(func (export "switchboard:plugin/dialect@1.0.0#routes") (result i32) (i32.const {routes}))
                (func (export "switchboard:plugin/dialect@1.0.0#next") (param i32) (result i32) {next})
                (func (export "switchboard:plugin/dialect@1.0.0#render-problem") (param i32) (result i32) {words})
                (func (export "switchboard:plugin/dialect@1.0.0#webhook")
                    (param i32 i32 i64 i32 i32 i32 i32) (result i32) unreachable)"#
        );
        self.lifted("dialect", &functions)
    }

    /// `ok(respond)` with `count` times the same header and a text: for `next`, and the response alone for `words`.
    pub(crate) fn respond(&mut self, status: u32, count: u32, text: [u32; 2]) -> [u32; 2] {
        let ([name, name_length], [value, value_length]) = (self.string("x-header"), self.string("a"));
        let header = [name, name_length, value, value_length];
        let headers = self.words(&header.repeat(usize::try_from(count).unwrap()));
        self.align(8);
        // The result's case and the step's; status and headers; a whole body of text; room for the largest of each.
        let words = [
            0, 0, 1, 0, status, headers, count, 0, 1, 0, 0, 0, text[0], text[1], 0, 0, 0, 0, 0, 0,
        ];
        let answer = self.words(&words);
        [answer, answer + RESPONSE]
    }

    /// A tts-provider whose `voices` and `next` are bodies that leave a pointer to the answer.
    pub(crate) fn tts_provider(self, voices: &str, next: &str) -> Vec<u8> {
        let functions = format!(
            r#"(func (export "switchboard:plugin/tts-provider@1.0.0#voices")
                    (param i32 i32 i64 i32 i32 i32 i32) (result i32) {voices})
                (func (export "switchboard:plugin/tts-provider@1.0.0#next")
                    (param i32 i32 i64 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32 i32 i32) (result i32) {next})"#
        );
        self.lifted("tts-provider", &functions)
    }

    /// `ok(catalog)` of `count` times the same voice.
    pub(crate) fn catalog(&mut self, count: u32) -> u32 {
        let [name, length] = self.string("nova");
        let voice = [name, length, name, length, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let voices = self.words(&voice.repeat(usize::try_from(count).unwrap()));
        let (slowest, fastest) = (0.5_f32.to_bits(), 2_f32.to_bits());
        self.words(&[0, 1, voices, count, 0, 4096, slowest, fastest, 0, 0, 0])
    }

    /// `ok` of a step of a tts-provider's `next`, by its case and what is in it.
    pub(crate) fn spoken(&mut self, case: u32, payload: &[u32]) -> u32 {
        let mut words = vec![0, case];
        words.extend_from_slice(payload);
        words.resize(12, 0);
        self.words(&words)
    }
}
