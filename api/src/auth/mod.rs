//! Who may do what: the admin token, page sessions, signed requests, and the passwords of phones and trunks.

pub mod agents;
pub mod credentials;
pub mod guard;
pub mod interconnect;
pub mod secret;
pub mod session;
pub mod signature;
pub mod throttle;
pub mod token;

pub use agents::AgentCheck;
pub use credentials::{CredentialError, CredentialStore, PhoneCredential};
pub use guard::Gate;
pub use signature::{AccessKey, SignatureGate};
pub use token::AdminToken;
