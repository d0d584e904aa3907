//! Writing messages: numbers into bytes, without formatting machinery.

/// Appends eight hexadecimal digits.
pub fn hex8(out: &mut Vec<u8>, value: u32) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for place in (0..8).rev() {
        out.push(DIGITS[(value >> (4 * place)) as usize & 15]);
    }
}

/// Appends a decimal number.
pub fn decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut place = digits.len();
    loop {
        place -= 1;
        digits[place] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[place..]);
}

/// Reads eight hexadecimal digits from the front.
pub fn read_hex8(bytes: &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for digit in bytes.get(..8)? {
        value = value << 4 | char::from(*digit).to_digit(16)?;
    }
    Some(value)
}

/// Appends pieces one after the other.
#[macro_export]
macro_rules! put {
    ($out:expr, $($piece:expr),+ $(,)?) => {{ $( $out.extend_from_slice(AsRef::<[u8]>::as_ref(&$piece)); )+ }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_and_read_back() {
        let mut out = Vec::new();
        hex8(&mut out, 0x00c0_ffee);
        assert_eq!(out, b"00c0ffee");
        assert_eq!(read_hex8(&out), Some(0x00c0_ffee));
        out.clear();
        for value in [0, 7, 10, 4_294_967_295, u64::MAX] {
            decimal(&mut out, value);
            out.push(b' ');
        }
        assert_eq!(out, b"0 7 10 4294967295 18446744073709551615 ");
        assert_eq!(read_hex8(b"12345"), None);
        assert_eq!(read_hex8(b"1234567g"), None);
    }
}
