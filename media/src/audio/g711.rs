//! ITU-T G.711: both laws, and the way between them by table.

use std::sync::LazyLock;

use audio_codec_algorithms::{convert_alaw_to_ulaw, convert_ulaw_to_alaw, decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// Which of the two compandings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Law {
    /// µ-law, `PCMU`, payload type 0.
    Mu,
    /// A-law, `PCMA`, payload type 8.
    A,
}

struct Tables {
    mu_to_linear: [i16; 256],
    a_to_linear: [i16; 256],
    mu_to_a: [u8; 256],
    a_to_mu: [u8; 256],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    mu_to_linear: std::array::from_fn(|code| decode_ulaw(code as u8)),
    a_to_linear: std::array::from_fn(|code| decode_alaw(code as u8)),
    mu_to_a: std::array::from_fn(|code| convert_ulaw_to_alaw(code as u8)),
    a_to_mu: std::array::from_fn(|code| convert_alaw_to_ulaw(code as u8)),
});

impl Law {
    /// The code of digital silence.
    pub fn silence(self) -> u8 {
        self.encode(0)
    }

    /// One linear sample (full scale 16 bit) to its code.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Law::Mu => encode_ulaw(sample),
            Law::A => encode_alaw(sample),
        }
    }

    /// One code to its linear sample.
    pub fn decode(self, code: u8) -> i16 {
        self.table()[usize::from(code)]
    }

    /// Decodes as many samples as both sides hold; answers how many.
    pub fn decode_into(self, codes: &[u8], samples: &mut [i16]) -> usize {
        let table = self.table();
        for (sample, code) in samples.iter_mut().zip(codes) {
            *sample = table[usize::from(*code)];
        }
        codes.len().min(samples.len())
    }

    /// Copies `from` into `to` (as many as both hold), changing from this law to `target` on the way (G.711 table 3 and 4).
    pub fn convert_into(self, target: Law, from: &[u8], to: &mut [u8]) {
        let tables = &*TABLES;
        let table = match (self, target) {
            (Law::Mu, Law::A) => &tables.mu_to_a,
            (Law::A, Law::Mu) => &tables.a_to_mu,
            _ => {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                return;
            }
        };
        for (to, from) in to.iter_mut().zip(from) {
            *to = table[usize::from(*from)];
        }
    }

    fn table(self) -> &'static [i16; 256] {
        match self {
            Law::Mu => &TABLES.mu_to_linear,
            Law::A => &TABLES.a_to_linear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_survives_either_law_within_its_step() {
        for law in [Law::Mu, Law::A] {
            for sample in (-32000..32000).step_by(97) {
                let back = i32::from(law.decode(law.encode(sample as i16)));
                // The widest step of both laws is 1024 in 16 bit: half of it is the rounding error.
                assert!((back - sample).abs() <= 512 + sample.abs() / 16, "{law:?} {sample} became {back}");
            }
        }
    }

    #[test]
    fn converting_between_the_laws_keeps_the_voice() {
        for code in 0..=255u8 {
            let mut other = [0u8];
            Law::Mu.convert_into(Law::A, &[code], &mut other);
            let (before, after) = (i32::from(Law::Mu.decode(code)), i32::from(Law::A.decode(other[0])));
            assert!((before - after).abs() <= 16 + before.abs() / 12, "code {code}: {before} became {after}");
        }
    }

    #[test]
    fn silence_is_quiet() {
        assert_eq!(Law::Mu.silence(), 0xFF);
        assert_eq!(Law::A.silence(), 0xD5);
    }
}
