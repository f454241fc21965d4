//! Names and types in all their forms: what is accepted must survive the way to the other form and back.
#![no_main]

use fingerpost::wire::{Name, Rtype};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(name) = Name::from_wire(bytes) {
        let text = name.to_string();
        assert_eq!(Name::parse(&text, None).as_ref(), Ok(&name), "{text}");
        assert_eq!(name.labels().count(), name.label_count());
        assert!(name.parent().is_none_or(|parent| name.is_at_or_below(&parent)));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = Name::parse(text, Some(&Name::root())) {
        assert_eq!(Name::from_wire(name.as_wire()).as_ref(), Ok(&name));
    }
    if let Ok(rtype) = text.parse::<Rtype>() {
        assert_eq!(rtype.to_string().parse(), Ok(rtype));
    }
});
