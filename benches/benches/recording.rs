//! What does recording a call cost?
//!
//! * `tap`: what a media worker does more per packet because its leg is recorded.
//! * `a second of a call`: all of it, for both directions: 100 packets tapped, placed by time, added up, encoded and written to a
//!   file in the page cache. One second divided by it is the number of calls that one recorder thread keeps up with.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tandem_core::recording::RecordingFormat;
use tandem_core::{LegId, RecordingId};
use tandem_media::rtp::RecordedCall;

fn recorded(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("recording");
    group.throughput(Throughput::Elements(1));
    let mut call = RecordedCall::begin(folder.path(), RecordingId(1), RecordingFormat::Wav);
    group.bench_function("tap", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut span = std::time::Duration::ZERO;
            let mut left = rounds;
            while left > 0 {
                let some = left.min(1000);
                let start = std::time::Instant::now();
                (0..some).for_each(|_| call.tap(LegId(9)));
                span += start.elapsed();
                call.drain();
                left -= some;
            }
            span
        });
    });
    for (name, format) in [("a second of a call, WAV", RecordingFormat::Wav), ("a second of a call, Opus", RecordingFormat::Opus)] {
        let mut id = 2;
        let mut call = RecordedCall::begin(folder.path(), RecordingId(id), format);
        // What is dropped would be measured as fast.
        for _ in 0..3 {
            call.second();
        }
        assert!(call.second() >= 3 * 8000, "the call is in the file");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                // Ten minutes a file, so that a quick machine does not fill its disk.
                if call.second() > 600 * 8000 {
                    id += 1;
                    std::fs::remove_dir_all(folder.path().join("bench")).unwrap();
                    call = RecordedCall::begin(folder.path(), RecordingId(id), format);
                }
            });
        });
        drop(call);
        std::fs::remove_dir_all(folder.path().join("bench")).unwrap();
    }
    group.finish();
}

criterion_group!(benches, recorded);
criterion_main!(benches);
