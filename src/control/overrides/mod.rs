//! x
pub mod edit;
pub mod file;
pub mod target;
#[cfg(test)]
mod testing;
