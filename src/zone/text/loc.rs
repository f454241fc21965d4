//! LOC: a place on Earth (RFC 1876).
//!
//! `51 30 12.748 N 0 7 39.611 W 0.00m 0.00m 0.00m 0.00m`: minutes, seconds and what follows the altitude may be
//! missing.

use super::fault::Fault;
use super::fields::Fields;

/// Thousandths of a second of arc from the equator or the prime meridian are counted from here (RFC 1876 §2).
const ARC_ZERO: u32 = 1 << 31;
/// Altitudes are counted from 100,000 m below the WGS 84 spheroid (RFC 1876 §2).
const ALTITUDE_ZERO_CM: i64 = 10_000_000;
/// The largest size and precision: 9 × 10^9 cm (RFC 1876 §2).
const SIZE_CM_MAX: u64 = 9_000_000_000;
/// Size, horizontal and vertical precision where they are not given: 1 m, 10 km, 10 m (RFC 1876 §3).
const SIZES_CM_DEFAULT: [u64; 3] = [100, 1_000_000, 1000];

/// Reads a LOC record's fields.
pub fn read(fields: &mut Fields, out: &mut Vec<u8>) -> Result<(), Fault> {
    let latitude = arc(fields, "latitude", 90, ["N", "S"])?;
    let longitude = arc(fields, "longitude", 180, ["E", "W"])?;
    let altitude = altitude(fields)?;
    let mut sizes = SIZES_CM_DEFAULT;
    let names = ["size", "horizontal precision", "vertical precision"];
    for (size, what) in sizes.iter_mut().zip(names) {
        if !fields.is_empty() {
            *size = length_cm(fields, what)?;
        }
    }
    out.push(0);
    out.extend(sizes.map(as_mantissa_and_exponent));
    for number in [latitude, longitude, altitude] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    Ok(())
}

/// Whether octets are a LOC of version 0 with sizes that can be written down again.
pub fn is_well_formed(rdata: &[u8]) -> bool {
    let digits = |octet: &u8| octet >> 4 <= 9 && octet & 15 <= 9;
    rdata.len() == 16 && rdata[0] == 0 && rdata[1..4].iter().all(digits)
}

/// `DEGREES [MINUTES [SECONDS]] HEMISPHERE` in thousandths of a second from [`ARC_ZERO`].
fn arc(
    fields: &mut Fields,
    what: &str,
    degrees_max: u64,
    [plus, minus]: [&str; 2],
) -> Result<u32, Fault> {
    let mut milliseconds = 0;
    // Degrees, minutes and seconds: what one is worth, how many decimals it may have, its largest value.
    let parts = [(3_600_000, 0, degrees_max * 1000), (60_000, 0, 59_000), (1000, 3, 59_999)];
    for (index, (worth, decimals, max)) in parts.into_iter().enumerate() {
        let (word, place) = fields.word(what)?;
        if index > 0 && (word.eq_ignore_ascii_case(plus) || word.eq_ignore_ascii_case(minus)) {
            return hemisphere(milliseconds, word, plus, what, place, degrees_max);
        }
        let value = fixed(word, decimals)
            .map(|value| if decimals == 0 { value.saturating_mul(1000) } else { value });
        let value = value.filter(|value| *value <= max).ok_or_else(|| {
            let message =
                format!("{what}: {word:?} is neither a number in range nor {plus} or {minus}");
            Fault::new(place, message)
        })?;
        milliseconds += value * worth / 1000;
    }
    let (word, place) = fields.word(what)?;
    if !word.eq_ignore_ascii_case(plus) && !word.eq_ignore_ascii_case(minus) {
        return Err(Fault::new(
            place,
            format!("{what}: expected {plus} or {minus}, found {word:?}"),
        ));
    }
    hemisphere(milliseconds, word, plus, what, place, degrees_max)
}

fn hemisphere(
    milliseconds: u64,
    word: &str,
    plus: &str,
    what: &str,
    place: std::ops::Range<usize>,
    degrees_max: u64,
) -> Result<u32, Fault> {
    if milliseconds > degrees_max * 3_600_000 {
        return Err(Fault::new(place, format!("{what}: more than {degrees_max} degrees")));
    }
    // At most 180 × 3,600,000 = 648,000,000, far from either end of 32 bits around the middle.
    let offset = milliseconds as u32;
    Ok(if word.eq_ignore_ascii_case(plus) { ARC_ZERO + offset } else { ARC_ZERO - offset })
}

fn altitude(fields: &mut Fields) -> Result<u32, Fault> {
    let (word, place) = fields.word("altitude")?;
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    let centimetres = metres(digits).and_then(|value| i64::try_from(value).ok());
    let centimetres = centimetres.map(|value| if negative { -value } else { value });
    centimetres
        .and_then(|value| u32::try_from(value.checked_add(ALTITUDE_ZERO_CM)?).ok())
        .ok_or_else(|| {
            Fault::new(
                place,
                format!("altitude {word:?} is not metres from -100000.00 to 42849672.95"),
            )
        })
}

fn length_cm(fields: &mut Fields, what: &str) -> Result<u64, Fault> {
    let (word, place) = fields.word(what)?;
    metres(word).filter(|centimetres| *centimetres <= SIZE_CM_MAX).ok_or_else(|| {
        Fault::new(place, format!("{what} {word:?} is not metres from 0.00 to 90000000.00"))
    })
}

/// Centimetres from metres with at most two decimals and perhaps an `m`.
fn metres(word: &str) -> Option<u64> {
    fixed(word.strip_suffix(['m', 'M']).unwrap_or(word), 2)
}

/// A decimal number, in units of its last allowed decimal.
fn fixed(word: &str, decimals: usize) -> Option<u64> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > decimals {
        return None;
    }
    let padded = format!("{whole}{fraction:0<decimals$}");
    padded.parse().ok()
}

/// The octet that RFC 1876 §2 packs a length into: a digit and a power of ten, the rest cut off.
fn as_mantissa_and_exponent(centimetres: u64) -> u8 {
    let (mut mantissa, mut exponent) = (centimetres, 0u8);
    while mantissa > 9 {
        mantissa /= 10;
        exponent += 1;
    }
    (mantissa as u8) << 4 | exponent
}
