//! The programs that read what is rendered. Where one is missing, or cannot be tried here, that is said.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that can be run; says so where not.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian has what concerns the system; not everybody's PATH goes there.
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&path)
        .chain(system)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// An interface that VRRP can run on; says so where there is none.
pub fn interface() -> Option<String> {
    let entries = std::fs::read_dir("/sys/class/net").ok();
    let names = entries.into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "lo" && name != "bonding_masters");
    // The usual one if it is there.
    names.sort_unstable_by_key(|name| (!name.starts_with('e'), name.clone()));
    if names.is_empty() {
        eprintln!("skipped: there is no interface but the loopback");
    }
    names.into_iter().next()
}

/// A command in a network namespace of its own; says so where there is no right to one.
pub fn in_namespace() -> Option<Command> {
    let unshare = find("unshare")?;
    let apart = |flags: &[&str]| {
        let mut command = Command::new(&unshare);
        command.args(flags);
        command
    };
    for flags in [&["--net"][..], &["--map-root-user", "--net"]] {
        let tried = apart(flags).arg("true").stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) {
            return Some(apart(flags));
        }
    }
    eprintln!("skipped: there is no right to a network namespace");
    None
}

/// What a program says to a text on its standard input, and whether it succeeds.
pub fn run(command: &mut Command, input: &str) -> (bool, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program that was found");
    let mut stdin = child.stdin.take().expect("asked for above");
    // Who does not read its input to the end has its reasons, and tells them.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    let output = child.wait_with_output().expect("an end");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// ipvsadm before a kernel that agrees to everything, so that it can be tried where there is no IPVS.
pub struct Ipvsadm {
    program: PathBuf,
    library: PathBuf,
}

impl Ipvsadm {
    pub fn find(directory: &Path) -> Option<Self> {
        let (program, cc) = (find("ipvsadm")?, find("cc")?);
        let library = directory.join("ipvsadm.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render/ipvsadm.c");
        let (compiled, said) =
            run(Command::new(cc).args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source), "");
        assert!(compiled, "{said}");
        Some(Self { program, library })
    }

    /// What it says to rules, apart from what it thinks of the version of a kernel that has none.
    pub fn restore(&self, rules: &str) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        let (succeeds, said) = run(command.arg("-R").env("LD_PRELOAD", &self.library), rules);
        let of_version = |line: &&str| !line.is_empty() && !line.contains("IPVS version");
        let said: Vec<&str> = said.lines().filter(of_version).collect();
        if succeeds && said.is_empty() { Ok(()) } else { Err(said.join("\n")) }
    }
}
