//! Plugins, name servers and servers that mean harm, and what becomes of them.

mod names;
mod plugin;
mod server;
mod urls;

use std::net::TcpListener;

use super::*;

/// Why `url` is not fetched.
async fn refusal(fetcher: &Fetcher, grant: &Grant, asked: FetchRequest) -> FetchError {
    let url = asked.url.clone();
    match fetcher.fetch(grant, asked).await {
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("hunter2") && !shown.contains("token="),
                "{url:?}: {shown}"
            );
            error
        }
        Ok(answer) => panic!("{url:?} was answered with {}", answer.status),
    }
}

/// A port on 127.0.0.1 that knows whether anybody came.
struct Trap(TcpListener);

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    fn is_untouched(&self) -> bool {
        self.0.accept().is_err()
    }
}
