//! A value and its place. The deserializer hands both out where a tuple of this name is asked for.

use super::error::ReadError;
use crate::config::diagnostic::Place;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Names the tuple that [`At`] reads; the deserializer recognises it.
pub(super) const AT: &str = "$rowbell::config::At";

/// A value of the model and where it stands in the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it begins.
    pub place: Place,
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AtVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
            type Value = At<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<At<T>, A::Error> {
                let missing = || de::Error::custom("places are only known in a config file");
                let line = seq.next_element()?.ok_or_else(missing)?;
                let column = seq.next_element()?.ok_or_else(missing)?;
                let value = seq.next_element()?.ok_or_else(missing)?;
                Ok(At { value, place: Place { line, column } })
            }
        }
        deserializer.deserialize_tuple_struct(AT, 3, AtVisitor(PhantomData))
    }
}

/// Line, column, value: what [`At`] reads.
pub(super) struct Placed<D> {
    place: Place,
    value: Option<D>,
    step: u8,
}

impl<D> Placed<D> {
    pub(super) fn new(place: Place, value: D) -> Self {
        Self { place, value: Some(value), step: 0 }
    }
}

impl<'de, D: Deserializer<'de, Error = ReadError>> SeqAccess<'de> for Placed<D> {
    type Error = ReadError;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.step += 1;
        match self.step {
            1 => seed.deserialize(self.place.line.into_deserializer()).map(Some),
            2 => seed.deserialize(self.place.column.into_deserializer()).map(Some),
            _ => self.value.take().map(|value| seed.deserialize(value)).transpose(),
        }
    }
}
