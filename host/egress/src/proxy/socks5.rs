//! SOCKS version 5 (RFC 1928), with a user name and a password (RFC 1929) if there are any.
//!
//! Every part of an answer has a length that is known before it is read, at most 255 bytes, and not a byte more is read: what follows
//! is the host's.

use std::net::IpAddr;

use switchboard_core::proxy::ProxyCredentials;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::ProxyFault;
use crate::reach::literal;

const VERSION: u8 = 5;
/// The version of the exchange of a user name and a password.
const PASSWORD_VERSION: u8 = 1;
const NO_CREDENTIALS: u8 = 0;
const PASSWORD: u8 = 2;
const NOTHING_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const MALFORMED: ProxyFault = ProxyFault::Malformed("is not that of a SOCKS5 proxy");

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
    let offer: &[u8] = match credentials {
        Some(_) => &[VERSION, 2, NO_CREDENTIALS, PASSWORD],
        None => &[VERSION, 1, NO_CREDENTIALS],
    };
    stream.write_all(offer).await?;
    match (read(stream).await?, credentials) {
        ([VERSION, NO_CREDENTIALS], _) => {}
        ([VERSION, PASSWORD], Some(credentials)) => show(stream, credentials).await?,
        ([VERSION, NOTHING_ACCEPTABLE], Some(_)) => {
            return Err(ProxyFault::Credentials("takes no user name and password"));
        }
        ([VERSION, NOTHING_ACCEPTABLE], None) => return Err(ProxyFault::Credentials("asks for credentials")),
        _ => return Err(MALFORMED),
    }
    stream.write_all(&request(host, port)?).await?;
    match read(stream).await? {
        [VERSION, 0, _, kind] => skip_address(stream, kind).await,
        [VERSION, code, ..] => Err(ProxyFault::Refused(refusal(code))),
        _ => Err(MALFORMED),
    }
}

async fn read<S: AsyncRead + Unpin, const COUNT: usize>(stream: &mut S) -> Result<[u8; COUNT], ProxyFault> {
    let mut bytes = [0; COUNT];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Shows the credentials.
async fn show<S>(stream: &mut S, credentials: &ProxyCredentials) -> Result<(), ProxyFault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut message = Zeroizing::new(vec![PASSWORD_VERSION]);
    for word in [credentials.user(), credentials.password()] {
        message.extend(counted(word)?);
    }
    stream.write_all(&message).await?;
    match read(stream).await? {
        [PASSWORD_VERSION, 0] => Ok(()),
        [PASSWORD_VERSION, _] => Err(ProxyFault::Credentials("asks for other credentials")),
        _ => Err(MALFORMED),
    }
}

