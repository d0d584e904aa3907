//! Tandem core: decides.
