//! Lines over real keys and a real socket, to the simulator.

mod end;
mod fixture;
mod link;
mod loss;
mod resume;
mod send;
