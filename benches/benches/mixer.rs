//! What does a conference cost per leg, without sockets?
//!
//! One tick of 20 ms as the media worker does it: each leg's packet is decoded into its queue, and each leg hears the sum of
//! the others, encoded. The sum is made anew for each listener, so the cost per leg grows with the conference.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tandem_media::audio::Law;
use tandem_media::rtp::mix::{MixQueue, Sum};

const SAMPLES: usize = 160;

struct Conference {
    queues: Vec<MixQueue>,
    voice: [u8; SAMPLES],
    out: [u8; SAMPLES],
    tick: u64,
}

impl Conference {
    fn of(legs: usize) -> Self {
        let mut voice = [0; SAMPLES];
        for (place, code) in voice.iter_mut().enumerate() {
            *code = Law::A.encode((place as i16 * 50) - 4000);
        }
        Conference { queues: (0..legs).map(|_| MixQueue::default()).collect(), voice, out: [0; SAMPLES], tick: 0 }
    }

    /// Answers how many legs heard somebody.
    fn tick(&mut self) -> usize {
        self.tick += 1;
        let at = (self.tick as u32).wrapping_mul(SAMPLES as u32);
        for queue in &mut self.queues {
            queue.push(at, Law::A, &self.voice);
        }
        let mut heard = 0;
        for listener in 0..self.queues.len() {
            let (mut sum, mut any) = (Sum::default(), false);
            for (place, queue) in self.queues.iter_mut().enumerate() {
                if place != listener
                    && let Some(frame) = queue.frame(self.tick)
                {
                    sum.add(frame);
                    any = true;
                }
            }
            sum.encode(Law::A, &mut self.out);
            heard += usize::from(any);
        }
        std::hint::black_box(&self.out);
        heard
    }
}

fn conferences(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mixer");
    for legs in [3, 8, 32] {
        let mut conference = Conference::of(legs);
        (0..4).for_each(|_| {
            conference.tick();
        });
        // Silence would be measured as fast.
        assert_eq!(conference.tick(), legs, "everybody hears somebody");
        group.throughput(Throughput::Elements(legs as u64));
        group.bench_function(format!("a tick of {legs} legs"), |bencher| bencher.iter(|| conference.tick()));
    }
    group.finish();
}

criterion_group!(benches, conferences);
criterion_main!(benches);
