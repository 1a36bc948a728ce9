//! Malformed input, one module per parser.

mod link;
