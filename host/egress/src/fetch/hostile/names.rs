//! What a name server says.

use super::super::testing::{Names, Server, answer, fetcher_asking, granting, request};
use super::*;

#[tokio::test]
async fn a_public_name_that_leads_next_door_is_not_dialled() {
    let trap = Trap::set();
    let url = format!("http://api.example.com:{}", trap.port());
    for addresses in [
        &["127.0.0.1"][..],
        &["10.0.0.1", "::1", "fd00::1", "100.64.0.1"],
        &["169.254.169.254", "fd00:ec2::254", "fe80::1"],
        &["::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0", "::"],
        &[],
    ] {
        let names = Names::new(&[addresses]);
        let error = refusal(&fetcher_asking(&names), &granting(&[&url]), request(&url)).await;
        let said = "api.example.com is not a public address and must not be connected to";
        assert!(matches!(error, FetchError::OutOfReach(_)), "{addresses:?}: {error}");
        assert_eq!((error.to_string().as_str(), names.left()), (said, 0));
    }
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn a_name_next_door_leads_next_door_and_never_to_a_clouds_metadata() {
    let server = Server::start(|_, _| answer("200 OK", "", "")).await;
    let url = format!("http://tts.internal:{}/", server.port());
    let grant = granting(&[&url[..url.len() - 1]]);
    let names = Names::new(&[
        &["169.254.169.254", "127.0.0.1", "fe80::1"],
        &["169.254.169.254", "1.1.1.1"],
    ]);
    assert!(fetcher_asking(&names).fetch(&grant, request(&url)).await.is_ok());
    let error = refusal(&fetcher_asking(&names), &grant, request(&url)).await;
    assert!(matches!(error, FetchError::OutOfReach(_)), "{error}");
    assert_eq!((names.left(), server.connections()), (0, 1));
}

#[tokio::test]
async fn a_name_that_changes_between_check_and_use_is_asked_once_and_dialled_where_it_was_checked() {
    let close = |_: usize, _: &str| answer("200 OK", "connection: close\r\n", "");
    let first = Server::start(close).await;
    let second = Server::start_at(&format!("127.0.0.2:{}", first.port()), close).await;
    let url = format!("http://tts.internal:{}/", first.port());
    let grant = granting(&[&url[..url.len() - 1]]);
    let names = Names::new(&[&["127.0.0.1"], &["127.0.0.2"], &["169.254.169.254"]]);
    let fetcher = fetcher_asking(&names);
    assert!(fetcher.fetch(&grant, request(&url)).await.is_ok());
    assert_eq!((names.left(), first.seen().len(), second.seen().len()), (2, 1, 0));
    // Each later answer is in force with the next connection, and is checked like the first.
    assert!(fetcher.fetch(&grant, request(&url)).await.is_ok());
    assert_eq!((names.left(), first.seen().len(), second.seen().len()), (1, 1, 1));
    let error = refusal(&fetcher, &grant, request(&url)).await;
    assert!(matches!(error, FetchError::OutOfReach(_)), "{error}");
    assert_eq!((names.left(), first.connections(), second.connections()), (0, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_name_server_that_says_nothing_is_left_after_ten_seconds() {
    let names = Names::new(&[]);
    let error = refusal(
        &fetcher_asking(&names),
        &granting(&["https://api.example.com"]),
        request("https://api.example.com/"),
    )
    .await;
    assert!(
        matches!(error, FetchError::Timeout(limit) if limit == Duration::from_secs(10)),
        "{error}"
    );
}