fn request(host: &str, port: u16) -> Result<Vec<u8>, ProxyFault> {
    let mut request = vec![VERSION, CONNECT, 0];
    match literal(host) {
        Some(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Some(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        None => {
            request.push(NAME);
            request.extend(counted(host)?);
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// A text behind its length.
fn counted(text: &str) -> Result<impl Iterator<Item = u8> + '_, ProxyFault> {
    let length = u8::try_from(text.len());
    let length = length.map_err(|_| ProxyFault::Refused("a name is longer than it can be told".to_owned()))?;
    Ok(std::iter::once(length).chain(text.bytes()))
}

/// Reads the address that the proxy connects from, which nobody needs.
async fn skip_address<S: AsyncRead + Unpin>(stream: &mut S, kind: u8) -> Result<(), ProxyFault> {
    const PORT: usize = 2;
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(stream.read_u8().await?),
        _ => return Err(MALFORMED),
    };
    let mut address = vec![0; length + PORT];
    stream.read_exact(&mut address).await?;
    Ok(())
}

fn refusal(code: u8) -> String {
    let words = match code {
        2 => "its rules do not allow it",
        3 => "the network cannot be reached from there",
        4 => "the host cannot be reached from there",
        5 => "the host did not take it",
        6 => "it took too many hops",
        7 => "it does not connect for others",
        8 => "it does not take such addresses",
        _ => "it failed there",
    };
    format!("{words} (SOCKS reply {code})")
}

#[cfg(test)]
mod tests {
    use super::super::testing::answered;
    use super::*;

    const OPEN: &str = "socks5://127.0.0.1:9";
    const WITH_PASSWORD: &str = "socks5://user:hunter2@127.0.0.1:9";
    const GRANTED: &[u8] = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50";

    #[tokio::test]
    async fn the_host_is_looked_up_by_the_proxy_and_an_address_is_told_as_one() {
        for (host, told_host) in [
            ("web.whatsapp.com", b"\x03\x10web.whatsapp.com".as_slice()),
            ("127.0.0.1", b"\x01\x7f\x00\x00\x01"),
            ("::1", b"\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"),
        ] {
            let (asked, told) = answered(OPEN, host, &[b"\x05\x00", GRANTED]).await;
            asked.unwrap();
            let expected = [b"\x05\x01\x00\x05\x01\x00".as_slice(), told_host, b"\x01\xbb"].concat();
            assert_eq!(told, expected, "{host}");
        }
    }

    #[tokio::test]
    async fn credentials_are_shown_when_they_are_asked_for_and_only_then() {
        let (asked, told) = answered(WITH_PASSWORD, "h", &[b"\x05\x02", b"\x01\x00", GRANTED]).await;
        asked.unwrap();
        assert_eq!(
            told,
            b"\x05\x02\x00\x02\x01\x04user\x07hunter2\x05\x01\x00\x03\x01h\x01\xbb"
        );
        let (asked, told) = answered(WITH_PASSWORD, "h", &[b"\x05\x00", GRANTED]).await;
        asked.unwrap();
        assert!(!told.windows(7).any(|at| at == b"hunter2"));
    }

    #[tokio::test]
    async fn every_spelling_of_the_proxys_own_address_is_read_to_its_end() {
        let name = [b"\x05\x00\x00\x03\xff".as_slice(), &[b'x'; 255], b"\x00\x50"].concat();
        let six = [b"\x05\x00\x00\x04".as_slice(), &[0; 18]].concat();
        for granted in [GRANTED, &name, &six, b"\x05\x00\x00\x03\x00\x00\x50"] {
            answered(OPEN, "h", &[b"\x05\x00", granted]).await.0.unwrap();
            let cut = granted.len() - 1;
            let error = answered(OPEN, "h", &[b"\x05\x00", &granted[..cut]])
                .await
                .0
                .unwrap_err();
            assert!(matches!(error, ProxyFault::Ended(_)), "{granted:?}: {error}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_words() {
        for (proxy, answers, said) in [
            (OPEN, [b"\x05\xff".as_slice(), b""], "the proxy asks for credentials"),
            (
                WITH_PASSWORD,
                [b"\x05\xff", b""],
                "the proxy takes no user name and password",
            ),
            (
                WITH_PASSWORD,
                [b"\x05\x02", b"\x01\x01"],
                "the proxy asks for other credentials",
            ),
            (
                OPEN,
                [b"\x05\x00", b"\x05\x02\x00\x01\0\0\0\0\0\0"],
                "the proxy refused the connection: its rules do not allow it (SOCKS reply 2)",
            ),
            (
                OPEN,
                [b"\x05\x00", b"\x05\xee\x00\x01"],
                "the proxy refused the connection: it failed there (SOCKS reply 238)",
            ),
        ] {
            let answers: Vec<_> = answers.into_iter().filter(|answer| !answer.is_empty()).collect();
            let error = answered(proxy, "h", &answers).await.0.unwrap_err();
            assert_eq!(error.to_string(), said);
        }
    }

    #[tokio::test]
    async fn what_is_no_socks_answer_ends_the_attempt() {
        for answers in [
            [b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(), b""],
            [b"\x04\x00", b""],
            [b"\x05\x01", b""],
            // A method that was not offered.
            [b"\x05\x02", b""],
            [b"\x05\x00", b"\x04\x00\x00\x01"],
            [b"\x05\x00", b"\x05\x00\x00\x02"],
        ] {
            let answers: Vec<_> = answers.into_iter().filter(|answer| !answer.is_empty()).collect();
            let error = answered(OPEN, "h", &answers).await.0.unwrap_err();
            assert!(matches!(error, ProxyFault::Malformed(_)), "{answers:?}: {error}");
        }
        let error = answered(OPEN, "h", &[b"\x05"]).await.0.unwrap_err();
        assert!(matches!(error, ProxyFault::Ended(_)), "{error}");
        let error = answered(OPEN, &"h".repeat(256), &[b"\x05\x00"]).await.0.unwrap_err();
        assert!(matches!(error, ProxyFault::Refused(_)), "{error}");
    }
}
