//! Random secrets and what is done with them.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The operating system's random generator failed. Nothing secret can be made then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system's random generator failed: {0}")]
pub struct NoRandomness(pub String);

/// `length` characters of base 58 (5.86 bits each), evenly distributed.
pub fn base58(length: usize) -> Result<String, NoRandomness> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0u8; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
        for byte in bytes {
            // 232 = 4 * 58: bytes above would favour the first characters.
            if byte < 232 && text.len() < length {
                text.push(char::from(BASE58[usize::from(byte) % 58]));
            }
        }
    }
    Ok(text)
}

/// SHA-256 of a token. Tokens are random, so a fast hash is enough to keep them out of memory.
pub fn fingerprint(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Bytes in lower case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file that only its owner can read; replaces what was there.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let _ = std::fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

/// Makes the data folder, for its owner only, unless it is there.
pub fn private_dir(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_the_length_and_the_alphabet_and_differ() {
        let one = base58(24).unwrap();
        assert_eq!(one.len(), 24);
        assert!(one.bytes().all(|b| BASE58.contains(&b)));
        assert_ne!(one, base58(24).unwrap());
    }

    #[test]
    fn a_private_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write_private(&path, "one").unwrap();
        write_private(&path, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
