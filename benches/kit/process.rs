//! Servers as processes: started on a core, watched from outside through `/proc`, stopped.

use super::Failed;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process, with all that it started; ends when dropped.
pub struct Process {
    child: Child,
    /// What people call it.
    pub name: String,
}

impl Process {
    /// Starts `command` on the cores of that list (`0`, `0,1`), its output going to a file.
    pub fn start(name: &str, cores: &str, command: &[&str], log: &Path) -> Result<Self, Failed> {
        let output = fs::File::create(log)?;
        let child = Command::new("taskset")
            .args(["-c", cores])
            .args(command)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("cannot start taskset (of util-linux): {error}"))?;
        Ok(Self { child, name: name.to_owned() })
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time of it and its children so far, user and system, threads that have ended included. In steps of 10 ms:
    /// for loading, which is done by threads that end.
    pub fn cpu_in_all(&self) -> Duration {
        let of_process = |id: u32| -> u64 {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // Fields 14 and 15 of the whole, counted behind the name, which may hold anything.
            let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
            rest.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
        };
        Duration::from_millis(10 * self.family().into_iter().map(of_process).sum::<u64>())
    }

    /// CPU time of the threads of it and its children so far, user and system, to the nanosecond.
    pub fn cpu(&self) -> Duration {
        let of_task = |id: u32| -> u64 {
            let Ok(tasks) = fs::read_dir(format!("/proc/{id}/task")) else { return 0 };
            let spent = tasks.filter_map(|task| {
                let stat = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
                stat.split(' ').next()?.parse::<u64>().ok()
            });
            spent.sum()
        };
        Duration::from_nanos(self.family().into_iter().map(of_task).sum())
    }

    /// Memory of it and its children: what each has to itself, and its part of what they share; and the highest that
    /// the largest of them ever had, shared or not. In bytes.
    pub fn memory(&self) -> (u64, u64) {
        let field = |id: u32, file: &str, key: &str| -> u64 {
            let text = fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
            kib.unwrap_or(0) * 1024
        };
        let family = self.family();
        let now = family.iter().map(|&id| field(id, "smaps_rollup", "Pss:")).sum();
        let peak = family.iter().map(|&id| field(id, "status", "VmHWM:")).max().unwrap_or(0);
        (now, peak)
    }

    /// Waits until it answers `query` over UDP; how long that took, and the answer. None if it ends, or takes too long.
    pub fn wait_for_answer(
        &mut self,
        server: SocketAddr,
        query: &[u8],
        patience: Duration,
    ) -> Option<(Duration, Vec<u8>)> {
        let start = Instant::now();
        let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
        socket.set_read_timeout(Some(Duration::from_millis(5))).ok()?;
        let mut answer = vec![0; 4096];
        while start.elapsed() < patience {
            if let Ok(Some(_)) = self.child.try_wait() {
                return None;
            }
            let _ = socket.send_to(query, server);
            // SERVFAIL and REFUSED are what a server that has not loaded yet says.
            if let Ok(bytes) = socket.recv(&mut answer)
                && bytes >= 12
                && matches!(answer[3] & 15, 0 | 3)
            {
                answer.truncate(bytes);
                return Some((start.elapsed(), answer));
            }
        }
        None
    }

    /// Its number and those of all below it.
    fn family(&self) -> Vec<u32> {
        let mut found = vec![self.id()];
        let mut at = 0;
        while let Some(&id) = found.get(at) {
            at += 1;
            let Ok(tasks) = fs::read_dir(format!("/proc/{id}/task")) else { continue };
            for task in tasks.filter_map(Result::ok) {
                let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                found.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
            }
        }
        found
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let family: Vec<String> = self.family().iter().map(u32::to_string).collect();
        let _ = Command::new("kill").args(&family).stderr(Stdio::null()).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = Command::new("kill").arg("-9").args(&family).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

/// Keeps this process, and what it starts from now on, on some cores.
pub fn pin_self(cores: &str) -> Result<(), Failed> {
    let id = std::process::id().to_string();
    let done = Command::new("taskset").args(["-acp", cores, &id]).stdout(Stdio::null()).status();
    if done.is_ok_and(|status| status.success()) { Ok(()) } else { Err("taskset failed".into()) }
}

/// Whether there is a program of that name.
pub fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin".into(), "/usr/local/sbin".into()];
    std::env::split_paths(&paths).chain(system).any(|directory| directory.join(program).is_file())
}

/// A UDP and TCP port that is free now.
pub fn free_port() -> Result<u16, Failed> {
    for _ in 0..100 {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free".into())
}
