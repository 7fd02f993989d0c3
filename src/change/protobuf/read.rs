//! Protobuf's binary encoding. Nothing is allocated before the bytes that fill it have been seen.

use super::Reason;

/// A field's value as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wired<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

const SHORT: Reason = Reason::Borrowed("the message ends inside a value");
/// Groups inside groups that are stepped over.
const GROUPS_MAX: u32 = 64;
/// Longest path to a message type.
const PATH_MAX: usize = 16;

/// A base-128 number, and what follows.
#[inline]
pub(super) fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Reason> {
    // Nearly all tags and most lengths.
    if let [byte @ ..0x80, rest @ ..] = bytes {
        return Ok((u64::from(*byte), rest));
    }
    long_varint(bytes)
}

fn long_varint(bytes: &[u8]) -> Result<(u64, &[u8]), Reason> {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        if at == 10 || (at == 9 && bits > 1) {
            return Err("a number of more than 64 bits".into());
        }
        number |= bits << (at * 7);
        if byte & 0x80 == 0 {
            return Ok((number, &bytes[at + 1..]));
        }
    }
    Err(SHORT)
}

fn zigzag(bytes: &[u8]) -> Result<(i64, &[u8]), Reason> {
    let (number, rest) = varint(bytes)?;
    Ok(((number >> 1) as i64 ^ -((number & 1) as i64), rest))
}

fn prefixed(bytes: &[u8]) -> Result<(&[u8], &[u8]), Reason> {
    let (length, rest) = varint(bytes)?;
    match usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length)) {
        Some(parts) => Ok(parts),
        None => Err(format!("claims {length} bytes, where {} are left", rest.len()).into()),
    }
}

/// The fields of a message, each with its number. Ends after an error.
pub(crate) fn fields<'a>(mut rest: &'a [u8]) -> impl Iterator<Item = Result<(u32, Wired<'a>), Reason>> {
    std::iter::from_fn(move || {
        let item = next(&mut rest).transpose();
        if let Some(Err(_)) = item {
            rest = &[];
        }
        item
    })
}

/// The next field that is no group.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<(u32, Wired<'a>)>, Reason> {
    let mut groups = 0;
    while !rest.is_empty() {
        let (tag, after) = varint(rest)?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0);
        let number = number.ok_or("a field number that Protobuf does not have")?;
        let value;
        (value, *rest) = match tag & 7 {
            0 => varint(after).map(|(number, rest)| (Wired::Varint(number), rest))?,
            1 => after.split_first_chunk().map(|(bytes, rest)| (Wired::Fixed64(*bytes), rest)).ok_or(SHORT)?,
            2 => prefixed(after).map(|(bytes, rest)| (Wired::Bytes(bytes), rest))?,
            5 => after.split_first_chunk().map(|(bytes, rest)| (Wired::Fixed32(*bytes), rest)).ok_or(SHORT)?,
            3 if groups < GROUPS_MAX => {
                groups += 1;
                *rest = after;
                continue;
            }
            4 if groups > 0 => {
                groups -= 1;
                *rest = after;
                continue;
            }
            _ => return Err("a wire type that Protobuf does not have".into()),
        };
        if groups == 0 {
            return Ok(Some((number, value)));
        }
    }
    if groups > 0 { Err(SHORT) } else { Ok(None) }
}

/// Confluent's path to a message type, and what follows.
pub(super) fn indexes(bytes: &[u8]) -> Result<(Vec<usize>, &[u8]), Reason> {
    let (count, mut rest) = zigzag(bytes).map_err(|_| "ends inside its message indexes")?;
    if count == 0 {
        return Ok((vec![0], rest));
    }
    let count = usize::try_from(count).ok().filter(|count| *count <= PATH_MAX);
    let mut path = Vec::new();
    for _ in 0..count.ok_or("message indexes that are none")? {
        let index;
        (index, rest) = zigzag(rest).map_err(|_| "ends inside its message indexes")?;
        path.push(usize::try_from(index).map_err(|_| "a message index below zero")?);
    }
    Ok((path, rest))
}

/// Apicurio's name of a message type, `{name = 1}` after its length, and what follows.
pub(super) fn named(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (inner, rest) = prefixed(bytes).ok()?;
    let (name, end) = prefixed(inner.strip_prefix(&[0x0a])?).ok()?;
    let name = std::str::from_utf8(name).ok()?;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    (end.is_empty() && !name.is_empty() && name.bytes().all(word)).then_some((name, rest))
}
