//! Tandem media: carries.
