//! SIP from the bytes up: messages, headers, session descriptions, authentication, sockets; transactions, dialogs and
//! the user agent above them.
//!
//! * [`wire`] turns untrusted bytes into a [`message::Message`]: an index first, typed values ([`header`], [`uri`]) on
//!   demand. Every bound is in [`limits`].
//! * [`build`] makes outgoing messages and puts them into bytes; nothing that came from a peer can inject a header.
//! * [`sdp`] offers and answers audio (RFC 3264); [`auth`] does digest on both sides.
//! * [`transport`] owns the sockets of the signalling thread.
//! * [`registrar`] and [`trunk`]: registrations from phones and at carriers.
//! * [`transaction`] repeats and absorbs (RFC 3261 §17), [`dialog`] remembers (§12), [`ua`] makes calls of both.

pub mod auth;
pub mod build;
pub mod dialog;
pub mod header;
pub mod limits;
pub mod message;
pub mod registrar;
pub mod sdp;
pub mod transaction;
pub mod transport;
pub mod trunk;
pub mod ua;
pub mod uri;
pub mod wire;

pub use header::{Method, Name};
pub use message::{Message, Refusal};
pub use uri::{Host, HostPort, Scheme, Uri};
