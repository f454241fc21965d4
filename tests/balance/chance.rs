//! Luck that is the same in every run.

use fingerpost::steer::deck::mix;
use std::f64::consts::TAU;

/// A source of numbers, told apart by its seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Above 0 to 1.
    pub fn part(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// How long until something happens that happens once per unit of time.
    pub fn wait(&mut self) -> f64 {
        -self.part().ln()
    }

    /// How often something happens that is expected so often.
    pub fn count(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (mut count, mut left) = (0.0, self.part());
        while left > (-mean).exp() {
            count += 1.0;
            left *= self.part();
        }
        count
    }

    /// How many of so many are hit, each with this chance. Rare hits of many are counted as if independent.
    pub fn hits(&mut self, of: f64, chance: f64) -> f64 {
        let mean = of * chance;
        if mean > 30.0 && of - mean > 30.0 {
            return (mean + (mean * (1.0 - chance)).sqrt() * self.normal()).round().clamp(0.0, of);
        }
        if chance < 0.1 {
            return self.count(mean).min(of);
        }
        (0..of as u64).filter(|_| self.part() <= chance).count() as f64
    }

    fn normal(&mut self) -> f64 {
        (2.0 * self.wait()).sqrt() * (TAU * self.part()).cos()
    }
}
