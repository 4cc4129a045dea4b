//! The protocol library's HTTP: media up and down.

use std::time::Duration;

use switchboard_core::proxy::Proxy;
use switchboard_core::realm::Realm;
use switchboard_egress::{Egress, EgressError, Limits, Method, Reach, Request};
use whatsapp_rust::anyhow::{Result, bail};
use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::net::{HttpClient, HttpRequest, HttpResponse};

/// WhatsApp's own limit for a document is 2 GiB; whatever goes through memory must be far smaller.
const LIMITS: Limits = Limits {
    max_body_bytes: 128 << 20,
    timeout: Duration::from_secs(300),
};

/// One for all lines that have no proxy, and one for each that has.
#[derive(Debug, Clone)]
pub(crate) struct MediaHttp {
    egress: Egress,
    realm: Realm,
}

impl MediaHttp {
    pub(crate) const fn new(egress: Egress, realm: Realm) -> Self {
        Self { egress, realm }
    }

    /// The same by way of a proxy that must be within `reach`.
    pub(crate) fn through(&self, proxy: &Proxy, reach: Reach) -> Result<Self, EgressError> {
        Ok(Self {
            egress: self.egress.through(proxy, reach)?,
            realm: self.realm,
        })
    }

    /// Its way out.
    pub(crate) const fn egress(&self) -> &Egress {
        &self.egress
    }
}

#[async_trait]
impl HttpClient for MediaHttp {
    /// An answer of any status is `Ok`: the library reads from it whether an upload token is stale or a file gone.
    async fn execute(&self, request: HttpRequest) -> Result<HttpResponse> {
        let method = match request.method.as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            other => bail!("the method {other} is not offered"),
        };
        let request = Request {
            method,
            url: in_realm(self.realm, request.url),
            headers: request.headers.into_iter().collect(),
            body: request.body,
        };
        let response = self.egress.send(request, LIMITS).await?;
        Ok(HttpResponse {
            status_code: response.status,
            body: response.body.into(),
        })
    }
}

/// The library writes `https` before every media host. The simulator has no certificate for 127.0.0.1 and speaks plain HTTP.
fn in_realm(realm: Realm, url: String) -> String {
    match (realm, url.strip_prefix("https://127.0.0.1:")) {
        (Realm::Simulator, Some(rest)) => format!("http://127.0.0.1:{rest}"),
        _ => url,
    }
}

#[cfg(test)]
mod tests {
    use switchboard_egress::EgressOptions;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn only_the_simulators_own_host_is_spoken_to_without_tls() {
        let simulator = |url: &str| in_realm(Realm::Simulator, url.to_owned());
        assert_eq!(simulator("https://127.0.0.1:7/m?a"), "http://127.0.0.1:7/m?a");
        for other in [
            "https://127.0.0.1.example.com:7/",
            "https://mmg.whatsapp.net/m",
            "https://127.0.0.1/",
        ] {
            assert_eq!(simulator(other), other);
        }
        let live = "https://127.0.0.1:7/m".to_owned();
        assert_eq!(in_realm(Realm::Live, live.clone()), live);
    }

    #[tokio::test]
    async fn a_missing_file_is_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/m", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        });
        let reach = Reach::LoopbackOnly;
        let http = MediaHttp::new(Egress::new(EgressOptions { reach }).unwrap(), Realm::Simulator);
        assert_eq!(http.execute(HttpRequest::get(url)).await.unwrap().status_code, 404);
        server.await.unwrap();
    }
}
