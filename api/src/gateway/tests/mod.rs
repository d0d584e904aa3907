//! The whole adapter through real sockets: a node with the real core in place, a client that writes and reads bytes.

mod contract;
mod rig;
mod sessions;
