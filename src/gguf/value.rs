//! The value of a key, as the file has it.

use super::error::Error;
use super::source::Source;

/// The type of a number, and how many bytes it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    U64,
    I64,
    F64,
}

/// The format's number for texts.
const TEXT: u32 = 8;
/// The format's number for lists.
const LIST: u32 = 9;

impl Kind {
    fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            7 => Self::Bool,
            10 => Self::U64,
            11 => Self::I64,
            12 => Self::F64,
            _ => return None,
        })
    }

    const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number in its bytes, the lowest first.
    Number(Kind, Vec<u8>),
    /// Not always UTF-8.
    Text(Vec<u8>),
    /// Numbers of one kind, in their bytes.
    Numbers(Kind, Vec<u8>),
    Texts(Vec<Vec<u8>>),
}

impl Value {
    /// Reads the value of `key`, with the type before it.
    pub(super) fn read(source: &mut Source<'_>, key: &str) -> Result<Self, Error> {
        match source.u32(key)? {
            TEXT => Ok(Self::Text(source.text(key)?)),
            LIST => Self::read_list(source, key),
            number => {
                let kind = Kind::of(number).ok_or_else(|| unknown(key, number))?;
                Ok(Self::Number(kind, source.bytes(kind.bytes() as u64, key)?))
            }
        }
    }

    fn read_list(source: &mut Source<'_>, key: &str) -> Result<Self, Error> {
        let number = source.u32(key)?;
        let count = source.u64(key)?;
        if number == TEXT {
            source.check_count(count, 8, key)?;
            let texts: Result<Vec<_>, _> = (0..count).map(|_| source.text(key)).collect();
            return Ok(Self::Texts(texts?));
        }
        let kind = Kind::of(number).ok_or_else(|| unknown(key, number))?;
        let bytes = count.saturating_mul(kind.bytes() as u64);
        Ok(Self::Numbers(kind, source.bytes(bytes, key)?))
    }

    /// The number, if it is of type `u32`: llama.cpp reads sizes of no other type.
    #[must_use]
    pub fn u32(&self) -> Option<u32> {
        match self {
            Self::Number(Kind::U32, bytes) => Some(u32::from_le_bytes(bytes.as_slice().try_into().ok()?)),
            _ => None,
        }
    }

    /// The number, if it is of type `f32`.
    #[must_use]
    pub fn f32(&self) -> Option<f32> {
        match self {
            Self::Number(Kind::F32, bytes) => Some(f32::from_le_bytes(bytes.as_slice().try_into().ok()?)),
            _ => None,
        }
    }

    /// The text as far as llama.cpp sees it: up to the first zero.
    #[must_use]
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(up_to_zero(text)),
            _ => None,
        }
    }

    /// A number of type `u32` or `i32`, or a list of them: what may be one for all layers or one for each.
    #[must_use]
    pub fn one_or_more(&self) -> Option<Vec<i64>> {
        let (Self::Number(kind, bytes) | Self::Numbers(kind, bytes)) = self else { return None };
        let four = bytes.chunks_exact(4).map(|four| [four[0], four[1], four[2], four[3]]);
        match kind {
            Kind::U32 => Some(four.map(|four| i64::from(u32::from_le_bytes(four))).collect()),
            Kind::I32 => Some(four.map(|four| i64::from(i32::from_le_bytes(four))).collect()),
            _ => None,
        }
    }

    /// How many values it has.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Number(..) | Self::Text(_) => 1,
            Self::Numbers(kind, bytes) => bytes.len() / kind.bytes(),
            Self::Texts(texts) => texts.len(),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it is, in an error message.
    #[must_use]
    pub fn described(&self) -> String {
        match self {
            Self::Number(kind, bytes) => number(*kind, bytes),
            Self::Text(text) => format!("{:?}", String::from_utf8_lossy(&text[..text.len().min(80)])),
            Self::Numbers(kind, _) => format!("a list of {} {kind:?}", self.len()),
            Self::Texts(texts) => format!("a list of {} texts", texts.len()),
        }
    }
}

/// `text` as a C string.
pub(super) fn up_to_zero(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn number(kind: Kind, bytes: &[u8]) -> String {
    let mut eight = [0; 8];
    eight[..bytes.len()].copy_from_slice(bytes);
    let unsigned = u64::from_le_bytes(eight);
    match kind {
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => unsigned.to_string(),
        Kind::I8 => (unsigned as i8).to_string(),
        Kind::I16 => (unsigned as i16).to_string(),
        Kind::I32 => (unsigned as i32).to_string(),
        Kind::I64 => unsigned.cast_signed().to_string(),
        Kind::F32 => f32::from_bits(unsigned as u32).to_string(),
        Kind::F64 => f64::from_bits(unsigned).to_string(),
        Kind::Bool => (unsigned != 0).to_string(),
    }
}

fn unknown(key: &str, number: u32) -> Error {
    Error::damaged(format!("the type of {key}"), number, "one that GGUF has")
}
