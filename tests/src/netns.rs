//! A network of the test's own.
//!
//! baresip refuses the loopback interface, and fixed ports would clash between tests. So the test's thread moves into a
//! network namespace with a veth pair; sockets it opens and processes it starts are in there with it. The namespace has no
//! name: the kernel removes it with the last process in it, even if the test is killed.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::process::installed;
use crate::wait;
use crate::{Missing, skip};

/// Phones live here. It is the first address of the interface, which is the one baresip writes into its SDP.
pub const PHONES: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
/// Tandem lives here.
pub const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2));
/// A carrier.
pub const CARRIER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 3));
/// Another carrier.
pub const CARRIER_2: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 4));
/// Somebody whom nobody knows.
pub const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 66));
/// Tandem, in IPv6.
pub const SERVER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 2));
/// A carrier, in IPv6.
pub const CARRIER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 3));

/// The namespace that this thread is in, until dropped.
#[derive(Debug)]
pub struct Net {
    home: File,
    // Holds the namespace open, and ends when its input is closed: with this struct, or with the test.
    holder: Child,
}

impl Net {
    /// Moves this thread into a new namespace.
    pub fn enter() -> Result<Net, Missing> {
        for program in ["ip", "unshare", "setpriv"] {
            if !installed(program) {
                return Err(Missing(format!("no program `{program}`")));
            }
        }
        if !rustix::process::geteuid().is_root() {
            return Err(Missing("a network namespace needs root".to_owned()));
        }
        let home = File::open("/proc/thread-self/ns/net").map_err(|error| Missing(format!("no network namespaces: {error}")))?;
        let holder = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Missing(format!("unshare: {error}")))?;
        let net = Net { home, holder };
        net.move_in()?;
        net.furnish()?;
        Ok(net)
    }

    fn move_in(&self) -> Result<(), Missing> {
        let theirs = format!("/proc/{}/ns/net", self.holder.id());
        let ours = std::fs::read_link("/proc/thread-self/ns/net").ok();
        let entered = wait::poll(wait::secs(5), || {
            let link = std::fs::read_link(&theirs).ok()?;
            (Some(link) != ours).then(|| File::open(&theirs).ok())?
        });
        let namespace = entered.ok_or_else(|| Missing("no new network namespace: not allowed here?".to_owned()))?;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|error| Missing(format!("moving into a network namespace: {error}")))
    }

    fn furnish(&self) -> Result<(), Missing> {
        ip("link set lo up")?;
        ip("link add v0 type veth peer name v1")?;
        for address in [PHONES, SERVER, CARRIER, CARRIER_2, STRANGER] {
            ip(&format!("addr add {address}/24 dev v0"))?;
        }
        ip("link set v0 up")?;
        ip("link set v1 up")?;
        ip("route add default dev v0")?;
        for address in [SERVER_V6, CARRIER_V6] {
            if ip(&format!("addr add {address}/64 dev v0 nodad")).is_err() {
                skip("netns", "no IPv6 in this kernel");
                break;
            }
        }
        Ok(())
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network));
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn ip(arguments: &str) -> Result<(), Missing> {
    let out = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| Missing(format!("ip {arguments}: {error}")))?;
    if out.status.success() { Ok(()) } else { Err(Missing(format!("ip {arguments}: {}", String::from_utf8_lossy(&out.stderr).trim()))) }
}
