//! Answers that are too large, that lie, or that are none.

use super::*;

#[tokio::test]
async fn an_answer_over_the_cap_is_not_taken_in() {
    let two_mib = 2 << 20;
    for count in [1, 8] {
        let mut text = GuestText {
            pages: 64,
            ..GuestText::default()
        };
        let answer = text.send(count, [0, two_mib / count]);
        let problem = problem_of(text, &format!("(i32.const {answer})")).await;
        assert_eq!(problem.code(), &Code::PLUGIN_TRAP, "{count}");
    }
}

#[tokio::test]
async fn a_list_that_repeats_one_text_a_million_times_is_not_taken_in() {
    let mut text = GuestText {
        pages: 400,
        ..GuestText::default()
    };
    let answer = text.answer(1, 65_536, 1_000_000);
    let problem = problem_of(text, &format!("(i32.const {answer})")).await;
    assert_eq!(problem.code(), &Code::PLUGIN_TRAP);
}

#[tokio::test]
async fn a_pointer_out_of_memory_or_an_unknown_case_is_a_crash_of_the_guest_alone() {
    let mut wild = GuestText::default();
    let answer = wild.send(1, [u32::MAX - 8, 4]);
    assert_eq!(
        problem_of(wild, &format!("(i32.const {answer})")).await.code(),
        &Code::PLUGIN_TRAP
    );
    let mut unknown = GuestText::default();
    let answer = unknown.answer(7, 0, 0);
    assert_eq!(
        problem_of(unknown, &format!("(i32.const {answer})")).await.code(),
        &Code::PLUGIN_TRAP
    );
    assert_eq!(
        problem_of(GuestText::default(), "(i32.const -4)").await.code(),
        &Code::PLUGIN_TRAP
    );
}

#[tokio::test]
async fn a_length_that_is_a_lie_is_a_crash_of_the_guest_alone() {
    for length in [200_000, 0x8000_0000, u32::MAX] {
        let (mut long, mut many) = (GuestText::default(), GuestText::default());
        let [at, _] = long.string("hi");
        let answer = long.send(1, [at, length]);
        let problem = problem_of(long, &format!("(i32.const {answer})")).await;
        assert_eq!(problem.code(), &Code::PLUGIN_TRAP, "a text of {length}");
        let answer = many.answer(1, 1024, length);
        let problem = problem_of(many, &format!("(i32.const {answer})")).await;
        assert_eq!(problem.code(), &Code::PLUGIN_TRAP, "a list of {length}");
    }
}

#[tokio::test]
async fn a_guest_that_has_no_room_for_its_input_is_at_fault_for_it() {
    for (room, code) in [
        ("(i32.const -8)", Code::PLUGIN_TRAP),
        ("(i32.const 0x7ffffff8)", Code::PLUGIN_TRAP),
        ("unreachable", Code::PLUGIN_TRAP),
        ("(call $f (i32.const 0))", Code::PLUGIN_TRAP),
        ("(loop br 0) unreachable", Code::PLUGIN_TIMEOUT),
    ] {
        let mut text = GuestText {
            room,
            ..GuestText::default()
        };
        let words = text.string("hi");
        let answer = text.send(1, words);
        let problem = problem_of(text, &format!("(i32.const {answer})")).await;
        assert_eq!(problem.code(), &code, "{room}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_utf8_or_not_json_is_not_taken() {
    let mut text = GuestText::default();
    let words = text.string(b"\xff\xfe");
    let answer = text.send(1, words);
    assert_eq!(
        problem_of(text, &format!("(i32.const {answer})")).await.code(),
        &Code::PLUGIN_TRAP
    );
    for json in ["", "[]", "{\"a\":", "nul"] {
        let mut text = GuestText::default();
        let (name, json) = (text.string("hologram"), text.string(json));
        let answer = text.send_open(name, json);
        let problem = problem_of(text, &format!("(i32.const {answer})")).await;
        assert_eq!(
            problem.message(),
            "The plugin guest 1.0.0 gave an answer that is not allowed."
        );
    }
}

#[tokio::test]
async fn no_contents_or_nine_are_not_an_answer() {
    for count in [0, 9] {
        let mut text = GuestText::default();
        let words = text.string("hi");
        let answer = text.send(count, words);
        let problem = problem_of(text, &format!("(i32.const {answer})")).await;
        assert_eq!(
            cause(&problem),
            format!("the guest broke its contract: {count} contents; 1 to 8 are allowed")
        );
    }
}
