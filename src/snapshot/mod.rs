//! Compile and publish: the only thing that a query reads.

/// Everything that a query may read, immutable.
pub struct Snapshot {
    /// Grows by one with each publication, from 1.
    pub generation: u64,
}
