//! Guests that ask for too much, for ever, or for what nobody knows.

use super::*;

#[tokio::test]
async fn more_effects_than_thirty_two_are_not_a_step() {
    let mut text = GuestText::default();
    let step = text.act(33);
    let problem = problem_of(text, &format!("(i32.const {step})")).await;
    assert_eq!(
        cause(&problem),
        "the guest broke its contract: 33 effects; 1 to 32 are allowed"
    );
}

#[tokio::test]
async fn thousands_of_effects_are_not_even_counted() {
    let mut text = GuestText {
        pages: 64,
        ..GuestText::default()
    };
    let step = text.act(5000);
    let problem = problem_of(text, &format!("(i32.const {step})")).await;
    assert_eq!(problem.code(), &Code::PLUGIN_TRAP);
}

/// Answers every wish with a megabyte.
struct Generous;

#[async_trait]
impl Effects for Generous {
    async fn carry_out(&self, _plugin: &Plugin, _effect: Effect) -> Outcome {
        Outcome::Json(format!("\"{}\"", "x".repeat(1 << 20)))
    }
}

#[tokio::test]
async fn what_a_guest_is_told_in_all_is_bounded_whatever_it_asks_for() {
    let mut text = GuestText {
        pages: 200,
        ..GuestText::default()
    };
    let (step, words) = (text.act(32), text.string("enough"));
    let answer = text.send(1, words);
    // Were all of it handed over, it would not fit into the guest.
    let next = format!("(if (result i32) (local.get $outcomes) (then (i32.const {answer})) (else (i32.const {step})))");
    let plugins = load(engine(), text.component(&next), "").await.unwrap();
    let contents = plugins.handle(&context(), "x", &json!({}), &Generous).await;
    assert_eq!(contents.unwrap().len(), 1);
}

/// Counts what it is asked to carry out.
#[derive(Default)]
struct Counting(AtomicUsize);

#[async_trait]
impl Effects for Counting {
    async fn carry_out(&self, _plugin: &Plugin, _effect: Effect) -> Outcome {
        self.0.fetch_add(1, Ordering::Relaxed);
        Outcome::Done
    }
}

#[tokio::test]
async fn a_guest_that_never_comes_to_an_end_is_asked_eight_times_and_its_last_wish_is_not_carried_out() {
    let mut text = GuestText::default();
    let step = text.act(2);
    // Were it asked a ninth time, it would see sixteen outcomes and trap.
    let next = format!("(if (i32.eq (local.get $outcomes) (i32.const 16)) (then unreachable)) (i32.const {step})");
    let plugins = load(engine(), text.component(&next), "").await.unwrap();
    let counting = Counting::default();
    let problem = plugins.handle(&context(), "x", &json!({}), &counting).await;
    assert_eq!(
        cause(&problem.unwrap_err()),
        "the guest broke its contract: no final answer in 8 rounds"
    );
    assert_eq!(counting.0.into_inner(), 7 * 2, "nobody would hear what became of it");
}

#[tokio::test]
async fn an_effect_nobody_knows_comes_back_as_a_failed_outcome() {
    let mut text = GuestText::default();
    let (step, words) = (text.act(3), text.string("so be it"));
    let answer = text.send(1, words);
    let next = format!(
        "(if (result i32) (i32.eq (local.get $outcomes) (i32.const 3)) (then (i32.const {answer})) (else (i32.const {step})))"
    );
    let plugins = load(engine(), text.component(&next), "").await.unwrap();
    assert!(matches!(send(&plugins, "x").await.unwrap()[..], [Content::Text(_)]));
}
