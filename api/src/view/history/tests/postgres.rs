//! The same on a real PostgreSQL: a server of our own, on a socket in a folder of our own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::centre::Centre;
use super::*;
use tandem_core::Timestamp;

/// Ends with the test, and its folder with it.
struct Server {
    child: Child,
    dir: tempfile::TempDir,
}

/// Debian keeps the server's programs out of the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions.flatten().map(|entry| entry.path().join("bin")).collect();
    found.retain(|bin| bin.join("initdb").exists() && bin.join("postgres").exists());
    found.sort();
    found.pop()
}

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn command(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

impl Server {
    fn start(bin: &Path) -> Server {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        if rustix::process::geteuid().is_root() {
            assert!(Command::new("chown").arg("postgres").arg(dir.path()).status().unwrap().success());
        }
        let data = dir.path().join("data");
        let made = command(&bin.join("initdb"))
            .args(["-A", "trust", "-U", "tandem", "-E", "UTF8", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let child = command(&bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(dir.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=20"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Server { child, dir }
    }

    fn url(&self) -> String {
        let socket = self.dir.path().display().to_string().replace('/', "%2F");
        format!("postgres://tandem@{socket}/postgres")
    }

    async fn open(&self) -> History {
        let begun = Instant::now();
        loop {
            match History::open(&self.url()).await {
                Ok(history) => return history,
                Err(error) if begun.elapsed() > Duration::from_secs(30) => panic!("{error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT is a fast shutdown; the folder is removed only after it.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn postgresql_holds_the_same_rows_and_gives_the_same_answers_as_sqlite() {
    let Some(bin) = programs() else {
        #[allow(clippy::print_stdout)]
        {
            println!("SKIPPED: PostgreSQL is not installed (tests/setup/packages.sh test installs it)");
        }
        return;
    };
    let server = Server::start(&bin);
    let mut centre = Centre::new("t", 5, Timestamp::from_micros(1_795_370_100_000_000));
    centre.run(400);
    let mut events = centre.numbered();
    events.extend(story().envelopes().into_iter().map(|(offset, mut envelope)| {
        // Another tenant behind it in the same log.
        envelope.tenant = TenantId::new("other").unwrap();
        (offset + centre.events.len() as u64, envelope)
    }));

    let dir = tempfile::tempdir().unwrap();
    let sqlite = store(&dir, "h").await;
    sqlite.fold(&mut sqlite.folder().await.unwrap(), &events).await.unwrap();
    let postgres = server.open().await;
    for chunk in events.chunks(60) {
        postgres.fold(&mut postgres.folder().await.unwrap(), chunk).await.unwrap();
    }
    let (ours, theirs) = (sqlite.dump().await.unwrap(), postgres.dump().await.unwrap());
    for (one, other) in ours.iter().zip(&theirs) {
        assert_eq!(one, other);
    }
    assert_eq!(ours.len(), theirs.len());
    assert_eq!(sqlite.counts().await.unwrap(), postgres.counts().await.unwrap());

    for tenant in ["t", "other"].map(|name| TenantId::new(name).unwrap()) {
        let mut cursor = None;
        loop {
            let filter = CallFilter { limit: 7, cursor, answered: Some(true), ..CallFilter::default() };
            let (one, other) = (sqlite.calls(&tenant, &filter).await.unwrap(), postgres.calls(&tenant, &filter).await.unwrap());
            assert_eq!(serde_json::to_value(&one).unwrap(), serde_json::to_value(&other).unwrap());
            for call in &one.calls {
                let id = call.call.parse().unwrap();
                assert_eq!(sqlite.story(&tenant, id).await.unwrap(), postgres.story(&tenant, id).await.unwrap());
            }
            let Some(next) = one.next else { break };
            cursor = Some(next.parse().unwrap());
        }
        for scope in [Scope::Tenant, Scope::Queue, Scope::Agent] {
            let query = CounterQuery { scope, ids: None, from: 0, to: i64::MAX };
            assert_eq!(sqlite.sums(&tenant, &query).await.unwrap(), postgres.sums(&tenant, &query).await.unwrap());
        }
        let query = CallQuery { to: i64::MAX, limit: 50, offset: 3, ..CallQuery::default() };
        assert_eq!(sqlite.centre_calls(&tenant, &query).await.unwrap(), postgres.centre_calls(&tenant, &query).await.unwrap());
        let one = sqlite.operations(&tenant, 101, 0, i64::MAX, 1000).await.unwrap();
        assert_eq!(one, postgres.operations(&tenant, 101, 0, i64::MAX, 1000).await.unwrap());
    }

    postgres.close().await;
    let again = History::recreate(&server.url()).await.unwrap();
    assert!(again.dump().await.unwrap().is_empty(), "a rebuild begins with nothing");
    again.fold(&mut again.folder().await.unwrap(), &events).await.unwrap();
    assert_eq!(again.dump().await.unwrap(), ours);
    again.close().await;
}
