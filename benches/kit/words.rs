//! The command line of a benchmark: `--key value` pairs after what Cargo itself adds.

use super::Failed;
use std::collections::HashMap;
use std::str::FromStr;

/// What was asked for.
pub struct Words {
    values: HashMap<String, String>,
    /// Whether it runs under `cargo test`: small, and without the peers.
    pub is_small: bool,
}

impl Words {
    /// From the command line; `known` are the keys that there are.
    pub fn read(known: &[&str]) -> Result<Self, Failed> {
        let mut values = HashMap::new();
        let mut is_small = true;
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                // Cargo says so when it runs benchmarks, and only then.
                Some("bench") => is_small = false,
                Some(key) if known.contains(&key) => {
                    let value = words.next().ok_or_else(|| format!("--{key} needs a value"))?;
                    values.insert(key.to_owned(), value);
                }
                _ => {
                    return Err(
                        format!("unknown word {word}; there are --{}", known.join(", --")).into()
                    );
                }
            }
        }
        Ok(Self { values, is_small })
    }

    /// The value of a key, or what it is if nothing is said: `full` in earnest, `small` under `cargo test`.
    pub fn get<T: FromStr>(&self, key: &str, full: T, small: T) -> Result<T, Failed> {
        match self.values.get(key) {
            Some(value) => value.parse().map_err(|_| format!("--{key}: what is {value}?").into()),
            None => Ok(if self.is_small { small } else { full }),
        }
    }

    /// Whether a comma-separated list under `key` names `word`; true if there is no list.
    pub fn wants(&self, key: &str, word: &str) -> bool {
        self.values.get(key).is_none_or(|list| list.split(',').any(|named| named == word))
    }
}
