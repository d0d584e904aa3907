//! Phones: a user name, a password, and what the last challenge was.

use std::path::Path;

use anyhow::{Context, bail};

use crate::digest::{Algorithm, Challenge, Credentials};
use crate::limits::PHONES;
use crate::put;
use crate::scan::{Name, lines};

/// Whether credentials are sent unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AuthHabit {
    /// The last nonce is used again: one round trip as long as the server takes it.
    Cached,
    /// Every request begins without credentials: two round trips.
    Fresh,
}

/// One phone.
#[derive(Debug, Clone)]
pub struct Account {
    /// User part and digest user name.
    pub user: Box<str>,
    password: Box<str>,
    credentials: Option<Box<Credentials>>,
}

impl Account {
    /// A phone that was never challenged.
    pub fn new(user: impl Into<Box<str>>, password: impl Into<Box<str>>) -> Self {
        Account { user: user.into(), password: password.into(), credentials: None }
    }

    /// Takes the challenge of a 401 or 407: of those offered, the wanted algorithm, else the first that can be
    /// answered. `false` if there is none.
    pub fn challenged(&mut self, response: &[u8], wanted: Option<Algorithm>) -> bool {
        let mut offered = lines(response).filter(|line| line.name == Name::Challenge).filter_map(|line| Challenge::parse(line.value));
        let mut chosen = offered.next();
        if let Some(wanted) = wanted
            && chosen.as_ref().is_some_and(|first| first.algorithm != wanted)
        {
            chosen = offered.find(|other| other.algorithm == wanted).or(chosen);
        }
        self.credentials = chosen.map(|challenge| Box::new(Credentials::new(challenge, self.user.as_bytes(), self.password.as_bytes())));
        self.credentials.is_some()
    }

    /// Appends the header with credentials, if the phone has any.
    pub fn authorize(&mut self, out: &mut Vec<u8>, header: &str, method: &str, uri: &[u8], cnonce: &[u8]) {
        if let Some(credentials) = &mut self.credentials {
            put!(out, header, ": ");
            credentials.write(out, self.user.as_bytes(), method, uri, cnonce);
            put!(out, "\r\n");
        }
    }

    /// The next request goes without credentials.
    pub fn forget_challenge(&mut self) {
        self.credentials = None;
    }
}

/// Phones `first`, `first + 1`, … whose password is `password` with `{user}` replaced.
pub fn numbered(first: u64, count: u32, password: &str) -> anyhow::Result<Vec<Account>> {
    if count == 0 || count > PHONES {
        bail!("{count} phones: 1 to {PHONES} are possible");
    }
    Ok((first..first + u64::from(count))
        .map(|number| {
            let user = number.to_string();
            let password = password.replace("{user}", &user);
            Account::new(user, password)
        })
        .collect())
}

/// Phones of a file with a line `user,password` for each; empty lines, `#` lines and a line `user,password` are skipped.
pub fn from_csv(path: &Path, most: u32) -> anyhow::Result<Vec<Account>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let mut accounts = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line.starts_with("user,") {
            continue;
        }
        let mut columns = line.split(',').map(str::trim);
        let (Some(user), Some(password)) = (columns.next(), columns.next()) else {
            bail!("{}:{}: `{line}` is not `user,password`", path.display(), number + 1);
        };
        if accounts.len() as u32 == most.min(PHONES) {
            break;
        }
        accounts.push(Account::new(user, password));
    }
    if accounts.is_empty() {
        bail!("{} names no phone", path.display());
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_algorithm_is_taken_when_offered() {
        let response = b"SIP/2.0 401 x\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"a\", algorithm=SHA-256\r\n\
            WWW-Authenticate: Digest realm=\"r\", nonce=\"b\", algorithm=MD5\r\n\r\n";
        for (wanted, nonce) in [(None, "\"a\""), (Some(Algorithm::Md5), "\"b\""), (Some(Algorithm::Sha256), "\"a\"")] {
            let mut account = Account::new("1", "p");
            assert!(account.challenged(response, wanted));
            let mut out = Vec::new();
            account.authorize(&mut out, "Authorization", "REGISTER", b"sip:x", b"c");
            let text = String::from_utf8(out).unwrap();
            assert!(text.contains(nonce) && text.ends_with("\r\n"), "{text}");
        }
    }

    #[test]
    fn numbered_phones_have_passwords_of_their_own() {
        let accounts = numbered(1000, 2, "pw-{user}").unwrap();
        assert_eq!((&*accounts[1].user, &*accounts[1].password), ("1001", "pw-1001"));
        assert!(numbered(1, 0, "").is_err());
    }
}
