//! Tokens: the shared one, those that are issued, and what a narrow view of the service hides.

use switchboard_core::access::{Access, Scope, Scopes, Sight};
use switchboard_core::ids::{SessionId, SessionRef};
use switchboard_core::problem::Problem;
use switchboard_service::{Cursor, LogFilter, NewSession, NewToken};

use crate::fake::{World, text_from};

fn new(scopes: &[Scope], sessions: Sight) -> NewToken {
    NewToken {
        name: "desk".to_owned(),
        access: Access {
            scopes: scopes.iter().copied().collect(),
            sessions,
        },
        lifetime: None,
    }
}

fn code<T>(outcome: Result<T, Problem>) -> String {
    outcome
        .err()
        .map_or("-".to_owned(), |problem| problem.code().name().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_token_stays_the_same_through_a_restart_until_it_is_revoked() {
    let world = World::new().await;
    let first = world.service.app_token().await.unwrap();
    assert_eq!(world.service.app_token().await.unwrap(), first);
    let world = world.restarted().await;
    assert_eq!(world.service.app_token().await.unwrap(), first);
    assert_eq!(first.access.scopes, Scopes::all());

    world.service.revoke_token(&first.id).await.unwrap();
    let revoked = world.service.known_token(&first.id).unwrap();
    assert!(revoked.revoked_at.is_some());
    assert_ne!(world.service.app_token().await.unwrap().id, first.id);
    let world = world.restarted().await;
    world.service.revoke_token(&first.id).await.unwrap();
    assert_eq!(world.service.known_token(&first.id), Some(revoked));
    assert_eq!(code(world.service.revoke_token("unknown").await), "token_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_made_elsewhere_is_known_from_the_first_time_it_is_shown() {
    let world = World::new().await;
    let now = switchboard_core::clock::UnixMillis::from_secs(1_700_000_000);
    let elsewhere = || new(&[Scope::MessagesSend], Sight::All).issue("elsewhere".to_owned(), now, None);
    let never = || panic!("a known token is not taken from what is shown");
    assert_eq!(world.service.known_token("elsewhere"), None);
    let known = world.service.know_token("elsewhere", elsewhere).await.unwrap();
    assert_eq!(*known, elsewhere());
    assert_eq!(world.service.know_token("elsewhere", never).await.unwrap(), known);
    let world = world.restarted().await;
    assert_eq!(world.service.know_token("elsewhere", never).await.unwrap(), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_view_lists_issues_and_revokes_tokens_for_its_own_sessions_alone() {
    let world = World::new().await;
    let [ours, theirs] = sessions(&world).await;
    let issue = async |sessions: Sight| {
        let token = world.service.issue_token(new(&[Scope::Admin], sessions), None).await;
        token.unwrap()
    };
    let (narrow, other, wide) = (
        issue(Sight::from_iter([ours])).await,
        issue(Sight::from_iter([ours, theirs])).await,
        issue(Sight::All).await,
    );
    let view = world.service.seeing(Sight::from_iter([ours]));
    let ids = |page: switchboard_service::TokenPage| page.tokens.into_iter().map(|token| token.id).collect::<Vec<_>>();
    assert_eq!(ids(view.tokens(None, 100).unwrap()), [narrow.id.as_str()]);
    for hidden in [&other, &wide] {
        assert_eq!(code(view.revoke_token(&hidden.id).await), "token_not_found");
    }
    for (sessions, expected) in [
        (Sight::from_iter([theirs]), "session_not_found"),
        (Sight::All, "forbidden"),
        (Sight::from_iter([ours]), "-"),
    ] {
        let issued = view.issue_token(new(&[Scope::Admin], sessions), Some(&narrow)).await;
        assert_eq!(code(issued), expected);
    }
    view.revoke_token(&narrow.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_tokens_joined_are_the_whole_list_and_a_strange_place_is_refused() {
    let world = World::new().await;
    let mut issued = Vec::new();
    for _ in 0..5 {
        let token = world.service.issue_token(new(&[Scope::Admin], Sight::All), None).await;
        issued.push(token.unwrap().id.clone());
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = world.service.tokens(after.as_deref(), 2).unwrap();
        seen.extend(page.tokens.into_iter().map(|token| token.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    issued.sort_unstable();
    seen.sort_unstable();
    assert_eq!(seen, issued);
    assert_eq!(code(world.service.tokens(Some("x"), 2)), "invalid_field");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_out_of_sight_and_its_messages_are_not_there() {
    let world = World::new().await;
    let (ours, line) = world.linked("15550000001").await;
    let (theirs, their_line) = world.linked("15550000002").await;
    line.deliver(vec![text_from("15550000009", "3EB0A", "ours")])
        .await
        .unwrap();
    their_line
        .deliver(vec![text_from("15550000009", "3EB0B", "theirs")])
        .await
        .unwrap();
    let view = world.service.seeing(Sight::from_iter([ours]));
    let listed = view.sessions(None, None, 10).sessions;
    assert_eq!(
        listed.iter().map(|session| session.session_id).collect::<Vec<_>>(),
        [ours]
    );
    let hidden = SessionRef::Session(theirs);
    assert_eq!(code(view.session(&hidden).await), "session_not_found");
    assert_eq!(code(view.restart(&hidden).await), "session_not_found");
    assert_eq!(code(view.delete(&hidden).await), "session_not_found");
    assert_eq!(code(view.qr(&hidden)), "session_not_found");
    assert_eq!(code(view.create_session(NewSession::default()).await), "forbidden");

    let all = world
        .service
        .messages(LogFilter::default(), Cursor::default(), 10)
        .await;
    let seen = view.messages(LogFilter::default(), Cursor::default(), 10).await;
    let (all, seen) = (all.unwrap().messages, seen.unwrap().messages);
    assert_eq!((all.len(), seen.len()), (2, 1));
    assert_eq!(seen[0].session_id, ours);
    for message in all {
        let name = switchboard_service::MessageRef::Id(message.message_id);
        let found = view.message(name).await;
        let expected = if message.session_id == ours {
            "-"
        } else {
            "message_not_found"
        };
        assert_eq!(code(found), expected);
    }
}

async fn sessions(world: &World) -> [SessionId; 2] {
    let create = async || world.service.create_session(NewSession::default()).await.unwrap();
    [create().await, create().await]
}
