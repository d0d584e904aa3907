//! A piece of sound made once, kept in both laws, cut into 20 ms frames.

use super::{FRAME, Law};

/// Sound ready to be sent: whole frames of [`FRAME`] codes in both laws.
#[derive(Debug, PartialEq, Eq)]
pub struct Clip {
    mu: Box<[u8]>,
    a: Box<[u8]>,
}

impl Clip {
    /// Encodes linear samples at 8 kHz; the last frame is filled up with silence.
    pub fn new(samples: &[i16]) -> Clip {
        Clip { mu: encode(samples, Law::Mu), a: encode(samples, Law::A) }
    }

    /// Number of 20 ms frames.
    pub fn frames(&self) -> usize {
        self.mu.len() / FRAME
    }

    /// Bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        self.mu.len() + self.a.len()
    }

    /// Frame number `index`, if there is one.
    pub fn frame(&self, law: Law, index: usize) -> Option<&[u8]> {
        let codes = match law {
            Law::Mu => &self.mu,
            Law::A => &self.a,
        };
        let start = index.checked_mul(FRAME)?;
        codes.get(start..start.checked_add(FRAME)?)
    }
}

fn encode(samples: &[i16], law: Law) -> Box<[u8]> {
    let length = samples.len().div_ceil(FRAME) * FRAME;
    let mut codes = vec![law.silence(); length];
    codes.iter_mut().zip(samples).for_each(|(code, sample)| *code = law.encode(*sample));
    codes.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frame_is_filled_with_silence() {
        let clip = Clip::new(&[1000; FRAME + 1]);
        assert_eq!(clip.frames(), 2);
        let last = clip.frame(Law::A, 1).unwrap();
        assert_eq!((last[0], last[1]), (Law::A.encode(1000), Law::A.silence()));
        assert!(clip.frame(Law::A, 2).is_none());
    }
}
