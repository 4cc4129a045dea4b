//! HTTP `CONNECT`: one request, one head in answer, and from then on the bytes are the host's.
//!
//! A head ends within 8 KiB. Whatever comes right behind it was not said by the host, which speaks second over every connection that is
//! made here, so it is not taken for an answer: a body, if the proxy believes to have one, least of all.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use switchboard_core::proxy::ProxyCredentials;
use switchboard_core::secret::Secret;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::ProxyFault;
use crate::reach::literal;

/// The longest head that is read.
const LONGEST_HEAD: usize = 8 << 10;
/// What ends a head.
const END: &[u8] = b"\r\n\r\n";
/// The proxy wants credentials.
const AUTHENTICATION_REQUIRED: u16 = 407;

/// Asks for a connection to `host`.
pub(super) async fn ask<S>(
    stream: &mut S,
    host: &str,
    port: u16,
    credentials: Option<&ProxyCredentials>,
) -> Result<(), ProxyFault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = request(host, port, credentials);
    stream.write_all(request.expose().as_bytes()).await?;
    match status(&head(stream).await?)? {
        200..300 => Ok(()),
        AUTHENTICATION_REQUIRED if credentials.is_some() => {
            Err(ProxyFault::Credentials("asks for other credentials (407)"))
        }
        AUTHENTICATION_REQUIRED => Err(ProxyFault::Credentials("asks for credentials (407)")),
        other => Err(ProxyFault::Refused(format!("status {other}"))),
    }
}

fn request(host: &str, port: u16, credentials: Option<&ProxyCredentials>) -> Secret {
    let target = match literal(host) {
        Some(address) if address.is_ipv6() => format!("[{address}]:{port}"),
        _ => format!("{host}:{port}"),
    };
    let authorization = credentials.map_or_else(String::new, |credentials| {
        let both = Secret::from(format!("{}:{}", credentials.user(), credentials.password()));
        format!(
            "Proxy-Authorization: Basic {}\r\n",
            BASE64_STANDARD.encode(both.expose())
        )
    });
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n").into()
}

/// The head of the answer, without the empty line at its end.
async fn head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, ProxyFault> {
    let mut head = Vec::with_capacity(1024);
    loop {
        let before = head.len();
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(ProxyFault::Ended(std::io::ErrorKind::UnexpectedEof.into()));
        }
        head.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let from = before.saturating_sub(END.len() - 1);
        let end = head
            .get(from..)
            .and_then(|new| new.windows(END.len()).position(|at| at == END));
        match end.map(|end| from + end) {
            Some(end) if end + END.len() == head.len() => {
                head.truncate(end);
                return Ok(head);
            }
            // A refusal may have its page with it.
            Some(end) => {
                head.truncate(end);
                return match status(&head)? {
                    200..300 => Err(ProxyFault::Malformed("goes on behind its end")),
                    _ => Ok(head),
                };
            }
            None if head.len() > LONGEST_HEAD => return Err(ProxyFault::Malformed("has no end")),
            None => {}
        }
    }
}

/// The status in the first line of a head.
fn status(head: &[u8]) -> Result<u16, ProxyFault> {
    const MALFORMED: ProxyFault = ProxyFault::Malformed("is not that of an HTTP proxy");
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let rest = line.strip_prefix(b"HTTP/1.").ok_or(MALFORMED)?;
    let [b'0' | b'1', b' ', digits @ ..] = rest else {
        return Err(MALFORMED);
    };
    let digits = digits.split(|byte| *byte == b' ').next().unwrap_or_default();
    let status = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    status.filter(|status| (100..600).contains(status)).ok_or(MALFORMED)
}

#[cfg(test)]
mod tests {
    use super::super::testing::answered;
    use super::*;

    const PROXY: &str = "http://user:p%3Ass@127.0.0.1:9";

    async fn answer(answer: &[u8]) -> Result<(), ProxyFault> {
        answered(PROXY, "web.whatsapp.com", &[answer]).await.0
    }

    #[tokio::test]
    async fn it_is_asked_for_the_host_by_its_name_and_shown_the_credentials() {
        let (asked, told) = answered(PROXY, "web.whatsapp.com", &[b"HTTP/1.1 200 OK\r\n\r\n"]).await;
        asked.unwrap();
        let told = String::from_utf8(told).unwrap();
        let expected = "CONNECT web.whatsapp.com:443 HTTP/1.1\r\nHost: web.whatsapp.com:443\r\n\
                        Proxy-Authorization: Basic dXNlcjpwOnNz\r\n\r\n";
        assert_eq!(told, expected);
        let (_, told) = answered("http://127.0.0.1:9", "::1", &[b"HTTP/1.0 200\r\n\r\n"]).await;
        let told = String::from_utf8(told).unwrap();
        assert_eq!(told, "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n");
    }

    #[tokio::test]
    async fn a_success_of_any_wording_is_one() {
        for head in [
            "HTTP/1.1 200 Connection established\r\n\r\n",
            "HTTP/1.0 200\r\nVia: x\r\nX: y\r\n\r\n",
            "HTTP/1.1 204 \r\nContent-Length: 99999999999999999999\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            answer(head.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_number_and_a_redirect_is_one() {
        for (head, said) in [
            (
                "HTTP/1.1 407 \x1b[31mhunter2\r\nProxy-Authenticate: Basic\r\n\r\n<html>",
                "the proxy asks for other credentials (407)",
            ),
            (
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
                "the proxy refused the connection: status 302",
            ),
            (
                "HTTP/1.1 503 hunter2\r\n\r\n",
                "the proxy refused the connection: status 503",
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\n",
                "the proxy refused the connection: status 100",
            ),
        ] {
            assert_eq!(answer(head.as_bytes()).await.unwrap_err().to_string(), said);
        }
        let refused = answered("http://127.0.0.1:9", "h", &[b"HTTP/1.1 407 x\r\n\r\n"])
            .await
            .0;
        assert_eq!(refused.unwrap_err().to_string(), "the proxy asks for credentials (407)");
    }

    #[tokio::test]
    async fn a_body_behind_a_success_is_not_taken_for_the_host() {
        let error = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            .await
            .unwrap_err();
        assert!(matches!(error, ProxyFault::Malformed(_)), "{error}");
    }

    #[tokio::test]
    async fn what_is_no_http_answer_ends_the_attempt() {
        let endless = [b"HTTP/1.1 200 OK\r\n".as_slice(), &[b'x'; 1 << 16]].concat();
        for bytes in [
            endless.as_slice(),
            b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"HTTP/1.1 20\r\n\r\n",
            b"HTTP/1.1 65736 OK\r\n\r\n",
            b"HTTP/1.1 -200 OK\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"\x05\x00\r\n\r\n",
            b"\xff\xff\xff\xff\r\n\r\n",
            b"\r\n\r\n",
        ] {
            let error = answer(bytes).await.unwrap_err();
            assert!(matches!(error, ProxyFault::Malformed(_)), "{bytes:?}: {error}");
        }
        for bytes in [b"".as_slice(), b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\n\n"] {
            let error = answer(bytes).await.unwrap_err();
            assert!(matches!(error, ProxyFault::Ended(_)), "{bytes:?}: {error}");
        }
    }
}
