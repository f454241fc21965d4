//! On real directories with real events: what asks for a reload and what does not.

use super::*;
use std::fs;
use std::io::Write;
use tempfile::TempDir;
use tokio::time::timeout;

/// Longer than any wait that is meant to end; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// So long without an ask counts as none: well over the time that an event needs to become one.
const SILENCE: Duration = Duration::from_millis(600);

/// A configuration directory, watched as `serve` watches it.
struct Bench {
    root: TempDir,
    watcher: Watcher,
    asked: mpsc::Receiver<()>,
}

impl Bench {
    fn new(inputs: &[&str], lay_out: impl FnOnce(&Path)) -> Self {
        let root = tempfile::tempdir().expect("a directory");
        lay_out(root.path());
        let (watcher, asked) =
            Watcher::start(inputs.iter().map(|path| root.path().join(path)).collect());
        Self { root, watcher, asked }
    }

    fn usual() -> Self {
        Self::new(&["fingerpost.toml", "zones", "zones/a.zone"], |root| {
            fs::create_dir(root.join("zones")).expect("a directory");
            fs::write(root.join("fingerpost.toml"), "one").expect("a file");
            fs::write(root.join("zones/a.zone"), "one").expect("a file");
        })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    async fn expect_ask(&mut self, why: &str) {
        let asked = timeout(PATIENCE, self.asked.recv()).await;
        assert_eq!(asked.ok().flatten(), Some(()), "no reload asked for: {why}");
    }

    async fn expect_silence(&mut self, why: &str) {
        let asked = timeout(SILENCE, self.asked.recv()).await;
        assert!(asked.is_err(), "a reload asked for: {why}");
    }
}

#[tokio::test]
async fn every_way_of_changing_a_file_asks() {
    let mut bench = Bench::usual();
    fs::write(bench.path("fingerpost.toml.tmp"), "two").expect("a file");
    fs::rename(bench.path("fingerpost.toml.tmp"), bench.path("fingerpost.toml")).expect("renamed");
    bench.expect_ask("renamed over, as editors do").await;
    fs::write(bench.path("fingerpost.toml"), "three").expect("written");
    bench.expect_ask("written in place, on the inode that came by renaming").await;
    fs::write(bench.path("zones/new.zone"), "new").expect("written");
    bench.expect_ask("a new file in a watched directory").await;
    fs::remove_file(bench.path("zones/a.zone")).expect("removed");
    bench.expect_ask("a file removed").await;
    fs::write(bench.path("zones/a.zone"), "again").expect("written");
    bench.expect_ask("and back again").await;
    bench.expect_silence("nothing happened any more").await;
}

#[tokio::test]
async fn a_directory_put_in_place_of_another_is_watched() {
    let mut bench = Bench::usual();
    fs::rename(bench.path("zones"), bench.path("zones.old")).expect("renamed");
    fs::create_dir(bench.path("zones")).expect("a directory");
    bench.expect_ask("the directory is another one").await;
    fs::write(bench.path("zones/a.zone"), "new").expect("written");
    bench.expect_ask("a file in the new directory").await;
    fs::write(bench.path("zones.old/a.zone"), "old").expect("written");
    bench.expect_silence("a file in the old directory").await;
}

#[tokio::test]
async fn a_burst_is_one_ask() {
    let mut bench = Bench::usual();
    let mut file = fs::File::create(bench.path("zones/a.zone")).expect("a file");
    for line in 0..500 {
        writeln!(file, "{line}").expect("written");
    }
    bench.expect_ask("a file that grows").await;
    // One, or one more where the notices themselves came with a pause between them.
    let mut more = 0;
    while timeout(SILENCE, bench.asked.recv()).await.is_ok() {
        more += 1;
    }
    assert!(more <= 1, "{} reloads of 500 lines", more + 1);
}

#[tokio::test]
async fn a_writer_that_never_rests_does_not_hold_reloads_up() {
    let mut bench = Bench::usual();
    let path = bench.path("zones/a.zone");
    let writer = tokio::spawn(async move {
        let mut beat = tokio::time::interval(QUIET / 4);
        let mut file = fs::File::create(path).expect("a file");
        loop {
            beat.tick().await;
            writeln!(file, "more").expect("written");
        }
    });
    bench.expect_ask("the wait for quiet is bounded").await;
    writer.abort();
}

#[tokio::test]
async fn reading_and_strangers_ask_for_nothing() {
    let mut bench = Bench::usual();
    for _ in 0..10 {
        for path in ["fingerpost.toml", "zones/a.zone"] {
            fs::read(bench.path(path)).expect("read");
        }
        fs::read_dir(bench.path("zones")).expect("listed").for_each(drop);
    }
    bench.expect_silence("inputs were only read").await;
    fs::write(bench.path("state.json"), "{}").expect("written");
    bench.expect_silence("a file that is no input changed").await;
}

#[tokio::test]
async fn inputs_may_come_later() {
    let mut bench = Bench::new(&["conf/overrides.toml"], |_| ());
    fs::create_dir(bench.path("conf")).expect("a directory");
    bench.expect_ask("the directory came").await;
    fs::write(bench.path("conf/overrides.toml"), "").expect("written");
    bench.expect_ask("the file came").await;
}

#[tokio::test]
async fn new_paths_are_read_once_more_and_then_watched() {
    let mut bench = Bench::usual();
    fs::create_dir(bench.path("geoip")).expect("a directory");
    fs::write(bench.path("geoip/world.mmdb"), "one").expect("written");
    let mut paths = vec![bench.path("fingerpost.toml"), bench.path("zones")];
    bench.watcher.set_paths(paths.clone());
    bench.expect_silence("fewer paths").await;
    paths.push(bench.path("geoip/world.mmdb"));
    bench.watcher.set_paths(paths.clone());
    bench.expect_ask("it may have changed before it was watched").await;
    bench.watcher.set_paths(paths);
    bench.expect_silence("the same paths").await;
    fs::write(bench.path("geoip/world.mmdb"), "two").expect("written");
    bench.expect_ask("a change").await;
}

/// As the kubelet does it: a new directory, a new link to it, renamed over the old one.
#[cfg(unix)]
#[tokio::test]
async fn a_swapped_data_link_asks_and_is_followed() {
    use std::os::unix::fs::symlink;
    let swap = |root: &Path, name: &str| {
        fs::create_dir(root.join(name)).expect("a directory");
        fs::write(root.join(name).join("fingerpost.toml"), name).expect("written");
        symlink(name, root.join("..data_tmp")).expect("a link");
        fs::rename(root.join("..data_tmp"), root.join("..data")).expect("renamed");
    };
    let mut bench = Bench::new(&["link.toml"], |root| {
        fs::create_dir(root.join("mount")).expect("a directory");
        swap(&root.join("mount"), "..1");
        symlink("..data/fingerpost.toml", root.join("mount/fingerpost.toml")).expect("a link");
        symlink("mount/fingerpost.toml", root.join("link.toml")).expect("a link");
    });
    swap(&bench.path("mount"), "..2");
    bench.expect_ask("the link was swapped").await;
    assert_eq!(fs::read_to_string(bench.path("link.toml")).expect("read"), "..2");
    fs::write(bench.path("mount/..2/fingerpost.toml"), "edited").expect("written");
    bench.expect_ask("the file behind the new link").await;
    fs::write(bench.path("mount/..1/fingerpost.toml"), "stale").expect("written");
    bench.expect_silence("the file behind the old link").await;
}

#[test]
fn without_events_a_walk_sees_changes() {
    let root = tempfile::tempdir().expect("a directory");
    let file = root.path().join("a.zone");
    fs::write(&file, "one").expect("written");
    let mut lookout = Lookout::new(vec![file.clone(), root.path().join("none.zone")]);
    lookout.watcher = None;
    assert!(lookout.walk().changed, "the first walk");
    assert!(!lookout.walk().changed, "nothing happened");
    fs::write(&file, "and two").expect("written");
    assert!(lookout.walk().changed, "another size");
    fs::rename(&file, root.path().join("none.zone")).expect("renamed");
    assert!(lookout.walk().changed, "one gone, one there");
}

#[test]
fn lost_events_count_as_changes() {
    let interest = Interest::default();
    let rescan = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
    assert!(matters(&Ok(rescan), &interest));
    assert!(matters(&Err(notify::Error::generic("lost")), &interest));
    assert!(!matters(&Ok(Event::new(EventKind::Any)), &interest));
}
