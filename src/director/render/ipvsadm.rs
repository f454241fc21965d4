//! IPVS rules for `ipvsadm -R`.
//!
//! That program takes no comments, so what there is to say goes beside the text.

use super::terms::{Front, fronts};
use super::{Job, Rendered};
use crate::steer::director::{Director, Mode, Protocol};
use std::fmt::Write;
use std::net::SocketAddr;

pub fn render(job: &Job<'_>) -> Rendered {
    let mut text = String::new();
    for director in job.directors {
        for front in fronts(director) {
            add(&mut text, director, &front);
        }
    }
    let mut notes = vec![
        "load it with `ipvsadm-restore < FILE`, which clears the table before, or with `ipvsadm -R < FILE`".to_owned(),
        "nothing checks the reals here: a dead one keeps its share; --format keepalived takes it out".to_owned(),
    ];
    let shared = |director: &&std::sync::Arc<Director>| job.shared(director).len() > 1;
    if let Some(director) = job.directors.iter().find(shared) {
        let name = &director.name;
        notes.push(format!(
            "the VIP of director {name:?} is shared: --format keepalived moves it by VRRP"
        ));
    }
    Rendered { text, notes }
}

fn add(text: &mut String, director: &Director, front: &Front<'_>) {
    let protocol = match director.service.protocol {
        Protocol::Tcp => "-t",
        Protocol::Udp => "-u",
    };
    let forward = match director.mode {
        Mode::Dr => "-g",
        Mode::Tun => "-i",
        // A job that would proxy by IPVS was refused.
        Mode::Nat | Mode::Proxy => "-m",
    };
    let service = format!("{protocol} {}", SocketAddr::new(front.vip, director.service.port));
    let mut line = |line: std::fmt::Arguments<'_>| {
        writeln!(text, "{line}").expect("writing to a String cannot fail");
    };
    line(format_args!("-A {service} -s {}", director.scheduler));
    for real in &front.reals {
        line(format_args!("-a {service} -r {} {forward} -w {}", real.address, real.weight));
    }
}
