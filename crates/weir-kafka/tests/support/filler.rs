//! Valid bodies by their shape alone: who asks for one says what stands where, and need not know the message.

use uuid::Uuid;
use weir_kafka::shape::{Field, Kind, Shape};
use weir_kafka::wire::{put_i16, put_i32, put_unsigned_varint};

/// Where something stands in a body.
pub struct Place {
    /// The names of the fields, from the outermost inwards.
    pub path: Vec<&'static str>,
    /// Which element of each list around it.
    pub elements: Vec<usize>,
    /// Whether it may be null.
    pub nullable: bool,
}

impl Place {
    /// The field's own name.
    pub fn name(&self) -> &'static str {
        self.path.last().unwrap()
    }

    /// Which element of the innermost list.
    pub fn element(&self) -> usize {
        self.elements.last().copied().unwrap_or(0)
    }
}

/// What stands in a body.
pub trait Contents {
    /// A text, or null where it may be.
    fn text(&mut self, place: &Place) -> Option<String>;
    /// A topic's id, most likely.
    fn id(&mut self, place: &Place) -> Uuid;
    /// Any number, as wide as fits.
    fn number(&mut self, place: &Place) -> i64;
    /// Bytes of which the shape says no more.
    fn bytes(&mut self, place: &Place) -> Vec<u8>;
    /// How many elements a list has, or null where it may be.
    fn elements(&mut self, place: &Place) -> Option<usize>;
}

/// Writes a body of a shape, without tagged fields; what is a structure is never null.
pub fn body(shape: &Shape, version: i16, contents: &mut dyn Contents) -> Vec<u8> {
    let place = Place { path: Vec::new(), elements: Vec::new(), nullable: false };
    let mut filler = Filler { out: Vec::new(), version, flexible: shape.is_flexible(version), place, contents };
    filler.structure(shape.fields);
    filler.out
}

struct Filler<'a> {
    out: Vec<u8>,
    version: i16,
    flexible: bool,
    place: Place,
    contents: &'a mut dyn Contents,
}

impl Filler<'_> {
    fn structure(&mut self, fields: &[Field]) {
        let version = self.version;
        for field in fields.iter().filter(|field| field.versions.holds(version) && field.tag.is_none()) {
            self.place.path.push(field.name);
            self.place.nullable = field.is_nullable(self.version);
            if self.place.nullable && matches!(field.kind, Kind::Struct(_)) {
                self.out.push(1);
            }
            self.value(field.kind);
            self.place.path.pop();
        }
        if self.flexible {
            self.out.push(0);
        }
    }

    fn value(&mut self, kind: Kind) {
        match kind {
            Kind::Struct(fields) => self.structure(fields),
            Kind::Array(element) => self.array(*element),
            Kind::Str => {
                let text = self.contents.text(&self.place);
                self.text(text.as_deref());
            }
            Kind::Bytes | Kind::Records => {
                let bytes = self.contents.bytes(&self.place);
                self.length(Some(bytes.len()));
                self.out.extend(bytes);
            }
            Kind::Uuid => {
                let id = self.contents.id(&self.place);
                self.out.extend_from_slice(id.as_bytes());
            }
            Kind::Bool | Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Float64 => self.number(kind),
        }
    }

    fn array(&mut self, element: Kind) {
        let elements = self.contents.elements(&self.place);
        self.length(elements);
        for index in 0..elements.unwrap_or(0) {
            self.place.elements.push(index);
            self.place.nullable = false;
            self.value(element);
            self.place.elements.pop();
        }
    }

    fn number(&mut self, kind: Kind) {
        let value = self.contents.number(&self.place);
        match kind {
            Kind::Bool => self.out.push(u8::from(value == 1)),
            Kind::Int8 => self.out.push(value as u8),
            Kind::Int16 => put_i16(&mut self.out, value as i16),
            Kind::Int32 => put_i32(&mut self.out, value as i32),
            _ => self.out.extend_from_slice(&value.to_be_bytes()),
        }
    }

    fn text(&mut self, text: Option<&str>) {
        match text {
            _ if self.flexible => self.length(text.map(str::len)),
            None => put_i16(&mut self.out, -1),
            Some(text) => put_i16(&mut self.out, text.len() as i16),
        }
        self.out.extend_from_slice(text.unwrap_or_default().as_bytes());
    }

    fn length(&mut self, length: Option<usize>) {
        if self.flexible {
            put_unsigned_varint(&mut self.out, length.map_or(0, |length| length as u32 + 1));
        } else {
            put_i32(&mut self.out, length.map_or(-1, |length| length as i32));
        }
    }
}
