//! A codec as the packet path sees it: small, copied, compared per packet.

use tandem_core::Codec;

use crate::audio::Law;

/// Static payload type of comfort noise (RFC 3389) at 8 kHz.
pub const COMFORT_NOISE: u8 = 13;

/// What a payload is encoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// G.711: the switch can read, make and convert it.
    G711(Law),
    /// Anything else is carried, not understood: name (cut to 16 bytes) and clock rate.
    Opaque([u8; 16], u32),
}

impl Coding {
    /// From the negotiated codec.
    pub fn of(codec: &Codec) -> Coding {
        match (codec.name.as_str(), codec.clock_rate) {
            (name, 8000) if name.eq_ignore_ascii_case("PCMU") => Coding::G711(Law::Mu),
            (name, 8000) if name.eq_ignore_ascii_case("PCMA") => Coding::G711(Law::A),
            (name, rate) => {
                let mut text = [0u8; 16];
                text.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from.to_ascii_uppercase());
                Coding::Opaque(text, rate)
            }
        }
    }

    /// The law, if this is G.711.
    pub fn law(self) -> Option<Law> {
        match self {
            Coding::G711(law) => Some(law),
            Coding::Opaque(..) => None,
        }
    }
}
