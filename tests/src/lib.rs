//! Harness for tests of the whole program against real peers.
