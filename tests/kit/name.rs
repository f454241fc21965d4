//! Names for queries and from replies, letter case kept.

/// Wire form of a name as written: `\.` and `\DDD` understood, a final dot optional, nothing folded or checked.
pub fn wire(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut label = Vec::new();
    let mut bytes = text.bytes();
    let end = |label: &mut Vec<u8>, wire: &mut Vec<u8>| {
        if !label.is_empty() {
            wire.push(u8::try_from(label.len()).expect("a label of less than 256 octets"));
            wire.append(label);
        }
    };
    while let Some(byte) = bytes.next() {
        match byte {
            b'.' => end(&mut label, &mut wire),
            b'\\' => label.push(escaped(&mut bytes)),
            _ => label.push(byte),
        }
    }
    end(&mut label, &mut wire);
    wire.push(0);
    wire
}

fn escaped(bytes: &mut std::str::Bytes<'_>) -> u8 {
    let first = bytes.next().expect("something after a backslash");
    if !first.is_ascii_digit() {
        return first;
    }
    let digits = [first, bytes.next().expect("a digit"), bytes.next().expect("a digit")];
    std::str::from_utf8(&digits).expect("digits").parse().expect("\\DDD up to 255")
}

/// A name as read from a message.
pub struct Read {
    /// Presentation form with the final dot, letter case as received.
    pub text: String,
    /// Where the field ends.
    pub end: usize,
    /// Whether a pointer was followed.
    pub compressed: bool,
}

/// Reads a name at `at`, following pointers only backwards (RFC 1035 §4.1.4: "a prior occurrence").
pub fn read(message: &[u8], at: usize) -> Result<Read, String> {
    let mut text = String::new();
    let mut end = None;
    let mut octets = 1;
    let mut here = at;
    let mut label_start_max = message.len();
    loop {
        let length =
            *message.get(here).ok_or_else(|| format!("the name at {at} runs off the end"))?;
        match length {
            0 => break,
            1..=63 => {
                let label = message
                    .get(here + 1..here + 1 + usize::from(length))
                    .ok_or_else(|| format!("the label at {here} runs off the end"))?;
                push_label(&mut text, label);
                octets += 1 + label.len();
                here += 1 + label.len();
            }
            0xc0..=0xff => {
                let low = *message.get(here + 1).ok_or("half a pointer at the end")?;
                let target = usize::from(length & 0x3f) << 8 | usize::from(low);
                if target >= here.min(label_start_max) {
                    return Err(format!("the pointer at {here} leads forward, to {target}"));
                }
                end.get_or_insert(here + 2);
                label_start_max = target;
                here = target;
            }
            _ => return Err(format!("label type {length:#04x} at {here}")),
        }
        if octets > 255 {
            return Err(format!("the name at {at} is longer than 255 octets"));
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    Ok(Read { text, compressed: end.is_some(), end: end.unwrap_or(here + 1) })
}

fn push_label(text: &mut String, label: &[u8]) {
    for &byte in label {
        match byte {
            b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
            0x21..=0x7e => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text.push('.');
}
