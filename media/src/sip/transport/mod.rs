//! Sockets of the signalling thread, and the search for servers (RFC 3263).
