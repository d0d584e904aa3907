//! Load generators and shared helpers of the benchmarks.
