//! Tandem api: shows.
