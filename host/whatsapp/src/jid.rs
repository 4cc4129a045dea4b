//! The library's addresses as ours, and back.

use switchboard_core::ids::{Jid, Server};
use whatsapp_rust::{Jid as LibraryJid, Server as LibraryServer};

/// Our address for one of the library's, without its device. `None` for kinds of parties that Switchboard does not speak with.
pub(crate) fn bare(jid: &LibraryJid) -> Option<Jid> {
    let server = match jid.server {
        // Hosted accounts are a business's on Meta's servers; people write to the same number.
        LibraryServer::Pn | LibraryServer::Hosted | LibraryServer::Legacy => Server::User,
        LibraryServer::Lid | LibraryServer::HostedLid => Server::Lid,
        LibraryServer::Group => Server::Group,
        LibraryServer::Newsletter => Server::Newsletter,
        LibraryServer::Broadcast => Server::Broadcast,
        LibraryServer::Bot => Server::Bot,
        LibraryServer::Messenger | LibraryServer::Interop | LibraryServer::Call => return None,
    };
    format!("{}@{}", jid.user, server.as_str()).parse().ok()
}

/// The library's address for one of ours.
pub(crate) fn library(jid: &Jid) -> LibraryJid {
    let server = match jid.server() {
        Server::User => LibraryServer::Pn,
        Server::Lid => LibraryServer::Lid,
        Server::Group => LibraryServer::Group,
        Server::Newsletter => LibraryServer::Newsletter,
        Server::Broadcast => LibraryServer::Broadcast,
        Server::Bot => LibraryServer::Bot,
    };
    LibraryJid::new(jid.user(), server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_address_survives_the_way_there_and_back() {
        for text in [
            "15550000001@s.whatsapp.net",
            "123456789@lid",
            "120363012345678901@g.us",
            "120363012345678901@newsletter",
            "status@broadcast",
            "13135550002@bot",
        ] {
            let jid: Jid = text.parse().unwrap();
            assert_eq!(bare(&library(&jid)), Some(jid), "{text}");
        }
    }

    #[test]
    fn a_device_is_left_out() {
        let device = LibraryJid::pn_device("15550000001", 7);
        assert_eq!(bare(&device).unwrap().to_string(), "15550000001@s.whatsapp.net");
    }

    #[test]
    fn a_party_of_another_network_has_no_address_here() {
        assert_eq!(bare(&LibraryJid::new("1", LibraryServer::Interop)), None);
    }
}
