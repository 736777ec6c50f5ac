//! What is in lists and maps, one after another, for those who read a tree.
//!
//! It is not: where a value is read, which is [`super::deserialize`].

use std::iter::Enumerate;
use std::slice::Iter;
use std::sync::Arc;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor, value::StrDeserializer,
};

use super::deserialize::{Error, NodeDeserializer};
use super::tree::{Field, Node};

/// The entries of a list.
pub(super) struct Items<'t>(Enumerate<Iter<'t, Arc<Node>>>);

impl<'t> Items<'t> {
    pub(super) fn of(items: &'t [Arc<Node>]) -> Self {
        Self(items.iter().enumerate())
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((at, node)) = self.0.find(|(_, item)| !item.is_pruned()) else {
            return Ok(None);
        };
        let item = NodeDeserializer {
            node,
            is_entry: true,
        };
        let value = seed.deserialize(item);
        value
            .map(Some)
            .map_err(|error| error.within(&at.to_string()))
    }
}

/// The fields of a map. Those of a section are known, and where one of them is null it is as if it
/// were not there.
pub(super) struct Fields<'t> {
    rest: Iter<'t, Field>,
    known: &'static [&'static str],
    current: Option<&'t Field>,
}

impl<'t> Fields<'t> {
    pub(super) fn of(fields: &'t [Field], known: &'static [&'static str]) -> Self {
        Self {
            rest: fields.iter(),
            known,
            current: None,
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let known = self.known;
        let is_nothing = |field: &Field| {
            let is_null = field.value.is_null() && known.contains(&field.name.as_str());
            is_null || field.value.is_pruned()
        };
        let Some(field) = self.rest.find(|field| !is_nothing(field)) else {
            return Ok(None);
        };
        self.current = Some(field);
        let key = seed.deserialize(Name(&field.name));
        key.map(Some).map_err(|error| Error {
            is_name: true,
            ..error.within(&field.name)
        })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let Some(field) = self.current.take() else {
            return Err(Error::new("a value without a name".to_owned()));
        };
        let value = NodeDeserializer {
            node: &field.value,
            is_entry: false,
        };
        seed.deserialize(value)
            .map_err(|error| error.within(&field.name))
    }
}

/// The name of a field.
struct Name<'t>(&'t str);

impl<'de> Deserializer<'de> for Name<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text: StrDeserializer<'_, Error> = self.0.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant that has a value: the only field of a map.
pub(super) struct Named<'t>(pub(super) &'t Field);

impl<'de, 't> EnumAccess<'de> for Named<'t> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let value = seed.deserialize(Name(&self.0.name));
        let value = value.map_err(|error| error.within(&self.0.name));
        value.map(|value| (value, self))
    }
}

impl Named<'_> {
    fn value(&self) -> NodeDeserializer<'_> {
        NodeDeserializer {
            node: &self.0.value,
            is_entry: false,
        }
    }
}

impl<'de> VariantAccess<'de> for Named<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let value = seed.deserialize(self.value());
        value.map_err(|error| error.within(&self.0.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        let value = self.value().deserialize_seq(visitor);
        value.map_err(|error| error.within(&self.0.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let value = self.value().deserialize_struct("", fields, visitor);
        value.map_err(|error| error.within(&self.0.name))
    }
}
