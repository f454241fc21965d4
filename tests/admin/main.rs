//! The admin API as its clients meet it: what is told, who may ask, and that nothing that is sent to it disturbs an
//! answer.
//!
//! The real server runs on a directory of our own making, and requests go over sockets, byte by byte where that
//! matters. Every answer is held against `openapi.json`, see [`described`].

#[path = "../kit/mod.rs"]
mod kit;

mod access;
mod answers;
mod bad_input;
mod described;
mod http;
mod live;
mod world;
