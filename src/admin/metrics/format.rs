//! Families of metrics, each written in one call: its name, what it means, and its rows.

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::HashSet;
use std::fmt;

/// The labels of one row.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Counts by range, the last one of what lies beyond all ends.
pub(super) struct Histogram<'a> {
    pub(super) ends: &'a [f64],
    pub(super) counts: &'a [u64],
    pub(super) sum: f64,
}

/// A page that is being written.
pub(super) struct Families<'a>(DescriptorEncoder<'a>);

impl<'a> Families<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// Numbers that only grow. `name` is without the `_total` that the format adds.
    pub(super) fn counters(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let rows = rows.into_iter().map(|(labels, value)| (labels, ConstCounter::new(value)));
        self.write(name, help, MetricType::Counter, rows)
    }

    /// Numbers that go up and down.
    pub(super) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels, f64)>,
    ) -> fmt::Result {
        let rows = rows.into_iter().map(|(labels, value)| (labels, ConstGauge::new(value)));
        self.write(name, help, MetricType::Gauge, rows)
    }

    /// One number without labels.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.gauges(name, help, [(Labels::new(), value)])
    }

    /// Distributions.
    pub(super) fn histograms<'h>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels, Histogram<'h>)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, histogram) in rows {
            let ends = histogram.ends.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = ends.zip(histogram.counts.iter().copied()).collect();
            let count = histogram.counts.iter().sum();
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                histogram.sum,
                count,
                &buckets,
                None,
            )?;
        }
        Ok(())
    }

    /// Of rows with the same labels the first is told: a zone that is kept as it was last good may know a pool by the
    /// name of another, and a page with both would be refused as a whole.
    fn write<M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        rows: impl Iterator<Item = (Labels, M)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        let mut told = HashSet::new();
        for (labels, metric) in rows {
            if told.insert(labels.clone()) {
                metric.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
