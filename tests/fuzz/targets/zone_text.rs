//! Master files: no text makes the reader panic, run away or make a record that cannot be served.
#![no_main]

use fingerpost::report::{Report, Source};
use fingerpost::wire::Name;
use fingerpost::zone::{Zone, check, text};
use libfuzzer_sys::fuzz_target;
use std::io::{Error, ErrorKind};
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let Ok(written) = std::str::from_utf8(bytes) else { return };
    // A range of 2^20 records is allowed, but has nothing to tell that a short one has not.
    let long_number = written.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() > 3);
    if long_number && written.to_ascii_uppercase().contains("$GENERATE") {
        return;
    }
    let origin = Name::parse("example.com", None).expect("a name");
    // A file may include itself: the second time is one too many for this target.
    let mut inclusions = 0;
    let mut load = |_: &Path| {
        inclusions += 1;
        if inclusions > 2 { Err(Error::from(ErrorKind::NotFound)) } else { Ok(bytes.to_vec()) }
    };
    let mut report = Report::default();
    let source = Source::new("example.com.zone", written);
    let read = text::read_str(source, &origin, &mut load, &mut report);
    for record in &read.records {
        assert!(record.rdata.len() <= usize::from(u16::MAX) && !record.rtype.is_meta());
    }
    check::check(&origin, &read, &[], &mut report);
    for finding in &report.findings {
        // Every place is inside of its source, or this panics.
        let _ = finding.to_string();
    }
    let _ = Zone::build(&origin, &read.records, &[]);
});
