//! Distinct values by number, each kept once.

use std::collections::HashMap;
use std::hash::Hash;

/// Numbers distinct values in the order in which they come.
#[derive(Debug)]
pub struct Interner<T> {
    numbers: HashMap<T, u32>,
    /// The values, by number.
    pub values: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// With `first` as number 0.
    pub fn beginning_with(first: T) -> Self {
        let mut interner = Self::default();
        interner.number(first);
        interner
    }

    /// The number of `value`: the index that it has in `values`.
    pub fn number(&mut self, value: T) -> u32 {
        if let Some(&number) = self.numbers.get(&value) {
            return number;
        }
        let number = self.values.len() as u32;
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }
}
