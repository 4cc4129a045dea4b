//! Whole conversations between real clients, the server and virtual phones.

mod admin;
mod client;
mod faults;
mod linking;
mod messages;
mod restarts;

use simulator::{Options, Simulator};

const A: &str = "15550000001";
const B: &str = "15550000002";

async fn start() -> Simulator {
    Simulator::start(Options::default()).await.unwrap()
}
