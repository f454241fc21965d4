//! What is read off a run: how far off the loads end, when they are near for good, how far they overshoot.

use crate::world::{INTERVAL_S, World};
use std::fmt;

/// What counts as near: the mean deviation over what is compared.
const NEAR: f64 = 0.10;
/// Over so many TTLs loads are averaged before they are judged: what a large resolver does within one, nobody steers.
const WINDOW_TTLS: u64 = 4;

/// Loads over time, each divided by what it should be: 1 is ideal.
pub struct Course {
    ttl_s: u64,
    samples: Vec<Vec<f64>>,
    /// Mean square of the deviations from the mean in the last third.
    unrest: f64,
}

/// A course in four numbers, each in percent or seconds.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Largest deviation of what is compared from the ideal, each averaged over the last third of the time.
    pub error: f64,
    /// Of single runs, root of the mean square of the deviations from one moment to another over the same time: swings
    /// and luck.
    pub unrest: f64,
    /// From when on the deviation stays near.
    pub settled_s: u64,
    /// How far what began above its due went below it, or the other way round.
    pub overshoot: f64,
}

impl Course {
    /// Runs a world for a time. `loads` tells what is compared, divided by the ideal.
    pub fn run(world: &mut World, duration_s: u64, loads: impl Fn(&World) -> Vec<f64>) -> Self {
        let mut samples = Vec::new();
        for second in 0..duration_s {
            if second % INTERVAL_S == 0 {
                samples.push(loads(world));
            }
            world.tick();
        }
        let tail = &samples[samples.len() * 2 / 3..];
        let means = means(tail);
        let square = |loads: &Vec<f64>| {
            loads.iter().zip(&means).map(|(load, mean)| (load - mean).powi(2)).sum::<f64>()
        };
        let unrest = tail.iter().map(square).sum::<f64>() / (tail.len() * means.len()) as f64;
        Self { ttl_s: world.setting.ttl_s, samples, unrest }
    }

    /// What several runs have in common: luck cancels out, what the controllers do does not.
    pub fn mean(runs: &[Self]) -> Self {
        let count = runs.len() as f64;
        let at = |sample: usize, load: usize| {
            runs.iter().map(|run| run.samples[sample][load]).sum::<f64>() / count
        };
        let width = runs[0].samples[0].len();
        let sample = |sample| (0..width).map(|load| at(sample, load)).collect();
        Self {
            ttl_s: runs[0].ttl_s,
            samples: (0..runs[0].samples.len()).map(sample).collect(),
            unrest: runs.iter().map(|run| run.unrest).sum::<f64>() / count,
        }
    }

    pub fn figures(&self) -> Figures {
        let all_loads = || self.samples.iter().flatten();
        assert!(all_loads().all(|load| load.is_finite()), "a load without an ideal");
        let width = self.samples[0].len();
        let smooth = self.smoothed();
        let deviation = |loads: &Vec<f64>| {
            loads.iter().map(|load| (load - 1.0).abs()).sum::<f64>() / width as f64
        };
        let last_far = smooth.iter().rposition(|loads| deviation(loads) > NEAR);
        let means = means(&self.samples[self.samples.len() * 2 / 3..]);
        let overshoot = (0..width).map(|at| {
            let side = (1.0 - self.samples[0][at]).signum();
            smooth.iter().map(|loads| side * (loads[at] - 1.0)).fold(0.0, f64::max)
        });
        Figures {
            error: 100.0 * means.iter().map(|mean| (mean - 1.0).abs()).fold(0.0, f64::max),
            unrest: 100.0 * self.unrest.sqrt(),
            settled_s: last_far.map_or(0, |last| (last as u64 + 1) * INTERVAL_S),
            overshoot: 100.0 * overshoot.fold(0.0, f64::max),
        }
    }

    /// Each sample as the mean over the window that ends with it.
    fn smoothed(&self) -> Vec<Vec<f64>> {
        let window = (WINDOW_TTLS * self.ttl_s / INTERVAL_S) as usize;
        let width = self.samples[0].len();
        let mut sums = vec![0.0; width];
        let mut smoothed = Vec::with_capacity(self.samples.len());
        for (at, loads) in self.samples.iter().enumerate() {
            let old = at.checked_sub(window).map(|old| &self.samples[old]);
            for (index, sum) in sums.iter_mut().enumerate() {
                *sum += loads[index] - old.map_or(0.0, |old| old[index]);
            }
            let count = window.min(at + 1) as f64;
            smoothed.push(sums.iter().map(|sum| sum / count).collect());
        }
        smoothed
    }

    /// The first, the last and some loads between, to see what a run did.
    pub fn sketch(&self, lines: usize) -> String {
        let smooth = self.smoothed();
        let step = (smooth.len() / lines).max(1);
        let line = |(at, loads): (usize, &Vec<f64>)| {
            let loads: String = loads.iter().map(|load| format!(" {load:5.2}")).collect();
            format!("{:6}{loads}\n", at as u64 * INTERVAL_S)
        };
        smooth.iter().enumerate().step_by(step).map(line).collect()
    }
}

fn means(samples: &[Vec<f64>]) -> Vec<f64> {
    let mean = |at| samples.iter().map(|loads| loads[at]).sum::<f64>() / samples.len() as f64;
    (0..samples[0].len()).map(mean).collect()
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, unrest, settled_s, overshoot } = self;
        write!(f, "{error:5.1} % | {unrest:5.1} % | {settled_s:5} s | {overshoot:5.1} %")
    }
}
