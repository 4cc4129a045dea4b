//! Turning names into addresses. Which of them may be dialled is the guard's to say.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::reach::Guard;

/// A look-up under way.
pub type Looking<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Looks names up. It is an argument so that a test can play a name server that lies.
pub trait Lookup: Send + Sync {
    /// All addresses of `name`, each with `port`.
    fn look_up<'a>(&'a self, name: &'a str, port: u16) -> Looking<'a>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn look_up<'a>(&'a self, name: &'a str, port: u16) -> Looking<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
    }
}

/// The names in URLs, which go the same way as all others.
#[derive(Clone)]
pub(crate) struct Names {
    guard: Guard,
    lookup: Arc<dyn Lookup>,
}

impl Names {
    pub(crate) const fn new(guard: Guard, lookup: Arc<dyn Lookup>) -> Self {
        Self { guard, lookup }
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { guard, lookup } = self.clone();
        Box::pin(async move {
            // The client puts the URL's port in the place of 0.
            let addresses = guard.addresses(&*lookup, name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
